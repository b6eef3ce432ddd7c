//! Orders in both languages.

use crate::language::{self, Language};
use crate::store::PartState;

pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) intro: &'static str,
    pub(super) give: &'static str,
    pub(super) new_title: &'static str,
    pub(super) none: &'static str,
    pub(super) caption: &'static str,
    pub(super) cut: &'static str,
    pub(super) given: &'static str,
    pub(super) what: &'static str,
    pub(super) order: &'static str,
    pub(super) pseudonymise: &'static str,
    pub(super) pseudonymise_help: &'static str,
    pub(super) remove: &'static str,
    pub(super) remove_help: &'static str,
    pub(super) about: &'static str,
    pub(super) one_person: &'static str,
    pub(super) everybody: &'static str,
    pub(super) persons: &'static str,
    pub(super) persons_help: &'static str,
    pub(super) since: &'static str,
    pub(super) until: &'static str,
    pub(super) span: &'static str,
    pub(super) span_help: &'static str,
    pub(super) why: &'static str,
    pub(super) choose_why: &'static str,
    pub(super) case: &'static str,
    pub(super) case_help: &'static str,
    pub(super) preview: &'static str,
    pub(super) wrong: &'static str,
    pub(super) logged: &'static str,
    pub(super) preview_title: &'static str,
    pub(super) cut_short: &'static str,
    pub(super) this_node: &'static str,
    pub(super) sure: &'static str,
    pub(super) sure_missing: &'static str,
    pub(super) confirm: &'static str,
    pub(super) change: &'static str,
    pub(super) no_back: &'static str,
    pub(super) receipt: &'static str,
    pub(super) receipt_done: &'static str,
    pub(super) by: &'static str,
    pub(super) entries: &'static str,
    pub(super) state: &'static str,
    pub(super) waiting: &'static str,
    pub(super) under_way: &'static str,
    pub(super) done: &'static str,
    pub(super) done_partly: &'static str,
    pub(super) problem: &'static str,
    pub(super) nodes: &'static str,
    pub(super) node: &'static str,
    pub(super) last: &'static str,
    pub(super) files: &'static str,
    pub(super) refresh: &'static str,
    pub(super) number: &'static str,
    pub(super) verify: &'static str,
    pub(super) rule: &'static str,
    pub(super) all_organizations: &'static str,
    pub(super) forgotten: &'static str,
    pub(super) back: &'static str,
    pub(super) insight: &'static str,
    pub(super) bad_what: &'static str,
    pub(super) bad_about: &'static str,
    pub(super) no_name: &'static str,
    pub(super) bad_name: &'static str,
    pub(super) too_many: &'static str,
    pub(super) own: &'static str,
    pub(super) bad_time: &'static str,
    pub(super) bad_order: &'static str,
    pub(super) everything: &'static str,
    pub(super) bad_why: &'static str,
    pub(super) bad_case: &'static str,
}

