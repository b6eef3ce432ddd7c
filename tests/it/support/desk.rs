//! Somebody at a desk: signed in to the administration of a demo.

use std::net::SocketAddr;

use super::client::{Answer, Request, get, post_form};
use super::demo::Demo;

/// A session of somebody in the administration.
#[derive(Debug)]
pub struct Desk {
    /// Where the administration is.
    pub at: SocketAddr,
    /// `Cookie`
    pub cookie: String,
}

/// Where a demo's administration is.
pub fn administration(demo: &Demo) -> SocketAddr {
    let line = demo.line(|line| line.starts_with("Administration"));
    let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap()
}

/// The password that the demo has made for somebody.
pub fn password<'a>(demo: &'a Demo, name: &str) -> &'a str {
    let line = demo.line(|line| line.trim_start().starts_with(name));
    line.split_whitespace().nth(1).unwrap()
}

/// Text as it stands in a form.
pub fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

impl Desk {
    /// Signs somebody of the demo in.
    pub fn of(demo: &Demo, name: &str) -> Self {
        Self::signed_in(administration(demo), name, password(demo, name))
    }

    /// Signs somebody in.
    pub fn signed_in(at: SocketAddr, name: &str, password: &str) -> Self {
        Self::signed_in_to(at, "ballerup", name, password)
    }

    /// Signs somebody of an organisation in.
    pub fn signed_in_to(at: SocketAddr, organization: &str, name: &str, password: &str) -> Self {
        let answer = Self::try_signed_in(at, organization, name, password);
        assert_eq!(answer.status, 303, "{name} signs in: {}", answer.text());
        let cookies = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
        let pairs = cookies.filter_map(|(_, value)| value.split(';').next());
        let cookie = pairs.collect::<Vec<_>>().join("; ");
        Self { at, cookie }
    }

    /// What somebody is answered who shows a name and a password.
    pub fn try_signed_in(at: SocketAddr, organization: &str, name: &str, password: &str) -> Answer {
        let host = at.to_string();
        let form = get(at, &host, "/").browser().send();
        let page = form.text();
        let action = between(&page, "action=\"", "\"").unwrap_or("/sign-in");
        let mut body = String::new();
        for hidden in page.split("<input ").filter(|input| input.contains("type=\"hidden\"")) {
            let name = between(hidden, "name=\"", "\"").unwrap_or_default();
            let value = between(hidden, "value=\"", "\"").unwrap_or_default();
            body.push_str(&format!("{name}={}&", encoded(value)));
        }
        body.push_str(&format!("name={}&password={}", encoded(name), encoded(password)));
        body.push_str(&format!("&organization={organization}"));
        let mut request = post_form(at, &host, action, &body).browser();
        request = request.header("Origin", &format!("http://{host}"));
        if let Some(cookie) = form.header("set-cookie") {
            request = request.header("Cookie", cookie.split(';').next().unwrap());
        }
        request.send()
    }

    /// The cookie of the session alone.
    pub fn session(&self) -> String {
        let mut pairs = self.cookie.split("; ");
        pairs.find(|pair| pair.starts_with("geovagt-admin=")).expect("a session").to_owned()
    }

    fn asked(&self, target: &str) -> Request {
        get(self.at, &self.at.to_string(), target).browser().header("Cookie", &self.cookie)
    }

    /// Asks for a page in Danish.
    pub fn get(&self, target: &str) -> Answer {
        self.asked(target).header("Accept-Language", "da").send()
    }

    /// The same in English.
    pub fn get_english(&self, target: &str) -> Answer {
        self.asked(target).header("Accept-Language", "en").send()
    }

    /// Sends a form with the token that the pages hold.
    pub fn post(&self, target: &str, form: &str) -> Answer {
        let page = self.get("/account").text();
        let token = between(&page, "name=\"csrf\" value=\"", "\"").expect("a token");
        self.post_with(target, &format!("csrf={token}&{form}"))
    }

    /// Sends a form as it stands.
    pub fn post_with(&self, target: &str, form: &str) -> Answer {
        let host = self.at.to_string();
        post_form(self.at, &host, target, form)
            .browser()
            .header("Accept-Language", "da")
            .header("Origin", &format!("http://{host}"))
            .header("Cookie", &self.cookie)
            .send()
    }
}

/// What stands between two texts.
pub fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(from)?;
    rest.split_once(to).map(|(found, _)| found)
}
