//! What the pages say of a journey, with its values, in both languages. PURE.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::words::Words;
use crate::journey::link::Unreachable;
use crate::language::{self, Language, enumeration, last_minute};
use crate::policy::{ApprovalRefused, Caution, Leg, Phase, Reason, TravelExemption};
use crate::store::{
    Channel, ExemptionError, ExemptionRecord, HistoryEntry, NoticeKind, NoticeState,
};
use crate::territory::Territory;

/// How a state is shown: never by its colour alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    /// The class of its colour.
    pub(crate) class: &'static str,
    /// A sign.
    pub(crate) sign: &'static str,
    /// The word.
    pub(crate) word: &'static str,
}

/// Picks by language.
pub(crate) fn pick<T>(language: Language, danish: T, english: T) -> T {
    match language {
        Language::Danish => danish,
        Language::English => english,
    }
}

/// The word for a phase.
pub(crate) fn phase(phase: Phase, language: Language) -> &'static str {
    let (danish, english) = match phase {
        Phase::Applied => ("Ansøgt", "Applied for"),
        Phase::AwaitingApproval => ("Afventer en anden person", "Awaits another person"),
        Phase::Planned => ("Planlagt", "Planned"),
        Phase::Active => ("I gang", "Under way"),
        Phase::Ended => ("Slut", "Ended"),
        Phase::Refused => ("Afslået", "Refused"),
        Phase::Withdrawn => ("Trukket tilbage", "Withdrawn"),
        Phase::Revoked => ("Tilbagekaldt", "Revoked"),
        Phase::Closed => ("Afsluttet", "Closed"),
    };
    pick(language, danish, english)
}

/// Where a journey stands.
pub(crate) fn state(record: &ExemptionRecord, now: Timestamp, language: Language) -> State {
    if record.is_unconfirmed(now) {
        let word = pick(language, "Gælder, men mangler godkendelse", "Counts, awaits approval");
        return State { class: "attention", sign: "!", word };
    }
    let at = record.exemption.phase(now);
    let (class, sign) = match at {
        Phase::Applied | Phase::AwaitingApproval => ("attention", "!"),
        Phase::Planned => ("allowed", "○"),
        Phase::Active => ("allowed", "●"),
        Phase::Ended | Phase::Withdrawn | Phase::Closed => ("", "–"),
        Phase::Refused | Phase::Revoked => ("rejected", "×"),
    };
    State { class, sign, word: phase(at, language) }
}

