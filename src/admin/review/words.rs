//! The texts of the reviewer's pages.

use crate::language::{Language, number};
use crate::store::{OddUse, Outcome};

pub(crate) struct Words {
    pub(crate) title: &'static str,
    pub(crate) lead: &'static str,
    pub(crate) wrong: &'static str,
    pub(crate) wrong_help: &'static str,
    pub(crate) wrong_none: &'static str,
    pub(crate) surges: &'static str,
    pub(crate) surges_help: &'static str,
    pub(crate) surges_none: &'static str,
    pub(crate) odd: &'static str,
    pub(crate) odd_help: &'static str,
    pub(crate) odd_none: &'static str,
    pub(crate) looked: &'static str,
    pub(crate) looked_help: &'static str,
    pub(crate) looked_none: &'static str,
    pub(crate) breach: &'static str,
    pub(crate) breach_help: &'static str,
    pub(crate) planned: &'static str,
    pub(crate) planned_help: &'static str,
    pub(crate) span: &'static str,
    pub(crate) show: &'static str,
    pub(crate) span_24h: &'static str,
    pub(crate) span_7d: &'static str,
    pub(crate) span_30d: &'static str,
    pub(crate) about: &'static str,
    pub(crate) time: &'static str,
    pub(crate) who: &'static str,
    pub(crate) whom: &'static str,
    pub(crate) what: &'static str,
    pub(crate) why: &'static str,
    pub(crate) country: &'static str,
    pub(crate) rejections: &'static str,
    pub(crate) usual: &'static str,
    pub(crate) exemption: &'static str,
    pub(crate) older: &'static str,
    pub(crate) back: &'static str,
    pub(crate) unknown_place: &'static str,
    pub(crate) no_plan: &'static str,
    pub(crate) plan: &'static str,
    pub(crate) plan_save: &'static str,
    pub(crate) starts: &'static str,
    pub(crate) starts_help: &'static str,
    pub(crate) every_days: &'static str,
    pub(crate) sample: &'static str,
    pub(crate) sample_help: &'static str,
    pub(crate) within_days: &'static str,
    pub(crate) begin: &'static str,
    pub(crate) begin_help: &'static str,
    pub(crate) go_on: &'static str,
    pub(crate) reviews: &'static str,
    pub(crate) no_reviews: &'static str,
    pub(crate) period: &'static str,
    pub(crate) state: &'static str,
    pub(crate) finished: &'static str,
    pub(crate) open: &'static str,
    pub(crate) drawn_by: &'static str,
    pub(crate) population: &'static str,
    pub(crate) seed: &'static str,
    pub(crate) seed_help: &'static str,
    pub(crate) check: &'static str,
    pub(crate) check_same: &'static str,
    pub(crate) check_other: &'static str,
    pub(crate) outcome: &'static str,
    pub(crate) note: &'static str,
    pub(crate) note_help: &'static str,
    pub(crate) keep: &'static str,
    pub(crate) see_entry: &'static str,
    pub(crate) gone: &'static str,
    pub(crate) nothing_drawn: &'static str,
    pub(crate) receipt_finished: &'static str,
    pub(crate) errors_title: &'static str,
    pub(crate) bad_day: &'static str,
    pub(crate) bad_every_days: &'static str,
    pub(crate) bad_sample: &'static str,
    pub(crate) bad_within_days: &'static str,
    pub(crate) bad_outcome: &'static str,
    pub(crate) bad_note: &'static str,
    pub(crate) bad_span: &'static str,
    pub(crate) own_doing: &'static str,
    pub(crate) review_open: &'static str,
    pub(crate) not_planned: &'static str,
    pub(crate) nothing_waits: &'static str,
    pub(crate) review_over: &'static str,
}

