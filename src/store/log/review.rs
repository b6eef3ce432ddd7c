//! The reviewer's other questions: whose exempt access looked odd, who looked at whom.

use jiff::Timestamp;

use super::super::{FlagRecord, OddUse, Store, StoreError};
use super::handle::{LogIndex, Sql};
use super::query::{Cursor, LogQuery, Organizations, Page};
use crate::audit::Class;
use crate::identifier::OrganizationId;
use crate::policy::ExemptionId;

/// The actions that are a look at the log or at a person's travel.
pub const LOOKS: [&str; 5] =
    ["log_searched", "log_exported", "log_reviewed", "travel_viewed", "person_viewed"];

impl LogIndex {
    /// Every look at the log or at a person's travel, newest first. The query narrows it: to looks
    /// by or at one person, to a span.
    ///
    /// # Errors
    /// [`StoreError`] where the index does not answer.
    pub async fn who_looked(
        &self,
        query: &LogQuery,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let mut query = query.clone();
        query.class = Some(Class::People);
        query.actions = LOOKS.iter().map(|word| (*word).to_owned()).collect();
        self.search(&query, before, limit).await
    }
}

impl Store {
    /// What looked odd of exempt access in this span, newest first.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    pub async fn odd_use_between(
        &self,
        organizations: &Organizations,
        (since, until): (Timestamp, Timestamp),
    ) -> Result<Vec<(OrganizationId, ExemptionId, FlagRecord)>, StoreError> {
        let mut sql = Sql::new(
            "SELECT exemptions.organization AS organization, exemption, kind, day, at, detail
             FROM odd_use_flags JOIN exemptions ON exemptions.id = exemption",
        );
        if let Organizations::These(these) = organizations {
            sql.push(" WHERE exemptions.organization IN (''");
            for organization in these {
                sql.push(", ").value(organization.as_str());
            }
            sql.push(")");
        }
        let rows = self.rows(sql.asked()).await?;
        let mut found = Vec::new();
        for row in &rows {
            let organization = self.text(row, "organization")?;
            let Ok(organization) = OrganizationId::parse(&organization) else { continue };
            let ours = match organizations {
                Organizations::All => true,
                Organizations::These(these) => these.contains(&organization),
            };
            let at = self.instant(row, "at")?;
            if !ours || at < since || at >= until {
                continue;
            }
            let (kind, day) = (self.text(row, "kind")?, self.text(row, "day")?);
            let flag = FlagRecord {
                kind: OddUse::from_word(&kind)
                    .ok_or_else(|| self.unreadable("a kind of odd use", &kind))?,
                day: day.parse().map_err(|_| self.unreadable("a day", &day))?,
                at,
                detail: self.text(row, "detail")?,
            };
            found.push((organization, ExemptionId::new(&self.text(row, "exemption")?), flag));
        }
        found.sort_by_key(|(_, _, flag)| std::cmp::Reverse(flag.at));
        Ok(found)
    }
}
