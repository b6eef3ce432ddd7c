//! The accounts as they were at the last change, in memory: a request never asks the store.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::identifier::{OrganizationId, ProviderId};
use crate::policy::{Person, UserName};
use crate::store::{Account, AccountId};

#[derive(Default)]
pub(super) struct Directory {
    providers: BTreeMap<OrganizationId, ProviderId>,
    by_name: HashMap<(OrganizationId, UserName), Arc<Account>>,
    by_id: HashMap<AccountId, Arc<Account>>,
}

impl Directory {
    /// Accounts of organisations that do not use local accounts are left out.
    pub(super) fn new(
        providers: BTreeMap<OrganizationId, ProviderId>,
        accounts: Vec<Account>,
    ) -> Self {
        let mut directory = Self { providers, ..Self::default() };
        for account in accounts {
            if !directory.providers.contains_key(&account.organization) {
                continue;
            }
            let account = Arc::new(account);
            let name = (account.organization.clone(), account.name.clone());
            directory.by_name.insert(name, Arc::clone(&account));
            directory.by_id.insert(account.id.clone(), account);
        }
        directory
    }

    pub(super) fn providers(&self) -> &BTreeMap<OrganizationId, ProviderId> {
        &self.providers
    }

    pub(super) fn named(
        &self,
        organization: &OrganizationId,
        name: &UserName,
    ) -> Option<&Arc<Account>> {
        self.by_name.get(&(organization.clone(), name.clone()))
    }

    /// The account with this id, if what was proven in `epoch` still counts.
    pub(super) fn still(
        &self,
        organization: &OrganizationId,
        id: &AccountId,
        epoch: i64,
    ) -> Option<&Arc<Account>> {
        self.by_id.get(id).filter(|account| {
            account.organization == *organization && account.epoch == epoch && !account.locked
        })
    }

    /// The epoch of the account with this id, unless it is locked.
    pub(super) fn epoch(&self, organization: &OrganizationId, id: &AccountId) -> Option<i64> {
        let account = self.by_id.get(id)?;
        (account.organization == *organization && !account.locked).then_some(account.epoch)
    }

    pub(super) fn person(&self, account: &Account) -> Option<Person> {
        let provider = self.providers.get(&account.organization)?;
        Some(Person::new(account.organization.clone(), provider.clone(), account.id.as_str()))
    }
}
