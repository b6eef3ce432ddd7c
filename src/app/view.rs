//! What the gateway would decide by, opened to look at and not to serve: for `explain` and the like.

use jiff::Timestamp;

use super::{Policies, StartError, snapshot, store, watch};
use crate::config::{Loaded, StoreLocation};
use crate::gateway::{Snapshot, explained};
use crate::geoip;
use crate::identifier::{OrganizationId, SiteId};
use crate::journey::known::{self, is_locked};
use crate::language::Language;
use crate::policy::{Ambiguous, Explanation, Hypothetical, Person, TravelExemption, UserName};
use crate::store::{Account, FILE_NAME, KnownPerson};
use crate::upstream::Prepared;

/// Configuration, lists, database, exemptions and accounts as they are now. Nothing is remembered
/// by having looked.
#[derive(Debug)]
pub struct View {
    /// What was read from the file.
    pub loaded: Loaded,
    /// What a request would be decided by.
    pub snapshot: Snapshot,
    accounts: Vec<Account>,
    known: Vec<KnownPerson>,
    held: Vec<TravelExemption>,
}

impl View {
    /// Opens everything. Where no gateway has run yet there is no store, and so no exemption.
    ///
    /// # Errors
    /// [`StartError`] as the gateway itself would have it.
    pub async fn open(loaded: Loaded, now: Timestamp) -> Result<Self, StartError> {
        let requirements = watch::requirements(&loaded, now);
        let directory = &loaded.config.state_directory;
        let path = &loaded.config.geoip.database;
        let opened = geoip::open_or_last_good(path, directory, &requirements)?;
        if let Some(error) = opened.instead_of {
            tracing::warn!(error = crate::telemetry::chain(&error), "the last good one is used");
        }
        let database = opened.database;
        let is_there = match &loaded.config.store {
            // What may not be looked at is not taken for what is not there.
            StoreLocation::Sqlite => {
                let path = directory.join(FILE_NAME);
                path.try_exists().map_err(|error| StartError::StoreUnseen(path, error))?
            }
            StoreLocation::Postgres(_) => true,
        };
        let (mut known, mut held) = (Vec::new(), Vec::new());
        let (policies, exemptions, accounts) = if is_there {
            let store = store::open(&loaded.config).await?;
            let policies = Policies::judge_only(&loaded, &store, now).await?;
            let exemptions = store.load_exemptions(now).await?;
            let accounts = store.accounts().await?;
            for organization in loaded.config.organizations.keys() {
                known.extend(store.known_people(organization).await?);
            }
            held = store.readable_exemptions().await?;
            store.close().await;
            (policies, exemptions, accounts)
        } else {
            (Policies::default(), Vec::new(), Vec::new())
        };
        let upstreams = Prepared::unserved(&loaded.config);
        let database = database.into();
        let snapshot =
            snapshot::snapshot(&loaded, &policies, exemptions, database, None, &upstreams);
        Ok(Self { loaded, snapshot, accounts, known, held })
    }

    /// What would be decided about a request that nobody has sent; none where there is no such site.
    #[must_use]
    pub fn explain(
        &self,
        site: &SiteId,
        asked: &Hypothetical<'_>,
        language: Language,
    ) -> Option<Result<Explanation, Ambiguous>> {
        let site = self.snapshot.sites.by_id(site)?;
        Some(explained::explain(&self.snapshot, site, asked, language))
    }

    /// The local account with this login name, as a proof would give it.
    #[must_use]
    pub fn account(&self, organization: &OrganizationId, name: &UserName) -> Option<Person> {
        known::account(&self.loaded.config, &self.accounts, organization, name)
    }

    /// Somebody whom one provider of the organisation has proven before, or who holds an exemption,
    /// under a name that is nobody else's.
    #[must_use]
    pub fn known(&self, organization: &OrganizationId, name: &UserName) -> Option<Person> {
        known::seen(&self.loaded.config, &self.known, self.held.iter(), organization, name)
    }

    /// The login names that [`View::account`] and [`View::known`] find somebody by.
    pub(crate) fn names(&self, organization: &OrganizationId) -> impl Iterator<Item = &str> {
        let accounts = self.accounts.iter().filter(move |one| one.organization == *organization);
        let own = move |person: &Person| person.organization() == organization;
        let known = self.known.iter().filter(move |one| own(&one.person));
        let held = self.held.iter().filter(move |one| own(&one.person));
        let names: std::collections::BTreeSet<&str> = accounts
            .map(|one| one.name.as_str())
            .chain(known.map(|one| one.user_name.as_str()))
            .chain(held.map(|one| one.user_name.as_str()))
            .collect();
        names.into_iter()
    }

    /// Everything that this person holds, in whatever state.
    #[must_use]
    pub fn held_by(&self, person: &Person) -> Vec<TravelExemption> {
        self.held.iter().filter(|one| one.person == *person).cloned().collect()
    }

    /// Whether this is somebody's account, and locked.
    #[must_use]
    pub fn is_locked(&self, person: &Person) -> bool {
        is_locked(&self.accounts, person)
    }
}
