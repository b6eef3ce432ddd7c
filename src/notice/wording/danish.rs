//! The Danish texts.

use super::letter;
use crate::notice::compose::Notice;
use crate::notice::plain;
use crate::store::NoticeKind;

pub(super) fn long(notice: &Notice<'_>) -> (String, String) {
    let places = notice.places();
    let (subject, body) = match notice.kind {
        NoticeKind::Received => (
            format!("Vi har modtaget din ansøgning om rejseundtagelse: {places}"),
            vec![
                format!("Vi har modtaget ansøgningen om en rejseundtagelse for {}.", span(notice)),
                "Den gælder først, når den er godkendt. Du får besked, så snart den er behandlet. \
                 Har du ikke søgt selv eller fået nogen til det, så ring til os."
                    .to_owned(),
            ],
        ),
        NoticeKind::Approved => approved(notice),
        NoticeKind::Refused => (
            format!("Din ansøgning om rejseundtagelse er afslået: {places}"),
            vec![
                format!("Din ansøgning om en rejseundtagelse for {} er afslået.", span(notice)),
                because("Begrundelse", notice),
                "Du kan ikke bruge vores systemer fra de nævnte lande. Er du uenig, eller ændrer \
                 rejsen sig, så kontakt os."
                    .to_owned(),
            ],
        ),
        NoticeKind::StartsTomorrow => starts(notice),
        NoticeKind::EndsTomorrow => ends(notice),
        NoticeKind::Ended => (
            format!("Din rejseundtagelse er udløbet: {places}"),
            vec![
                format!(
                    "Din rejseundtagelse for {places} udløb {}. Adgangen derfra er lukket, og du \
                     er logget af.",
                    when(notice, notice.last())
                ),
                "Adgangen fra Danmark virker som altid. Er du der stadig, så ring til os."
                    .to_owned(),
            ],
        ),
        NoticeKind::Revoked => (
            format!("Din rejseundtagelse er trukket tilbage: {places}"),
            vec![
                format!(
                    "Din rejseundtagelse for {} er trukket tilbage. Adgangen derfra er lukket fra \
                     nu af, og du er logget af.",
                    span(notice)
                ),
                because("Begrundelse", notice),
                "Adgangen fra Danmark virker som altid. Har du spørgsmål, så ring til os."
                    .to_owned(),
            ],
        ),
        NoticeKind::Closed => (
            format!("Din rejseundtagelse er afsluttet: {places}"),
            vec![
                format!(
                    "Din rejseundtagelse for {} er afsluttet før tid, fordi du er hjemme igen. \
                     Adgangen derfra er lukket.",
                    span(notice)
                ),
                "Er du ikke hjemme, så ring til os med det samme.".to_owned(),
            ],
        ),
        NoticeKind::UnexpectedCountry => unexpected(notice),
        NoticeKind::ListChange => list_change(notice),
    };
    let mut paragraphs = vec![greeting(notice)];
    paragraphs.extend(body);
    paragraphs.push(closing(notice));
    (subject, letter(&paragraphs))
}

fn approved(notice: &Notice<'_>) -> (String, Vec<String>) {
    let dates = notice.dates();
    let (from, until) =
        (dates.day(dates.date(notice.from())), dates.day(dates.date(notice.last())));
    let prepare = match notice.link() {
        Some(link) => format!(
            "1. Åbn dette link derhjemme på hver enhed, du tager med, og log på: {link} – linket er \
             kun til dig."
        ),
        None => "1. Log på én gang hjemmefra med den enhed, du tager med.".to_owned(),
    };
    let phone = notice.phone().map(|phone| format!("\n3. Gem servicedeskens nummer: {phone}."));
    (
        format!("Din rejseundtagelse er godkendt: {}, {from}–{until}", notice.places()),
        vec![
            format!(
                "Du kan bruge {} fra {} fra {} til {} ({}).",
                notice.sites(),
                notice.places(),
                dates.moment(notice.from()),
                dates.moment(notice.last()),
                dates.whose()
            ),
            legs(notice),
            format!(
                "Før du rejser\n{prepare}\n2. Tjek, at du kan godkende log-in uden dansk \
                 mobilnet.{}",
                phone.unwrap_or_default()
            ),
            "På rejsen\n\
             - Undtagelsen gælder kun dig, de nævnte lande og perioden. Mellemlander du i et andet \
             land på listen, har du ikke adgang dér.\n\
             - Lån aldrig din adgang ud.\n\
             - Mister du en enhed, så ring straks. Vi lukker undtagelsen med det samme.\n\
             - Din adgang fra udlandet bliver logget."
                .to_owned(),
            "Kommer du hjem før tid, så ring, eller vælg »Jeg er hjemme igen«. Bliver rejsen ændret, \
             så søg igen – vi ændrer ikke en godkendt undtagelse."
                .to_owned(),
        ],
    )
}

