//! Addresses from which a person's programs may pass for a while.

use ipnet::IpNet;
use jiff::Timestamp;
use sqlx::any::AnyRow;
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
        let own = |kept: &&AddressGrant| {
            kept.grant.person == grant.person && kept.grant.site == grant.site
        };
        let (running, over): (Vec<_>, Vec<_>) =
            self.unended_grants().await?.into_iter().partition(|kept| kept.grant.ends > now);
        let running: Vec<&AddressGrant> = running.iter().filter(own).collect();
        let mut change = self.begin().await?;
        // Nobody ends those whose time was over; what is read at each change stays short.
        for kept in &over {
            change.end_grant(&kept.id, kept.grant.ends).await?;
        }
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
        let unended = self.unended_grants().await?;
        Ok(unended.into_iter().filter(|kept| kept.grant.ends > now).collect())
    }

    async fn unended_grants(&self) -> Result<Vec<AddressGrant>, StoreError> {
        let asked = sqlx::query(
            "SELECT g.* FROM address_grants g JOIN exemptions e ON e.id = g.exemption
             WHERE g.ended IS NULL AND e.state NOT IN ('revoked', 'closed')
             ORDER BY g.began, g.id",
        );
        let rows = self.rows(asked).await?;
        // One that cannot be read must not keep another's end from taking effect.
        Ok(readable(rows.iter().map(|row| self.read_grant(row))))
    }

    fn read_grant(&self, row: &AnyRow) -> Result<AddressGrant, StoreError> {
        let text = |column| self.text(row, column);
        let (name, site, network) = (text("user_name")?, text("site")?, text("network")?);
        let multi_factor = self.integer(row, "multi_factor")?;
        Ok(AddressGrant {
            id: text("id")?,
            began: self.instant(row, "began")?,
            grant: NewAddressGrant {
                person: self.person(row)?,
                user_name: UserName::parse(&name)
                    .map_err(|_| self.unreadable("a user name", &name))?,
                site: SiteId::parse(&site).map_err(|_| self.unreadable("a site", &site))?,
                exemption: ExemptionId::new(&text("exemption")?),
                network: network.parse().map_err(|_| self.unreadable("a network", &network))?,
                multi_factor: multi_factor == 1,
                device: self.maybe_text(row, "device")?,
                ends: self.instant(row, "ends")?,
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
        .bind(id.to_owned())
        .bind(grant.person.organization().as_str())
        .bind(grant.person.provider().as_str())
        .bind(grant.person.subject())
        .bind(grant.user_name.as_str())
        .bind(grant.site.as_str())
        .bind(grant.exemption.as_str())
        .bind(grant.network.to_string())
        .bind(i64::from(grant.multi_factor))
        .bind(grant.device.as_deref())
        .bind(began.to_string())
        .bind(grant.ends.to_string());
        self.execute(added).await.map(|_| ())
    }

    async fn end_grant(&mut self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let done = sqlx::query("UPDATE address_grants SET ended = $1 WHERE id = $2")
            .bind(now.to_string())
            .bind(id.to_owned());
        self.execute(done).await.map(|_| ())
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
        .bind(i64::from(site.is_none()));
        self.execute(done).await
    }
}
