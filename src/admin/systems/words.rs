//! The register in both languages.

use crate::language::Language;
use crate::store::{RuleInPlace, SystemAction};

pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) intro: &'static str,
    pub(super) none: &'static str,
    pub(super) add: &'static str,
    pub(super) change: &'static str,
    pub(super) save: &'static str,
    pub(super) name: &'static str,
    pub(super) name_help: &'static str,
    pub(super) operator: &'static str,
    pub(super) operator_help: &'static str,
    pub(super) rule: &'static str,
    pub(super) rule_help: &'static str,
    pub(super) checked_on: &'static str,
    pub(super) checked_on_help: &'static str,
    pub(super) checked_by: &'static str,
    pub(super) note: &'static str,
    pub(super) checked: &'static str,
    pub(super) never: &'static str,
    pub(super) history: &'static str,
    pub(super) remove: &'static str,
    pub(super) remove_title: &'static str,
    pub(super) remove_text: &'static str,
    pub(super) removed: &'static str,
    pub(super) saved: &'static str,
    pub(super) wrong: &'static str,
    pub(super) back: &'static str,
    pub(super) caption: &'static str,
}

const DANISH: Words = Words {
    title: "Systemer uden for geovagt",
    intro: "Nogle systemer drives af andre, og dem står geovagt ikke foran. Her står, om leverandøren har sat den samme regel, og hvornår I sidst så efter.",
    none: "Der er ingen systemer i registret endnu.",
    add: "Tilføj et system",
    change: "Ret",
    save: "Gem",
    name: "System",
    name_help: "Det navn, I bruger om det, for eksempel Microsoft 365.",
    operator: "Drives af",
    operator_help: "Leverandøren.",
    rule: "Er reglen sat?",
    rule_help: "Ja, hvis leverandøren afviser de samme lande. Hold listen op mod deres indstilling under Liste, Sammenlign.",
    checked_on: "Set efter den",
    checked_on_help: "En dag som 2026-11-22.",
    checked_by: "Set efter af",
    note: "Bemærkning",
    checked: "Set efter",
    never: "aldrig",
    history: "Historik",
    remove: "Fjern fra registret",
    remove_title: "Fjern systemet?",
    remove_text: "Systemet går ud af registret. Historikken bliver stående i lageret.",
    removed: "Systemet er taget ud af registret.",
    saved: "Det er gemt.",
    wrong: "Der er noget, der skal rettes. Intet er gemt.",
    back: "Til registret",
    caption: "Systemer, som andre driver",
};

const ENGLISH: Words = Words {
    title: "Systems outside geovagt",
    intro: "Some systems are run by others, and geovagt does not stand in front of them. Here it says whether the supplier has set the same rule, and when you last looked.",
    none: "There are no systems in the register yet.",
    add: "Add a system",
    change: "Change",
    save: "Save",
    name: "System",
    name_help: "What you call it, such as Microsoft 365.",
    operator: "Run by",
    operator_help: "The supplier.",
    rule: "Is the rule set?",
    rule_help: "Yes, if the supplier rejects the same countries. Hold the list against their setting under List, Compare.",
    checked_on: "Looked at on",
    checked_on_help: "A day such as 2026-11-22.",
    checked_by: "Looked at by",
    note: "Remark",
    checked: "Looked at",
    never: "never",
    history: "History",
    remove: "Remove from the register",
    remove_title: "Remove the system?",
    remove_text: "The system leaves the register. Its history stays in the store.",
    removed: "The system was taken out of the register.",
    saved: "It is saved.",
    wrong: "Something has to be put right. Nothing was saved.",
    back: "To the register",
    caption: "Systems that others run",
};

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::Danish => &DANISH,
            Language::English => &ENGLISH,
        }
    }
}

/// Whether the rule is in place, as a word.
pub(super) fn rule(rule: RuleInPlace, language: Language) -> &'static str {
    match (rule, language) {
        (RuleInPlace::Yes, Language::Danish) => "Ja",
        (RuleInPlace::No, Language::Danish) => "Nej",
        (RuleInPlace::Unknown, Language::Danish) => "Ved ikke",
        (RuleInPlace::Yes, Language::English) => "Yes",
        (RuleInPlace::No, Language::English) => "No",
        (RuleInPlace::Unknown, Language::English) => "Not known",
    }
}

/// The class that colours it, beside the word.
pub(super) fn class(rule: RuleInPlace) -> &'static str {
    match rule {
        RuleInPlace::Yes => "allowed",
        RuleInPlace::No => "rejected",
        RuleInPlace::Unknown => "attention",
    }
}

/// What was done.
pub(super) fn action(action: SystemAction, language: Language) -> &'static str {
    match (action, language) {
        (SystemAction::Recorded, Language::Danish) => "tilføjet",
        (SystemAction::Changed, Language::Danish) => "rettet",
        (SystemAction::Removed, Language::Danish) => "fjernet",
        (SystemAction::Recorded, Language::English) => "added",
        (SystemAction::Changed, Language::English) => "changed",
        (SystemAction::Removed, Language::English) => "removed",
    }
}

/// How it stands, in one sentence.
pub(super) fn lead(all: usize, without: usize, language: Language) -> String {
    match (language, all, without) {
        (Language::Danish, 1, 0) => "Reglen er sat i det ene system.".to_owned(),
        (Language::Danish, _, 0) => format!("Reglen er sat i alle {all} systemer."),
        (Language::Danish, _, _) => {
            format!("I {without} af {all} er reglen ikke sat, eller ingen ved det.")
        }
        (Language::English, 1, 0) => "The rule is set in the one system.".to_owned(),
        (Language::English, _, 0) => format!("The rule is set in all {all} systems."),
        (Language::English, _, _) => {
            format!("In {without} of {all} the rule is not set, or nobody knows.")
        }
    }
}

/// By whom and when, as the end of a line of history.
pub(super) fn by(what: &str, who: &str, language: Language) -> String {
    match language {
        Language::Danish => format!("{what} af {who}"),
        Language::English => format!("{what} by {who}"),
    }
}