fn starts(notice: &Notice<'_>) -> (String, Vec<String>) {
    let dates = notice.dates();
    let prepare = match notice.link() {
        Some(link) => format!("- Har du åbnet linket på hver enhed, du tager med? {link}"),
        None => "- Har du logget på hjemmefra med den enhed, du tager med?".to_owned(),
    };
    let phone = notice.phone().map(|phone| format!("\n- Har du gemt nummeret {phone}?"));
    (
        format!("Din rejseundtagelse begynder i morgen: {}", notice.places()),
        vec![
            format!(
                "I morgen, {}, åbner din adgang til {} fra {}. Den lukker igen {}.",
                when(notice, notice.from()),
                notice.sites(),
                notice.places(),
                dates.moment(notice.last())
            ),
            legs(notice),
            format!(
                "Husk\n{prepare}\n- Kan du godkende log-in uden dansk mobilnet?{}",
                phone.unwrap_or_default()
            ),
            "Rejser du ikke alligevel, så ring, så vi kan lukke undtagelsen.".to_owned(),
        ],
    )
}

fn ends(notice: &Notice<'_>) -> (String, Vec<String>) {
    let last = notice.last();
    (
        format!("Din rejseundtagelse udløber i morgen kl. {}", notice.dates().time(last)),
        vec![
            format!(
                "I morgen, {}, lukker din adgang fra {}. Du bliver logget af.",
                when(notice, last),
                notice.places()
            ),
            "- Er du hjemme? Så skal du ikke gøre noget. Adgangen fra Danmark virker som altid.\n\
             - Bliver du længere? Søg om forlængelse i god tid inden da. En forlængelse skal \
             godkendes og sker ikke automatisk."
                .to_owned(),
        ],
    )
}

fn unexpected(notice: &Notice<'_>) -> (String, Vec<String>) {
    let place = place(notice);
    let at = notice.details.at.unwrap_or(notice.created);
    (
        format!("Din adgang er brugt fra {place}"),
        vec![
            format!(
                "Din adgang er {} brugt fra {place}, hvor vi ikke ventede dig.",
                when(notice, at)
            ),
            "- Var det dig? Så skal du ikke gøre noget.\n\
             - Var det ikke dig? Ring straks, så lukker vi undtagelsen med det samme."
                .to_owned(),
        ],
    )
}

fn list_change(notice: &Notice<'_>) -> (String, Vec<String>) {
    let day = notice.details.at.map(|at| {
        let dates = notice.dates();
        dates.day(dates.date(at))
    });
    let from = day.unwrap_or_default();
    let mut said = Vec::new();
    if !notice.details.added.is_empty() {
        said.push(format!(
            "{} kommer på listen den {from}. Din rejseundtagelse gælder dér også derefter, men kun for \
             de systemer og den periode, den nævner.",
            notice.named_codes(&notice.details.added)
        ));
    }
    if !notice.details.removed.is_empty() {
        said.push(format!(
            "{} er ikke på listen længere fra den {from}. Du har adgang derfra som alle andre, også \
             uden undtagelse.",
            notice.named_codes(&notice.details.removed)
        ));
    }
    said.push("Se hele listen på siden »Lande på listen«, før du rejser.".to_owned());
    (format!("Listen over lande ændres den {from}: din rejse til {}", notice.places()), said)
}

