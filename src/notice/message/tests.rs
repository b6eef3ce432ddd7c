use proptest::prelude::*;

use super::*;
use crate::language::Language;
use crate::notice::compose::Calendar;

fn sender(name: &str) -> Sender {
    let address = MailAddress::parse("rejser@ballerup.example.dk").unwrap();
    Sender { name: Some(name.to_owned()), address }
}

fn written(name: &str, subject: &str, text: &str, calendar: bool) -> String {
    let calendar =
        calendar.then(|| Calendar { content: "BEGIN:VCALENDAR\r\n".to_owned(), method: "CANCEL" });
    let letter = Letter {
        subject: subject.to_owned(),
        text: text.to_owned(),
        calendar,
        language: Language::Danish,
    };
    let to = MailAddress::parse("anna@example.org").unwrap();
    let now = "2026-11-22T12:00:00Z".parse().unwrap();
    let post = write(&letter, &sender(name), &to, "0190", now).unwrap();
    assert_eq!(post.envelope.to().len(), 1);
    String::from_utf8(post.message).unwrap()
}

/// The names of the header fields, unfolded.
fn fields(message: &str) -> Vec<String> {
    let head = message.split("\r\n\r\n").next().unwrap();
    let lines = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
    lines.map(|line| line.split(':').next().unwrap().to_owned()).collect()
}

const FIELDS: [&str; 10] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "Content-Language",
    "MIME-Version",
    "Content-Type",
];

#[test]
fn a_message_has_the_fields_that_it_should_have() {
    let message = written("Rejser", "Godkendt: Kina, æøå", "Hej\n", true);
    let found = fields(&message);
    assert!(FIELDS.iter().all(|field| found.iter().any(|f| f == field)), "{found:?}");
    assert!(message.contains("Message-ID: <0190@ballerup.example.dk>\r\n"), "{message}");
    assert!(message.contains("Date: Sun, 22 Nov 2026 12:00:00 +0000\r\n"), "{message}");
    assert!(message.contains("method=CANCEL"), "{message}");
    assert!(message.is_ascii());
}

proptest! {
    #[test]
    fn no_text_makes_a_field(
        name in "(?s).{0,40}",
        subject in "(?s).{0,120}(\r\n(Bcc: x@y.dk)?)?.{0,20}",
        text in "(?s).{0,200}",
    ) {
        let message = written(&name, &subject, &text, false);
        let mut found = fields(&message);
        found.retain(|field| field != "Content-Transfer-Encoding");
        let mut expected = FIELDS.to_vec();
        expected.sort_unstable();
        found.sort_unstable();
        prop_assert_eq!(found, expected, "{}", message);
        prop_assert!(message.is_ascii());
        prop_assert!(message.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));
    }
}
