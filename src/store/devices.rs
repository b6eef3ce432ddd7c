//! Travel links, and the devices that are bound to exemptions by them or by their number.
//!
//! Always holds: of a link the hash of its token is kept and nothing else; what a link admits is
//! counted in the transaction that binds.

use jiff::Timestamp;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::error::readable;
use super::{Change, ChangeAction, ChangeEvent, ExemptionError, Store, StoreError};
use crate::identifier::SiteId;
use crate::policy::{Actor, ExemptionId, Person, Phase, TravelExemption};

/// How a device is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// By a cookie.
    Browser,
    /// By the DeviceId that an ActiveSync client sends.
    ActiveSync,
}

impl DeviceKind {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::ActiveSync => "activesync",
        }
    }
}

/// A device that is bound to an exemption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundDevice {
    /// The binding's own name.
    pub id: String,
    /// To which exemption.
    pub exemption: ExemptionId,
    /// Whose that is.
    pub person: Person,
    /// How the device is known again.
    pub kind: DeviceKind,
    /// By what.
    pub mark: String,
    /// What it called itself.
    pub label: String,
    /// When it was bound.
    pub bound: Timestamp,
}

/// A link that was given to a traveller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TravelLink {
    /// For which exemption.
    pub exemption: TravelExemption,
    /// Until when it can be used.
    pub ends: Timestamp,
    /// How many devices it binds on one site.
    pub most: i64,
}

impl TravelLink {
    /// Whether it binds nothing any more.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.ends <= now || is_over(&self.exemption, now)
    }
}

/// A browser that is to be bound.
#[derive(Debug, Clone, Copy)]
pub struct NewBrowser<'a> {
    /// The hash of the link's token.
    pub token_hash: &'a str,
    /// Where its cookie will be set.
    pub site: &'a SiteId,
    /// The name in its cookie.
    pub mark: &'a str,
    /// What it calls itself.
    pub label: &'a str,
}

/// Why a link binds nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// There is no such link, or it is another person's.
    #[error("there is no such link")]
    Unknown,
    /// Its time is over, or its exemption has no effect any more.
    #[error("the link has ended")]
    Ended,
    /// It has bound as many devices as it may.
    #[error("the link has been used up")]
    UsedUp,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Keeps the hash of a link's token.
    ///
    /// # Errors
    /// [`ExemptionError`] where there is no such exemption, or it has no effect any more.
    pub async fn make_travel_link(
        &self,
        id: &ExemptionId,
        token_hash: &str,
        (most, ends): (i64, Timestamp),
        by: &Actor,
        now: Timestamp,
    ) -> Result<TravelExemption, ExemptionError> {
        let exemption = self.not_over(id, now).await?;
        let mut change = self.begin().await?;
        let kept = sqlx::query(
            "INSERT INTO travel_links (token_hash, exemption, made, ends, most)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(token_hash)
        .bind(id.as_str())
        .bind(now.to_string())
        .bind(ends.to_string())
        .bind(most);
        change.execute(kept).await?;
        change.tell(ChangeAction::TravelLinkMade, &exemption, "link", by, now).await?;
        change.commit().await?;
        Ok(exemption)
    }

    /// The link with this hash.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn travel_link(&self, token_hash: &str) -> Result<Option<TravelLink>, StoreError> {
        let asked =
            sqlx::query("SELECT exemption, ends, most FROM travel_links WHERE token_hash = $1");
        let Some(row) = self.row(asked.bind(token_hash)).await? else { return Ok(None) };
        let id = ExemptionId::new(&self.text(&row, "exemption")?);
        let (ends, most) = (self.instant(&row, "ends")?, self.integer(&row, "most")?);
        let record = self.exemption(&id).await?;
        Ok(record.map(|record| TravelLink { exemption: record.exemption, ends, most }))
    }

    /// Binds a browser of this person by a link. Of several that come at once no more are bound than
    /// the link admits.
    ///
    /// # Errors
    /// [`LinkError`]: nothing was bound.
    pub async fn bind_browser(
        &self,
        browser: NewBrowser<'_>,
        person: &Person,
        now: Timestamp,
    ) -> Result<BoundDevice, LinkError> {
        let link = self.travel_link(browser.token_hash).await?;
        let link =
            link.filter(|link| link.exemption.person == *person).ok_or(LinkError::Unknown)?;
        if link.is_over(now) {
            return Err(LinkError::Ended);
        }
        let mut change = self.begin().await?;
        let counted =
            sqlx::query("SELECT count(*) AS n FROM bound_devices WHERE link = $1 AND site = $2")
                .bind(browser.token_hash)
                .bind(browser.site.as_str());
        let bound = change.rows(counted).await?;
        let bound = bound.first().map_or(Ok(0), |row| self.integer(row, "n"))?;
        if bound >= link.most {
            return Err(LinkError::UsedUp);
        }
        let device = BoundDevice {
            id: Uuid::now_v7().to_string(),
            exemption: link.exemption.id.clone(),
            person: person.clone(),
            kind: DeviceKind::Browser,
            mark: browser.mark.to_owned(),
            label: browser.label.to_owned(),
            bound: now,
        };
        change.insert_device(&device, Some((browser.site, browser.token_hash))).await?;
        let name = link.exemption.user_name.to_string();
        let by = Actor { name, operating_system_user: None };
        change.tell(ChangeAction::DeviceBound, &link.exemption, "browser", &by, now).await?;
        change.commit().await?;
        Ok(device)
    }

    /// Binds an ActiveSync client by its DeviceId.
    ///
    /// # Errors
    /// [`ExemptionError`] where there is no such exemption, or it has no effect any more.
    pub async fn bind_activesync(
        &self,
        id: &ExemptionId,
        device_id: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<BoundDevice, ExemptionError> {
        let exemption = self.not_over(id, now).await?;
        let mut change = self.begin().await?;
        let device = BoundDevice {
            id: Uuid::now_v7().to_string(),
            exemption: id.clone(),
            person: exemption.person.clone(),
            kind: DeviceKind::ActiveSync,
            mark: device_id.to_ascii_uppercase(),
            label: "ActiveSync".to_owned(),
            bound: now,
        };
        change.insert_device(&device, None).await?;
        change.tell(ChangeAction::DeviceBound, &exemption, "activesync", by, now).await?;
        change.commit().await?;
        Ok(device)
    }

    /// Takes a binding back. Whether there was one.
    ///
    /// # Errors
    /// [`ExemptionError`] where there is no such exemption.
    pub async fn revoke_device(
        &self,
        id: &ExemptionId,
        binding: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, ExemptionError> {
        let record = self.exemption(id).await?;
        let exemption = record.ok_or_else(|| ExemptionError::Unknown(id.clone()))?.exemption;
        let mut change = self.begin().await?;
        let done = sqlx::query(
            "UPDATE bound_devices SET revoked = $1
             WHERE exemption = $2 AND id = $3 AND revoked IS NULL",
        )
        .bind(now.to_string())
        .bind(id.as_str())
        .bind(binding);
        if change.execute(done).await? == 0 {
            return Ok(false);
        }
        change.tell(ChangeAction::DeviceRevoked, &exemption, "device", by, now).await?;
        change.commit().await?;
        Ok(true)
    }

    /// Every device that is bound to an exemption that people have not ended.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn bound_devices(&self) -> Result<Vec<BoundDevice>, StoreError> {
        let asked = sqlx::query(
            "SELECT d.id, d.exemption, d.kind, d.mark, d.label, d.bound,
                    e.organization, e.provider, e.subject
             FROM bound_devices d JOIN exemptions e ON e.id = d.exemption
             WHERE d.revoked IS NULL AND e.state NOT IN ('revoked', 'closed')
             ORDER BY d.bound, d.id",
        );
        let rows = self.rows(asked).await?;
        // One that cannot be read must not keep another's end from taking effect.
        Ok(readable(rows.iter().map(|row| self.bound_device(row))))
    }

    fn bound_device(&self, row: &AnyRow) -> Result<BoundDevice, StoreError> {
        let kind = match self.text(row, "kind")?.as_str() {
            "browser" => DeviceKind::Browser,
            "activesync" => DeviceKind::ActiveSync,
            other => return Err(self.unreadable("a kind of device", other)),
        };
        Ok(BoundDevice {
            id: self.text(row, "id")?,
            exemption: ExemptionId::new(&self.text(row, "exemption")?),
            person: self.person(row)?,
            kind,
            mark: self.text(row, "mark")?,
            label: self.text(row, "label")?,
            bound: self.instant(row, "bound")?,
        })
    }

    pub(super) async fn not_over(
        &self,
        id: &ExemptionId,
        now: Timestamp,
    ) -> Result<TravelExemption, ExemptionError> {
        let record = self.exemption(id).await?;
        let exemption = record.ok_or_else(|| ExemptionError::Unknown(id.clone()))?.exemption;
        if is_over(&exemption, now) {
            let phase = exemption.phase(now);
            return Err(ExemptionError::Over { id: id.clone(), phase });
        }
        Ok(exemption)
    }
}

