//! What reads exemptions.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use sqlx::any::AnyRow;

use super::{ExemptionError, ExemptionRecord, HistoryEntry};
use crate::identifier::{OrganizationId, ProviderId, SiteId};
use crate::policy::{Actor, ExemptionId, ExemptionState, Leg, Person, TravelExemption, UserName};
use crate::store::connections::Lent;
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
    in_effect: bool,
}

impl Store {
    /// The exemptions that count: granted, of people whose account is not locked, not ended long
    /// ago. One that cannot be read is left out and reported: it must not keep another's revocation
    /// from taking effect.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn load_exemptions(
        &self,
        now: Timestamp,
    ) -> Result<Vec<TravelExemption>, StoreError> {
        let filter = Filter { in_effect: true, ..Filter::default() };
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

    /// The exemption of this name.
    ///
    /// # Errors
    /// [`StoreError`] where the store or the exemption cannot be read.
    pub async fn exemption(&self, id: &ExemptionId) -> Result<Option<ExemptionRecord>, StoreError> {
        let filter = Filter { id: Some(id), ..Filter::default() };
        self.read_records(filter).await?.into_iter().next().transpose()
    }

    pub(super) async fn exemption_for_change(
        &self,
        change: &mut Change,
        id: &ExemptionId,
    ) -> Result<ExemptionRecord, ExemptionError> {
        let filter = Filter { id: Some(id), ..Filter::default() };
        let found = self.records_on(change.lent(), filter).await?.into_iter().next();
        Ok(found.ok_or_else(|| ExemptionError::Unknown(id.clone()))??)
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
        let exemptions = sqlx::query(
            "SELECT e.* FROM exemptions e
             WHERE ($1 IS NULL OR e.id = $1) AND ($2 IS NULL OR e.organization = $2)
               AND ($3 = 0 OR (e.state = 'granted' AND NOT EXISTS (
                        SELECT 1 FROM accounts a WHERE a.organization = e.organization
                        AND a.id = e.subject AND a.locked = 1)))
             ORDER BY e.granted_at, e.id",
        )
        .bind(filter.id.map(ExemptionId::as_str))
        .bind(filter.organization.map(OrganizationId::as_str))
        .bind(i64::from(filter.in_effect));
        let exemptions = on.rows(exemptions).await?;
        let legs = "SELECT l.* FROM exemption_legs l JOIN exemptions e ON e.id = l.exemption
             WHERE ($1 IS NULL OR e.id = $1) AND ($2 IS NULL OR e.organization = $2)
             ORDER BY l.exemption, l.position, l.territory";
        let legs = self.rows_of(on, legs, filter).await?;
        let sites = "SELECT s.* FROM exemption_sites s JOIN exemptions e ON e.id = s.exemption
             WHERE ($1 IS NULL OR e.id = $1) AND ($2 IS NULL OR e.organization = $2)
             ORDER BY s.exemption, s.site";
        let sites = self.rows_of(on, sites, filter).await?;
        let history = "SELECT h.* FROM exemption_history h JOIN exemptions e ON e.id = h.exemption
             WHERE ($1 IS NULL OR e.id = $1) AND ($2 IS NULL OR e.organization = $2)
             ORDER BY h.sequence";
        let history = self.rows_of(on, history, filter).await?;
        let none = Vec::new();
        let read = |row: &AnyRow| {
            let id: String = self.text(row, "id")?;
            let parts = Parts {
                legs: legs.get(&id).unwrap_or(&none),
                sites: sites.get(&id).unwrap_or(&none),
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
        let state = ExemptionState::from_word(&state).ok_or(unreadable)?;
        let exemption = TravelExemption {
            id: ExemptionId::new(&text("id")?),
            person: Person::new(organization.clone(), provider, &text("subject")?),
            user_name,
            organization,
            sites: parts.sites.iter().map(|row| self.site(row)).collect::<Result<_, _>>()?,
            legs: self.legs(parts.legs)?,
            purpose: text("purpose")?,
            case_number: text("case_number")?,
            state,
        };
        Ok(ExemptionRecord {
            exemption,
            granted_at: self.instant(row, "granted_at")?,
            granted_by: self.actor(row, "granted_by", "granted_as")?,
            history: parts
                .history
                .iter()
                .map(|row| self.history_entry(row))
                .collect::<Result<_, _>>()?,
        })
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

    fn site(&self, row: &AnyRow) -> Result<SiteId, StoreError> {
        let site = self.text(row, "site")?;
        SiteId::parse(&site).map_err(|_| self.unreadable("a site", &site))
    }

    fn history_entry(&self, row: &AnyRow) -> Result<HistoryEntry, StoreError> {
        Ok(HistoryEntry {
            action: self.text(row, "action")?,
            at: self.instant(row, "at")?,
            by: self.actor(row, "done_by", "done_as")?,
            reason: self.maybe_text(row, "reason")?,
        })
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
        let asked = sqlx::query(sql)
            .bind(filter.id.map(ExemptionId::as_str))
            .bind(filter.organization.map(OrganizationId::as_str));
        let mut by_exemption: HashMap<String, Vec<AnyRow>> = HashMap::new();
        for row in on.rows(asked).await? {
            by_exemption.entry(self.text(&row, "exemption")?).or_default().push(row);
        }
        Ok(by_exemption)
    }
}

struct Parts<'a> {
    legs: &'a [AnyRow],
    sites: &'a [AnyRow],
    history: &'a [AnyRow],
}