const DANISH: Words = Words {
    title: "Ordrer om at fjerne personoplysninger",
    intro: "En ordre tager en persons oplysninger ud af loggen, eller sætter pseudonymer i deres sted. Loggens kæde kan stadig bevises bagefter, og ordren bliver stående som en post i loggen.",
    give: "Giv en ordre",
    new_title: "Ny ordre",
    none: "Ingen ordre har ændret organisationens poster.",
    caption: "Ordrer, den nyeste først",
    cut: "Ældre ordrer står i loggen.",
    given: "Givet",
    what: "Hvad skal der ske?",
    order: "Ordre",
    pseudonymise: "Sæt pseudonymer i stedet",
    pseudonymise_help: "To personer kan sammen finde ud af, hvem et pseudonym står for, så længe månedens nøgle er gemt.",
    remove: "Fjern for altid",
    remove_help: "Ingen kan få oplysningerne tilbage.",
    about: "Om hvem?",
    one_person: "Én person",
    everybody: "Alle i perioden",
    persons: "Personens navne i loggen",
    persons_help: "Ét navn på hver linje: brugernavnet, og andre navne, som den samme person har i loggen.",
    since: "Fra og med",
    until: "Til og med",
    span: "Periode",
    span_help: "Tomt: fra begyndelsen, eller til nu. Dagen tæller med.",
    why: "Begrundelse",
    choose_why: "Vælg en begrundelse",
    case: "Sagsnummer",
    case_help: "Skriv det, hvis der er en sag. Det bliver stående i loggen, så skriv intet navn.",
    preview: "Se, hvad ordren vil ændre",
    wrong: "Der er noget, der skal rettes. Intet er ændret.",
    logged: "At du så her, er skrevet i loggen.",
    preview_title: "Skal ordren gives?",
    cut_short: "Der er så meget i loggen, at kun en del er talt. Det rigtige tal er højere.",
    this_node: "Talt i denne nodes log. Ordren går til alle noder.",
    sure: "Jeg har set, hvad ordren ændrer, og giver den",
    sure_missing: "Sæt kryds i, at du giver ordren.",
    confirm: "Giv ordren",
    change: "Ret",
    no_back: "Fortryd",
    receipt: "Ordren er givet. Den bliver udført i løbet af kort tid; du kan lukke siden imens.",
    receipt_done: "Ordren er givet og udført.",
    by: "Givet af",
    entries: "Ændrede poster",
    state: "Status",
    waiting: "Venter",
    under_way: "I gang",
    done: "Udført",
    done_partly: "Udført, men ikke alt kunne ændres",
    problem: "Det gik ikke endnu; det bliver prøvet igen",
    nodes: "Hvor langt er den?",
    node: "Node",
    last: "Sidst ændret",
    files: "Filer set igennem",
    refresh: "Vis status igen",
    number: "Ordrens navn i loggen",
    verify: "Beviset: „geovagt audit verify“ siger, hvor mange poster ordren har ændret, og at kæden stadig holder.",
    rule: "Opsætningens egen frist",
    all_organizations: "Gælder alle organisationer i gatewayen; tallet er for dem alle.",
    forgotten: "Hvem det var, er glemt, da ordren var udført.",
    back: "Til ordrerne",
    insight: "Indsigt og sletning",
    bad_what: "Vælg, hvad der skal ske.",
    bad_about: "Vælg, om ordren gælder én person eller alle.",
    no_name: "Skriv mindst ét navn.",
    bad_name: "Skriv ét navn på hver linje, højst 200 tegn.",
    too_many: "En person har højst 20 navne her. Giv flere ordrer.",
    own: "Du kan ikke selv give en ordre om dine egne poster. Det skal en anden gøre.",
    bad_time: "Skriv en dag som 2026-11-22.",
    bad_order: "Perioden slutter, før den begynder.",
    everything: "Når alles oplysninger skal fjernes for altid, skal der stå en sidste dag. Ellers bliver loggen tømt.",
    bad_why: "Vælg en begrundelse.",
    bad_case: "Skriv et sagsnummer på højst 60 tegn.",
};

const ENGLISH: Words = Words {
    title: "Orders to remove personal data",
    intro: "An order takes a person's data out of the log, or puts pseudonyms in their place. The log's chain can still be proven afterwards, and the order stays as an entry in the log.",
    give: "Give an order",
    new_title: "New order",
    none: "No order has changed the organisation's entries.",
    caption: "Orders, the newest first",
    cut: "Older orders stand in the log.",
    given: "Given",
    what: "What is to be done?",
    order: "Order",
    pseudonymise: "Put pseudonyms in their place",
    pseudonymise_help: "Two people together can find out whom a pseudonym stands for, as long as the month's key is kept.",
    remove: "Remove for good",
    remove_help: "Nobody can bring the data back.",
    about: "About whom?",
    one_person: "One person",
    everybody: "Everybody in the span",
    persons: "The person's names in the log",
    persons_help: "One name a line: the user name, and other names that the same person has in the log.",
    since: "From",
    until: "Until",
    span: "Span",
    span_help: "Empty: from the beginning, or until now. The day counts.",
    why: "Reason",
    choose_why: "Choose a reason",
    case: "Case number",
    case_help: "Write it where there is a case. It stays in the log, so write no name.",
    preview: "See what the order would change",
    wrong: "Something has to be put right. Nothing was changed.",
    logged: "That you looked here is written in the log.",
    preview_title: "Is the order to be given?",
    cut_short: "There is so much in the log that only a part was counted. The true number is higher.",
    this_node: "Counted in the log of this node. The order goes to all nodes.",
    sure: "I have seen what the order changes, and give it",
    sure_missing: "Tick that you give the order.",
    confirm: "Give the order",
    change: "Change",
    no_back: "Cancel",
    receipt: "The order is given. It will be carried out shortly; you can close the page meanwhile.",
    receipt_done: "The order is given and carried out.",
    by: "Given by",
    entries: "Entries changed",
    state: "State",
    waiting: "Waiting",
    under_way: "Under way",
    done: "Carried out",
    done_partly: "Carried out, but not everything could be changed",
    problem: "It did not work yet; it is tried again",
    nodes: "How far is it?",
    node: "Node",
    last: "Last changed",
    files: "Files looked through",
    refresh: "Show the state again",
    number: "The order's name in the log",
    verify: "The proof: “geovagt audit verify” says how many entries the order has changed, and that the chain still holds.",
    rule: "The configuration's own time limit",
    all_organizations: "Of every organisation of the gateway; the number is of them all.",
    forgotten: "Who it was is forgotten, the order being carried out.",
    back: "To the orders",
    insight: "Insight and deletion",
    bad_what: "Choose what is to be done.",
    bad_about: "Choose whether the order is about one person or everybody.",
    no_name: "Write at least one name.",
    bad_name: "Write one name a line, of 200 characters at most.",
    too_many: "A person has 20 names here at most. Give several orders.",
    own: "You cannot give an order about your own entries. Another person must.",
    bad_time: "Write a day such as 2026-11-22.",
    bad_order: "The span ends before it begins.",
    everything: "Where everybody's data is to be removed for good, a last day is needed. Otherwise the log would be emptied.",
    bad_why: "Choose a reason.",
    bad_case: "Write a case number of 60 characters at most.",
};

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::Danish => &DANISH,
            Language::English => &ENGLISH,
        }
    }

    /// How far it has come.
    pub(super) fn state(&self, state: PartState) -> &'static str {
        match state {
            PartState::Waiting => self.waiting,
            PartState::UnderWay => self.under_way,
            PartState::Done => self.done,
        }
    }
}

