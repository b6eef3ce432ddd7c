//! What kind of client asks, so that the answer fits it.
//!
//! Nothing here opens anything: it only chooses between ways to say no.

use http::header::{ACCEPT, CONNECTION, CONTENT_TYPE, UPGRADE, USER_AGENT};
use http::{HeaderMap, Method};

/// The parts of a request that tell what its sender can make use of.
#[derive(Debug, Clone, Copy)]
pub struct RequestShape<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path, canonical, without the query.
    pub path: &'a str,
    /// The request's headers.
    pub headers: &'a HeaderMap,
}

/// Kinds of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientKind {
    /// Shows a page to a person.
    Browser,
    /// Takes JSON: a script in a page, an app.
    Script,
    /// Exchange ActiveSync: 401 makes it ask for the password, 500 makes it fetch everything anew.
    ActiveSync,
    /// Exchange Web Services, MAPI over HTTP, Autodiscover, the address book.
    Office,
    /// CalDAV, CardDAV, WebDAV.
    Dav,
    /// Wants to switch to WebSocket.
    WebSocket,
    /// Anything else: curl, a picture in a page, a monitor.
    Other,
}

/// What the headers that matter say first; empty where they say nothing.
#[derive(Debug, Default)]
struct Said<'a> {
    accept: &'a str,
    agent: &'a str,
    content: &'a str,
    upgrade: &'a str,
    connection: &'a str,
    requested_with: &'a str,
    fetch_dest: &'a str,
}

impl<'a> Said<'a> {
    /// In one pass: most requests have few headers, and looking each of these up costs more.
    fn by(headers: &'a HeaderMap) -> Self {
        let mut said = Self::default();
        for (name, value) in headers {
            let place = match *name {
                ACCEPT => &mut said.accept,
                USER_AGENT => &mut said.agent,
                CONTENT_TYPE => &mut said.content,
                UPGRADE => &mut said.upgrade,
                CONNECTION => &mut said.connection,
                _ => match name.as_str() {
                    "x-requested-with" => &mut said.requested_with,
                    "sec-fetch-dest" => &mut said.fetch_dest,
                    _ => continue,
                },
            };
            if place.is_empty() {
                *place = value.to_str().unwrap_or_default();
            }
        }
        said
    }
}

impl RequestShape<'_> {
    /// The kind of this client.
    #[must_use]
    pub fn kind(&self) -> ClientKind {
        let said = Said::by(self.headers);
        if self.is_active_sync(said.content) {
            ClientKind::ActiveSync
        } else if self.is_office(said.agent) {
            ClientKind::Office
        } else if self.is_dav(said.content, said.agent) {
            ClientKind::Dav
        } else if is_web_socket(&said) {
            ClientKind::WebSocket
        } else if is_browser(said.accept) {
            ClientKind::Browser
        } else if self.is_script(&said) {
            ClientKind::Script
        } else {
            ClientKind::Other
        }
    }

    fn under(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| {
            self.path.get(..folder.len()).is_some_and(|head| head.eq_ignore_ascii_case(folder))
                && matches!(self.path.as_bytes().get(folder.len()), None | Some(b'/'))
        })
    }

    fn is_active_sync(&self, content: &str) -> bool {
        self.under(&["/Microsoft-Server-ActiveSync"])
            || content.starts_with("application/vnd.ms-sync")
    }

    fn is_office(&self, agent: &str) -> bool {
        self.under(&["/ews", "/mapi", "/autodiscover", "/oab", "/rpc", "/powershell"])
            || starts_with_any(agent, &["Microsoft Office/", "MacOutlook/", "MSRPC"])
    }

    fn is_dav(&self, content: &str, agent: &str) -> bool {
        const METHODS: [&str; 14] = [
            "ACL",
            "BIND",
            "COPY",
            "LOCK",
            "MKCALENDAR",
            "MKCOL",
            "MOVE",
            "PROPFIND",
            "PROPPATCH",
            "REBIND",
            "REPORT",
            "SEARCH",
            "UNBIND",
            "UNLOCK",
        ];
        METHODS.contains(&self.method.as_str())
            || self.under(&["/.well-known/caldav", "/.well-known/carddav", "/remote.php"])
            || starts_with_any(content, &["text/calendar", "text/vcard"])
            || contains_any(agent, &["DAVx5", "dataaccessd", "CalendarAgent"])
    }

    fn is_script(&self, said: &Said<'_>) -> bool {
        let json = |value: &str| {
            !value.is_empty()
                && value.split(',').any(|range| {
                    let kind = range.split(';').next().unwrap_or_default().trim();
                    kind.eq_ignore_ascii_case("application/json") || kind.ends_with("+json")
                })
        };
        json(said.accept)
            || json(said.content)
            || said.requested_with.eq_ignore_ascii_case("XMLHttpRequest")
            || said.fetch_dest.eq_ignore_ascii_case("empty")
            || self.under(&["/api"])
    }
}

fn is_web_socket(said: &Said<'_>) -> bool {
    let wants = |value: &str, token: &str| {
        value.split(',').any(|item| item.trim().eq_ignore_ascii_case(token))
    };
    wants(said.upgrade, "websocket") && wants(said.connection, "upgrade")
}

