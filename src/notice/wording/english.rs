//! The English texts.

use super::letter;
use crate::notice::compose::Notice;
use crate::notice::plain;
use crate::store::NoticeKind;

pub(super) fn long(notice: &Notice<'_>) -> (String, String) {
    let places = notice.places();
    let (subject, body) = match notice.kind {
        NoticeKind::Received => (
            format!("We have received your application for a travel exemption: {places}"),
            vec![
                format!("We have received the application for a {}.", span(notice)),
                "It has no effect until it is approved. You will hear from us when it has been \
                 decided. If neither you nor anybody on your behalf applied, call us."
                    .to_owned(),
            ],
        ),
        NoticeKind::Approved => approved(notice),
        NoticeKind::Refused => (
            format!("Your application for a travel exemption is refused: {places}"),
            vec![
                format!("Your application for a {} is refused.", span(notice)),
                because("Reason", notice),
                "You cannot use our systems from the countries named. If you disagree, or if your \
                 plans change, contact us."
                    .to_owned(),
            ],
        ),
        NoticeKind::StartsTomorrow => starts(notice),
        NoticeKind::EndsTomorrow => ends(notice),
        NoticeKind::Ended => (
            format!("Your travel exemption has ended: {places}"),
            vec![
                format!(
                    "Your travel exemption for {places} ended {}. Access from there is closed, and \
                     you have been signed out.",
                    when(notice, notice.last())
                ),
                "Access from Denmark works as always. If you are still there, call us.".to_owned(),
            ],
        ),
        NoticeKind::Revoked => (
            format!("Your travel exemption is revoked: {places}"),
            vec![
                format!(
                    "Your {} is revoked. Access from there is closed from now on, and you have \
                     been signed out.",
                    span(notice)
                ),
                because("Reason", notice),
                "Access from Denmark works as always. If you have questions, call us.".to_owned(),
            ],
        ),
        NoticeKind::Closed => (
            format!("Your travel exemption is closed: {places}"),
            vec![
                format!(
                    "Your {} was closed early because you are home again. Access from there is \
                     closed.",
                    span(notice)
                ),
                "If you are not home, call us at once.".to_owned(),
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
            "1. Open this link at home on each device you are taking, and sign in: {link} – the \
             link is for you alone."
        ),
        None => "1. Sign in once from home on the device you are taking.".to_owned(),
    };
    let phone = notice.phone().map(|phone| format!("\n3. Save the service desk number: {phone}."));
    (
        format!("Your travel exemption is approved: {}, {from}–{until}", notice.places()),
        vec![
            format!(
                "You can use {} from {} from {} to {} ({}).",
                notice.sites(),
                notice.places(),
                dates.moment(notice.from()),
                dates.moment(notice.last()),
                dates.whose()
            ),
            legs(notice),
            format!(
                "Before you leave\n{prepare}\n2. Check that you can approve sign-in without Danish \
                 mobile coverage.{}",
                phone.unwrap_or_default()
            ),
            "While away\n\
             - The exemption covers only you, these countries and this period. If you change planes \
             in another listed country, you have no access there.\n\
             - Never lend your access.\n\
             - If you lose a device, call at once – we close the exemption immediately.\n\
             - Your access from abroad is logged."
                .to_owned(),
            "Home early? Call, or choose \"I am home again\". If your plans change, apply again – \
             we do not alter an approved exemption."
                .to_owned(),
        ],
    )
}

fn starts(notice: &Notice<'_>) -> (String, Vec<String>) {
    let dates = notice.dates();
    let prepare = match notice.link() {
        Some(link) => format!("- Have you opened the link on each device you are taking? {link}"),
        None => "- Have you signed in from home on the device you are taking?".to_owned(),
    };
    let phone = notice.phone().map(|phone| format!("\n- Have you saved the number {phone}?"));
    (
        format!("Your travel exemption begins tomorrow: {}", notice.places()),
        vec![
            format!(
                "Tomorrow, {}, your access to {} from {} opens. It closes again {}.",
                when(notice, notice.from()),
                notice.sites(),
                notice.places(),
                dates.moment(notice.last())
            ),
            legs(notice),
            format!(
                "Remember\n{prepare}\n- Can you approve sign-in without Danish mobile coverage?{}",
                phone.unwrap_or_default()
            ),
            "If you are not travelling after all, call so that we can close the exemption."
                .to_owned(),
        ],
    )
}

fn ends(notice: &Notice<'_>) -> (String, Vec<String>) {
    let last = notice.last();
    (
        format!("Your travel exemption expires tomorrow at {}", notice.dates().time(last)),
        vec![
            format!(
                "Tomorrow, {}, your access from {} closes and you will be signed out.",
                when(notice, last),
                notice.places()
            ),
            "- Are you home? You need do nothing. Access from Denmark works as always.\n\
             - Staying longer? Apply for an extension well before then. Extensions need approval and \
             are never automatic."
                .to_owned(),
        ],
    )
}

fn unexpected(notice: &Notice<'_>) -> (String, Vec<String>) {
    let place = place(notice);
    let at = notice.details.at.unwrap_or(notice.created);
    (
        format!("Your access was used from {place}"),
        vec![
            format!(
                "Your access was used from {place}, where we did not expect you, {}.",
                when(notice, at)
            ),
            "- Was it you? You need do nothing.\n\
             - Was it not you? Call at once, and we close the exemption immediately."
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
            "{} will be on the list from {from}. Your travel exemption covers it after that too, \
             but only for the systems and the period that it names.",
            notice.named_codes(&notice.details.added)
        ));
    }
    if !notice.details.removed.is_empty() {
        said.push(format!(
            "{} will no longer be on the list from {from}. You have access from there as everybody \
             has, also without an exemption.",
            notice.named_codes(&notice.details.removed)
        ));
    }
    said.push("See the page \"Countries on the list\" before you leave.".to_owned());
    (format!("The list of countries changes {from}: your journey to {}", notice.places()), said)
}

