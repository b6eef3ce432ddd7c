//! What mail programs are told. PURE.
//!
//! One line, in ASCII, that every client of the protocol can read: IMAP's untagged BYE in the place of
//! the greeting (RFC 9051 section 7.1.5), POP3's -ERR (RFC 1939 section 3, 512 octets at most; RFC
//! 3206 for what passes), SMTP's 554 and 421 (RFC 5321 sections 3.1 and 3.8, 512 octets at most). After
//! a login also its own answer: IMAP's tagged NO (RFC 5530), SMTP's 535 and 454 (RFC 4954 section 6).
//!
//! Always holds: a rejection says the same whatever the reason is.

use crate::config::MailProtocol;
use crate::language::Language;

/// Whether it can be otherwise in a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum No {
    /// Not from here.
    Rejected,
    /// Not just now.
    NotNow,
}

/// Where in the conversation it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn<'a> {
    /// In the place of the server's greeting, or where nobody has said who they are.
    Greeting,
    /// After a login; in IMAP it has a tag.
    Login { tag: &'a str },
}

/// What somebody is told beside the no.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) language: Language,
    /// Whom to call, as the organisation writes it.
    pub(super) phone: Option<&'a str>,
    pub(super) reference: &'a str,
}

/// A longer one is no number that somebody dials.
const LONGEST_PHONE: usize = 40;

/// The line, with its end. After a login of IMAP a second one answers it.
pub(super) fn line(protocol: MailProtocol, no: No, turn: Turn<'_>, told: Told<'_>) -> String {
    let is_login = turn != Turn::Greeting;
    let start = match (protocol, no) {
        (MailProtocol::Imap, No::Rejected) => "* BYE ",
        (MailProtocol::Imap, No::NotNow) => "* BYE [UNAVAILABLE] ",
        (MailProtocol::Pop3, No::Rejected) if is_login => "-ERR [AUTH] ",
        (MailProtocol::Pop3, No::Rejected) => "-ERR ",
        (MailProtocol::Pop3, No::NotNow) => "-ERR [SYS/TEMP] ",
        (MailProtocol::Smtp, No::Rejected) if is_login => "535 5.7.8 ",
        (MailProtocol::Smtp, No::NotNow) if is_login => "454 4.7.0 ",
        (MailProtocol::Smtp, No::Rejected) => "554 ",
        (MailProtocol::Smtp, No::NotNow) => "421 ",
    };
    let sentence = sentence(no, told);
    match (protocol, turn) {
        (MailProtocol::Imap, Turn::Login { tag }) => {
            let code = if no == No::Rejected { "AUTHENTICATIONFAILED" } else { "UNAVAILABLE" };
            format!("{start}{sentence}\r\n{tag} NO [{code}] {sentence}\r\n")
        }
        _ => format!("{start}{sentence}\r\n"),
    }
}

/// Danish without the letters that ASCII has not.
fn sentence(no: No, Told { language, phone, reference }: Told<'_>) -> String {
    let dialled = |phone: &&str| {
        phone.len() <= LONGEST_PHONE && phone.chars().all(|c| matches!(c, ' '..='~'))
    };
    match (no, language, phone.filter(dialled)) {
        (No::Rejected, Language::Danish, Some(phone)) => {
            format!("Der er ingen adgang herfra. Ring til {phone}, og oplys reference {reference}.")
        }
        (No::Rejected, Language::English, Some(phone)) => {
            format!("There is no access from here. Call {phone} and give reference {reference}.")
        }
        (No::Rejected, Language::Danish, None) => {
            format!("Der er ingen adgang herfra. Oplys reference {reference} ved henvendelse.")
        }
        (No::Rejected, Language::English, None) => {
            format!("There is no access from here. Give reference {reference} when you contact us.")
        }
        (No::NotNow, Language::Danish, _) => {
            format!("Serveren svarer ikke lige nu. Vent lidt. Reference {reference}.")
        }
        (No::NotNow, Language::English, _) => {
            format!("The server does not answer just now. Please wait. Reference {reference}.")
        }
    }
}

