//! What reads exemptions.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use sqlx::any::AnyRow;

use super::{ExemptionError, ExemptionRecord, HistoryEntry};
use crate::identifier::{OrganizationId, ProviderId, SiteId};
use crate::policy::{
    Actor, Application, Demands, Emergency, ExemptionId, ExemptionState, Leg, Person,
    TravelExemption, UserName,
};
use crate::store::connections::{Asked, Lent};
use crate::store::error::readable;
use crate::store::{Change, Store, StoreError};
use crate::territory::Territory;

/// For so long an ended exemption still explains why its person is rejected.
const EXPLAINS_FOR: SignedDuration = SignedDuration::from_hours(24 * 90);

/// Which exemptions to read; nothing stated: all.
#[derive(Default, Clone, Copy)]
struct Filter<'a> {
    id: Option<&'a ExemptionId>,
    organization: Option<&'a OrganizationId>,
    person: Option<&'a Person>,
    /// What gives more time to this one.
    extends: Option<&'a ExemptionId>,
    which: Which,
}

/// Which of them.
#[derive(Default, Clone, Copy)]
enum Which {
    #[default]
    All = 0,
    /// Those that count, of people whose account is not locked.
    InEffect = 1,
    /// Those that count and whose end nobody has told of.
    EndNotNoted = 2,
}

impl<'a> Filter<'a> {
    fn of_person(person: &'a Person) -> Self {
        let organization = Some(person.organization());
        Self { person: Some(person), organization, ..Self::default() }
    }

    fn bound(self, asked: Asked<'a>) -> Asked<'a> {
        asked
            .bind(self.id.map(ExemptionId::as_str))
            .bind(self.organization.map(OrganizationId::as_str))
            .bind(self.person.map(|person| person.provider().as_str()))
            .bind(self.person.map(Person::subject))
            .bind(self.extends.map(ExemptionId::as_str))
    }
}

/// A query over exemptions `e` and what belongs to them, for a [`Filter`].
macro_rules! of_filter {
    ($select:literal, $more:literal, $order:literal) => {
        concat!(
            $select,
            " WHERE ($1 IS NULL OR e.id = $1) AND ($2 IS NULL OR e.organization = $2)
              AND ($3 IS NULL OR (e.provider = $3 AND e.subject = $4))
              AND ($5 IS NULL OR e.extends = $5) ",
            $more,
            " ORDER BY ",
            $order
        )
    };
}

impl Store {
    /// The exemptions that count: granted or provisional, of people whose account is not locked, not ended long
    /// ago. One that cannot be read is left out and reported: it must not keep another's revocation
    /// from taking effect.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn load_exemptions(
        &self,
        now: Timestamp,
    ) -> Result<Vec<TravelExemption>, StoreError> {
        let filter = Filter { which: Which::InEffect, ..Filter::default() };
        let records = readable(self.read_records(filter).await?.into_iter());
        let recent = |exemption: &TravelExemption| {
            exemption.journey().is_some_and(|(_, until)| now.duration_since(until) < EXPLAINS_FOR)
        };
        Ok(records.into_iter().map(|record| record.exemption).filter(recent).collect())
    }

    /// Every exemption of an organisation, or of all, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read, or holds one that cannot be.
    pub async fn exemptions(
        &self,
        organization: Option<&OrganizationId>,
    ) -> Result<Vec<ExemptionRecord>, StoreError> {
        let filter = Filter { organization, ..Filter::default() };
        self.read_records(filter).await?.into_iter().collect()
    }

