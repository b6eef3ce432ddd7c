//! What somebody looked at, as a person reads it: the details of a look's entry in words. PURE.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::admin::log::reasons;
use crate::audit::Event;
use crate::language::{self, Language};

/// The action, and what was asked for, without anything personal.
pub(super) fn in_words(event: &Event, zone: &TimeZone, language: Language) -> String {
    let mut told = reasons::action(event.action, language).to_owned();
    if let Some(exemption) = &event.exemption {
        told.push(' ');
        told.push_str(exemption);
    }
    // What it was comes before how it was asked for.
    let (views, others): (Vec<_>, Vec<_>) =
        event.details.iter().partition(|(key, _)| *key == "view");
    let details: Vec<String> = views
        .into_iter()
        .chain(others)
        .map(|(key, value)| detail(key, value, zone, language))
        .collect();
    if !details.is_empty() {
        told.push_str(": ");
        told.push_str(&details.join(", "));
    }
    told
}

fn detail(key: &str, value: &str, zone: &TimeZone, language: Language) -> String {
    let pick = |danish, english| match language {
        Language::Danish => danish,
        Language::English => english,
    };
    let name = match key {
        "view" => return view(value, language).to_owned(),
        "since" => pick("fra", "from"),
        "until" => pick("til", "until"),
        "results" => pick("fundet", "found"),
        "reference" => pick("reference", "reference"),
        "country" => pick("land", "country"),
        "site" => pick("system", "system"),
        "action" => pick("hændelse", "event"),
        "reason" => pick("årsag", "reason"),
        "verdict" => pick("afgørelse", "verdict"),
        "listener" => pick("indgang", "listener"),
        "month" => pick("måned", "month"),
        "review" => pick("gennemgang", "review"),
        "breach" => pick("sag", "breach file"),
        "entries" => pick("poster", "entries"),
        "form" => pick("format", "format"),
        "chain" => pick("kæde", "chain"),
        "place" => pick("nummer", "place"),
        other => other,
    };
    let value = match value.parse::<Timestamp>() {
        Ok(at) => language::instant(at, zone, language),
        Err(_) => value.to_owned(),
    };
    format!("{name} {value}")
}

/// Which page it was. One that has no name here stands as it was written.
fn view(word: &str, language: Language) -> &str {
    let (danish, english) = match word {
        "journey" => ("rejsens side", "the journey's page"),
        "question" => ("siden før en beslutning", "the page before a decision"),
        "new" => ("en ny rejse", "a new journey"),
        "list" => ("listen over rejser", "the list of journeys"),
        "calendar" => ("kalenderen", "the calendar"),
        "overview" => ("overblikket", "the overview"),
        "emergency" => ("nødadgang", "emergency access"),
        "import" => ("en delegation", "a delegation"),
        "entry" => ("en post", "an entry"),
        "search" => ("en søgning", "a search"),
        "charts" => ("afvisninger over tid og efter land", "rejections over time and by country"),
        "counts" => ("en optælling", "a count"),
        "live" => ("loggen, mens den skrives", "the log while it is written"),
        "review" => ("en stikprøve", "a sample"),
        "breach" => ("en sag om brud", "a breach file"),
        "own log" => ("sin egen log", "one's own log"),
        "odd_use" => ("brug, der ser mærkelig ud", "use that looks odd"),
        "probably_wrong" => {
            ("hvem der nok blev afvist ved en fejl", "who was probably wrongly rejected")
        }
        "surges" => ("hvor det vokser", "where it grows"),
        "who_looked" => ("hvem der kiggede på hvem", "who looked at whom"),
        other => return other,
    };
    match language {
        Language::Danish => danish,
        Language::English => english,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Action;

    #[test]
    fn a_look_is_told_in_both_languages_and_nothing_of_it_is_lost() {
        let zone = TimeZone::get("Europe/Copenhagen").unwrap();
        let at: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let event = Event::new(Action::LogSearched, at, [1; 10])
            .detail("since", at)
            .detail("view", "surges")
            .detail("somewhat", "new");
        let danish = in_words(&event, &zone, Language::Danish);
        for part in [": hvor det vokser, ", "fra 22. november 2026 kl. 13.00", "somewhat new"] {
            assert!(danish.contains(part), "{part} in {danish}");
        }
        let english = in_words(&event, &zone, Language::English);
        assert!(
            english.contains(": where it grows, ") && english.contains("somewhat new"),
            "{english}"
        );
        assert!(!english.contains("surges") && !english.contains("view"), "{english}");
    }
}
