//! Addresses from which a person's programs may pass for a while.

use ipnet::IpNet;
use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::error::readable;
use super::{Change, Store, StoreError};
use crate::identifier::SiteId;
use crate::policy::{ExemptionId, Person, UserName};

/// So many of one person's may run for one site; the oldest ends for the next one.
const MOST: usize = 3;

/// A grant that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAddressGrant {
    /// Whose programs may pass.
    pub person: Person,
    /// The person's login name, to be shown.
    pub user_name: UserName,
    /// Where to.
    pub site: SiteId,
    /// The exemption by which the person came in.
    pub exemption: ExemptionId,
    /// From where.
    pub network: IpNet,
    /// Whether the person had proven more than one factor.
    pub multi_factor: bool,
    /// The mark of the device from which it was asked for.
    pub device: Option<String>,
    /// Until when.
    pub ends: Timestamp,
}

/// A grant that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressGrant {
    /// Its own name.
    pub id: String,
    /// When it began.
    pub began: Timestamp,
    /// What it grants.
    pub grant: NewAddressGrant,
}

impl Store {
    /// Keeps a grant. One for the same person, site and network takes the other's place.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn grant_address(
        &self,
        grant: NewAddressGrant,
        now: Timestamp,
    ) -> Result<AddressGrant, StoreError> {
        let own = |kept: &AddressGrant| {
            kept.grant.person == grant.person && kept.grant.site == grant.site
        };
        let running: Vec<AddressGrant> =
            self.address_grants(now).await?.into_iter().filter(own).collect();
        let mut change = self.begin().await?;
        let surplus = (running.len() + 1).saturating_sub(MOST);
        for (position, kept) in running.iter().enumerate() {
            if position < surplus || kept.grant.network == grant.network {
                change.end_grant(&kept.id, now).await?;
            }
        }
        let kept = AddressGrant { id: Uuid::now_v7().to_string(), began: now, grant };
        change.insert_grant(&kept).await?;
        change.commit().await?;
        Ok(kept)
    }

    /// Ends the grants of a person for a site; gives how many those were.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept; none has ended then.
    pub async fn end_address_grants(
        &self,
        person: &Person,
        site: &SiteId,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut change = self.begin().await?;
        let ended = change.end_grants_of(person, Some(site), now).await?;
        change.commit().await?;
        Ok(ended)
    }

    /// Every grant that runs now, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn address_grants(&self, now: Timestamp) -> Result<Vec<AddressGrant>, StoreError> {
        let rows = sqlx::query(
            "SELECT g.* FROM address_grants g JOIN exemptions e ON e.id = g.exemption
             WHERE g.ended IS NULL AND e.state NOT IN ('revoked', 'closed')
             ORDER BY g.began, g.id",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.fault(error))?;
        // One that cannot be read must not keep another's end from taking effect.
        let grants = readable(rows.iter().map(|row| self.read_grant(row)));
        Ok(grants.into_iter().filter(|kept| kept.grant.ends > now).collect())
    }

    fn read_grant(&self, row: &SqliteRow) -> Result<AddressGrant, StoreError> {
        let text = |column: &str| row.try_get::<String, _>(column).map_err(|e| self.fault(e));
        let (name, site, network) = (text("user_name")?, text("site")?, text("network")?);
        let multi_factor: i64 = row.try_get("multi_factor").map_err(|error| self.fault(error))?;
        Ok(AddressGrant {
            id: text("id")?,
            began: self.timestamp(&text("began")?)?,
            grant: NewAddressGrant {
                person: self.person([
                    text("organization")?,
                    text("provider")?,
                    text("subject")?,
                ])?,
                user_name: UserName::parse(&name)
                    .map_err(|_| self.unreadable("a user name", &name))?,
                site: SiteId::parse(&site).map_err(|_| self.unreadable("a site", &site))?,
                exemption: ExemptionId::new(&text("exemption")?),
                network: network.parse().map_err(|_| self.unreadable("a network", &network))?,
                multi_factor: multi_factor == 1,
                device: row.try_get("device").map_err(|error| self.fault(error))?,
                ends: self.timestamp(&text("ends")?)?,
            },
        })
    }
}

impl Change {
    async fn insert_grant(&mut self, kept: &AddressGrant) -> Result<(), StoreError> {
        let AddressGrant { id, began, grant } = kept;
        let added = sqlx::query(
            "INSERT INTO address_grants (id, organization, provider, subject, user_name, site,
                                         exemption, network, multi_factor, device, began, ends)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(id)
        .bind(grant.person.organization().as_str())
        .bind(grant.person.provider().as_str())
        .bind(grant.person.subject())
        .bind(grant.user_name.as_str())
        .bind(grant.site.as_str())
        .bind(grant.exemption.as_str())
        .bind(grant.network.to_string())
        .bind(i64::from(grant.multi_factor))
        .bind(&grant.device)
        .bind(began.to_string())
        .bind(grant.ends.to_string())
        .execute(self.on())
        .await;
        added.map(|_| ()).map_err(|error| self.fault(error))
    }

    async fn end_grant(&mut self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let done = sqlx::query("UPDATE address_grants SET ended = $1 WHERE id = $2")
            .bind(now.to_string())
            .bind(id)
            .execute(self.on())
            .await;
        done.map(|_| ()).map_err(|error| self.fault(error))
    }

    /// Ends a person's grants, for one site or for all; gives how many those were.
    pub(super) async fn end_grants_of(
        &mut self,
        person: &Person,
        site: Option<&SiteId>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "UPDATE address_grants SET ended = $1
             WHERE ended IS NULL AND organization = $2 AND provider = $3 AND subject = $4
               AND (site = $5 OR $6 = 1)",
        )
        .bind(now.to_string())
        .bind(person.organization().as_str())
        .bind(person.provider().as_str())
        .bind(person.subject())
        .bind(site.map_or("", SiteId::as_str))
        .bind(i64::from(site.is_none()))
        .execute(self.on())
        .await;
        done.map(|done| done.rows_affected()).map_err(|error| self.fault(error))
    }
}
