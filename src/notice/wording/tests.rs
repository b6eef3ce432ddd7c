use proptest::prelude::*;

use crate::language::Language;
use crate::notice::fixture::{anna, at, journey, notice, organization};
use crate::store::{Channel, Contact, NoticeDetails, NoticeKind};

fn details(kind: NoticeKind) -> NoticeDetails {
    let none = NoticeDetails::default();
    match kind {
        NoticeKind::Refused | NoticeKind::Revoked => {
            NoticeDetails { reason: Some("Rejsen er aflyst".into()), ..none }
        }
        NoticeKind::UnexpectedCountry => NoticeDetails {
            territory: Some("HK".into()),
            at: Some(at("2026-12-02T09:30:00Z")),
            ..none
        },
        NoticeKind::ListChange => NoticeDetails {
            added: vec!["HK".into()],
            removed: vec!["CN".into(), "MO".into()],
            at: Some(at("2026-12-03T23:00:00Z")),
            ..none
        },
        NoticeKind::StartsTomorrow => {
            NoticeDetails { link: Some("https://a.dk/.geovagt/rejse/x".into()), ..none }
        }
        _ => none,
    }
}

#[test]
fn every_message_reads_as_agreed_in_both_languages() {
    let exemption = journey(&["CN,HK 2026-12-01..2026-12-08", "MO 2026-12-08..2026-12-10"]);
    let organization = organization("ballerup");
    for language in [Language::Danish, Language::English] {
        let contact = anna(language);
        for &kind in NoticeKind::ALL {
            let details = details(kind);
            let notice = notice(kind, &exemption, &organization, &contact, &details);
            let mail = notice.letter(Channel::Mail, "rejser@example.dk");
            let short = notice.letter(Channel::Sms, "rejser@example.dk");
            let shown =
                format!("{}\n\n{}--- {}\n{}", mail.subject, mail.text, short.subject, short.text);
            insta::assert_snapshot!(format!("{}-{}", kind.word(), language.tag()), shown);
        }
    }
}

#[test]
fn the_link_is_the_only_secret_and_only_if_it_is_a_link() {
    let exemption = journey(&["CN 2026-12-01..2026-12-08"]);
    let (organization, contact) = (organization("ballerup"), anna(Language::Danish));
    let text = |link: &str| {
        let details = NoticeDetails { link: Some(link.into()), ..NoticeDetails::default() };
        notice(NoticeKind::Approved, &exemption, &organization, &contact, &details)
            .letter(Channel::Mail, "rejser@example.dk")
            .text
    };
    assert!(text("https://kilden.example.dk/.geovagt/rejse/AbC-1_2").contains("/rejse/AbC-1_2"));
    for link in ["http://a.dk/x", "javascript:alert(1)", "https://a.dk/x\ny", "https://a.dk/ x"] {
        assert!(text(link).contains("Log på én gang hjemmefra"), "{link:?}");
    }
    assert!(!text("https://a.dk/x").contains(&exemption.purpose), "the purpose stays at home");
}

#[test]
fn another_time_zone_is_named() {
    let exemption = journey(&["CN 2026-12-01..2026-12-08"]);
    let organization = organization("sermersooq");
    let (contact, details) = (Contact::default(), NoticeDetails::default());
    let letter = notice(NoticeKind::EndsTomorrow, &exemption, &organization, &contact, &details)
        .letter(Channel::Mail, "rejser@example.gl");
    assert!(letter.text.contains("kl. 20.59 (tid i Nuuk)"), "{}", letter.text);
    assert!(letter.text.starts_with("Hej\n\n"), "{}", letter.text);
}

proptest! {
    /// Whatever people wrote, the letter has the lines that it has.
    #[test]
    fn nothing_that_people_wrote_makes_a_line(name in "\\PC{0,20}[\r\n\u{2028}]?\\PC{0,20}", reason in "(?s).{0,200}") {
        let exemption = journey(&["CN 2026-12-01..2026-12-08"]);
        let organization = organization("ballerup");
        let contact = Contact { name: Some(name), ..anna(Language::Danish) };
        let told = NoticeDetails { reason: Some(reason), ..NoticeDetails::default() };
        let plain = NoticeDetails { reason: Some("x".into()), ..NoticeDetails::default() };
        let of = |contact: &Contact, details: &NoticeDetails| {
            notice(NoticeKind::Revoked, &exemption, &organization, contact, details)
                .letter(Channel::Mail, "rejser@example.dk")
        };
        let letter = of(&contact, &told);
        let usual = of(&anna(Language::Danish), &plain);
        prop_assert!(letter.text.lines().count() <= usual.text.lines().count());
        let hidden = ['\r', '\u{2028}', '\u{202e}', '\0'];
        prop_assert!(!letter.text.contains(hidden));
        prop_assert_eq!(letter.subject, usual.subject);
    }
}
