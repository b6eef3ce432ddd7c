//! What makes an exemption: a grant, an application, an emergency.

use jiff::{SignedDuration, Timestamp};

use super::change::Done;
use super::{By, ExemptionError, ExemptionRecord};
use crate::clock;
use crate::policy::{
    Actor, Application, ApprovalRefused, Emergency, ExemptionId, ExemptionState, Phase,
    TravelExemption, ValidApplication, ValidEmergency, ValidGrant,
};
use crate::store::error::readable;
use crate::store::{Change, ChangeAction, Store, StoreError};

/// Crockford's digits: none that is taken for another when read out.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ID_DIGITS: usize = 6;
/// Of a thousand million names so many are tried before giving up.
const TRIES: usize = 8;
/// So many applications of one person wait at a time.
pub(in crate::store) const MOST_OPEN: usize = 20;
/// Within this time an emergency that nobody confirmed is not repeated.
const NOT_REPEATED_WITHIN: SignedDuration = SignedDuration::from_hours(14 * 24);

/// What a new exemption has beside itself.
#[derive(Default)]
struct Beside<'a> {
    application: Option<&'a Application>,
    emergency: Option<&'a Emergency>,
}

impl Store {
    /// Keeps an exemption that was found good, granted or waiting for the second person, under a new
    /// name.
    ///
    /// # Errors
    /// [`ExemptionError::Store`] where it could not be kept.
    pub async fn grant_exemption(
        &self,
        grant: ValidGrant,
        by: impl Into<By<'_>>,
        now: Timestamp,
    ) -> Result<TravelExemption, ExemptionError> {
        self.grant_under(random_ids(), grant, by.into(), now).await
    }

    /// Keeps several grants at once, each with how its traveller is reached: all of them or none.
    ///
    /// # Errors
    /// [`ExemptionError::Store`] where they could not be kept; none is then.
    pub async fn grant_journeys(
        &self,
        journeys: Vec<(ValidGrant, Application)>,
        by: impl Into<By<'_>>,
        now: Timestamp,
    ) -> Result<Vec<TravelExemption>, ExemptionError> {
        let by = by.into();
        let mut change = self.begin().await?;
        let mut kept = Vec::with_capacity(journeys.len());
        for (grant, reached) in journeys {
            let exemption = grant.into_exemption(ExemptionId::new(""));
            let done = Done::new("granted", ChangeAction::ExemptionGranted);
            let beside = Beside { application: Some(&reached), ..Beside::default() };
            kept.push(change.add(random_ids(), exemption, beside, done, by, now).await?);
        }
        change.commit().await?;
        Ok(kept)
    }

    pub(in crate::store) async fn grant_under(
        &self,
        names: impl Iterator<Item = ExemptionId> + Send,
        grant: ValidGrant,
        by: impl Into<By<'_>>,
        now: Timestamp,
    ) -> Result<TravelExemption, ExemptionError> {
        let by = by.into();
        let mut change = self.begin().await?;
        let exemption = grant.into_exemption(ExemptionId::new(""));
        let done = Done::new("granted", ChangeAction::ExemptionGranted);
        let kept = change.add(names, exemption, Beside::default(), done, by, now).await?;
        change.commit().await?;
        Ok(kept)
    }

    /// Keeps an application that was found good, waiting for a decision, under a new name.
    ///
    /// # Errors
    /// [`ExemptionError::NotExtendable`] where it would prolong what has ended meanwhile,
    /// [`ExemptionError::ExtensionWaits`] where another that would waits,
    /// [`ExemptionError::TooManyOpen`] where so many of this person's wait already.
    pub async fn apply_for_exemption(
        &self,
        application: ValidApplication,
        by: impl Into<By<'_>>,
        now: Timestamp,
    ) -> Result<TravelExemption, ExemptionError> {
        let by = by.into();
        let mut change = self.begin().await?;
        let (exemption, application) = application.into_exemption(ExemptionId::new(""));
        if let Some(extended) = &application.extends {
            let record = self.exemption_for_change(&mut change, extended).await?;
            let goes_on = matches!(record.exemption.phase(now), Phase::Planned | Phase::Active);
            if record.exemption.person != exemption.person
                || record.exemption.state != ExemptionState::Granted
                || !goes_on
            {
                return Err(ExemptionError::NotExtendable(extended.clone()));
            }
            // It would be for the same days: both begin where the journey ends.
            let others = self.extensions_of(&mut change, extended).await?;
            let mut others = readable(others.into_iter()).into_iter();
            if let Some(other) = others.find(|other| waits(&other.exemption, now)) {
                let (id, waiting) = (extended.clone(), other.exemption.id);
                return Err(ExemptionError::ExtensionWaits { id, waiting });
            }
        }
        self.room_for_one_more(&mut change, &exemption, now).await?;
        let own = match by.person {
            Some(person) => *person == exemption.person,
            None => by.actor.is_called(exemption.user_name.as_str()),
        };
        let word = match &application.extends {
            Some(_) => "extension",
            None if own => "own",
            None => "on_behalf",
        };
        let done = Done::new("applied", ChangeAction::ExemptionApplied).word(word);
        let beside = Beside { application: Some(&application), ..Beside::default() };
        let kept = change.add(random_ids(), exemption, beside, done, by, now).await?;
        change.commit().await?;
        Ok(kept)
    }

