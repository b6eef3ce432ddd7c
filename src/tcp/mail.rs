//! What mail programs are told. PURE.
//!
//! One line, in ASCII, that every client of the protocol can read: IMAP's untagged BYE in the place of
//! the greeting (RFC 9051 section 7.1.5), POP3's -ERR (RFC 1939 section 3, 512 octets at most; RFC
//! 3206 for what passes), SMTP's 554 and 421 (RFC 5321 sections 3.1 and 3.8, 512 octets at most).
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

/// The line, with its end.
pub(super) fn line(protocol: MailProtocol, no: No, language: Language, reference: &str) -> String {
    let start = match (protocol, no) {
        (MailProtocol::Imap, No::Rejected) => "* BYE ",
        (MailProtocol::Imap, No::NotNow) => "* BYE [UNAVAILABLE] ",
        (MailProtocol::Pop3, No::Rejected) => "-ERR ",
        (MailProtocol::Pop3, No::NotNow) => "-ERR [SYS/TEMP] ",
        (MailProtocol::Smtp, No::Rejected) => "554 ",
        (MailProtocol::Smtp, No::NotNow) => "421 ",
    };
    format!("{start}{}\r\n", sentence(no, language, reference))
}

/// Danish without the letters that ASCII has not.
fn sentence(no: No, language: Language, reference: &str) -> String {
    match (no, language) {
        (No::Rejected, Language::Danish) => {
            format!("Der er ingen adgang herfra. Oplys reference {reference} ved henvendelse.")
        }
        (No::Rejected, Language::English) => {
            format!("There is no access from here. Give reference {reference} when you contact us.")
        }
        (No::NotNow, Language::Danish) => {
            format!("Serveren svarer ikke lige nu. Vent lidt. Reference {reference}.")
        }
        (No::NotNow, Language::English) => {
            format!("The server does not answer just now. Please wait. Reference {reference}.")
        }
    }
}

/// The answer to a command of whoever was rejected by SMTP, and whether it is the last: the connection
/// stands until QUIT, and everything else is out of order (RFC 5321 section 3.1).
pub(super) fn after_554(command: &str) -> (&'static str, bool) {
    if command.trim().eq_ignore_ascii_case("quit") {
        ("221 Bye\r\n", true)
    } else {
        ("503 Bad sequence of commands\r\n", false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [MailProtocol; 3] = [MailProtocol::Imap, MailProtocol::Pop3, MailProtocol::Smtp];

    #[test]
    fn every_line_is_one_short_line_of_ascii_with_its_reference() {
        for protocol in ALL {
            for no in [No::Rejected, No::NotNow] {
                for language in [Language::Danish, Language::English] {
                    let line = line(protocol, no, language, "K7QX-2M9D");
                    let text = line.strip_suffix("\r\n").unwrap();
                    assert!(line.len() <= 512 && text.contains("K7QX-2M9D"), "{line}");
                    let printable = |c: char| c.is_ascii() && !c.is_ascii_control();
                    assert!(text.chars().all(printable), "{line}");
                }
            }
        }
    }

    #[test]
    fn each_protocol_has_its_own_words() {
        let begins = |protocol, no| {
            let line = line(protocol, no, Language::English, "R");
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
    fn a_rejected_smtp_client_can_only_quit() {
        assert!(after_554("QUIT\r\n").1);
        assert_eq!(after_554("quit\n"), ("221 Bye\r\n", true));
        assert_eq!(after_554("EHLO x\r\n"), ("503 Bad sequence of commands\r\n", false));
    }
}
