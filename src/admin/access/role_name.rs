//! Roles as people say them.

use crate::config::Role;
use crate::language::Language;

/// A role in words.
#[must_use]
pub fn role_name(role: Role, language: Language) -> &'static str {
    match (language, role) {
        (Language::Danish, Role::Operator) => "drift",
        (Language::Danish, Role::CaseOfficer) => "sagsbehandler",
        (Language::Danish, Role::Approver) => "godkender",
        (Language::Danish, Role::Security) => "sikkerhed",
        (Language::Danish, Role::DataProtectionOfficer) => "databeskyttelsesrådgiver",
        (Language::English, Role::Operator) => "operator",
        (Language::English, Role::CaseOfficer) => "case officer",
        (Language::English, Role::Approver) => "approver",
        (Language::English, Role::Security) => "security",
        (Language::English, Role::DataProtectionOfficer) => "data protection officer",
    }
}
