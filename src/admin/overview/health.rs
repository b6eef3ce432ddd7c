//! How the parts are, as facts; [`super::words`] says them.

use jiff::{SignedDuration, Timestamp};

use crate::admin::list::Standing;
use crate::admin::{Admin, Refusal};
use crate::identifier::OrganizationId;
use crate::oversight::{Condition, UpstreamStanding};
use crate::store::Node;

/// From how long before its end a certificate is told of.
const ENDS_SOON: SignedDuration = SignedDuration::from_hours(14 * 24);
/// A node that has said nothing for so long is taken to be away.
const SILENT: SignedDuration = SignedDuration::from_mins(3);

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// As it should be.
    Well,
    /// Somebody should look.
    Look,
    /// It does not do its work.
    Wrong,
}

/// One part, and what is to be known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// How old the database is, in days, whether that is too old, and why a newer one is refused.
    Database { built: Timestamp, days: i64, old: bool, refused: Option<String> },
    /// The list's name, the version in force, the one announced with its start, and the systems where
    /// it only reports.
    List {
        name: String,
        in_force: Option<String>,
        announced: Option<(String, Timestamp)>,
        reporting: Vec<String>,
    },
    /// Whether entries reach the disk, how many were lost, and what is damaged.
    Log { error: Option<String>, writing: bool, lost: u64, damaged: Vec<String> },
    /// How many servers there are, and which do not answer.
    Upstreams { servers: usize, out: Vec<String> },
    /// How many nodes there are, which say nothing, and which say that something is wrong.
    Nodes { nodes: usize, silent: Vec<String>, troubled: Vec<(String, String)> },
    /// Which certificate ends first, and when.
    Certificates { first: Option<(String, Timestamp)>, over: bool, soon: bool },
    /// Something else that warns, in the words of the gateway.
    Other { name: &'static str, ready: bool, detail: String },
}

impl Part {
    pub(super) fn state(&self) -> State {
        let look = |look: bool| if look { State::Look } else { State::Well };
        match self {
            Self::Database { old, refused, .. } => look(*old || refused.is_some()),
            Self::List { in_force, reporting, .. } => {
                look(in_force.is_none() || !reporting.is_empty())
            }
            Self::Log { writing: false, .. }
            | Self::Certificates { over: true, .. }
            | Self::Other { ready: false, .. } => State::Wrong,
            Self::Log { lost, damaged, .. } => look(*lost > 0 || !damaged.is_empty()),
            Self::Upstreams { servers, out } if *servers > 0 && out.len() == *servers => {
                State::Wrong
            }
            Self::Upstreams { out, .. } => look(!out.is_empty()),
            Self::Nodes { silent, troubled, .. } => {
                look(!silent.is_empty() || !troubled.is_empty())
            }
            Self::Certificates { soon, .. } => look(*soon),
            Self::Other { .. } => State::Look,
        }
    }

    /// A word for programs.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Database { .. } => "database",
            Self::List { .. } => "list",
            Self::Log { .. } => "log",
            Self::Upstreams { .. } => "upstreams",
            Self::Nodes { .. } => "nodes",
            Self::Certificates { .. } => "certificates",
            Self::Other { name, .. } => name,
        }
    }
}

/// How everything is that these organisations' systems rest on.
pub(super) async fn parts(
    admin: &Admin,
    organizations: &[OrganizationId],
    lists: &[Standing],
    now: Timestamp,
) -> Result<Vec<Part>, Refusal> {
    let condition = admin.in_effect().condition();
    let nodes = admin.store().nodes(now).await?;
    let mut parts = vec![database(admin, &condition, now)];
    parts.extend(lists.iter().map(list));
    parts.push(log(admin));
    parts.push(upstreams(admin, organizations, &condition));
    parts.push(self::nodes(&nodes, now));
    if !condition.certificates.is_empty() {
        parts.push(certificates(&condition, now));
    }
    // What has a part of its own above is not told of twice.
    let told = ["policy", "database", "audit", "certificates", "upstreams"];
    let others = admin.in_effect().parts().into_iter().filter(|part| !told.contains(&part.name));
    parts.extend(others.filter(|part| part.warning || !part.ready).map(|part| Part::Other {
        name: part.name,
        ready: part.ready,
        detail: part.detail,
    }));
    Ok(parts)
}

