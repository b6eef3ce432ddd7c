//! The texts of the breach file.

use jiff::SignedDuration;

use crate::language::{Language, number};
use crate::log_review::Clock;

pub(crate) struct Words {
    pub(crate) title: &'static str,
    pub(crate) lead: &'static str,
    pub(crate) none: &'static str,
    pub(crate) new: &'static str,
    pub(crate) name: &'static str,
    pub(crate) name_help: &'static str,
    pub(crate) occurred_from: &'static str,
    pub(crate) occurred_until: &'static str,
    pub(crate) discovered: &'static str,
    pub(crate) time_help: &'static str,
    pub(crate) persons: &'static str,
    pub(crate) persons_help: &'static str,
    pub(crate) open: &'static str,
    pub(crate) file: &'static str,
    pub(crate) clock: &'static str,
    pub(crate) deadline: &'static str,
    pub(crate) reported: &'static str,
    pub(crate) reported_at: &'static str,
    pub(crate) report: &'static str,
    pub(crate) report_help: &'static str,
    pub(crate) nobody: &'static str,
    pub(crate) add_persons: &'static str,
    pub(crate) notes: &'static str,
    pub(crate) note: &'static str,
    pub(crate) note_help: &'static str,
    pub(crate) add_note: &'static str,
    pub(crate) no_notes: &'static str,
    pub(crate) evidence: &'static str,
    pub(crate) evidence_help: &'static str,
    pub(crate) evidence_get: &'static str,
    pub(crate) evidence_not_yet: &'static str,
    pub(crate) entries: &'static str,
    pub(crate) see_entries: &'static str,
    pub(crate) opened_by: &'static str,
    pub(crate) back: &'static str,
    pub(crate) errors_title: &'static str,
    pub(crate) bad_name: &'static str,
    pub(crate) bad_time: &'static str,
    pub(crate) bad_order: &'static str,
    pub(crate) bad_future: &'static str,
    pub(crate) bad_person: &'static str,
    pub(crate) too_many_persons: &'static str,
    pub(crate) bad_note: &'static str,
    pub(crate) reported_before: &'static str,
}

pub(crate) const DANISH: Words = Words {
    title: "Sager om brud",
    lead: "Et brud på persondatasikkerheden skal anmeldes inden 72 timer, efter at det er opdaget.",
    none: "Der er ingen sager.",
    new: "Opret sag",
    name: "Hvad handler det om",
    name_help: "En kort titel uden navne, højst 120 tegn.",
    occurred_from: "Skete fra",
    occurred_until: "Skete til",
    discovered: "Opdaget",
    time_help: "I organisationens tid",
    persons: "Berørte personer",
    persons_help: "Brugernavne, ét på hver linje. Tomt: alle i tidsrummet.",
    open: "Opret sagen",
    file: "Sagen",
    clock: "72 timer",
    deadline: "Anmeldes senest",
    reported: "Anmeldt",
    reported_at: "Hvornår blev det anmeldt?",
    report: "Skriv, at det er anmeldt",
    report_help: "Uret standser. Det kan ikke gøres om.",
    nobody: "Alle i tidsrummet",
    add_persons: "Tilføj personer",
    notes: "Notater",
    note: "Nyt notat",
    note_help: "Notater kan ikke ændres siden. Højst 4.000 tegn.",
    add_note: "Tilføj notatet",
    no_notes: "Ingen notater endnu.",
    evidence: "Beviser",
    evidence_help: "Én underskrevet fil med poster, bevis for kæden, lister, databaser og rejseadgangenes historie. geovagt audit verify godkender den overalt.",
    evidence_get: "Hent beviserne",
    evidence_not_yet: "Arkivet kan ikke laves lige nu. Intet er hentet. Se i geovagts egen log hvorfor, eller brug geovagt audit evidence.",
    entries: "Poster i tidsrummet",
    see_entries: "Se dem i loggen",
    opened_by: "Oprettet af",
    back: "Tilbage til sagerne",
    errors_title: "Det kan ikke gemmes endnu",
    bad_name: "Skriv en titel på højst 120 tegn.",
    bad_time: "Skriv et tidspunkt som 2026-11-22T14:30.",
    bad_order: "Det skal slutte, efter at det begyndte.",
    bad_future: "Det kan ikke ligge i fremtiden.",
    bad_person: "Et af navnene er ikke et brugernavn.",
    too_many_persons: "Højst 200 personer i en sag.",
    bad_note: "Skriv et notat på højst 4.000 tegn.",
    reported_before: "Sagen er allerede anmeldt.",
};

