//! What the log sees of people whom somebody has proven, for whoever looks at how access is used.
//!
//! Always holds: seeing never waits. What does not fit into the observer's room is counted and not
//! seen; the log itself is as if nobody looked.

use std::sync::OnceLock;

use jiff::Timestamp;
use smol_str::SmolStr;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::facts::Facts;
use crate::policy::{ExemptionId, Location, Person, Reason};

/// So many wait for the observer at most.
const ROOM: usize = 1024;

/// One use of somebody's access.
#[derive(Debug, Clone)]
pub struct Sighting {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub person: Person,
    /// From where.
    pub location: Location,
    /// The exemption that let it in.
    pub exemption: Option<ExemptionId>,
    /// Why it was rejected.
    pub rejected: Option<Reason>,
    /// The ActiveSync DeviceId.
    pub device_id: Option<SmolStr>,
    /// `User-Agent`
    pub user_agent: Option<SmolStr>,
}

impl Sighting {
    pub(super) fn of(
        facts: &Facts,
        exemption: Option<&ExemptionId>,
        rejected: Option<Reason>,
    ) -> Option<Self> {
        Some(Self {
            at: facts.at,
            person: facts.person.clone()?,
            location: facts.location,
            exemption: exemption.cloned(),
            rejected,
            device_id: facts.device_id.clone(),
            user_agent: facts.user_agent.clone(),
        })
    }
}

/// The place of the one who looks.
#[derive(Debug, Default)]
pub(super) struct Observer(OnceLock<Sender<Sighting>>);

impl Observer {
    /// Takes the place, where nobody has it.
    pub(super) fn begin(&self) -> Option<Receiver<Sighting>> {
        let (sender, receiver) = channel(ROOM);
        self.0.set(sender).ok().map(|()| receiver)
    }

    pub(super) fn see(&self, sighting: impl FnOnce() -> Option<Sighting>) {
        let Some(observer) = self.0.get() else { return };
        let Some(sighting) = sighting() else { return };
        if observer.try_send(sighting).is_err() {
            metrics::counter!("geovagt_odd_use_unseen_total").increment(1);
        }
    }
}

/// The device that an ActiveSync request names in its query (MS-ASHTTP section 2.2.1.1.1.1.2): one
/// short word.
pub(super) fn device_id(path: &str, query: &str) -> Option<SmolStr> {
    const LONGEST: usize = 64;
    let path = path.as_bytes().get(..28)?;
    if !path.eq_ignore_ascii_case(b"/microsoft-server-activesync") {
        return None;
    }
    let fields = query.split('&').filter_map(|field| field.split_once('='));
    let (_, id) = fields.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("deviceid"))?;
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (!id.is_empty() && id.len() <= LONGEST && id.chars().all(word)).then(|| id.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_activesync_names_a_device() {
        let path = "/Microsoft-Server-ActiveSync";
        let query = "Cmd=Sync&User=anna&DeviceId=ApplF9XR1&DeviceType=iPad";
        assert_eq!(device_id(path, query).as_deref(), Some("ApplF9XR1"));
        assert_eq!(device_id(&path.to_lowercase(), "deviceid=x").as_deref(), Some("x"));
        assert_eq!(device_id("/owa", query), None);
        for query in ["", "DeviceId=", "DeviceId=a%0d", "DeviceId", &"DeviceId=aaaaaaaa".repeat(20)]
        {
            assert_eq!(device_id(path, query), None, "{query}");
        }
    }

    #[test]
    fn one_looks_and_nobody_waits() {
        let observer = Observer::default();
        observer.see(|| panic!("nobody looks"));
        let receiver = observer.begin().unwrap();
        assert!(observer.begin().is_none());
        drop(receiver);
        observer.see(|| None);
    }
}