pub(super) fn short(notice: &Notice<'_>) -> String {
    let places = notice.places();
    let dates = notice.dates();
    let last = dates.moment(notice.last());
    let name = plain(&notice.organization.name);
    let phone = notice.phone().map(|phone| format!(" Ring {phone}.")).unwrap_or_default();
    match notice.kind {
        NoticeKind::Received => {
            format!(
                "{name}: ansøgning om rejseundtagelse for {places} er modtaget. Ikke dig?{phone}"
            )
        }
        NoticeKind::Approved => format!(
            "{name}: rejseundtagelse for {places} er godkendt fra {} til {last}. Log på hjemmefra \
             før rejsen.",
            dates.moment(notice.from())
        ),
        NoticeKind::Refused => {
            format!("{name}: ansøgning om rejseundtagelse for {places} er afslået. Se din mail.")
        }
        NoticeKind::StartsTomorrow => {
            format!("{name}: din adgang fra {places} åbner {}.", dates.moment(notice.from()))
        }
        NoticeKind::EndsTomorrow => format!("{name}: din adgang fra {places} lukker {last}."),
        NoticeKind::Ended => format!("{name}: din adgang fra {places} er lukket."),
        NoticeKind::Revoked => {
            format!("{name}: din rejseundtagelse for {places} er trukket tilbage.{phone}")
        }
        NoticeKind::Closed => {
            format!("{name}: din rejseundtagelse for {places} er afsluttet. Ikke hjemme?{phone}")
        }
        NoticeKind::UnexpectedCountry => {
            format!("{name}: din adgang er brugt fra {}. Var det ikke dig?{phone}", place(notice))
        }
        NoticeKind::ListChange => {
            format!("{name}: listen over lande ændres for din rejse til {places}. Se din mail.")
        }
    }
}

fn place(notice: &Notice<'_>) -> String {
    let codes: Vec<String> = notice.details.territory.iter().cloned().collect();
    match notice.named_codes(&codes) {
        name if name.is_empty() => "et andet land".to_owned(),
        name => name,
    }
}

fn greeting(notice: &Notice<'_>) -> String {
    match notice.first_name() {
        Some(name) => format!("Hej {name}"),
        None => "Hej".to_owned(),
    }
}

fn span(notice: &Notice<'_>) -> String {
    let dates = notice.dates();
    format!(
        "{} fra {} til {} ({})",
        notice.places(),
        dates.moment(notice.from()),
        dates.moment(notice.last()),
        dates.whose()
    )
}

fn when(notice: &Notice<'_>, at: jiff::Timestamp) -> String {
    format!("{} ({})", notice.dates().moment(at), notice.dates().whose())
}

/// Where the journey has more than one leg, each with its time.
fn legs(notice: &Notice<'_>) -> String {
    let legs = &notice.exemption.legs;
    if legs.len() < 2 {
        return String::new();
    }
    let dates = notice.dates();
    let lines: Vec<String> = legs
        .iter()
        .map(|leg| {
            let last = crate::language::last_minute(leg.until);
            let (from, until) = (dates.moment(leg.from), dates.moment(last));
            format!("- {}: {from} til {until}", notice.places_of(leg))
        })
        .collect();
    lines.join("\n")
}

fn because(word: &str, notice: &Notice<'_>) -> String {
    notice.reason().map(|reason| format!("{word}: {reason}")).unwrap_or_default()
}

fn closing(notice: &Notice<'_>) -> String {
    let name = plain(&notice.organization.name);
    let reach = match (notice.phone(), notice.organization.contact.hours.as_deref().map(plain)) {
        (Some(phone), Some(hours)) => format!("Servicedesk: {phone} ({hours})\n"),
        (Some(phone), None) => format!("Servicedesk: {phone}\n"),
        (None, _) => String::new(),
    };
    let dates = notice.dates();
    let day = dates.day(dates.date(notice.created));
    let case = notice.case_number();
    let approved = if notice.kind == NoticeKind::Approved {
        format!("Sagsnr. {case} · Godkendt af {name} {day}")
    } else {
        format!("Sagsnr. {case} · {name} {day}")
    };
    format!(
        "{reach}{approved} · {}\nVi beder dig aldrig om adgangskode eller engangskode.",
        notice.exemption.id
    )
}