    /// Every exemption in whatever state. One that cannot be read is left out and reported.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn readable_exemptions(&self) -> Result<Vec<TravelExemption>, StoreError> {
        let records = readable(self.read_records(Filter::default()).await?.into_iter());
        Ok(records.into_iter().map(|record| record.exemption).collect())
    }

    /// The exemption of this name.
    ///
    /// # Errors
    /// [`StoreError`] where the store or the exemption cannot be read.
    pub async fn exemption(&self, id: &ExemptionId) -> Result<Option<ExemptionRecord>, StoreError> {
        let filter = Filter { id: Some(id), ..Filter::default() };
        self.read_records(filter).await?.into_iter().next().transpose()
    }

    pub(in crate::store) async fn exemption_for_change(
        &self,
        change: &mut Change,
        id: &ExemptionId,
    ) -> Result<ExemptionRecord, ExemptionError> {
        let filter = Filter { id: Some(id), ..Filter::default() };
        let found = self.records_on(change.lent(), filter).await?.into_iter().next();
        Ok(found.ok_or_else(|| ExemptionError::Unknown(id.clone()))??)
    }

    /// Every exemption of one person, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read, or holds one that cannot be.
    pub async fn exemptions_of(&self, person: &Person) -> Result<Vec<ExemptionRecord>, StoreError> {
        self.read_records(Filter::of_person(person)).await?.into_iter().collect()
    }

    /// The same within a change, each by itself.
    pub(in crate::store) async fn records_of_person(
        &self,
        change: &mut Change,
        person: &Person,
    ) -> Result<Vec<Result<ExemptionRecord, StoreError>>, StoreError> {
        self.records_on(change.lent(), Filter::of_person(person)).await
    }

    /// What gives more time to this exemption, within a change.
    pub(super) async fn extensions_of(
        &self,
        change: &mut Change,
        id: &ExemptionId,
    ) -> Result<Vec<Result<ExemptionRecord, StoreError>>, StoreError> {
        self.records_on(change.lent(), Filter { extends: Some(id), ..Filter::default() }).await
    }

    /// Those that count and whose end nobody has told of.
    pub(super) async fn counting_records(
        &self,
    ) -> Result<Vec<Result<ExemptionRecord, StoreError>>, StoreError> {
        self.read_records(Filter { which: Which::EndNotNoted, ..Filter::default() }).await
    }

    async fn read_records(
        &self,
        filter: Filter<'_>,
    ) -> Result<Vec<Result<ExemptionRecord, StoreError>>, StoreError> {
        // Exemption, legs and sites of one instant.
        let mut reading = self.reading().await?;
        let records = self.records_on(reading.lent(), filter).await?;
        reading.done().await?;
        Ok(records)
    }

    async fn records_on(
        &self,
        on: &mut Lent,
        filter: Filter<'_>,
    ) -> Result<Vec<Result<ExemptionRecord, StoreError>>, StoreError> {
        let exemptions = of_filter!(
            "SELECT e.* FROM exemptions e",
            "AND ($6 = 0 OR (e.state IN ('granted', 'provisional') AND (
                 ($6 = 1 AND NOT EXISTS (
                      SELECT 1 FROM accounts a WHERE a.organization = e.organization
                      AND a.id = e.subject AND a.locked = 1))
                 OR ($6 = 2 AND e.end_noted_at IS NULL))))",
            "e.granted_at, e.id"
        );
        let exemptions = filter.bound(sqlx::query(exemptions)).bind(filter.which as i64);
        let exemptions = on.rows(exemptions).await?;
        let legs = of_filter!(
            "SELECT l.* FROM exemption_legs l JOIN exemptions e ON e.id = l.exemption",
            "",
            "l.exemption, l.position, l.territory"
        );
        let legs = self.rows_of(on, legs, filter).await?;
        let sites = of_filter!(
            "SELECT s.* FROM exemption_sites s JOIN exemptions e ON e.id = s.exemption",
            "",
            "s.exemption, s.site"
        );
        let sites = self.rows_of(on, sites, filter).await?;
        let history = of_filter!(
            "SELECT h.* FROM exemption_history h JOIN exemptions e ON e.id = h.exemption",
            "",
            "h.sequence"
        );
        let history = self.rows_of(on, history, filter).await?;
        let demands = of_filter!(
            "SELECT d.* FROM exemption_demands d JOIN exemptions e ON e.id = d.exemption",
            "",
            "d.exemption, d.demand"
        );
        let demands = self.rows_of(on, demands, filter).await?;
        let none = Vec::new();
        let read = |row: &AnyRow| {
            let id: String = self.text(row, "id")?;
            let parts = Parts {
                legs: legs.get(&id).unwrap_or(&none),
                sites: sites.get(&id).unwrap_or(&none),
                demands: demands.get(&id).unwrap_or(&none),
                history: history.get(&id).unwrap_or(&none),
            };
            self.record(row, &parts)
        };
        Ok(exemptions.iter().map(read).collect())
    }

    fn record(&self, row: &AnyRow, parts: &Parts<'_>) -> Result<ExemptionRecord, StoreError> {
        let text = |column| self.text(row, column);
        let parsed = |column, what| -> Result<(String, _), StoreError> {
            let value = text(column)?;
            Ok((value.clone(), self.unreadable(what, &value)))
        };
        let (organization, unreadable) = parsed("organization", "an organisation")?;
        let organization = OrganizationId::parse(&organization).map_err(|_| unreadable)?;
        let (provider, unreadable) = parsed("provider", "a provider")?;
        let provider = ProviderId::parse(&provider).map_err(|_| unreadable)?;
        let (user_name, unreadable) = parsed("user_name", "a user name")?;
        let user_name = UserName::parse(&user_name).map_err(|_| unreadable)?;
        let (state, unreadable) = parsed("state", "a state")?;
        let emergency = self.emergency(row)?;
        let until = emergency.as_ref().map(|emergency| emergency.confirm_before);
        let state = ExemptionState::read(&state, until).ok_or(unreadable)?;
        let exemption = TravelExemption {
            id: ExemptionId::new(&text("id")?),
            person: Person::new(organization.clone(), provider, &text("subject")?),
            user_name,
            organization,
            sites: parts.sites.iter().map(|row| self.site(row)).collect::<Result<_, _>>()?,
            legs: self.legs(parts.legs)?,
            purpose: text("purpose")?,
            case_number: text("case_number")?,
            demands: self.demands(parts.demands)?,
            state,
        };
        Ok(ExemptionRecord {
            exemption,
            granted_at: self.instant(row, "granted_at")?,
            granted_by: self.actor(row, "granted_by", "granted_as")?,
            application: self.application(row)?,
            emergency,
            history: parts
                .history
                .iter()
                .map(|row| self.history_entry(row))
                .collect::<Result<_, _>>()?,
        })
    }

    /// What an application said beyond the exemption; none where nobody applied.
    fn application(&self, row: &AnyRow) -> Result<Option<Application>, StoreError> {
        let text = |column| self.maybe_text(row, column);
        let (Some(devices), Some(telephone), Some(mail)) =
            (text("devices")?, text("telephone")?, text("mail")?)
        else {
            return Ok(None);
        };
        let devices = serde_json::from_str(&devices)
            .map_err(|_| self.unreadable("a list of devices", &devices))?;
        let extends = text("extends")?.map(|id| ExemptionId::new(&id));
        Ok(Some(Application { devices, telephone, mail, extends }))
    }

    /// What is kept of an emergency; none where there was none.
    fn emergency(&self, row: &AnyRow) -> Result<Option<Emergency>, StoreError> {
        let text = |column| self.maybe_text(row, column);
        let (Some(reference), Some(caller_verified), Some(before)) =
            (text("reference")?, text("caller_verified")?, text("confirm_before")?)
        else {
            return Ok(None);
        };
        let confirm_before = self.timestamp(&before)?;
        Ok(Some(Emergency { reference, caller_verified, confirm_before }))
    }

    fn legs(&self, rows: &[AnyRow]) -> Result<Vec<Leg>, StoreError> {
        let mut legs: BTreeMap<i64, Leg> = BTreeMap::new();
        for row in rows {
            let position = self.integer(row, "position")?;
            let code = self.text(row, "territory")?;
            let territory =
                Territory::parse(&code).map_err(|_| self.unreadable("a territory", &code))?;
            let from = self.instant(row, "starts")?;
            let until = self.instant(row, "ends")?;
            let leg = legs.entry(position).or_insert_with(|| Leg {
                territories: Vec::new(),
                from,
                until,
            });
            if (leg.from, leg.until) != (from, until) {
                return Err(self.unreadable("a leg of two durations", &until.to_string()));
            }
            leg.territories.push(territory);
        }
        let mut legs: Vec<Leg> = legs.into_values().collect();
        legs.iter_mut().for_each(|leg| leg.territories.sort_unstable());
        Ok(legs)
    }

    /// One that cannot be read makes the whole exemption unreadable: it must not open more than it
    /// was granted for.
    fn demands(&self, rows: &[AnyRow]) -> Result<Demands, StoreError> {
        let mut demands = Demands::NONE;
        for row in rows {
            match self.text(row, "demand")?.as_str() {
                "device" => demands.device = true,
                "multi_factor" => demands.multi_factor = true,
                other => return Err(self.unreadable("a demand", other)),
            }
        }
        Ok(demands)
    }

    fn site(&self, row: &AnyRow) -> Result<SiteId, StoreError> {
        let site = self.text(row, "site")?;
        SiteId::parse(&site).map_err(|_| self.unreadable("a site", &site))
    }

    fn history_entry(&self, row: &AnyRow) -> Result<HistoryEntry, StoreError> {
        Ok(HistoryEntry {
            action: self.text(row, "action")?,
            at: self.instant(row, "at")?,
            by: self.actor(row, "done_by", "done_as")?,
            person: self.doer(row)?,
            reason: self.maybe_text(row, "reason")?,
        })
    }

    /// Whoever did it, where a provider proved them.
    fn doer(&self, row: &AnyRow) -> Result<Option<Person>, StoreError> {
        let text = |column| self.maybe_text(row, column);
        let (Some(organization), Some(provider), Some(subject)) =
            (text("done_organization")?, text("done_provider")?, text("done_subject")?)
        else {
            return Ok(None);
        };
        let organization = OrganizationId::parse(&organization)
            .map_err(|_| self.unreadable("an organisation", &organization))?;
        // What a token of the command line did has no provider's word behind it.
        let of_tokens = ProviderId::of_tokens();
        let provider = match ProviderId::parse(&provider) {
            Ok(provider) => provider,
            Err(_) if provider == of_tokens.as_str() => of_tokens,
            Err(_) => return Err(self.unreadable("a provider", &provider)),
        };
        Ok(Some(Person::new(organization, provider, &subject)))
    }

    fn actor(&self, row: &AnyRow, by: &str, as_whom: &str) -> Result<Actor, StoreError> {
        Ok(Actor {
            name: self.text(row, by)?,
            operating_system_user: self.maybe_text(row, as_whom)?,
        })
    }

    /// The rows that belong to the exemptions of the filter, by exemption.
    async fn rows_of(
        &self,
        on: &mut Lent,
        sql: &'static str,
        filter: Filter<'_>,
    ) -> Result<HashMap<String, Vec<AnyRow>>, StoreError> {
        let asked = filter.bound(sqlx::query(sql));
        let mut by_exemption: HashMap<String, Vec<AnyRow>> = HashMap::new();
        for row in on.rows(asked).await? {
            // An exemption whose name cannot be read is none, whatever belongs to it.
            if let Ok(id) = self.text(&row, "exemption") {
                by_exemption.entry(id).or_default().push(row);
            }
        }
        Ok(by_exemption)
    }
}

struct Parts<'a> {
    legs: &'a [AnyRow],
    sites: &'a [AnyRow],
    demands: &'a [AnyRow],
    history: &'a [AnyRow],
}
