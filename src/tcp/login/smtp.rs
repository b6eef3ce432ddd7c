//! Submission until the login: EHLO and AUTH (RFC 4954), PLAIN, LOGIN and XOAUTH2. PURE.
//!
//! Always holds: nothing is offered of which only the server knows whether it can; a client may greet
//! again after its login, and then hears the server.

use zeroize::Zeroizing;

use super::pop3::split;
use super::sasl::{self, Mechanism};
use super::talk::Step;
use super::{Credentials, Login, Means, Offer};
use crate::config::MailProtocol;

/// A name of DNS, or an address in brackets.
const LONGEST_NAME: usize = 255;

/// What was heard so far.
pub(super) struct Smtp {
    offer: Offer,
    hello: Option<String>,
    awaited: Awaited,
}

/// Which response is waited for.
enum Awaited {
    Nothing,
    Response(Mechanism),
    User,
    Password(Zeroizing<Vec<u8>>),
}

/// `Username:` and `Password:`, as clients expect them.
const ASK_USER: &str = "334 VXNlcm5hbWU6\r\n";
const ASK_PASSWORD: &str = "334 UGFzc3dvcmQ6\r\n";

impl Smtp {
    pub(super) fn new(offer: Offer) -> Self {
        Self { offer, hello: None, awaited: Awaited::Nothing }
    }

    pub(super) fn hear(&mut self, line: &[u8]) -> Step {
        let say = |text: &str| Step::Say(text.to_owned());
        match std::mem::replace(&mut self.awaited, Awaited::Nothing) {
            Awaited::Nothing => {}
            _ if line == b"*" => return say("501 5.7.0 Cancelled\r\n"),
            Awaited::Response(mechanism) => return self.login(Means::Sasl, mechanism.read(line)),
            Awaited::User => return self.hear_user(line),
            Awaited::Password(user) => return self.hear_password(&user, line),
        }
        let (command, rest) = split(line);
        match (command.as_slice(), rest) {
            (b"EHLO", Some(name)) => self.greet(name),
            (b"HELO", Some(_)) => say("250 geovagt\r\n"),
            (b"NOOP", _) | (b"RSET", None) => say("250 2.0.0 OK\r\n"),
            (b"QUIT", None) => Step::Leave("221 2.0.0 Bye\r\n".to_owned()),
            (b"AUTH", Some(_)) if self.hello.is_none() => say("503 5.5.1 Say EHLO first\r\n"),
            (b"AUTH", Some(rest)) => self.authenticate(rest),
            (b"MAIL" | b"RCPT" | b"DATA" | b"VRFY" | b"EXPN", _) => {
                say("530 5.7.0 Authentication required\r\n")
            }
            _ => say("502 5.5.1 Unclear, or not before a login\r\n"),
        }
    }

    fn greet(&mut self, name: &[u8]) -> Step {
        let fits = |byte: &u8| byte.is_ascii_graphic();
        let sound = name.len() <= LONGEST_NAME && name.iter().all(fits);
        let Some(name) = std::str::from_utf8(name).ok().filter(|_| sound) else {
            return Step::Say("501 5.5.4 No such name\r\n".to_owned());
        };
        self.hello = Some(name.to_owned());
        let login = if self.offer.password { " LOGIN" } else { "" };
        let words: Vec<_> = Mechanism::offered(self.offer).collect();
        Step::Say(format!(
            "250-geovagt\r\n250-ENHANCEDSTATUSCODES\r\n250 AUTH {}{login}\r\n",
            words.join(" ")
        ))
    }

    fn authenticate(&mut self, rest: &[u8]) -> Step {
        let (word, response) = split(rest);
        if word == b"LOGIN" && self.offer.password {
            return match response {
                Some(user) => self.hear_user(user),
                None => {
                    self.awaited = Awaited::User;
                    Step::Say(ASK_USER.to_owned())
                }
            };
        }
        match (Mechanism::named(&word, self.offer), response) {
            (None, _) => Step::Say("504 5.5.4 No such mechanism here\r\n".to_owned()),
            (Some(mechanism), None) => {
                self.awaited = Awaited::Response(mechanism);
                Step::Say("334 \r\n".to_owned())
            }
            (Some(mechanism), Some(response)) => self.login(Means::Sasl, mechanism.read(response)),
        }
    }

    fn hear_user(&mut self, response: &[u8]) -> Step {
        // What is no base64 is nobody's name, and asked for a password all the same.
        let user = sasl::decode(response).unwrap_or_else(|| Zeroizing::new(vec![0]));
        self.awaited = Awaited::Password(user);
        Step::Say(ASK_PASSWORD.to_owned())
    }

    fn hear_password(&mut self, user: &[u8], response: &[u8]) -> Step {
        let credentials = match sasl::decode(response) {
            Some(password) => Credentials::password(user, &password),
            None => Credentials::Unreadable,
        };
        self.login(Means::Plainly, credentials)
    }

    fn login(&mut self, means: Means, credentials: Credentials) -> Step {
        let (tag, hello) = (String::new(), self.hello.take().unwrap_or_default());
        Step::Login(Login { protocol: MailProtocol::Smtp, tag, hello, means, credentials })
    }
}
