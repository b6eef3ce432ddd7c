//! What people do with the register; pages and API both call it.

use jiff::civil::Date;

use crate::admin::fault::{Fault, Faults};
use crate::admin::{Admin, Fields, Refusal, Visitor};
use crate::clock;
use crate::config::Role;
use crate::language::Language;
use crate::store::{OutsideSystem, RuleInPlace, SystemChange, SystemError, SystemFacts};

/// Those who change the register.
pub(super) const KEEPERS: &[Role] = &[Role::Operator, Role::Security];

const LONGEST_NAME: usize = 120;
const LONGEST_NOTE: usize = 1000;
/// So many systems an organisation has at most.
const MOST: usize = 1000;

/// What somebody typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Typed {
    pub(super) name: String,
    pub(super) operator: String,
    pub(super) rule: String,
    pub(super) checked_on: String,
    pub(super) checked_by: String,
    pub(super) note: String,
}

impl Typed {
    pub(super) fn of(fields: &Fields) -> Self {
        let text = |name| fields.text(name).to_owned();
        Self {
            name: text("name"),
            operator: text("operator"),
            rule: text("rule"),
            checked_on: text("checked_on"),
            checked_by: text("checked_by"),
            note: text("note"),
        }
    }

    pub(super) fn from_facts(facts: &SystemFacts) -> Self {
        Self {
            name: facts.name.clone(),
            operator: facts.operator.clone(),
            rule: facts.rule.word().to_owned(),
            checked_on: facts.checked_on.map(|day| day.to_string()).unwrap_or_default(),
            checked_by: facts.checked_by.clone().unwrap_or_default(),
            note: facts.note.clone(),
        }
    }

    /// What can be kept, or everything that is wrong at once.
    pub(super) fn check(&self, today: Date, language: Language) -> Result<SystemFacts, Faults> {
        let say = |danish: &str, english: &str| match language {
            Language::Danish => danish.to_owned(),
            Language::English => english.to_owned(),
        };
        let mut faults = Vec::new();
        for (field, text) in [("name", &self.name), ("operator", &self.operator)] {
            if text.is_empty() {
                faults.push(Fault::new(field, say("Skriv et navn.", "Write a name.")));
            }
        }
        for (field, text, longest) in [
            ("name", &self.name, LONGEST_NAME),
            ("operator", &self.operator, LONGEST_NAME),
            ("checked_by", &self.checked_by, LONGEST_NAME),
            ("note", &self.note, LONGEST_NOTE),
        ] {
            if text.chars().count() > longest {
                faults.push(Fault::new(
                    field,
                    say(
                        &format!("Højst {longest} tegn, tak."),
                        &format!("At most {longest} characters, please."),
                    ),
                ));
            }
            if text.chars().any(|c| c.is_control() && c != '\n' && c != '\r') {
                faults.push(Fault::new(
                    field,
                    say(
                        "Der er tegn i teksten, som ikke kan vises.",
                        "The text holds signs that cannot be shown.",
                    ),
                ));
            }
        }
        let rule = RuleInPlace::from_word(&self.rule);
        if rule.is_none() {
            faults.push(Fault::new(
                "rule",
                say("Vælg ja, nej eller ved ikke.", "Choose yes, no or not known."),
            ));
        }
        let checked_on = match self.checked_on.as_str() {
            "" => None,
            text => match text.parse::<Date>() {
                Ok(day) if day <= today => Some(day),
                Ok(_) => {
                    faults.push(Fault::new(
                        "checked_on",
                        say("Dagen er ikke kommet endnu.", "That day has not come yet."),
                    ));
                    None
                }
                Err(_) => {
                    faults.push(Fault::new(
                        "checked_on",
                        say("Skriv en dag som 2026-11-22.", "Write a day such as 2026-11-22."),
                    ));
                    None
                }
            },
        };
        if rule.is_some_and(|rule| rule != RuleInPlace::Unknown) && self.checked_on.is_empty() {
            faults.push(Fault::new(
                "checked_on",
                say(
                    "Skriv, hvornår det er set efter. Er det ikke det, så vælg ved ikke.",
                    "Write when it was looked at. If it was not, choose not known.",
                ),
            ));
        }
        match (rule, faults.is_empty()) {
            (Some(rule), true) => Ok(SystemFacts {
                name: self.name.clone(),
                operator: self.operator.clone(),
                rule,
                checked_on,
                checked_by: Some(self.checked_by.clone()).filter(|by| !by.is_empty()),
                note: self.note.clone(),
            }),
            _ => Err(Faults(faults)),
        }
    }
}