fn is_over(exemption: &TravelExemption, now: Timestamp) -> bool {
    matches!(exemption.phase(now), Phase::Ended | Phase::Revoked | Phase::Closed)
}

impl Change {
    async fn insert_device(
        &mut self,
        device: &BoundDevice,
        by: Option<(&SiteId, &str)>,
    ) -> Result<(), StoreError> {
        let added = sqlx::query(
            "INSERT INTO bound_devices (id, exemption, kind, mark, site, link, label, bound)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&device.id)
        .bind(device.exemption.as_str())
        .bind(device.kind.word())
        .bind(&device.mark)
        .bind(by.map(|(site, _)| site.as_str()))
        .bind(by.map(|(_, link)| link))
        .bind(&device.label)
        .bind(device.bound.to_string());
        self.execute(added).await.map(|_| ())
    }

    /// What is bound to an exemption is bound to the one that gives it more time, too: abroad nobody
    /// binds a device.
    pub(super) async fn take_over_devices(
        &mut self,
        extended: &ExemptionId,
        by: &ExemptionId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let copied = sqlx::query(
            "INSERT INTO bound_devices (id, exemption, kind, mark, site, link, label, bound)
             SELECT $2 || '.' || id, $2, kind, mark, site, link, label, $3
             FROM bound_devices WHERE exemption = $1 AND revoked IS NULL
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(extended.as_str())
        .bind(by.as_str())
        .bind(now.to_string());
        self.execute(copied).await.map(|_| ())
    }

    /// Takes back every binding to an exemption of this person; gives how many those were.
    pub(super) async fn revoke_devices_of(
        &mut self,
        person: &Person,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "UPDATE bound_devices SET revoked = $1
             WHERE revoked IS NULL AND exemption IN (
                 SELECT id FROM exemptions
                 WHERE organization = $2 AND provider = $3 AND subject = $4)",
        )
        .bind(now.to_string())
        .bind(person.organization().as_str())
        .bind(person.provider().as_str())
        .bind(person.subject());
        self.execute(done).await
    }

    pub(super) async fn tell(
        &mut self,
        action: ChangeAction,
        exemption: &TravelExemption,
        word: &'static str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let event = ChangeEvent::new(action, &exemption.organization, &exemption.user_name, by)
            .about(&exemption.id)
            .word(word);
        self.announce(&event, now).await
    }
}