pub(crate) const DANISH: Words = Words {
    title: "Gennemgang af loggen",
    lead: "Fem spørgsmål, et klik hver.",
    wrong: "Hvem blev nok afvist ved en fejl?",
    wrong_help: "Afvisninger, som noget taler imod: kontoen loggede ind hjemmefra næsten samtidig, eller nettet placeres ofte i et forkert land.",
    wrong_none: "Ingen afvisninger ser forkerte ud i tidsrummet.",
    surges: "Hvor vokser det?",
    surges_help: "Timer, hvor et land er langt over det, det selv plejer.",
    surges_none: "Intet land er over det, det plejer.",
    odd: "Ser brug af en rejseadgang mærkelig ud?",
    odd_help: "To lande på én gang, ny enhed, brug efter hjemkomst. Intet sker af sig selv.",
    odd_none: "Ingen brug ser mærkelig ud i tidsrummet.",
    looked: "Hvem kiggede på hvem?",
    looked_help: "Hvert opslag i loggen og hvert kig på en persons rejse.",
    looked_none: "Ingen har kigget i tidsrummet.",
    breach: "Hvad sender vi inden 72 timer?",
    breach_help: "Sager om brud: ur, berørte personer, notater og beviser i én fil.",
    planned: "Planlagt gennemgang",
    planned_help: "Stikprøver, som ingen kan forudse eller vælge, med et resultat for hver.",
    span: "Tidsrum",
    show: "Vis",
    span_24h: "Det seneste døgn",
    span_7d: "De seneste 7 dage",
    span_30d: "De seneste 30 dage",
    about: "Om personen",
    time: "Tidspunkt",
    who: "Hvem",
    whom: "Om hvem",
    what: "Hvad",
    why: "Hvorfor",
    country: "Land",
    rejections: "Afvisninger",
    usual: "Plejer",
    exemption: "Rejseadgang",
    older: "Ældre",
    back: "Tilbage til gennemgang",
    unknown_place: "Ukendt land",
    no_plan: "Der er ikke planlagt nogen gennemgang. Datatilsynet forventer en: læg en plan her.",
    plan: "Plan",
    plan_save: "Gem planen",
    starts: "Første dag",
    starts_help: "Den dag, den første periode begynder: 2026-11-01. Perioder, der er gennemgået, ændres ikke.",
    every_days: "Dage i hver periode",
    sample: "Poster i hver stikprøve",
    sample_help: "Halvdelen om personer, halvdelen afvisninger.",
    within_days: "Dage til at gennemgå, når perioden er slut",
    begin: "Træk stikprøven",
    begin_help: "Trækningen kan ikke gøres om. Det tal, den trækkes med, står i loggen, før der trækkes.",
    go_on: "Gå til gennemgangen",
    reviews: "Gennemgange",
    no_reviews: "Ingen gennemgange endnu.",
    period: "Periode",
    state: "Tilstand",
    finished: "✓ færdig",
    open: "i gang",
    drawn_by: "Trukket af",
    population: "Poster i perioden",
    seed: "Trukket med",
    seed_help: "Tallet stod i loggen, før der blev trukket. Med det kan enhver trække de samme poster igen.",
    check: "Træk igen for at se efter",
    check_same: "De samme poster kommer frem. Ingen har valgt dem.",
    check_other: "Der kommer andre poster frem end dengang. Er noget fra perioden slettet siden, er det forklaringen; ellers se efter, om loggen er hel.",
    outcome: "Resultat",
    note: "Bemærkning",
    note_help: "Gemmes ved stikprøven, ikke i loggen. Højst 500 tegn.",
    keep: "Gem resultatet",
    see_entry: "Se hele posten",
    gone: "Posten er slettet siden; dens tid var udløbet.",
    nothing_drawn: "Der var ingen poster i perioden, så der er intet at gennemgå.",
    receipt_finished: "Gennemgangen er færdig. Resultaterne står fast.",
    errors_title: "Det kan ikke gemmes endnu",
    bad_day: "Skriv en dag som 2026-11-01.",
    bad_every_days: "En periode har 1 til 366 dage.",
    bad_sample: "En stikprøve har 1 til 200 poster.",
    bad_within_days: "Der er 1 til 90 dage til at gennemgå.",
    bad_outcome: "Vælg et resultat.",
    bad_note: "Bemærkningen er for lang: højst 500 tegn.",
    bad_span: "Vælg et af tidsrummene.",
    own_doing: "Det er noget, du selv har gjort. En kollega må bedømme det.",
    review_open: "En gennemgang er i gang. Gør den færdig først.",
    not_planned: "Der er ingen plan endnu.",
    nothing_waits: "Intet venter på gennemgang.",
    review_over: "Gennemgangen er færdig; resultaterne står fast.",
};

