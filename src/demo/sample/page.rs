//! The pages of the sample sites. All names and events in them are made up.

use askama::Template;
use http::{HeaderMap, Response, StatusCode};

use super::SampleSite;
use crate::demo::web::{Body, answer};

/// What the gateway says about the one who asks.
struct Visitor {
    user: Option<String>,
    country: Option<String>,
    exemption: Option<String>,
    address: Option<String>,
}

impl Visitor {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| {
            let value = headers.get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).trim().to_owned())
                .filter(|text| !text.is_empty())
        };
        Self {
            user: text("x-geovagt-user"),
            country: text("x-geovagt-country"),
            exemption: text("x-geovagt-exemption"),
            address: text("x-forwarded-for"),
        }
    }
}

struct Mail {
    from: &'static str,
    subject: &'static str,
    begins: &'static str,
    when: &'static str,
    unread: bool,
}

const INBOX: [Mail; 7] = [
    Mail {
        from: "Byrådssekretariatet",
        subject: "Dagsorden til mødet mandag den 30. november",
        begins: "Kære alle. Hermed dagsorden og bilag. Punkt 6 om skolevejene er kommet til …",
        when: "13.48",
        unread: true,
    },
    Mail {
        from: "Mette Kjærgaard",
        subject: "Skal vi følges til borgermødet?",
        begins: "Jeg kører fra rådhuset kl. 18.15 og har plads til to …",
        when: "12.10",
        unread: true,
    },
    Mail {
        from: "Servicedesk",
        subject: "Din rejseundtagelse er godkendt",
        begins: "Du kan bruge mail og intranet på rejsen. Log på én gang hjemmefra først …",
        when: "09.31",
        unread: false,
    },
    Mail {
        from: "Jonas Øllgaard",
        subject: "Budget: rettelse til side 14",
        begins: "Tallet for vedligehold skal være 3,2 mio. kr. Resten af tabellen står ved magt …",
        when: "i går",
        unread: false,
    },
    Mail {
        from: "Venskabsbyudvalget",
        subject: "Program for besøget",
        begins: "Ankomst tirsdag eftermiddag. Onsdag ser vi det nye bibliotek og fjernvarmen …",
        when: "i går",
        unread: false,
    },
    Mail {
        from: "Aase Friis",
        subject: "Tak for sidst",
        begins: "Det var en god drøftelse. Jeg har skrevet tre spørgsmål ned til forvaltningen …",
        when: "fre.",
        unread: false,
    },
    Mail {
        from: "Biblioteket",
        subject: "Åbning af læsehaven",
        begins: "Vi klipper snoren lørdag kl. 11 og håber, at udvalget vil være med …",
        when: "fre.",
        unread: false,
    },
];

#[derive(Template)]
#[template(path = "sample_mail.html")]
struct MailPage {
    title: &'static str,
    visitor: Visitor,
    mails: &'static [Mail],
}

#[derive(Template)]
#[template(path = "sample_intranet.html")]
struct IntranetPage {
    title: &'static str,
    visitor: Visitor,
}

#[derive(Template)]
#[template(path = "sample_website.html")]
struct WebsitePage {
    title: &'static str,
    visitor: Visitor,
}

pub(super) fn response(site: SampleSite, headers: &HeaderMap) -> Response<Body> {
    let visitor = Visitor::of(headers);
    let rendered = match site {
        SampleSite::Mail => MailPage { title: "Post", visitor, mails: &INBOX }.render(),
        SampleSite::Intranet => IntranetPage { title: "Kilden", visitor }.render(),
        SampleSite::Website => WebsitePage { title: "Fjordby Kommune", visitor }.render(),
    };
    // Rendering fails only where writing to the buffer does, and a String takes everything.
    answer(StatusCode::OK, "text/html; charset=utf-8", rendered.unwrap_or_default().into())
}