pub(crate) const ENGLISH: Words = Words {
    title: "Breach files",
    lead: "A personal data breach has to be reported within 72 hours of being discovered.",
    none: "There are no breach files.",
    new: "New breach file",
    name: "What is it about",
    name_help: "A short title without names, at most 120 characters.",
    occurred_from: "Happened from",
    occurred_until: "Happened until",
    discovered: "Discovered",
    time_help: "In the organisation's time",
    persons: "People concerned",
    persons_help: "User names, one a line. Empty: everybody in the span.",
    open: "Open the breach file",
    file: "The file",
    clock: "72 hours",
    deadline: "To be reported by",
    reported: "Reported",
    reported_at: "When was it reported?",
    report: "Write down that it was reported",
    report_help: "The clock stops. It cannot be undone.",
    nobody: "Everybody in the span",
    add_persons: "Add people",
    notes: "Notes",
    note: "New note",
    note_help: "Notes cannot be changed afterwards. At most 4,000 characters.",
    add_note: "Add the note",
    no_notes: "No notes yet.",
    evidence: "Evidence",
    evidence_help: "One signed file with entries, proof of the chain, lists, databases and the history of travel exemptions. geovagt audit verify accepts it anywhere.",
    evidence_get: "Download the evidence",
    evidence_not_yet: "The archive cannot be made now. Nothing was downloaded. See why in geovagt's own log, or use geovagt audit evidence.",
    entries: "Entries in the span",
    see_entries: "See them in the log",
    opened_by: "Opened by",
    back: "Back to the breach files",
    errors_title: "It cannot be saved yet",
    bad_name: "Write a title of at most 120 characters.",
    bad_time: "Write a time such as 2026-11-22T14:30.",
    bad_order: "It has to end after it began.",
    bad_future: "It cannot lie in the future.",
    bad_person: "One of the names is no user name.",
    too_many_persons: "At most 200 people in one file.",
    bad_note: "Write a note of at most 4,000 characters.",
    reported_before: "It has been reported already.",
};

pub(crate) fn of(language: Language) -> &'static Words {
    match language {
        Language::Danish => &DANISH,
        Language::English => &ENGLISH,
    }
}

/// How the clock stands, in a sentence.
pub(crate) fn clock(clock: Clock, language: Language) -> String {
    match (clock, language) {
        (Clock::Running(left), Language::Danish) => format!("{} tilbage", span(left, language)),
        (Clock::Running(left), Language::English) => format!("{} left", span(left, language)),
        (Clock::RunOut(ago), Language::Danish) => {
            format!("✕ Fristen er overskredet med {}", span(ago, language))
        }
        (Clock::RunOut(ago), Language::English) => {
            format!("✕ The deadline passed {} ago", span(ago, language))
        }
        (Clock::Reported(left), Language::Danish) => {
            format!("✓ Anmeldt, {} før fristen", span(left, language))
        }
        (Clock::Reported(left), Language::English) => {
            format!("✓ Reported, {} before the deadline", span(left, language))
        }
        (Clock::ReportedLate(late), Language::Danish) => {
            format!("✕ Anmeldt {} for sent", span(late, language))
        }
        (Clock::ReportedLate(late), Language::English) => {
            format!("✕ Reported {} too late", span(late, language))
        }
    }
}

/// Hours and minutes; the minutes that have begun do not count, so that no time is promised that
/// is not there.
fn span(length: SignedDuration, language: Language) -> String {
    let minutes = u64::try_from(length.as_secs() / 60).unwrap_or(0);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    let shown = number(hours, language);
    match (language, hours) {
        (Language::Danish, 1) => format!("1 time og {minutes} min."),
        (Language::Danish, _) => format!("{shown} timer og {minutes} min."),
        (Language::English, 1) => format!("1 hour and {minutes} min"),
        (Language::English, _) => format!("{shown} hours and {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_is_promised_that_is_not_there() {
        let left = |seconds| Clock::Running(SignedDuration::from_secs(seconds));
        assert_eq!(clock(left(71 * 3600 + 59), Language::Danish), "71 timer og 0 min. tilbage");
        assert_eq!(clock(left(3660), Language::English), "1 hour and 1 min left");
        let late = Clock::ReportedLate(SignedDuration::from_hours(1200));
        assert_eq!(clock(late, Language::Danish), "✕ Anmeldt 1.200 timer og 0 min. for sent");
    }
}