/// The answer to a command of whoever was rejected by SMTP with this line, and whether it is the last:
/// the connection stands until QUIT, and everything else is out of order (RFC 5321 section 3.1). To
/// another login the answer is the same, and nobody looks at it.
pub(super) fn after_rejection<'l>(line: &'l str, command: &str) -> (&'l str, bool) {
    let word = command.split_whitespace().next().unwrap_or_default();
    if command.trim().eq_ignore_ascii_case("quit") {
        ("221 Bye\r\n", true)
    } else if word.eq_ignore_ascii_case("auth") && line.starts_with("535") {
        (line, false)
    } else {
        ("503 Bad sequence of commands\r\n", false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [MailProtocol; 3] = [MailProtocol::Imap, MailProtocol::Pop3, MailProtocol::Smtp];

    const NO_PHONE: Told<'_> = Told { language: Language::English, phone: None, reference: "R" };

    #[test]
    fn a_phone_that_does_not_fit_one_line_of_ascii_is_left_out() {
        for phone in
            ["+45 44\r\n* BYE", "+45 44\u{a0}77", "Omstillingen på rådhuset", &"4".repeat(41)]
        {
            let told = Told { phone: Some(phone), ..NO_PHONE };
            let bare = line(MailProtocol::Imap, No::Rejected, Turn::Greeting, NO_PHONE);
            assert_eq!(line(MailProtocol::Imap, No::Rejected, Turn::Greeting, told), bare);
        }
    }

    #[test]
    fn every_line_is_one_short_line_of_ascii_with_its_reference() {
        for protocol in ALL {
            for no in [No::Rejected, No::NotNow] {
                for language in [Language::Danish, Language::English] {
                    for turn in [Turn::Greeting, Turn::Login { tag: "a1" }] {
                        let phone = Some("+45 44 77 20 00 (central switchboard)");
                        let told = Told { language, phone, reference: "K7QX-2M9D" };
                        let lines = line(protocol, no, turn, told);
                        let calls = no == No::Rejected;
                        assert_eq!(lines.contains(" +45 44 77 20 00 "), calls, "{lines}");
                        for line in lines.strip_suffix("\r\n").unwrap().split("\r\n") {
                            assert!(line.len() <= 510 && line.contains("K7QX-2M9D"), "{line}");
                            let printable = |c: char| c.is_ascii() && !c.is_ascii_control();
                            assert!(line.chars().all(printable), "{line}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn each_protocol_has_its_own_words() {
        let begins = |protocol, no| {
            let line = line(protocol, no, Turn::Greeting, NO_PHONE);
            line.split("The").next().unwrap().to_owned()
        };
        let all =
            ALL.map(|protocol| [begins(protocol, No::Rejected), begins(protocol, No::NotNow)]);
        assert_eq!(
            all,
            [["* BYE ", "* BYE [UNAVAILABLE] "], ["-ERR ", "-ERR [SYS/TEMP] "], ["554 ", "421 "],]
        );
    }

    #[test]
    fn a_login_is_answered_as_such() {
        let turn = Turn::Login { tag: "a1" };
        let says = |protocol, no| line(protocol, no, turn, NO_PHONE);
        let imap = says(MailProtocol::Imap, No::Rejected);
        assert!(imap.starts_with("* BYE ") && imap.contains("\r\na1 NO [AUTHENTICATIONFAILED] "));
        assert!(says(MailProtocol::Imap, No::NotNow).contains("\r\na1 NO [UNAVAILABLE] "));
        assert!(says(MailProtocol::Pop3, No::Rejected).starts_with("-ERR [AUTH] "));
        assert!(says(MailProtocol::Smtp, No::Rejected).starts_with("535 5.7.8 "));
        assert!(says(MailProtocol::Smtp, No::NotNow).starts_with("454 4.7.0 "));
    }

    #[test]
    fn a_rejected_smtp_client_can_only_quit() {
        let bad = ("503 Bad sequence of commands\r\n", false);
        for line in ["554 No\r\n", "535 5.7.8 No\r\n"] {
            assert_eq!(after_rejection(line, "quit\n"), ("221 Bye\r\n", true));
            assert!(after_rejection(line, "QUIT\r\n").1);
            assert_eq!(after_rejection(line, "EHLO x\r\n"), bad);
        }
        assert_eq!(after_rejection("554 No\r\n", "AUTH PLAIN x\r\n"), bad);
        let again = after_rejection("535 5.7.8 No\r\n", "auth LOGIN\r\n");
        assert_eq!(again, ("535 5.7.8 No\r\n", false));
    }
}