pub(super) fn short(notice: &Notice<'_>) -> String {
    let places = notice.places();
    let dates = notice.dates();
    let last = dates.moment(notice.last());
    let name = plain(&notice.organization.name);
    let phone = notice.phone().map(|phone| format!(" Call {phone}.")).unwrap_or_default();
    match notice.kind {
        NoticeKind::Received => format!(
            "{name}: application for a travel exemption for {places} received. Not you?{phone}"
        ),
        NoticeKind::Approved => format!(
            "{name}: travel exemption for {places} approved from {} to {last}. Sign in at home \
             before you leave.",
            dates.moment(notice.from())
        ),
        NoticeKind::Refused => {
            format!("{name}: travel exemption for {places} refused. See your mail.")
        }
        NoticeKind::StartsTomorrow => {
            format!("{name}: your access from {places} opens {}.", dates.moment(notice.from()))
        }
        NoticeKind::EndsTomorrow => format!("{name}: your access from {places} closes {last}."),
        NoticeKind::Ended => format!("{name}: your access from {places} is closed."),
        NoticeKind::Revoked => {
            format!("{name}: your travel exemption for {places} is revoked.{phone}")
        }
        NoticeKind::Closed => {
            format!("{name}: your travel exemption for {places} is closed. Not home?{phone}")
        }
        NoticeKind::UnexpectedCountry => {
            format!("{name}: your access was used from {}. Not you?{phone}", place(notice))
        }
        NoticeKind::ListChange => format!(
            "{name}: the list of countries changes for your journey to {places}. See your mail."
        ),
    }
}

fn place(notice: &Notice<'_>) -> String {
    let codes: Vec<String> = notice.details.territory.iter().cloned().collect();
    match notice.named_codes(&codes) {
        name if name.is_empty() => "another country".to_owned(),
        name => name,
    }
}

fn greeting(notice: &Notice<'_>) -> String {
    match notice.first_name() {
        Some(name) => format!("Hi {name}"),
        None => "Hello".to_owned(),
    }
}

fn span(notice: &Notice<'_>) -> String {
    let dates = notice.dates();
    format!(
        "travel exemption for {} from {} to {} ({})",
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
            format!("- {}: {from} to {until}", notice.places_of(leg))
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
        (Some(phone), Some(hours)) => format!("Service desk: {phone} ({hours})\n"),
        (Some(phone), None) => format!("Service desk: {phone}\n"),
        (None, _) => String::new(),
    };
    let dates = notice.dates();
    let day = dates.day(dates.date(notice.created));
    let case = notice.case_number();
    let approved = if notice.kind == NoticeKind::Approved {
        format!("Case no. {case} · Approved by {name} {day}")
    } else {
        format!("Case no. {case} · {name} {day}")
    };
    format!(
        "{reach}{approved} · {}\nWe never ask for your password or one-time code.",
        notice.exemption.id
    )
}
