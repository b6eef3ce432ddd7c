//! What clerks and approvers do with journeys; pages and API both call it.
//!
//! Always holds: whoever does something has the role for it in the organisation that they look at; an
//! exemption of another organisation is not there at all; nobody grants, approves or refuses their
//! own journey, by whatever name they go; what is done is done to what was looked at.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::people;
use super::typed::Typed;
use crate::admin::{Admin, Refusal, Visitor};
use crate::audit::{Options, Reference};
use crate::config::{Loaded, Organization, Role};
use crate::journey::ask::{self, More, Reached};
use crate::journey::emergency::{self, Call};
use crate::journey::link::{self, AtApproval, Extent, Unreachable};
use crate::journey::request::{Asked, Whom};
use crate::journey::{LONGEST_LOSS, LONGEST_REASON, TextFault, Trouble, check_text, decision};
use crate::policy::{
    Application, EmergencyRejection, ExemptionId, ExemptionState, GrantRequest, Person,
    TravelExemption, ValidApplication, ValidEmergency, ValidGrant, validate_reached,
};
use crate::store::{By, Ended, ExemptionError, ExemptionRecord, Store, StoreError, UnknownNotice};

/// Within this time the same is asked for once.
const A_MOMENT: SignedDuration = SignedDuration::from_mins(10);

/// Those who look at people's travel at all.
pub(crate) const CLERKS: &[Role] = &[Role::CaseOfficer, Role::Approver];
/// Those who apply, grant and close.
pub(crate) const OFFICERS: &[Role] = &[Role::CaseOfficer];
/// Those who approve and refuse.
pub(crate) const APPROVERS: &[Role] = &[Role::Approver];

/// Where somebody works with the journeys of one organisation.
pub(crate) struct Desk<'a> {
    /// Where journeys are kept.
    pub(crate) store: &'a Store,
    /// The configuration and the lists.
    pub(crate) loaded: Arc<Loaded>,
    /// Whoever works there.
    pub(crate) visitor: &'a Visitor,
    /// Whose journeys they are.
    pub(crate) organization: Arc<Organization>,
    /// Where the log is.
    pub(crate) log: PathBuf,
    /// Now.
    pub(crate) now: Timestamp,
}

/// Why something was not done. Nothing has changed.
#[derive(Debug)]
pub(crate) enum Undone {
    /// Not this visitor, not this thing, or not now.
    Refusal(Refusal),
    /// What was asked for cannot be kept: everything that is wrong with it.
    Troubles(Vec<Trouble>),
    /// The exemption, as it is, does not take it.
    Exemption(ExemptionError),
    /// A text is missing or does not fit.
    Text(TextFault),
    /// No mail would reach the traveller.
    Unreachable(Unreachable),
}

impl From<Refusal> for Undone {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self::Refusal(error.into())
    }
}

impl From<Vec<Trouble>> for Undone {
    fn from(troubles: Vec<Trouble>) -> Self {
        Self::Troubles(troubles)
    }
}

impl From<ExemptionError> for Undone {
    fn from(error: ExemptionError) -> Self {
        match error {
            ExemptionError::Unknown(_) => Self::Refusal(Refusal::NotFound),
            ExemptionError::Store(error) => error.into(),
            other => Self::Exemption(other),
        }
    }
}

/// A grant that was found good, and how its traveller is reached.
#[derive(Debug, Clone)]
pub(crate) struct Grantable {
    /// What is granted.
    pub(crate) grant: ValidGrant,
    /// What is taken along, and where the traveller is reached.
    pub(crate) reached: Application,
}

/// What somebody decides about a journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Yes.
    Approve,
    /// No, with the reason.
    Refuse,
    /// Taken back, with the reason.
    Revoke,
    /// The traveller is home.
    Close,
    /// One's own application taken back.
    Withdraw,
}

impl Step {
    /// Whose step it is.
    pub(crate) const fn roles(self) -> &'static [Role] {
        match self {
            Self::Approve | Self::Refuse => APPROVERS,
            Self::Close | Self::Withdraw => OFFICERS,
            Self::Revoke => CLERKS,
        }
    }

    /// Whether it says why.
    pub(crate) const fn has_reason(self) -> bool {
        matches!(self, Self::Refuse | Self::Revoke)
    }
}

impl<'a> Desk<'a> {
    /// Where this visitor works.
    pub(crate) fn of(admin: &'a Admin, visitor: &'a Visitor) -> Self {
        let loaded = admin.loaded();
        let log = Options::from_config(&loaded.config).directory;
        let (store, organization) = (admin.store(), Arc::clone(&visitor.organization));
        Self { store, loaded, visitor, organization, log, now: crate::clock::now() }
    }

