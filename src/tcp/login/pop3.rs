//! POP3 until the login: USER and PASS (RFC 1939), AUTH (RFC 5034), CAPA (RFC 2449). PURE.

use zeroize::Zeroizing;

use super::sasl::Mechanism;
use super::talk::Step;
use super::{Credentials, Login, Means, Offer};
use crate::config::MailProtocol;

/// What was heard so far.
pub(super) struct Pop3 {
    offer: Offer,
    user: Option<Zeroizing<Vec<u8>>>,
    awaited: Option<Mechanism>,
}

impl Pop3 {
    pub(super) fn new(offer: Offer) -> Self {
        Self { offer, user: None, awaited: None }
    }

    pub(super) fn hear(&mut self, line: &[u8]) -> Step {
        let say = |text: &str| Step::Say(text.to_owned());
        if let Some(mechanism) = self.awaited.take() {
            return match line {
                b"*" => say("-ERR Cancelled\r\n"),
                response => login(Means::Sasl, mechanism.read(response)),
            };
        }
        let (command, rest) = split(line);
        match (command.as_slice(), rest) {
            (b"CAPA", None) => Step::Say(self.capabilities()),
            (b"NOOP", None) => say("+OK\r\n"),
            (b"QUIT", None) => Step::Leave("+OK Goodbye\r\n".to_owned()),
            (b"USER", Some(user)) if self.offer.password => {
                self.user = Some(Zeroizing::new(user.to_vec()));
                say("+OK\r\n")
            }
            (b"PASS", Some(password)) => match self.user.take() {
                Some(user) => login(Means::Plainly, Credentials::password(&user, password)),
                None => say("-ERR Say USER first\r\n"),
            },
            (b"AUTH", Some(rest)) => self.authenticate(rest),
            _ => say("-ERR Unclear, or not before a login\r\n"),
        }
    }

    fn authenticate(&mut self, rest: &[u8]) -> Step {
        let (word, response) = split(rest);
        match (Mechanism::named(&word, self.offer), response) {
            (None, _) => Step::Say("-ERR No such mechanism here\r\n".to_owned()),
            (Some(mechanism), None) => {
                self.awaited = Some(mechanism);
                Step::Say("+ \r\n".to_owned())
            }
            (Some(mechanism), Some(response)) => login(Means::Sasl, mechanism.read(response)),
        }
    }

    fn capabilities(&self) -> String {
        let user = if self.offer.password { "USER\r\n" } else { "" };
        let words: Vec<_> = Mechanism::offered(self.offer).collect();
        format!("+OK\r\n{user}SASL {}\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n.\r\n", words.join(" "))
    }
}

/// The first word in capitals, and the rest where there is one.
pub(super) fn split(line: &[u8]) -> (Vec<u8>, Option<&[u8]>) {
    match line.iter().position(|byte| *byte == b' ') {
        Some(at) => {
            let rest = line.get(at + 1..).filter(|rest| !rest.is_empty());
            (line.get(..at).unwrap_or_default().to_ascii_uppercase(), rest)
        }
        None => (line.to_ascii_uppercase(), None),
    }
}

fn login(means: Means, credentials: Credentials) -> Step {
    let (tag, hello) = (String::new(), String::new());
    Step::Login(Login { protocol: MailProtocol::Pop3, tag, hello, means, credentials })
}