    /// Keeps an emergency that was found good; it counts from now on, and without a second person not
    /// for long.
    ///
    /// # Errors
    /// [`ExemptionError`] where the reference was used already, the person is let in anyway, or had
    /// such an emergency that nobody confirmed.
    pub async fn grant_emergency(
        &self,
        emergency: ValidEmergency,
        by: impl Into<By<'_>>,
        now: Timestamp,
    ) -> Result<TravelExemption, ExemptionError> {
        let by = by.into();
        let mut change = self.begin().await?;
        let (exemption, emergency) = emergency.into_exemption(ExemptionId::new(""));
        if by.person == Some(&exemption.person) {
            let source = ApprovalRefused::Traveller;
            return Err(ExemptionError::NotBy { id: exemption.id, source });
        }
        if let Some(id) = self.led_to(&mut change, &emergency.reference).await? {
            return Err(ExemptionError::ReferenceUsed { reference: emergency.reference, id });
        }
        for record in self.records_of_person(&mut change, &exemption.person).await? {
            no_second_emergency(&record?, &exemption, now)?;
        }
        let done = Done::new("emergency", ChangeAction::ExemptionGranted)
            .word("emergency")
            .reason(&emergency.caller_verified)
            .reference(&emergency.reference);
        let beside = Beside { emergency: Some(&emergency), ..Beside::default() };
        let kept = change.add(random_ids(), exemption, beside, done, by, now).await?;
        change.commit().await?;
        Ok(kept)
    }
}

impl Store {
    /// Nobody fills the list of those who decide. What waited until its journey was over waits for
    /// nobody.
    async fn room_for_one_more(
        &self,
        change: &mut Change,
        wanted: &TravelExemption,
        now: Timestamp,
    ) -> Result<(), ExemptionError> {
        let mut open = 0;
        for record in self.records_of_person(change, &wanted.person).await? {
            // One that cannot be read may wait as well.
            open += record.map_or(1, |record| usize::from(waits(&record.exemption, now)));
        }
        if open < MOST_OPEN { Ok(()) } else { Err(ExemptionError::TooManyOpen(open)) }
    }

    /// The exemption that a reference led to before.
    async fn led_to(
        &self,
        change: &mut Change,
        reference: &str,
    ) -> Result<Option<ExemptionId>, StoreError> {
        let asked = sqlx::query("SELECT id FROM exemptions WHERE reference = $1").bind(reference);
        let found = change.rows(asked).await?;
        found.first().map(|row| Ok(ExemptionId::new(&self.text(row, "id")?))).transpose()
    }
}

fn waits(exemption: &TravelExemption, now: Timestamp) -> bool {
    matches!(exemption.phase(now), Phase::Applied | Phase::AwaitingApproval)
        && exemption.journey().is_some_and(|(_, until)| now < until)
}