    /// Where somebody sees to their own journeys, whatever organisation they look at otherwise.
    pub(crate) fn own(admin: &'a Admin, visitor: &'a Visitor) -> Result<Self, Refusal> {
        let desk = Self::of(admin, visitor);
        let home = desk.loaded.config.organizations.get(visitor.person.organization()).cloned();
        Ok(Self { organization: home.ok_or(Refusal::NotFound)?, ..desk })
    }

    /// The organisation that is looked at.
    pub(crate) fn organization(&self) -> &Organization {
        &self.organization
    }

    /// Whoever has one of the roles goes on.
    pub(crate) fn require(&self, roles: &[Role]) -> Result<(), Undone> {
        if self.visitor.has_any(roles) { Ok(()) } else { Err(Refusal::NotPermitted.into()) }
    }

    /// The journeys of the organisation, newest first.
    pub(crate) async fn journeys(&self) -> Result<Vec<ExemptionRecord>, Undone> {
        self.require(CLERKS)?;
        let mut journeys = self.store.exemptions(Some(&self.organization().id)).await?;
        journeys.reverse();
        Ok(journeys)
    }

    /// One journey of the organisation.
    pub(crate) async fn journey(&self, id: &ExemptionId) -> Result<ExemptionRecord, Undone> {
        self.require(CLERKS)?;
        let record = self.store.exemption(id).await?;
        let own =
            |record: &ExemptionRecord| record.exemption.organization == self.organization().id;
        record.filter(own).ok_or_else(|| Refusal::NotFound.into())
    }

    /// What could be granted of what was typed.
    pub(crate) async fn grantable(&self, typed: &Typed) -> Result<Grantable, Undone> {
        self.require(OFFICERS)?;
        let everybody = people::everybody(self).await?;
        let chosen = people::chosen(&everybody, typed);
        let asked = self.asked(Whom::Named(people::wanted(chosen, typed)), typed);
        let held = ask::grant(&self.loaded, self.store, asked, self.now).await?;
        let reached = Application {
            devices: typed.devices(),
            telephone: typed.telephone.clone(),
            mail: typed.mail.clone(),
            extends: None,
        };
        let reached = validate_reached(&reached);
        let (grant, reached) = match (held, reached) {
            (Ok(grant), Ok(reached)) => (grant, reached),
            (held, reached) => {
                let mut troubles = held.err().unwrap_or_default();
                let found = reached.err().unwrap_or_default();
                troubles.extend(found.into_iter().map(Trouble::Held));
                return Err(troubles.into());
            }
        };
        self.not_own(&grant)?;
        Ok(Grantable { grant, reached })
    }

    /// Grants what was typed.
    pub(crate) async fn grant(&self, typed: &Typed) -> Result<TravelExemption, Undone> {
        let grantable = self.grantable(typed).await?;
        if let Some(same) = self.just_kept(grantable.grant.request()).await? {
            return Ok(same);
        }
        let granted = self.grant_all(vec![grantable]).await?;
        granted.into_iter().next().ok_or_else(|| Refusal::Unavailable.into())
    }

    /// Grants several at once, all of them or none.
    pub(crate) async fn grant_all(
        &self,
        grantable: Vec<Grantable>,
    ) -> Result<Vec<TravelExemption>, Undone> {
        self.require(OFFICERS)?;
        let actor = self.visitor.actor();
        let by = By::proven(&actor, &self.visitor.person);
        let journeys = grantable.into_iter().map(|one| (one.grant, one.reached)).collect();
        let granted = self.store.grant_journeys(journeys, by, self.now).await?;
        for exemption in &granted {
            link::at_approval(&self.loaded.config, self.store, exemption, &actor, self.now).await?;
        }
        Ok(granted)
    }

    fn not_own(&self, grant: &ValidGrant) -> Result<(), Undone> {
        let request = grant.request();
        let own = request.person == self.visitor.person
            || self.visitor.actor().is_called(request.user_name.as_str());
        if own { Err(vec![Trouble::OwnGrant].into()) } else { Ok(()) }
    }

    /// What could be applied for on behalf of somebody.
    pub(crate) async fn applicable(&self, typed: &Typed) -> Result<ValidApplication, Undone> {
        self.require(OFFICERS)?;
        let everybody = people::everybody(self).await?;
        let chosen = people::chosen(&everybody, typed);
        self.application(Whom::Named(people::wanted(chosen, typed)), typed).await
    }