/// The class that colours it, beside the word.
pub(super) fn class(state: PartState) -> &'static str {
    match state {
        PartState::Waiting => "attention",
        PartState::UnderWay => "plain",
        PartState::Done => "allowed",
    }
}

/// The word for why, in words.
pub(super) fn why(word: &str, language: Language) -> String {
    let (danish, english) = match word {
        "erasure_request" => ("Personen har bedt om det", "The person asked for it"),
        "mistake" => ("Det skulle aldrig have stået der", "It was never to be there"),
        "authority" => {
            ("En tilsynsmyndighed eller domstol kræver det", "An authority or a court demands it")
        }
        "no_longer_needed" => ("Det er ikke længere nødvendigt", "It is needed no longer"),
        "pseudonymise_after" => ("Fristen i opsætningen", "The time limit of the configuration"),
        other => return other.to_owned(),
    };
    match language {
        Language::Danish => danish.to_owned(),
        Language::English => english.to_owned(),
    }
}

/// What an order would change.
pub(super) fn would_change(entries: u64, files: u64, language: Language) -> String {
    let (many, number) = (language::number(entries, language), language::number(files, language));
    match (language, entries, files) {
        (Language::Danish, 0, _) => "Ingen poster ville blive ændret.".to_owned(),
        (Language::Danish, 1, _) => "1 post bliver ændret.".to_owned(),
        (Language::Danish, _, 1) => format!("{many} poster i én fil bliver ændret."),
        (Language::Danish, _, _) => format!("{many} poster i {number} filer bliver ændret."),
        (Language::English, 0, _) => "No entry would be changed.".to_owned(),
        (Language::English, 1, _) => "1 entry will be changed.".to_owned(),
        (Language::English, _, 1) => format!("{many} entries in one file will be changed."),
        (Language::English, _, _) => format!("{many} entries in {number} files will be changed."),
    }
}

/// So many of so many.
pub(super) fn of(some: u64, all: u64, language: Language) -> String {
    let (some, all) = (language::number(some, language), language::number(all, language));
    match language {
        Language::Danish => format!("{some} af {all}"),
        Language::English => format!("{some} of {all}"),
    }
}

/// From when until when.
pub(super) fn span(since: Option<&str>, until: Option<&str>, language: Language) -> String {
    match (language, since, until) {
        (Language::Danish, None, None) => "hele loggen".to_owned(),
        (Language::Danish, Some(since), None) => format!("fra {since}"),
        (Language::Danish, None, Some(until)) => format!("indtil {until}"),
        (Language::Danish, Some(since), Some(until)) => format!("fra {since} indtil {until}"),
        (Language::English, None, None) => "the whole log".to_owned(),
        (Language::English, Some(since), None) => format!("from {since}"),
        (Language::English, None, Some(until)) => format!("until {until}"),
        (Language::English, Some(since), Some(until)) => format!("from {since} until {until}"),
    }
}