/// `Hongkong og Kina`
pub(crate) fn places(territories: &[Territory], language: Language) -> String {
    let mut territories = territories.to_vec();
    territories.sort_unstable();
    territories.dedup();
    crate::territory::sort_by_name(&mut territories, language);
    let names: Vec<String> =
        territories.iter().map(|one| one.name(language).into_owned()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    enumeration(&names, language)
}

/// Every place of a journey.
pub(crate) fn all_places(exemption: &TravelExemption, language: Language) -> String {
    let all: Vec<Territory> =
        exemption.legs.iter().flat_map(|leg| leg.territories.iter().copied()).collect();
    places(&all, language)
}

/// `1. december 2026`: the day in a zone.
pub(crate) fn day(at: Timestamp, zone: &TimeZone, language: Language) -> String {
    language::date(zone.to_datetime(at).date(), language)
}

/// The last day of what ends at an instant.
pub(crate) fn last_day(until: Timestamp, zone: &TimeZone, language: Language) -> String {
    day(last_minute(until), zone, language)
}

/// `Hongkong og Kina: 1. december 2026 – 8. december 2026`
pub(crate) fn leg(leg: &Leg, zone: &TimeZone, language: Language) -> String {
    let places = places(&leg.territories, language);
    match leg.days(zone) {
        Some((first, last)) => format!(
            "{places}: {} – {}",
            language::date(first, language),
            language::date(last, language)
        ),
        None => format!(
            "{places}: {} – {}",
            language::instant(leg.from, zone, language),
            language::instant(leg.until, zone, language)
        ),
    }
}

/// What stands on top of the list.
pub(crate) fn overview(
    under_way: usize,
    soon: usize,
    waiting: usize,
    language: Language,
) -> String {
    match language {
        Language::Danish => {
            let under_way = match under_way {
                0 => "Ingen rejser er i gang".to_owned(),
                1 => "1 rejse er i gang".to_owned(),
                many => format!("{many} rejser er i gang"),
            };
            let soon = match soon {
                0 => "ingen begynder inden for en uge".to_owned(),
                1 => "1 begynder inden for en uge".to_owned(),
                many => format!("{many} begynder inden for en uge"),
            };
            let waiting = match waiting {
                0 => "ingen afventer en beslutning".to_owned(),
                1 => "1 afventer en beslutning".to_owned(),
                many => format!("{many} afventer en beslutning"),
            };
            format!("{under_way}, {soon}, og {waiting}.")
        }
        Language::English => {
            let under_way = match under_way {
                0 => "No journey is under way".to_owned(),
                1 => "1 journey is under way".to_owned(),
                many => format!("{many} journeys are under way"),
            };
            let soon = match soon {
                0 => "none begins within a week".to_owned(),
                1 => "1 begins within a week".to_owned(),
                many => format!("{many} begin within a week"),
            };
            let waiting = match waiting {
                0 => "none waits for a decision".to_owned(),
                1 => "1 waits for a decision".to_owned(),
                many => format!("{many} wait for a decision"),
            };
            format!("{under_way}, {soon}, and {waiting}.")
        }
    }
}

/// How many were found.
pub(crate) fn found(shown: usize, all: usize, language: Language) -> String {
    pick(language, format!("Viser {shown} af {all}."), format!("{shown} of {all} are shown."))
}

/// One thing that was done, as a sentence without its instant.
pub(crate) fn done(entry: &HistoryEntry, language: Language) -> String {
    let by = match (&entry.by.operating_system_user, entry.by.name.as_str()) {
        (_, "geovagt") => String::new(),
        (Some(user), name) if user != name => format!("{name} ({user})"),
        (_, name) => name.to_owned(),
    };
    let (danish, english) = match entry.action.as_str() {
        "applied" => ("ansøgt", "applied for"),
        "granted" => ("givet", "granted"),
        "emergency" => ("nødadgang givet", "emergency access granted"),
        "approved" => ("godkendt", "approved"),
        "refused" => ("afslået", "refused"),
        "withdrawn" => ("trukket tilbage", "withdrawn"),
        "revoked" => ("tilbagekaldt", "revoked"),
        "closed" => ("afsluttet", "closed"),
        "ended" => ("tiden er udløbet", "its time is over"),
        _ => ("ændret", "changed"),
    };
    let what = pick(language, danish, english);
    if by.is_empty() {
        return what.to_owned();
    }
    pick(language, format!("{what} af {by}"), format!("{what} by {by}"))
}

/// What the one who grants should know.
pub(crate) fn caution(caution: &Caution, language: Language) -> String {
    match caution {
        Caution::NotListed { territory, site } => {
            let place = territory.name(language);
            pick(
                language,
                format!("{place} er ikke på listen for {site}: adgangen ændrer intet der."),
                format!("{place} is not on the list of {site}: the access changes nothing there."),
            )
        }
        Caution::NeverAsks(site) => pick(
            language,
            format!("{site} spørger aldrig, hvem nogen er, så ingen kan bruge en rejseadgang der."),
            format!("{site} never asks who somebody is, so nobody can use the access there."),
        ),
    }
}

/// Why a journey, as it is, was not changed.
pub(crate) fn refused(error: &ExemptionError, language: Language) -> String {
    match error {
        ExemptionError::ChangedMeanwhile(_) | ExemptionError::DecidedMeanwhile(_) => {
            Words::of(language).version_old.to_owned()
        }
        ExemptionError::NotBy { source, .. } => not_by(*source, language).to_owned(),
        ExemptionError::Over { phase: at, .. } => {
            let word = phase(*at, language).to_lowercase();
            pick(
                language,
                format!("Rejsen gælder ikke længere: den er {word}."),
                format!("The journey has no effect any more: it is {word}."),
            )
        }
        ExemptionError::NotWaiting { phase: at, .. } => {
            let word = phase(*at, language).to_lowercase();
            pick(
                language,
                format!("Rejsen venter ikke på en beslutning: den er {word}."),
                format!("The journey does not wait for a decision: it is {word}."),
            )
        }
        ExemptionError::ReferenceUsed { id, .. } => pick(
            language,
            format!(
                "Referencen er brugt til {id}. Bed den, der ringer, om at hente siden igen og læse den nye op."
            ),
            format!(
                "The reference has led to {id} already. Ask the caller to load the page again and to read out the new one."
            ),
        ),
        ExemptionError::AlreadyOpen(id) => pick(
            language,
            format!(
                "{id} lukker allerede personen ind derfra. Måske er det adgangskoden eller en anden konto."
            ),
            format!(
                "{id} lets this person in from there already. Perhaps it is the password, or another account."
            ),
        ),
        ExemptionError::Unconfirmed(id) => pick(
            language,
            format!(
                "{id} var sådan en nødadgang, som ingen anden har godkendt. Giv adgang på den almindelige måde."
            ),
            format!(
                "{id} was such an emergency that no second person approved. Grant access the ordinary way."
            ),
        ),
        ExemptionError::ExtensionWaits { waiting, .. } => pick(
            language,
            format!(
                "{waiting} venter allerede på en beslutning om mere tid til den rejse. Træk den tilbage, eller lad den blive afgjort, før der ansøges igen."
            ),
            format!(
                "{waiting} already waits for a decision about more time for that journey. Withdraw it, or have it decided, before another is made."
            ),
        ),
        ExemptionError::TooManyOpen(open) => pick(
            language,
            format!(
                "{open} ansøgninger for personen venter allerede på en beslutning. Træk nogle af dem tilbage, eller lad dem blive afgjort, før der ansøges igen."
            ),
            format!(
                "{open} applications of this person wait for a decision already. Withdraw some of them, or have them decided, before another is made."
            ),
        ),
        other => simple(other, language).to_owned(),
    }
}

fn simple(error: &ExemptionError, language: Language) -> &'static str {
    let (danish, english) = match error {
        ExemptionError::TooLate(_) => (
            "Tiden er udløbet; der er intet tilbage at godkende.",
            "Its time is over; there is nothing left to approve.",
        ),
        ExemptionError::NotTheApplicant(_) => (
            "Kun den rejsende, eller den der ansøgte, trækker en ansøgning tilbage. Andre afslår den.",
            "Only the traveller, or the one who applied, withdraws an application. Others refuse it.",
        ),
        ExemptionError::NotDecided(_) => (
            "Det er en ansøgning, som ingen har afgjort. Afslå den, eller træk den tilbage.",
            "It is an application that nobody has decided. Refuse it, or withdraw it.",
        ),
        ExemptionError::NotExtendable(_) => (
            "Rejsen er ændret imens og kan ikke forlænges.",
            "The journey has changed meanwhile and cannot be prolonged.",
        ),
        _ => ("Rejsen blev ikke ændret. Prøv igen.", "The journey was not changed. Try again."),
    };
    pick(language, danish, english)
}