pub(crate) const ENGLISH: Words = Words {
    title: "Review of the log",
    lead: "Five questions, a click each.",
    wrong: "Who was probably rejected by mistake?",
    wrong_help: "Rejections that something speaks against: the account signed in from home at nearly the same time, or the network is often placed in a wrong country.",
    wrong_none: "No rejection looks wrong in this span.",
    surges: "Where does it grow?",
    surges_help: "Hours in which a country is far above its own usual.",
    surges_none: "No country is above its usual.",
    odd: "Does the use of a travel exemption look odd?",
    odd_help: "Two countries at once, a new device, use after coming home. Nothing follows by itself.",
    odd_none: "No use looks odd in this span.",
    looked: "Who looked at whom?",
    looked_help: "Every search of the log and every look at somebody's travel.",
    looked_none: "Nobody has looked in this span.",
    breach: "What do we send within 72 hours?",
    breach_help: "Breach files: clock, people concerned, notes, and the evidence in one file.",
    planned: "Planned review",
    planned_help: "Samples that nobody can foresee or choose, with an outcome for each.",
    span: "Time span",
    show: "Show",
    span_24h: "The last 24 hours",
    span_7d: "The last 7 days",
    span_30d: "The last 30 days",
    about: "About the person",
    time: "Time",
    who: "Who",
    whom: "About whom",
    what: "What",
    why: "Why",
    country: "Country",
    rejections: "Rejections",
    usual: "Usually",
    exemption: "Travel exemption",
    older: "Older",
    back: "Back to the review",
    unknown_place: "Unknown country",
    no_plan: "No review is planned. The data protection authority expects one: plan it here.",
    plan: "Plan",
    plan_save: "Save the plan",
    starts: "First day",
    starts_help: "The day on which the first period begins: 2026-11-01. Periods that were reviewed do not change.",
    every_days: "Days in each period",
    sample: "Entries in each sample",
    sample_help: "Half of them about people, half of them rejections.",
    within_days: "Days for the review once the period is over",
    begin: "Draw the sample",
    begin_help: "The draw cannot be repeated. The number it is drawn by is in the log before anything is drawn.",
    go_on: "Go to the review",
    reviews: "Reviews",
    no_reviews: "No reviews yet.",
    period: "Period",
    state: "State",
    finished: "✓ finished",
    open: "under way",
    drawn_by: "Drawn by",
    population: "Entries in the period",
    seed: "Drawn by the number",
    seed_help: "The number was in the log before anything was drawn. With it anybody can draw the same entries again.",
    check: "Draw again to check",
    check_same: "The same entries come out. Nobody has chosen them.",
    check_other: "Other entries come out than then. If something of the period has been deleted since, that is why; otherwise see whether the log is whole.",
    outcome: "Outcome",
    note: "Remark",
    note_help: "Kept with the sample, not in the log. At most 500 characters.",
    keep: "Save the outcome",
    see_entry: "See the whole entry",
    gone: "The entry has been deleted since; its time was over.",
    nothing_drawn: "There were no entries in the period, so there is nothing to review.",
    receipt_finished: "The review is finished. What was found stands.",
    errors_title: "It cannot be saved yet",
    bad_day: "Write a day such as 2026-11-01.",
    bad_every_days: "A period has 1 to 366 days.",
    bad_sample: "A sample has 1 to 200 entries.",
    bad_within_days: "There are 1 to 90 days for the review.",
    bad_outcome: "Choose an outcome.",
    bad_note: "The remark is too long: at most 500 characters.",
    bad_span: "Choose one of the time spans.",
    own_doing: "This is something you did yourself. A colleague has to judge it.",
    review_open: "A review is under way. Finish that one first.",
    not_planned: "There is no plan yet.",
    nothing_waits: "Nothing waits for a review.",
    review_over: "The review is finished; what was found stands.",
};

pub(crate) fn of(language: Language) -> &'static Words {
    match language {
        Language::Danish => &DANISH,
        Language::English => &ENGLISH,
    }
}

pub(crate) fn outcome(outcome: Outcome, language: Language) -> &'static str {
    let (danish, english) = match outcome {
        Outcome::InOrder => ("i orden", "in order"),
        Outcome::WronglyRejected => ("afvist ved en fejl", "rejected by mistake"),
        Outcome::LookCloser => ("bør ses efter", "to be looked into"),
        Outcome::Incident => ("hører til i en sag om brud", "belongs into a breach file"),
    };
    match language {
        Language::Danish => danish,
        Language::English => english,
    }
}

pub(crate) fn odd_use(kind: OddUse, language: Language) -> &'static str {
    let (danish, english) = match kind {
        OddUse::SecondCountry => ("brugt fra endnu et land", "used from another country"),
        OddUse::HomeAndAbroad => {
            ("brugt hjemmefra og ude inden for en time", "used at home and abroad within an hour")
        }
        OddUse::NewDevice => ("ny enhed", "a new device"),
        OddUse::AfterHomeAgain => ("brugt efter hjemkomst", "used after coming home"),
        OddUse::NeverUsed => ("aldrig brugt", "never used"),
    };
    match language {
        Language::Danish => danish,
        Language::English => english,
    }
}

/// How far a review is: `12 af 20 bedømt`.
pub(crate) fn judged(done: usize, all: usize, language: Language) -> String {
    let figure = |value: usize| number(u64::try_from(value).unwrap_or(u64::MAX), language);
    match language {
        Language::Danish => format!("{} af {} bedømt", figure(done), figure(all)),
        Language::English => format!("{} of {} judged", figure(done), figure(all)),
    }
}

pub(crate) fn up_to_date(until: &str, language: Language) -> String {
    match language {
        Language::Danish => {
            format!("Alt er gennemgået. Næste periode er slut den {until}.")
        }
        Language::English => format!("All is reviewed. The next period is over on {until}."),
    }
}

pub(crate) fn waiting(period: &str, due: &str, language: Language) -> String {
    match language {
        Language::Danish => {
            format!("Perioden {period} venter. Den skal være gennemgået senest {due}.")
        }
        Language::English => format!("The period {period} waits. It has to be reviewed by {due}."),
    }
}

pub(crate) fn overdue(period: &str, due: &str, language: Language) -> String {
    match language {
        Language::Danish => {
            format!("For sent: perioden {period} skulle have været gennemgået senest {due}.")
        }
        Language::English => {
            format!("Overdue: the period {period} had to be reviewed by {due}.")
        }
    }
}