fn is_browser(accept: &str) -> bool {
    let page = quality(accept, "text/html").max(quality(accept, "application/xhtml+xml"));
    page > 0 && page >= quality(accept, "application/json")
}

fn starts_with_any(text: &str, heads: &[&str]) -> bool {
    heads.iter().any(|head| text.starts_with(head))
}

fn contains_any(text: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| text.contains(part))
}

/// The weight, in thousandths, that an Accept value gives to a type it names (RFC 9110 section
/// 12.5.1). Wildcards count for nothing: whoever takes anything cannot be assumed to show pages.
fn quality(accept: &str, kind: &str) -> u16 {
    let named = |range: &str| {
        let mut parts = range.split(';');
        let this = parts.next().unwrap_or_default().trim().eq_ignore_ascii_case(kind);
        this.then(|| parts.find_map(weight).unwrap_or(1000))
    };
    accept.split(',').filter_map(named).max().unwrap_or(0)
}

/// `q=0.125` in thousandths; what is malformed counts for nothing.
fn weight(parameter: &str) -> Option<u16> {
    let value = parameter.trim().strip_prefix("q=").or(parameter.trim().strip_prefix("Q="))?;
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return Some(0);
    }
    let thousandths = format!("{fraction:0<3}").parse::<u16>().unwrap_or(0);
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn kind(method: &str, path: &str, headers: &[(&'static str, &'static str)]) -> ClientKind {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        RequestShape { method: &method, path, headers: &headers }.kind()
    }

    const SAFARI: (&str, &str) =
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");

    #[test]
    fn each_client_is_known_by_what_it_sends() {
        use ClientKind::{ActiveSync, Browser, Dav, Office, Other, Script, WebSocket};
        for (expected, method, path, headers) in [
            (Browser, "GET", "/", vec![SAFARI]),
            (Browser, "POST", "/", vec![SAFARI, ("content-type", "application/json")]),
            (Browser, "GET", "/owa/", vec![SAFARI]),
            (Script, "GET", "/", vec![("accept", "application/json, text/plain, */*")]),
            (Script, "GET", "/", vec![("accept", "application/json, text/html;q=0.1")]),
            (Script, "GET", "/x", vec![("accept", "application/vnd.api+json;v=1")]),
            (Script, "GET", "/api/v2/me", vec![("accept", "*/*")]),
            (Script, "GET", "/x", vec![("accept", "*/*"), ("sec-fetch-dest", "empty")]),
            (Script, "GET", "/x", vec![("x-requested-with", "xmlhttprequest")]),
            (ActiveSync, "POST", "/Microsoft-Server-ActiveSync", vec![]),
            (ActiveSync, "OPTIONS", "/microsoft-server-activesync/", vec![SAFARI]),
            (ActiveSync, "POST", "/x", vec![("content-type", "application/vnd.ms-sync.wbxml")]),
            (Office, "POST", "/EWS/Exchange.asmx", vec![]),
            (Office, "POST", "/mapi/emsmdb/", vec![SAFARI]),
            (Office, "GET", "/Autodiscover/Autodiscover.xml", vec![]),
            (Office, "GET", "/x", vec![("user-agent", "Microsoft Office/16.0")]),
            (Dav, "PROPFIND", "/", vec![SAFARI]),
            (Dav, "REPORT", "/cal", vec![]),
            (Dav, "GET", "/.well-known/caldav", vec![]),
            (Dav, "GET", "/x", vec![("user-agent", "iOS/18.1 (22B83) dataaccessd/1.0")]),
            (
                WebSocket,
                "GET",
                "/",
                vec![("upgrade", "websocket"), ("connection", "keep-alive, Upgrade")],
            ),
            (Other, "GET", "/", vec![("upgrade", "websocket")]),
            (Other, "GET", "/", vec![("accept", "*/*")]),
            (Other, "GET", "/", vec![]),
            (Other, "GET", "/a.png", vec![("accept", "image/avif,image/webp,*/*;q=0.8")]),
            (Other, "GET", "/apikey", vec![]),
            (Other, "GET", "/ewsletter", vec![]),
            (Other, "GET", "/", vec![("accept", "text/html;q=0")]),
            (Other, "GET", "/", vec![("accept", "text/html;q=nonsense")]),
            (Other, "GET", "/æ", vec![]),
        ] {
            assert_eq!(kind(method, path, &headers), expected, "{method} {path} {headers:?}");
        }
    }

    #[test]
    fn weights_are_read_as_the_standard_writes_them() {
        for (text, expected) in [
            ("q=1", Some(1000)),
            ("q=1.000", Some(1000)),
            ("q=0.5", Some(500)),
            (" q=0.125", Some(125)),
            ("q=0.", Some(0)),
            ("q=1.001", Some(0)),
            ("q=2", Some(0)),
            ("q=-1", Some(0)),
            ("q=0.1234", Some(0)),
            ("level=1", None),
        ] {
            assert_eq!(weight(text), expected, "{text}");
        }
    }
}