fn not_by(refused: ApprovalRefused, language: Language) -> &'static str {
    let (danish, english) = match refused {
        ApprovalRefused::Traveller => (
            "Ingen afgør sin egen rejse. Det skal en anden.",
            "Nobody decides their own journey. Another person must.",
        ),
        ApprovalRefused::Applicant => (
            "Den, der har ansøgt, afgør ikke ansøgningen. Det skal en anden.",
            "The one who applied does not decide the application. Another person must.",
        ),
        ApprovalRefused::SameName => (
            "Den, der har givet adgangen, godkender den ikke. Det skal en anden.",
            "The one who granted it does not approve it. Another person must.",
        ),
        ApprovalRefused::Twice => (
            "Én person godkender ikke to gange. Det skal en anden.",
            "One person does not approve twice. Another person must.",
        ),
        ApprovalRefused::Nameless | ApprovalRefused::SameOperatingSystemUser => (
            "Det er ikke klart, hvem du er i forhold til dem, der før har taget del. En anden skal afgøre det.",
            "It is not clear that you are another person than those who took part before. Somebody else must decide.",
        ),
    };
    pick(language, danish, english)
}

/// Why no mail would reach the traveller.
pub(crate) fn unreachable(why: Unreachable, language: Language) -> String {
    let words = Words::of(language);
    match why {
        Unreachable::NoSender => words.letter_no_sender,
        Unreachable::NoAddress => words.letter_none,
    }
    .to_owned()
}

/// What keeping a journey leads to.
pub(crate) fn what_happens(
    exemption: &TravelExemption,
    now: Timestamp,
    language: Language,
) -> String {
    let who = &exemption.user_name;
    match exemption.phase(now) {
        Phase::AwaitingApproval => pick(
            language,
            format!(
                "Det gælder først, når en anden person også har godkendt det. Indtil da bliver {who} afvist som alle andre."
            ),
            format!(
                "It counts only when another person has approved it, too. Until then {who} is rejected like everybody else."
            ),
        ),
        Phase::Applied => pick(
            language,
            format!(
                "En anden person afgør ansøgningen. Indtil da bliver {who} afvist som alle andre."
            ),
            format!(
                "Another person decides the application. Until then {who} is rejected like everybody else."
            ),
        ),
        _ => pick(
            language,
            format!(
                "{who} kan logge ind derfra i de dage, og adgangen slutter af sig selv bagefter. Alle andre derfra bliver fortsat afvist."
            ),
            format!(
                "{who} can sign in from there on those days, and it ends by itself afterwards. Everybody else from there is still rejected."
            ),
        ),
    }
}

