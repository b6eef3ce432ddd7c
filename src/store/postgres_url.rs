//! The address of a PostgreSQL database: checked once, never said with its password.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use url::Url;

use super::Place;

/// The address of a PostgreSQL database.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    url: Url,
    /// What the network could read or change on the way.
    weakness: Option<&'static str>,
}

/// It shows where the database is, and nothing else.
impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place().fmt(f)
    }
}

/// What is wrong with an address, in words that complete `the address …`, and the way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongUrl {
    /// What is wrong.
    pub says: &'static str,
    /// The way out.
    pub help: &'static str,
}

const FORM: &str = "write postgres://USER:${file:PATH}@HOST:5432/DATABASE";

/// What may stand behind the question mark.
const PARAMETERS: [&str; 6] =
    ["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "application_name"];

impl PostgresUrl {
    /// Reads an address. Paths of certificates are relative to `directory`. Where nothing else is
    /// said, a database on another machine is asked by TLS alone and has to prove its name.
    ///
    /// # Errors
    /// [`WrongUrl`].
    pub fn parse(text: &str, directory: &Path) -> Result<Self, WrongUrl> {
        let wrong = |says, help| Err(WrongUrl { says, help });
        let mut url =
            Url::parse(text).map_err(|_| WrongUrl { says: "is no address", help: FORM })?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return wrong("is not that of a PostgreSQL database", FORM);
        }
        let parameters: Vec<(String, String)> =
            url.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
        let of =
            |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, v)| v.clone());
        if parameters.iter().any(|(key, _)| !PARAMETERS.contains(&key.as_str())) {
            return wrong(
                "holds a parameter that cannot stand there",
                "after the question mark there may be sslmode, sslrootcert, sslcert, sslkey, host \
                 (a directory with a socket) and application_name",
            );
        }
        if url.path().trim_start_matches('/').is_empty() {
            return wrong("names no database", FORM);
        }
        if url.username().is_empty() {
            return wrong("names no user", FORM);
        }
        let socket = of("host").filter(|host| host.starts_with('/'));
        if socket.is_none() && (of("host").is_some() || url.host_str().is_none_or(str::is_empty)) {
            return wrong("names no host", FORM);
        }
        let near = socket.is_some() || url.host_str().is_some_and(is_loopback);
        let default = if near { "prefer" } else { "verify-full" };
        let mode = of("sslmode").unwrap_or_else(|| default.to_owned());
        let weakness = match mode.as_str() {
            "verify-full" => None,
            "disable" | "prefer" | "require" | "verify-ca" if near => None,
            "disable" | "prefer" => Some("may be read and changed on the way"),
            "require" | "verify-ca" => Some("may go to another server"),
            _ => {
                return wrong(
                    "names an sslmode that is not known",
                    "write sslmode=verify-full, or one of verify-ca, require, prefer, disable",
                );
            }
        };
        url.query_pairs_mut().clear();
        for (key, value) in parameters.iter().filter(|(key, _)| key != "sslmode") {
            let path = ["sslrootcert", "sslcert", "sslkey"].contains(&key.as_str());
            let value = if path {
                directory.join(value).to_string_lossy().into_owned()
            } else {
                value.clone()
            };
            url.query_pairs_mut().append_pair(key, &value);
        }
        url.query_pairs_mut().append_pair("sslmode", &mode);
        if of("application_name").is_none() {
            url.query_pairs_mut().append_pair("application_name", "geovagt");
        }
        // Nothing rests on a statement that an earlier transaction made.
        url.query_pairs_mut().append_pair("statement-cache-capacity", "0");
        Ok(Self { url, weakness })
    }

    /// How somebody on the way could harm, in words that complete `what is said to it …`.
    #[must_use]
    pub fn weakness(&self) -> Option<&'static str> {
        self.weakness
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> Place {
        let socket = self.url.query_pairs().find(|(key, _)| key == "host");
        let host = match &socket {
            Some((_, directory)) => directory.to_string(),
            None => self.url.host_str().unwrap_or_default().to_owned(),
        };
        let port = self.url.port().unwrap_or(5432);
        Place::of_database(self.url.path().trim_start_matches('/'), &host, port)
    }

    /// With the password: for the connection alone.
    pub(super) fn text(&self) -> &str {
        self.url.as_str()
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_matches(['[', ']']);
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PostgresUrl, WrongUrl> {
        PostgresUrl::parse(text, Path::new("/etc/geovagt"))
    }

    #[test]
    fn another_machine_has_to_prove_its_name_unless_it_is_said_otherwise() {
        let mode = |text: &str| {
            let url = parse(text).unwrap();
            let mode = url.url.query_pairs().find(|(key, _)| key == "sslmode").unwrap().1;
            (mode.into_owned(), url.weakness().is_some())
        };
        let expected = |mode: &str, weak| (mode.to_owned(), weak);
        assert_eq!(mode("postgres://g:p@db.example.dk/g"), expected("verify-full", false));
        assert_eq!(mode("postgres://g:p@10.0.0.1:6432/g"), expected("verify-full", false));
        assert_eq!(mode("postgres://g:p@db/g?sslmode=require"), expected("require", true));
        assert_eq!(mode("postgres://g:p@db/g?sslmode=disable"), expected("disable", true));
        assert_eq!(mode("postgresql://g:p@127.0.0.1/g"), expected("prefer", false));
        assert_eq!(mode("postgres://g:p@[::1]/g"), expected("prefer", false));
        assert_eq!(mode("postgres://g:p@localhost/g"), expected("prefer", false));
        assert_eq!(mode("postgres://g@localhost/g?host=/run/pg"), expected("prefer", false));
        assert_eq!(mode("postgres://g@localhost.evil/g"), expected("verify-full", false));
    }

    #[test]
    fn what_is_incomplete_or_unknown_is_refused() {
        for text in [
            "postgres",
            "mysql://g:p@db/g",
            "postgres://g:p@db",
            "postgres://g:p@db/",
            "postgres://db/g",
            "postgres:///g",
            "postgres://g:p@db/g?sslmode=allow",
            "postgres://g:p@db/g?sslmode=VERIFY-FULL",
            "postgres://g:p@db/g?password=x",
            "postgres://g:p@db/g?statement-cache-capacity=100",
            "postgres://g:p@db/g?options=-c%20x",
            "postgres://g:p@db/g?host=other",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_password_is_in_no_word_of_it() {
        let url = parse("postgres://bente:hunter2@db.example.dk:6432/geovagt?sslrootcert=ca.pem");
        let url = url.unwrap();
        assert_eq!(url.place().to_string(), "geovagt on db.example.dk:6432");
        let shown = format!("{url:?} {:?} {}", url.place(), url.place());
        assert!(!shown.contains("hunter2") && !shown.contains("bente"), "{shown}");
        assert!(url.text().contains("hunter2") && url.text().contains("etc%2Fgeovagt%2Fca.pem"));
    }
}