    /// What could be applied for.
    pub(crate) async fn application(
        &self,
        whom: Whom<'_>,
        typed: &Typed,
    ) -> Result<ValidApplication, Undone> {
        let asked = self.asked(whom, typed);
        let devices = typed.devices();
        let reached = Reached { devices: &devices, telephone: &typed.telephone, mail: &typed.mail };
        Ok(ask::application(&self.loaded, self.store, asked, reached, self.now).await??)
    }

    /// Applies on behalf of somebody.
    pub(crate) async fn apply(&self, typed: &Typed) -> Result<TravelExemption, Undone> {
        let application = self.applicable(typed).await?;
        self.keep(application).await
    }

    /// Keeps an application that was found good.
    pub(crate) async fn keep(
        &self,
        application: ValidApplication,
    ) -> Result<TravelExemption, Undone> {
        if let Some(same) = self.just_kept(application.grant().request()).await? {
            return Ok(same);
        }
        let actor = self.visitor.actor();
        let by = By::proven(&actor, &self.visitor.person);
        Ok(self.store.apply_for_exemption(application, by, self.now).await?)
    }

    /// The same journey, where this visitor has asked for it a moment ago: a button that was pressed
    /// twice makes one.
    async fn just_kept(&self, wanted: &GrantRequest) -> Result<Option<TravelExemption>, Undone> {
        let kept = self.store.exemptions_of(&wanted.person).await?;
        let same = |record: &ExemptionRecord| {
            let known = &record.exemption;
            let by = record.history.first().and_then(|first| first.person.as_ref());
            known.legs == wanted.legs
                && known.sites == wanted.sites
                && known.purpose == wanted.purpose
                && known.case_number == wanted.case_number
                && self.now.duration_since(record.granted_at) < A_MOMENT
                && by == Some(&self.visitor.person)
                && matches!(
                    known.state,
                    ExemptionState::Applied
                        | ExemptionState::AwaitingApproval
                        | ExemptionState::Granted
                )
        };
        Ok(kept.into_iter().find(same).map(|record| record.exemption))
    }

