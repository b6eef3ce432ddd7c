//! IMAP until the login (RFC 3501 and 9051 sections 6.1 and 6.2), with literals (also RFC 7888's) and
//! initial responses (RFC 4959). PURE.
//!
//! Always holds: what is offered is what happens here, and no more; a command is understood as a
//! whole or refused.

use zeroize::Zeroizing;

use super::sasl::Mechanism;
use super::talk::{Step, append};
use super::{Credentials, Login, Means, Offer};
use crate::config::MailProtocol;

/// A name or password that came as a literal is no longer.
const LONGEST_LITERAL: usize = 4096;
/// A command with all its literals is no longer.
const LONGEST_COMMAND: usize = 32 << 10;
/// Clients number their commands.
const LONGEST_TAG: usize = 64;

/// What was heard so far.
pub(super) struct Imap {
    offer: Offer,
    /// The beginning of a command that goes on.
    command: Zeroizing<Vec<u8>>,
    /// A response is waited for: whose command, and by what.
    awaited: Option<(String, Mechanism)>,
}

impl Imap {
    pub(super) fn new(offer: Offer) -> Self {
        Self { offer, command: Zeroizing::default(), awaited: None }
    }

    pub(super) fn greeting(&self) -> String {
        format!("* OK [CAPABILITY {}] Ready\r\n", self.capabilities())
    }

    fn capabilities(&self) -> String {
        let mut words = vec!["IMAP4rev1".to_owned(), "LITERAL+".to_owned(), "SASL-IR".to_owned()];
        words.push("ID".to_owned());
        words.extend(Mechanism::offered(self.offer).map(|word| format!("AUTH={word}")));
        if !self.offer.password {
            words.push("LOGINDISABLED".to_owned());
        }
        words.join(" ")
    }

    pub(super) fn hear(&mut self, line: &[u8]) -> Step {
        if let Some((tag, mechanism)) = self.awaited.take() {
            return match line {
                b"*" => Step::Say(format!("{tag} BAD Cancelled\r\n")),
                response => sasl(tag, mechanism, response),
            };
        }
        append(&mut self.command, line);
        if self.command.len() > LONGEST_COMMAND {
            return Step::TooMuch;
        }
        match announced(line) {
            Announced::Nothing => {}
            Announced::TooLong => return Step::TooMuch,
            Announced::Literal { length, waits } => {
                append(&mut self.command, b"\r\n");
                return Step::Literal(if waits { "+ OK\r\n" } else { "" }, length);
            }
        }
        let command = std::mem::take(&mut self.command);
        self.understand(&command)
    }

    pub(super) fn hear_literal(&mut self, bytes: &[u8]) {
        append(&mut self.command, bytes);
    }

    fn understand(&mut self, command: &[u8]) -> Step {
        let mut words = Words { rest: command };
        let Some(tag) = words.tag() else { return Step::Say("* BAD Unclear\r\n".to_owned()) };
        let name = words.atom().unwrap_or_default().to_ascii_uppercase();
        let bad = |tag: &str| Step::Say(format!("{tag} BAD Unclear, or not before a login\r\n"));
        match name.as_slice() {
            b"CAPABILITY" if words.is_over() => {
                let capabilities = self.capabilities();
                Step::Say(format!("* CAPABILITY {capabilities}\r\n{tag} OK Done\r\n"))
            }
            b"NOOP" if words.is_over() => Step::Say(format!("{tag} OK Done\r\n")),
            b"ID" => Step::Say(format!("* ID NIL\r\n{tag} OK Done\r\n")),
            b"LOGOUT" if words.is_over() => {
                Step::Leave(format!("* BYE Goodbye\r\n{tag} OK Done\r\n"))
            }
            b"LOGIN" if self.offer.password => {
                let (user, password) = (words.argument(), words.argument());
                match (user, password, words.is_over()) {
                    (Some(user), Some(password), true) => {
                        let credentials = Credentials::password(&user, &password);
                        login(tag, Means::Plainly, credentials)
                    }
                    _ => bad(&tag),
                }
            }
            b"AUTHENTICATE" => {
                let mechanism = words.argument().and_then(|w| Mechanism::named(&w, self.offer));
                match (mechanism, words.is_over()) {
                    (None, _) => Step::Say(format!("{tag} NO No such mechanism here\r\n")),
                    (Some(mechanism), true) => {
                        self.awaited = Some((tag, mechanism));
                        Step::Say("+ \r\n".to_owned())
                    }
                    (Some(mechanism), false) => match (words.argument(), words.is_over()) {
                        (Some(response), true) => sasl(tag, mechanism, &response),
                        _ => bad(&tag),
                    },
                }
            }
            _ => bad(&tag),
        }
    }
}

