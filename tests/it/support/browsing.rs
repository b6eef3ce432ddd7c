//! A browser as far as these tests need one: it keeps cookies, signs in with the form and presses
//! buttons.

use std::collections::BTreeMap;

use super::client::{Answer, Request, get, post_form};
use super::gateway::Gateway;

/// A browser on one host.
#[derive(Debug, Clone)]
pub struct Browser {
    to: std::net::SocketAddr,
    host: String,
    address: String,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// A new one, at this address.
    pub fn at(gateway: &Gateway, host: &str, address: &str) -> Self {
        let to = gateway.address("web");
        Self { to, host: host.into(), address: address.into(), cookies: BTreeMap::new() }
    }

    /// The same one somewhere else.
    pub fn moved_to(mut self, address: &str) -> Self {
        self.address = address.into();
        self
    }

    /// Opens a page.
    pub fn open(&mut self, target: &str) -> Answer {
        let request = get(self.to, &self.host, target);
        self.send(request)
    }

    /// Presses the button of the form on a page that was opened.
    pub fn press(&mut self, page: &Answer, target: &str) -> Answer {
        let form = format!("csrf={}", hidden(&page.text(), "csrf"));
        let request = post_form(self.to, &self.host, target, &form);
        self.send(request)
    }

    /// Sends a form of its own making.
    pub fn post(&mut self, target: &str, form: &str) -> Answer {
        let request = post_form(self.to, &self.host, target, form);
        self.send(request)
    }

    /// Sends any request with its cookies.
    pub fn send(&mut self, request: Request) -> Answer {
        let mut request = request.from(&self.address).browser();
        if !self.cookies.is_empty() {
            let pairs: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("Cookie", &pairs.join("; "));
        }
        let answer = request.send();
        for (name, value) in &answer.headers {
            if name == "set-cookie" {
                let pair = value.split(';').next().unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                self.set_cookie(name, value);
            }
        }
        answer
    }

    /// Signs in with the form; gives the answer.
    pub fn try_sign_in(&mut self, name: &str, password: &str) -> Answer {
        let page = self.open("/.geovagt/sign-in");
        assert_eq!(page.status, 200, "{}", page.text());
        let password = password.replace(' ', "+");
        let token = hidden(&page.text(), "csrf");
        let form = format!("name={name}&password={password}&csrf={token}&next=%2F");
        self.post("/.geovagt/sign-in", &form)
    }

    /// Signs in with the form.
    pub fn sign_in(&mut self, name: &str, password: &str) {
        let answer = self.try_sign_in(name, password);
        assert_eq!(answer.status, 303, "{}", answer.text());
    }

    /// A cookie that it keeps.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// Keeps a cookie.
    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.into(), value.into());
    }

    /// Forgets a cookie.
    pub fn forget(&mut self, name: &str) {
        self.cookies.remove(name);
    }
}

/// The value of a hidden field.
pub fn hidden(page: &str, name: &str) -> String {
    let marker = format!("name=\"{name}\" value=\"");
    let start = page.find(&marker).unwrap_or_else(|| panic!("no field {name} in {page}"));
    page[start + marker.len()..].split('"').next().unwrap().to_owned()
}
