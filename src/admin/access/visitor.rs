//! Somebody who is signed in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::super::Refusal;
use crate::config::{Config, Organization, Role, is_same_name};
use crate::identifier::OrganizationId;
use crate::identity::Remembered;
use crate::language::Language;
use crate::policy::{Actor, Person, UserName};

/// Somebody who is signed in, or a program with a token.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// Who it is.
    pub person: Person,
    /// The login name, or what the token is called.
    pub name: UserName,
    /// What they are, by organisation; organisations in which they are nothing are left out.
    pub roles: BTreeMap<OrganizationId, BTreeSet<Role>>,
    /// Whether they see the health of every organisation (and none of their people).
    pub centre_operator: bool,
    /// What they read.
    pub language: Language,
    /// The organisation that is looked at: one of their own.
    pub organization: Arc<Organization>,
    /// Every organisation that they can choose, by name.
    pub organizations: Vec<(OrganizationId, String)>,
    /// For the hidden field `csrf` of every form.
    pub csrf: String,
    /// The digest of the session, or of the token.
    pub(in crate::admin) key: String,
    /// What the token is called that came in place of a session.
    pub(in crate::admin) token: Option<String>,
    /// Where the visitor is, for links that come back here.
    pub(in crate::admin) path: String,
}

impl Visitor {
    /// Whether they have one of the roles in the organisation that is looked at.
    #[must_use]
    pub fn has_any(&self, roles: &[Role]) -> bool {
        let held = self.roles.get(&self.organization.id);
        held.is_some_and(|held| roles.iter().any(|role| held.contains(role)))
    }

    /// Whether they have this role there.
    #[must_use]
    pub fn is(&self, role: Role) -> bool {
        self.has_any(&[role])
    }

    /// Whether they are signed in and nobody else.
    #[must_use]
    pub fn is_traveller_only(&self) -> bool {
        !self.centre_operator
            && self.roles.get(&self.organization.id).is_none_or(BTreeSet::is_empty)
    }

    /// The id of the organisation that is looked at.
    #[must_use]
    pub fn organization_id(&self) -> &OrganizationId {
        &self.organization.id
    }

    /// As the history of exemptions and the log name them.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let token = self.token.as_ref().map(|label| format!("token {label}"));
        Actor { name: self.name.as_str().to_owned(), operating_system_user: token }
    }
}

/// What somebody is, in which organisations. A name counts where the organisation knows people by the
/// provider that proved it; a local account is nobody in any organisation but its own.
pub(in crate::admin) fn roles(
    config: &Config,
    proof: &Remembered,
    person: &Person,
) -> BTreeMap<OrganizationId, BTreeSet<Role>> {
    let names = proof.names();
    let known = config.organizations.values().filter(|one| knows(config, one, person));
    let held = known.map(|one| (one.id.clone(), one.roles.of(&names)));
    held.filter(|(_, roles)| !roles.is_empty()).collect()
}

/// Whether the proof of a person says anything in this organisation.
fn knows(config: &Config, organization: &Organization, person: &Person) -> bool {
    use crate::config::Provider;
    let is_own = organization.id == *person.organization();
    let shared = !matches!(config.identity.get(person.provider()), None | Some(Provider::Local(_)));
    organization.identity_providers.contains(person.provider()) && (is_own || shared)
}

/// Whether the configuration names somebody as an operator of the centre.
pub(in crate::admin) fn is_centre_operator(
    config: &Config,
    proof: &Remembered,
    person: &Person,
) -> bool {
    let names = proof.names();
    let operators = config.admin.iter().flat_map(|admin| &admin.operators);
    operators.into_iter().any(|operator| {
        let organization = config.organizations.get(&operator.organization);
        organization.is_some_and(|one| knows(config, one, person))
            && names.iter().any(|name| is_same_name(name, &operator.name))
    })
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        parts.extensions.get().cloned().ok_or(Refusal::SignInNeeded)
    }
}