fn sasl(tag: String, mechanism: Mechanism, response: &[u8]) -> Step {
    login(tag, Means::Sasl, mechanism.read(response))
}

fn login(tag: String, means: Means, credentials: Credentials) -> Step {
    let protocol = MailProtocol::Imap;
    Step::Login(Login { protocol, tag, hello: String::new(), means, credentials })
}

/// What a line ends with.
#[derive(Debug, PartialEq, Eq)]
enum Announced {
    Nothing,
    /// So many bytes, for which the client may wait to be asked.
    Literal {
        length: usize,
        waits: bool,
    },
    TooLong,
}

fn announced(line: &[u8]) -> Announced {
    let Some(rest) = line.strip_suffix(b"}") else { return Announced::Nothing };
    let (rest, waits) = match rest.strip_suffix(b"+") {
        Some(rest) => (rest, false),
        None => (rest, true),
    };
    let Some(at) = rest.iter().rposition(|byte| *byte == b'{') else { return Announced::Nothing };
    let digits = rest.get(at + 1..).unwrap_or_default();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Announced::Nothing;
    }
    let length = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
    match length.filter(|length| *length <= LONGEST_LITERAL) {
        Some(length) => Announced::Literal { length, waits },
        None => Announced::TooLong,
    }
}

/// The words of a command, one after the other.
struct Words<'a> {
    rest: &'a [u8],
}

impl<'a> Words<'a> {
    fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    /// Everything up to the next space.
    fn atom(&mut self) -> Option<&'a [u8]> {
        let end = self.rest.iter().position(|byte| *byte == b' ').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        self.pass_space()?;
        (!word.is_empty()).then_some(word)
    }

    /// One space, and something behind it; or the end.
    fn pass_space(&mut self) -> Option<()> {
        match self.rest {
            [] => Some(()),
            [b' ', rest @ ..] if !rest.is_empty() => {
                self.rest = rest;
                Some(())
            }
            _ => None,
        }
    }

    fn tag(&mut self) -> Option<String> {
        let word = self.atom().filter(|word| word.len() <= LONGEST_TAG)?;
        let fits = |byte: &u8| byte.is_ascii_graphic() && !b"+(){%*\"\\".contains(byte);
        let text = std::str::from_utf8(word).ok()?;
        word.iter().all(fits).then(|| text.to_owned())
    }

    /// A word, a quoted string or a literal.
    fn argument(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        match self.rest.first()? {
            b'"' => self.quoted(),
            b'{' => self.literal(),
            _ => {
                let word = self.atom()?;
                let fits = |byte: &u8| byte.is_ascii_graphic() && !b"(){\"\\".contains(byte);
                word.iter().all(fits).then(|| Zeroizing::new(word.to_vec()))
            }
        }
    }

    fn quoted(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        let mut text = Zeroizing::new(Vec::with_capacity(self.rest.len()));
        let mut bytes = self.rest.iter().enumerate().skip(1);
        loop {
            match bytes.next()? {
                (_, b'\\') => match bytes.next()? {
                    (_, byte @ (b'"' | b'\\')) => text.push(*byte),
                    _ => return None,
                },
                (at, b'"') => {
                    self.rest = self.rest.get(at + 1..)?;
                    self.pass_space()?;
                    return Some(text);
                }
                // A string in quotes is one line.
                (_, b'\r' | b'\n' | 0) => return None,
                (_, byte) => text.push(*byte),
            }
        }
    }

    fn literal(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        let end = self.rest.windows(2).position(|pair| pair == b"\r\n")?;
        let (head, rest) = self.rest.split_at_checked(end)?;
        let Announced::Literal { length, .. } = announced(head) else { return None };
        // What was announced is at the very place where the literal begins.
        if head.iter().filter(|byte| **byte == b'{').count() != 1 {
            return None;
        }
        let (text, rest) = rest.get(2..)?.split_at_checked(length)?;
        self.rest = rest;
        self.pass_space()?;
        Some(Zeroizing::new(text.to_vec()))
    }
}