fn database(admin: &Admin, condition: &Condition, now: Timestamp) -> Part {
    let database = admin.in_effect().database();
    let built = database.info().built;
    Part::Database {
        built,
        days: now.duration_since(built).as_hours() / 24,
        old: database.age(now) > admin.loaded().config.geoip.warn_after,
        refused: condition.database_refused.clone(),
    }
}

fn list(standing: &Standing) -> Part {
    Part::List {
        name: standing.list.name().to_owned(),
        in_force: standing.in_force().map(|version| version.version.clone()),
        announced: standing
            .announced()
            .map(|version| (version.version.clone(), version.effective_from)),
        reporting: standing.reporting.clone(),
    }
}

fn log(admin: &Admin) -> Part {
    let health = admin.audit().health();
    Part::Log {
        error: health.error,
        writing: health.writing,
        lost: health.lost,
        damaged: health.damaged,
    }
}

fn upstreams(admin: &Admin, organizations: &[OrganizationId], condition: &Condition) -> Part {
    let loaded = admin.loaded();
    let is_ours = |site| {
        let site = loaded.config.sites.get(site);
        site.is_some_and(|site: &std::sync::Arc<crate::config::Site>| {
            organizations.contains(&site.organization)
        })
    };
    let ours = || condition.upstreams.iter().filter(|server| is_ours(&server.site));
    let is_out = |standing| matches!(standing, UpstreamStanding::Ejected | UpstreamStanding::Down);
    Part::Upstreams {
        servers: ours().count(),
        out: ours()
            .filter(|server| is_out(server.standing))
            .map(|server| format!("{} ({})", server.site, server.server))
            .collect(),
    }
}

fn nodes(nodes: &[Node], now: Timestamp) -> Part {
    let name = |node: &Node| match node.host.as_str() {
        "" => node.node.chars().take(8).collect(),
        host => host.to_owned(),
    };
    let is_silent = |node: &&Node| now.duration_since(node.seen) > SILENT;
    Part::Nodes {
        nodes: nodes.len(),
        silent: nodes.iter().filter(is_silent).map(name).collect(),
        troubled: nodes
            .iter()
            .filter(|node| !is_silent(node) && !node.problem.is_empty())
            .map(|node| (name(node), node.problem.clone()))
            .collect(),
    }
}

fn certificates(condition: &Condition, now: Timestamp) -> Part {
    let ends = condition.certificates.iter().filter_map(|one| Some((one.file.clone(), one.ends?)));
    let first = ends.min_by_key(|(_, ends)| *ends);
    let left = first.as_ref().map(|(_, ends)| ends.duration_since(now));
    Part::Certificates {
        over: left.is_some_and(|left| !left.is_positive()),
        soon: left.is_some_and(|left| left <= ENDS_SOON),
        first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(seen: i64, problem: &str) -> Node {
        let at = |seconds| Timestamp::from_second(1_796_083_200 + seconds).unwrap();
        Node {
            node: "n".into(),
            host: "gw1".into(),
            version: "0.1.0".into(),
            started: at(0),
            seen: at(seen),
            problem: problem.into(),
        }
    }

    #[test]
    fn a_node_that_says_nothing_is_told_of() {
        let now = Timestamp::from_second(1_796_083_200 + 300).unwrap();
        assert_eq!(nodes(&[node(290, "")], now).state(), State::Well);
        assert_eq!(nodes(&[node(290, "audit")], now).state(), State::Look);
        let silent = nodes(&[node(100, "")], now);
        assert_eq!(silent.state(), State::Look);
        assert!(matches!(silent, Part::Nodes { silent, .. } if silent == ["gw1"]));
    }

    #[test]
    fn what_does_not_do_its_work_is_wrong_and_what_warns_is_to_be_looked_at() {
        let log = |writing, lost| Part::Log { error: None, writing, lost, damaged: Vec::new() };
        assert_eq!(log(true, 0).state(), State::Well);
        assert_eq!(log(true, 1).state(), State::Look);
        assert_eq!(log(false, 0).state(), State::Wrong);
        let servers = |servers, out: &[&str]| Part::Upstreams {
            servers,
            out: out.iter().map(|one| (*one).to_owned()).collect(),
        };
        assert_eq!(servers(2, &[]).state(), State::Well);
        assert_eq!(servers(2, &["a"]).state(), State::Look);
        assert_eq!(servers(1, &["a"]).state(), State::Wrong);
        assert_eq!(servers(0, &[]).state(), State::Well);
    }
}
