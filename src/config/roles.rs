//! `organizations.*.roles`: who may do what.

use std::collections::{BTreeMap, BTreeSet};

use super::checker::{Checker, Entries, Text, all};
use super::nearest::known_names;

/// What somebody may be to an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// `operator`
    Operator,
    /// `case_officer`
    CaseOfficer,
    /// `approver`
    Approver,
    /// `security`
    Security,
    /// `dpo`
    DataProtectionOfficer,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [
        Self::Operator,
        Self::CaseOfficer,
        Self::Approver,
        Self::Security,
        Self::DataProtectionOfficer,
    ];

    /// As the configuration names it.
    #[must_use]
    pub fn word(self) -> &'static str {
        ROLES.iter().find(|(_, role)| *role == self).map_or("", |(word, _)| word)
    }

    /// The role of this name.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        ROLES.iter().find(|(known, _)| *known == word).map(|(_, role)| *role)
    }
}

const ROLES: [(&str, Role); 5] = [
    ("operator", Role::Operator),
    ("case_officer", Role::CaseOfficer),
    ("approver", Role::Approver),
    ("security", Role::Security),
    ("dpo", Role::DataProtectionOfficer),
];

/// The groups and users of each role, as written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles(BTreeMap<Role, Vec<String>>);

impl Roles {
    /// Whether somebody of these names, a user's and those of their groups, may act in one of the
    /// roles. Where the organisation names nobody for any of them, nobody is kept from it.
    #[must_use]
    pub fn allow(&self, roles: &[Role], names: &[String]) -> bool {
        let mut named = roles.iter().filter_map(|role| self.0.get(role)).flatten().peekable();
        let is_one = |wanted: &String| {
            names.iter().any(|name| name.trim().to_lowercase() == wanted.to_lowercase())
        };
        named.peek().is_none() || named.any(is_one)
    }

    /// Whether no role names anybody.
    #[must_use]
    pub fn are_nobodys(&self) -> bool {
        self.0.values().all(Vec::is_empty)
    }

    /// Whom each role names, as written.
    pub(crate) fn named(&self) -> impl Iterator<Item = (Role, &str)> {
        self.0.iter().flat_map(|(role, named)| named.iter().map(|name| (*role, name.as_str())))
    }

    /// The roles in which somebody of these names acts in the administration, where a role that names
    /// nobody is nobody's.
    #[must_use]
    pub fn of(&self, names: &[String]) -> BTreeSet<Role> {
        let is_one = |wanted: &String| names.iter().any(|name| is_same_name(name, wanted));
        let held = self.0.iter().filter(|(_, named)| named.iter().any(is_one));
        held.map(|(role, _)| *role).collect()
    }
}

/// Whether two texts name the same user or group. Case plays no part, nor do spaces around the commas
/// of a distinguished name, which every directory writes its own way.
#[must_use]
pub fn is_same_name(one: &str, other: &str) -> bool {
    let plain = |name: &str| {
        let parts = name.split(',').map(str::trim);
        parts.collect::<Vec<_>>().join(",").to_lowercase()
    };
    plain(one) == plain(other)
}

pub(super) fn check(roles: Option<&Entries<Vec<Text>>>, check: &mut Checker<'_>) -> Option<Roles> {
    let entries = roles.into_iter().flat_map(|roles| &roles.0);
    let read = all(entries.map(|(key, people)| {
        let known = ROLES.iter().find(|(word, _)| *word == key.value).map(|(_, role)| *role);
        if known.is_none() {
            let words = ROLES.iter().map(|(word, _)| *word);
            check.refuse(
                key.referenced,
                format!("no role is called `{}`", key.value),
                known_names(&key.value, words),
            );
        }
        let people = all(people.iter().map(|text| check.label(text)));
        Some((known?, people?))
    }))?;
    Some(Roles(read.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_for_those_it_names_and_one_that_names_nobody_is_for_all() {
        let deciding = [Role::CaseOfficer, Role::Approver];
        let named = |role, people: &[&str]| {
            Roles(BTreeMap::from([(role, people.iter().map(|&p| p.to_owned()).collect())]))
        };
        let people = named(Role::Approver, &["Bente Lund", "sagsbehandlere"]);
        let is = |roles: &Roles, name: &str| roles.allow(&deciding, &[name.to_owned()]);
        assert!(is(&people, " bente lund ") && is(&people, "sagsbehandlere"));
        assert!(!is(&people, "carl") && !is(&people, "") && !people.allow(&deciding, &[]));
        assert!(is(&Roles::default(), "carl"));
        assert!(is(&named(Role::Security, &["Bente Lund"]), "carl"));
        assert!(is(&named(Role::Approver, &[]), "carl"));
    }

    #[test]
    fn in_the_administration_a_role_that_names_nobody_is_nobodys() {
        let roles = Roles(BTreeMap::from([
            (Role::Approver, vec!["Bente Lund".to_owned(), "Chefer".to_owned()]),
            (Role::Security, Vec::new()),
        ]));
        let of = |name: &str| roles.of(&[name.to_owned()]).into_iter().collect::<Vec<_>>();
        assert_eq!((of("bente lund"), of("chefer")), (vec![Role::Approver], vec![Role::Approver]));
        assert!(of("carl").is_empty() && of("").is_empty() && roles.of(&[]).is_empty());
        assert!(Roles::default().of(&["bente lund".to_owned()]).is_empty());
    }

    #[test]
    fn every_role_has_its_word() {
        for role in Role::ALL {
            assert_eq!(Role::from_word(role.word()), Some(role));
        }
    }
}