/// What a message is about.
pub(crate) fn notice_kind(kind: NoticeKind, language: Language) -> &'static str {
    let (danish, english) = match kind {
        NoticeKind::Received => ("Ansøgningen er modtaget", "The application is received"),
        NoticeKind::Approved => ("Rejsen er godkendt", "The journey is approved"),
        NoticeKind::Refused => ("Ansøgningen er afslået", "The application is refused"),
        NoticeKind::StartsTomorrow => ("Rejsen begynder i morgen", "The journey begins tomorrow"),
        NoticeKind::EndsTomorrow => ("Adgangen slutter i morgen", "The access ends tomorrow"),
        NoticeKind::Ended => ("Adgangen er slut", "The access has ended"),
        NoticeKind::Revoked => ("Adgangen er tilbagekaldt", "The access is revoked"),
        NoticeKind::Closed => ("Rejsen er afsluttet", "The journey is closed"),
        NoticeKind::UnexpectedCountry => {
            ("Brugt fra et uventet land", "Used from an unexpected country")
        }
        NoticeKind::ListChange => ("Landelisten ændres", "The country list changes"),
    };
    pick(language, danish, english)
}

/// The way that a message takes.
pub(crate) fn channel(channel: Channel, language: Language) -> &'static str {
    match channel {
        Channel::Mail => pick(language, "Mail", "Mail"),
        Channel::Sms => pick(language, "SMS", "Text message"),
    }
}

/// What became of a message.
pub(crate) fn notice_state(state: NoticeState, language: Language) -> &'static str {
    let (danish, english) = match state {
        NoticeState::Waiting => ("Venter", "Waiting"),
        NoticeState::Sent => ("Sendt", "Sent"),
        NoticeState::Failed => ("Opgivet", "Given up"),
        NoticeState::Withheld => ("Sendes ikke", "Not sent"),
    };
    pick(language, danish, english)
}

/// Why a message was not sent. What a mail server said stands as it said it.
pub(crate) fn notice_problem(problem: Option<&str>, language: Language) -> String {
    use crate::notice::deliver::why;
    let problem = problem.unwrap_or_default();
    let danish = match problem {
        why::NO_SUCH_ADDRESS => "der er ingen adresse til den vej",
        why::NO_ADDRESS => "der er ingen adresse; skriv den under »Ret kontaktoplysninger«",
        why::NOT_CONFIGURED => "gatewayen er ikke sat op til at sende beskeder",
        why::NO_SENDER => "organisationen sender ingen beskeder",
        why::EXEMPTION_GONE => "rejsen findes ikke mere",
        why::TOO_LATE => "opgivet: det er for sent at sende den",
        why::LINK_OVER => "linket ville ikke længere knytte noget",
        why::UNWRITABLE => "den kan ikke skrives som en mail",
        other => other,
    };
    pick(language, danish, problem).to_owned()
}

/// Why somebody was rejected, as far as it bears on a journey.
pub(crate) fn why_rejected(reason: Option<Reason>, language: Language) -> &'static str {
    let (danish, english) = match reason {
        Some(Reason::CountryListed) => ("Landet er på listen.", "The country is on the list."),
        Some(Reason::ExemptionNotStarted) => {
            ("Rejseadgangen er ikke begyndt endnu.", "The travel access has not begun yet.")
        }
        Some(Reason::ExemptionEnded) => ("Rejseadgangen er slut.", "The travel access has ended."),
        Some(Reason::ExemptionOtherTerritory) => {
            ("Rejseadgangen gælder et andet land.", "The travel access is for another country.")
        }
        Some(Reason::ExemptionOtherSite) => {
            ("Rejseadgangen gælder et andet system.", "The travel access is for another system.")
        }
        _ => ("Af en anden grund end landet.", "For another reason than the country."),
    };
    pick(language, danish, english)
}

/// How many rows of a file are in order.
pub(crate) fn rows(count: usize, language: Language) -> String {
    match (language, count) {
        (Language::Danish, 1) => "1 række".to_owned(),
        (Language::Danish, many) => format!("{many} rækker"),
        (Language::English, 1) => "1 row".to_owned(),
        (Language::English, many) => format!("{many} rows"),
    }
}

/// What a file has led to.
pub(crate) fn imported(count: usize, language: Language) -> String {
    match (language, count) {
        (Language::Danish, 1) => "1 rejse er givet.".to_owned(),
        (Language::Danish, many) => format!("{many} rejser er givet."),
        (Language::English, 1) => "1 journey is granted.".to_owned(),
        (Language::English, many) => format!("{many} journeys are granted."),
    }
}