    fn asked<'t>(&'t self, whom: Whom<'t>, typed: &'t Typed) -> Asked<'t> {
        let organization = self.organization();
        Asked {
            organization,
            whom,
            legs: typed.legs(&organization.time_zone),
            sites: &typed.sites,
            purpose: &typed.purpose,
            case: &typed.case,
            demands: None,
        }
    }

    /// Takes a step with a journey that was seen in this version.
    pub(crate) async fn take(
        &self,
        id: &ExemptionId,
        step: Step,
        reason: &str,
        seen: Option<usize>,
    ) -> Result<(TravelExemption, AtApproval), Undone> {
        self.require(step.roles())?;
        let record = self.journey(id).await?;
        let organization = decision::scheme_of(&self.loaded.config, &record.exemption);
        if step.has_reason() {
            check_text(reason, LONGEST_REASON).map_err(Undone::Text)?;
        }
        let (actor, now, reason) = (self.visitor.actor(), self.now, reason.trim());
        let by = By::proven(&actor, &self.visitor.person).having_seen(seen);
        let store = self.store;
        let exemption = match step {
            Step::Approve => {
                let organization = organization.map_err(|trouble| vec![trouble])?;
                let two = decision::takes_two(organization, &record.exemption);
                return Ok(link::approve(&self.loaded.config, store, (id, two), by, now).await?);
            }
            Step::Refuse => store.refuse_exemption(id, reason, by, now).await?,
            Step::Revoke => store.revoke_exemption(id, reason, by, now).await?.exemption,
            Step::Close => store.close_exemption(id, by, now).await?.exemption,
            Step::Withdraw => store.withdraw_exemption(id, by, now).await?,
        };
        Ok((exemption, AtApproval::Nothing))
    }

    /// What could be applied for so that a journey goes on until a day.
    pub(crate) async fn extension(
        &self,
        record: &ExemptionRecord,
        until: &str,
        more: More<'_>,
    ) -> Result<ValidApplication, Undone> {
        let typed = super::typed::read_date(until);
        let Some(day) = typed else {
            return Err(vec![Trouble::Until(super::typed::no_day(until))].into());
        };
        let owner = &record.exemption.organization;
        let Some(organization) = self.loaded.config.organizations.get(owner) else {
            return Err(Refusal::NotFound.into());
        };
        let (about, until) = ((&**organization, record), day.to_string());
        let held =
            ask::extension(&self.loaded, self.store, about, (&until, more), self.now).await?;
        Ok(held?)
    }

    /// Applies for more time.
    pub(crate) async fn extend(
        &self,
        id: &ExemptionId,
        until: &str,
        more: More<'_>,
    ) -> Result<TravelExemption, Undone> {
        self.require(OFFICERS)?;
        let record = self.journey(id).await?;
        let application = self.extension(&record, until, more).await?;
        self.keep(application).await
    }

    /// Gives the traveller a travel link by mail.
    pub(crate) async fn send_link(&self, id: &ExemptionId) -> Result<(), Undone> {
        self.require(OFFICERS)?;
        let record = self.journey(id).await?;
        self.send_link_of(&record.exemption).await
    }

    /// The same of a journey that may be looked at.
    pub(crate) async fn send_link_of(&self, exemption: &TravelExemption) -> Result<(), Undone> {
        let config = &self.loaded.config;
        if let Some(why) = link::unreachable(config, self.store, exemption).await? {
            return Err(Undone::Unreachable(why));
        }
        let Some(host) = link::host_of(config, exemption) else {
            return Err(Undone::Unreachable(Unreachable::NoSender));
        };
        let (actor, extent) = (self.visitor.actor(), Extent { devices: 4, days: 7 });
        let wanted = link::wanted(exemption, host, extent, self.now);
        Ok(self.store.give_travel_link(&exemption.id, wanted, &actor, self.now).await?)
    }

    /// A device of the traveller is lost: ends everything of theirs.
    pub(crate) async fn lost(&self, id: &ExemptionId, reason: &str) -> Result<Ended, Undone> {
        self.require(OFFICERS)?;
        let record = self.journey(id).await?;
        self.end(&record.exemption.person, &record.exemption, reason).await
    }

    /// Ends everything of a person.
    pub(crate) async fn end(
        &self,
        person: &Person,
        exemption: &TravelExemption,
        reason: &str,
    ) -> Result<Ended, Undone> {
        check_text(reason, LONGEST_LOSS).map_err(Undone::Text)?;
        let (name, actor) = (&exemption.user_name, self.visitor.actor());
        Ok(self.store.end_person(person, name, reason.trim(), &actor, self.now).await?)
    }

    /// Has a message to the traveller tried again.
    pub(crate) async fn retry(&self, id: &ExemptionId, notice: &str) -> Result<(), Undone> {
        self.require(OFFICERS)?;
        self.journey(id).await?;
        let of_it = self.store.notices_of(id).await?;
        if !of_it.iter().any(|one| one.id == notice) {
            return Err(Refusal::NotFound.into());
        }
        match self.store.retry_notice(notice, self.now).await {
            Ok(()) => Ok(()),
            Err(UnknownNotice::Store(error)) => Err(error.into()),
            Err(_) => Err(Refusal::NotFound.into()),
        }
    }

    /// The rejection that a caller's reference leads to. Another organisation's is not there.
    pub(crate) async fn rejection(
        &self,
        reference: Reference,
    ) -> Result<EmergencyRejection, Undone> {
        self.require(OFFICERS)?;
        let (store, log, now) = (self.store.clone(), self.log.clone(), self.now);
        let runtime = tokio::runtime::Handle::current();
        // Files are read on the way.
        let searched = tokio::task::spawn_blocking(move || {
            runtime.block_on(emergency::rejection_of(&store, &log, reference, now))
        });
        let found = match searched.await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Err(Refusal::fault(&error).into()),
            Err(error) => return Err(Refusal::fault(&error).into()),
        };
        let own =
            |one: &EmergencyRejection| one.organization.as_ref() == Some(&self.organization().id);
        found
            .filter(own)
            .ok_or_else(|| vec![emergency::not_found(reference, self.store.is_shared())].into())
    }

    /// What could be granted to somebody who calls from in front of the wall.
    pub(crate) async fn in_need(
        &self,
        rejection: &EmergencyRejection,
        typed: &Typed,
        caller_verified: &str,
    ) -> Result<ValidEmergency, Undone> {
        self.require(OFFICERS)?;
        let everybody = people::everybody(self).await?;
        let chosen = people::chosen(&everybody, typed);
        let actor = self.visitor.actor();
        let call = Call {
            wanted: people::wanted(chosen, typed),
            caller_verified,
            purpose: &typed.purpose,
            case: &typed.case,
            by: &actor,
        };
        let organization = self.organization();
        let emergency =
            emergency::prepare(&self.loaded, self.store, organization, rejection, call, self.now)
                .await??;
        self.not_own(emergency.grant())?;
        Ok(emergency)
    }

    /// Grants it.
    pub(crate) async fn let_in(
        &self,
        emergency: ValidEmergency,
    ) -> Result<TravelExemption, Undone> {
        self.require(OFFICERS)?;
        let actor = self.visitor.actor();
        let by = By::proven(&actor, &self.visitor.person);
        Ok(self.store.grant_emergency(emergency, by, self.now).await?)
    }
}