/// Neither what is open anyway, nor the same again without a second person.
fn no_second_emergency(
    held: &ExemptionRecord,
    wanted: &TravelExemption,
    now: Timestamp,
) -> Result<(), ExemptionError> {
    let held_for = &held.exemption;
    let same_site = held_for.sites.iter().any(|site| wanted.sites.contains(site));
    let names_same = |leg: &&crate::policy::Leg| {
        let wanted = || wanted.legs.iter().flat_map(|leg| &leg.territories);
        leg.territories.iter().any(|territory| wanted().any(|other| other == territory))
    };
    let mut same_place = held_for.legs.iter().filter(names_same).peekable();
    if !same_site || same_place.peek().is_none() {
        return Ok(());
    }
    let open = held_for.phase(now) == Phase::Active
        && same_place.any(|leg| leg.from <= now && now < leg.until);
    if open {
        return Err(ExemptionError::AlreadyOpen(held_for.id.clone()));
    }
    let recent = now.duration_since(held.granted_at) < NOT_REPEATED_WITHIN;
    if held.emergency.is_some() && held.first("approved").is_none() && recent {
        return Err(ExemptionError::Unconfirmed(held_for.id.clone()));
    }
    Ok(())
}

fn random_ids() -> impl Iterator<Item = ExemptionId> + Send {
    std::iter::repeat_with(random_id).take(TRIES)
}

fn random_id() -> ExemptionId {
    let digits: String = clock::random_bytes::<ID_DIGITS>()
        .iter()
        .filter_map(|byte| DIGITS.get(usize::from(byte % 32)).copied().map(char::from))
        .collect();
    ExemptionId::new(&format!("TE-{digits}"))
}

impl Change {
    /// Keeps a new exemption under the first free name.
    async fn add(
        &mut self,
        names: impl Iterator<Item = ExemptionId> + Send,
        mut exemption: TravelExemption,
        beside: Beside<'_>,
        done: Done<'_>,
        by: By<'_>,
        now: Timestamp,
    ) -> Result<TravelExemption, ExemptionError> {
        for name in names {
            exemption.id = name;
            if self.insert_exemption(&exemption, &beside, by.actor, now).await? {
                self.insert_legs_and_sites(&exemption).await?;
                self.insert_demands(&exemption.id, exemption.demands).await?;
                if let Some(application) = beside.application {
                    self.reach_by(&exemption.id, application, now).await?;
                }
                self.record(&exemption, done, by, now).await?;
                return Ok(exemption);
            }
        }
        Err(ExemptionError::NoFreeName)
    }

    /// Whether the name was free.
    async fn insert_exemption(
        &mut self,
        exemption: &TravelExemption,
        beside: &Beside<'_>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Beside { application, emergency } = beside;
        let devices = application.map(|a| serde_json::Value::from(a.devices.clone()).to_string());
        let add = sqlx::query(
            "INSERT INTO exemptions (id, organization, provider, subject, user_name, purpose,
                                     case_number, state, granted_at, granted_by, granted_as,
                                     devices, telephone, mail, extends,
                                     reference, caller_verified, confirm_before)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                     $18)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(exemption.id.as_str())
        .bind(exemption.organization.as_str())
        .bind(exemption.person.provider().as_str())
        .bind(exemption.person.subject())
        .bind(exemption.user_name.as_str())
        .bind(exemption.purpose.as_str())
        .bind(exemption.case_number.as_str())
        .bind(exemption.state.word())
        .bind(now.to_string())
        .bind(by.name.as_str())
        .bind(by.operating_system_user.as_deref())
        .bind(devices)
        .bind(application.map(|a| a.telephone.as_str()))
        .bind(application.map(|a| a.mail.as_str()))
        .bind(application.and_then(|a| a.extends.as_ref()).map(ExemptionId::as_str))
        .bind(emergency.map(|e| e.reference.as_str()))
        .bind(emergency.map(|e| e.caller_verified.as_str()))
        .bind(emergency.map(|e| e.confirm_before.to_string()));
        Ok(self.execute(add).await? == 1)
    }

    async fn insert_legs_and_sites(
        &mut self,
        exemption: &TravelExemption,
    ) -> Result<(), StoreError> {
        for (position, leg) in (0_i64..).zip(&exemption.legs) {
            for territory in &leg.territories {
                let add = sqlx::query(
                    "INSERT INTO exemption_legs (exemption, position, territory, starts, ends)
                     VALUES ($1, $2, $3, $4, $5)",
                )
                .bind(exemption.id.as_str())
                .bind(position)
                .bind(territory.to_string())
                .bind(leg.from.to_string())
                .bind(leg.until.to_string());
                self.execute(add).await?;
            }
        }
        for site in &exemption.sites {
            let add = sqlx::query("INSERT INTO exemption_sites (exemption, site) VALUES ($1, $2)")
                .bind(exemption.id.as_str())
                .bind(site.as_str());
            self.execute(add).await?;
        }
        Ok(())
    }
}
