//! Whether anybody can do anything in the administration.

use crate::config::{Finding, Loaded};

/// Warns where it is open and no organisation names anybody for a role.
pub(super) fn check(loaded: &Loaded) -> Vec<Finding> {
    let config = &loaded.config;
    let Some(admin) = &config.admin else { return Vec::new() };
    let mut organizations = config.organizations.values();
    let is_nobodys = organizations.all(|organization| organization.roles.are_nobodys());
    if !is_nobodys || !admin.operators.is_empty() {
        return Vec::new();
    }
    let what = "the administration is open and nobody has a role in it: whoever signs in sees \
                their own journeys and nothing else";
    vec![Finding::warning(what).with_help(
        "write under the organisation who is what, such as `roles: {case_officer: [kirsten.vang], \
         approver: [mads.bro], security: [sofie.lind]}`",
    )]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::sample;

    #[test]
    fn an_administration_without_anybody_is_told_of() {
        let said = |more: &str, roles: &str| check(&sample::with(more, roles)).len();
        let open = "admin: {bind: [\"127.0.0.1:0\"]}\n";
        let centre = "admin: {bind: [\"127.0.0.1:0\"], operators: [b/ole.drift]}\n";
        assert_eq!(said("", ""), 0, "there is none");
        assert_eq!(said(open, ""), 1);
        assert_eq!(said(open, ", roles: {case_officer: []}"), 1);
        assert_eq!(said(open, ", roles: {security: [sofie.lind]}"), 0);
        assert_eq!(said(centre, ""), 0);
    }
}
