//! Whether anybody can do anything in the administration.

use std::collections::BTreeSet;

use crate::app;
use crate::config::{
    Finding, Loaded, Organization, Provider, StoreLocation, is_same_name, there_are,
};
use crate::identifier::OrganizationId;
use crate::store::FILE_NAME;

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

/// Notes each name under `roles` that no account has, where accounts here are the only ones who sign
/// in. Groups and people of a directory or provider cannot be asked for by name alone.
pub(super) fn unknown_people(loaded: &Loaded) -> Vec<Finding> {
    let config = &loaded.config;
    let is_new =
        config.store == StoreLocation::Sqlite && !config.state_directory.join(FILE_NAME).exists();
    if config.admin.is_none()
        || is_new
        || !config.organizations.values().any(|o| is_local(loaded, o))
    {
        return Vec::new();
    }
    // A store that does not open is another check's finding.
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Vec::new();
    };
    let accounts = runtime.block_on(async {
        let store = app::store::open(config).await.ok()?;
        let accounts = store.accounts().await.ok();
        store.close().await;
        accounts
    });
    let names = accounts.map(|accounts| {
        let named = accounts.into_iter().map(|one| (one.organization, one.name.to_string()));
        named.collect()
    });
    names.map(|names| nobodys(loaded, &names)).unwrap_or_default()
}

fn is_local(loaded: &Loaded, organization: &Organization) -> bool {
    let local = |id| matches!(loaded.config.identity.get(id), Some(Provider::Local(_)));
    let providers = &organization.identity_providers;
    !providers.is_empty() && providers.iter().all(local)
}

fn nobodys(loaded: &Loaded, accounts: &BTreeSet<(OrganizationId, String)>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for organization in loaded.config.organizations.values().filter(|o| is_local(loaded, o)) {
        let id = &organization.id;
        let own: Vec<&str> =
            accounts.iter().filter(|(of, _)| of == id).map(|(_, name)| name.as_str()).collect();
        for (role, name) in organization.roles.named() {
            if own.iter().any(|account| is_same_name(account, name)) {
                continue;
            }
            let word = role.word();
            let says = format!("`{id}` names {name} as {word}, and no account here is called that");
            let help = format!(
                "correct the name under `roles` ({}), or make the account with `geovagt user add`",
                there_are(name, own.iter().copied())
            );
            findings.push(Finding::note(says).with_help(help));
        }
    }
    findings
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

    #[test]
    fn a_name_that_no_account_has_is_noted_where_accounts_are_all_there_is() {
        let open = "admin: {bind: [\"127.0.0.1:0\"]}\n";
        let roles = ", roles: {case_officer: [kirsten.wang], security: [Sofie.Lind]}";
        let known = |names: &[&str]| -> BTreeSet<(OrganizationId, String)> {
            let of = OrganizationId::parse("b").unwrap();
            names.iter().map(|name| (of.clone(), (*name).to_owned())).collect()
        };
        let local = format!("{roles}, identity_providers: [local]");
        let said = nobodys(&sample::with(open, &local), &known(&["kirsten.vang", "sofie.lind"]));
        assert_eq!(
            said.iter().map(|finding| &*finding.message).collect::<Vec<_>>(),
            ["`b` names kirsten.wang as case_officer, and no account here is called that"]
        );
        let help = said[0].help.as_deref().unwrap();
        assert!(help.contains("there are: kirsten.vang, sofie.lind"), "{help}");
        let none = format!("{roles}, identity_providers: []");
        assert!(nobodys(&sample::with(open, &none), &known(&[])).is_empty(), "nobody signs in");
        let directory = "identity:\n  local: {kind: local}\n  entra: {kind: oidc, issuer: \"https://login.example.org\", client_id: c, client_secret: s}\n";
        let both = format!("{roles}, identity_providers: [local, entra]");
        let loaded = sample::with(&format!("{open}{directory}"), &both);
        assert!(nobodys(&loaded, &known(&[])).is_empty(), "they may be the provider's");
        assert!(unknown_people(&sample::with(open, &local)).is_empty(), "there is no store yet");
    }
}