/// Why nothing was changed.
#[derive(Debug)]
pub(super) enum Unchanged {
    Refusal(Refusal),
    Faults(Faults),
}

impl From<Refusal> for Unchanged {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl From<SystemError> for Unchanged {
    fn from(error: SystemError) -> Self {
        Self::Refusal(match error {
            SystemError::Unknown => Refusal::NotFound,
            SystemError::Meanwhile => Refusal::PreconditionFailed,
            SystemError::Store(error) => error.into(),
        })
    }
}

pub(super) async fn all(admin: &Admin, visitor: &Visitor) -> Result<Vec<OutsideSystem>, Refusal> {
    let mut all = admin.store().outside_systems(visitor.organization_id()).await?;
    all.sort_by_cached_key(|one| crate::language::sort_key(&one.facts.name, visitor.language));
    Ok(all)
}

pub(super) async fn one(
    admin: &Admin,
    visitor: &Visitor,
    id: &str,
) -> Result<(OutsideSystem, Vec<SystemChange>), Refusal> {
    let found = admin.store().outside_system(visitor.organization_id(), id).await?;
    found.ok_or(Refusal::NotFound)
}

/// The day it is in the visitor's organisation.
pub(super) fn today(visitor: &Visitor) -> Date {
    clock::now().to_zoned(visitor.organization.time_zone.clone()).date()
}

pub(super) async fn record(
    admin: &Admin,
    visitor: &Visitor,
    typed: &Typed,
) -> Result<String, Unchanged> {
    let facts = typed.check(today(visitor), visitor.language).map_err(Unchanged::Faults)?;
    let organization = visitor.organization_id();
    let many = admin.store().outside_systems(organization).await.map_err(Refusal::from)?.len();
    if many >= MOST {
        return Err(Refusal::Conflict(match visitor.language {
            Language::Danish => format!("Registret rummer højst {MOST} systemer. Fjern et først."),
            Language::English => {
                format!("The register holds at most {MOST} systems. Remove one first.")
            }
        })
        .into());
    }
    let recorded =
        admin.store().record_system(organization, &facts, &visitor.actor(), clock::now()).await;
    Ok(recorded.map_err(Refusal::from)?)
}

pub(super) async fn change(
    admin: &Admin,
    visitor: &Visitor,
    (id, revision): (&str, i64),
    typed: &Typed,
) -> Result<(), Unchanged> {
    let facts = typed.check(today(visitor), visitor.language).map_err(Unchanged::Faults)?;
    let which = (visitor.organization_id(), id, revision);
    Ok(admin.store().change_system(which, &facts, &visitor.actor(), clock::now()).await?)
}

pub(super) async fn remove(
    admin: &Admin,
    visitor: &Visitor,
    (id, revision): (&str, i64),
) -> Result<(), Unchanged> {
    let which = (visitor.organization_id(), id, revision);
    Ok(admin.store().remove_system(which, &visitor.actor(), clock::now()).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(name: &str, rule: &str, checked_on: &str) -> Typed {
        let (name, rule, checked_on) = (name.into(), rule.into(), checked_on.into());
        let (checked_by, note) = (String::new(), String::new());
        Typed { name, operator: "KMD".into(), rule, checked_on, checked_by, note }
    }

    #[test]
    fn what_was_not_looked_at_is_not_said_to_be_in_place() {
        let today = "2026-11-22".parse().unwrap();
        let wrong = |typed: Typed| -> Vec<&'static str> {
            match typed.check(today, Language::English) {
                Ok(_) => Vec::new(),
                Err(Faults(faults)) => faults.iter().map(|fault| fault.field).collect(),
            }
        };
        assert!(wrong(typed("Mail", "yes", "2026-11-22")).is_empty());
        assert!(wrong(typed("Mail", "unknown", "")).is_empty());
        assert_eq!(wrong(typed("Mail", "yes", "")), ["checked_on"]);
        assert_eq!(wrong(typed("Mail", "no", "2026-11-23")), ["checked_on"]);
        assert_eq!(wrong(typed("Mail", "perhaps", "22/11")), ["rule", "checked_on"]);
        assert_eq!(wrong(typed("", "no", "2026-11-22")), ["name"]);
        assert_eq!(wrong(typed(&"a".repeat(121), "unknown", "")), ["name"]);
        assert_eq!(wrong(typed("a\u{1b}b", "unknown", "")), ["name"]);
    }
}
