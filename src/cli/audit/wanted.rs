//! What is looked for, as `search` and `export` take it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use ipnet::IpNet;
use jiff::Timestamp;

use super::Where;
use super::time::When;
use crate::audit::event::Action;
use crate::audit::search::Filter;
use crate::audit::{InvalidReference, Reference};
use crate::cli::{Context, people};
use crate::clock;
use crate::config::{Config, StoreLocation};
use crate::log_index::Allowed;
use crate::policy::Reason;
use crate::store::log::{LogQuery, Organizations};
use crate::store::{ChangeAction, FILE_NAME, Store};
use crate::territory::Territory;

/// What is looked for.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Wanted {
    /// The code that a rejected person read out: K7QX-2M9D, in any spelling.
    #[arg(long, value_name = "R", value_parser = reference)]
    reference: Option<Reference>,
    /// The client's address, or a network such as 203.0.113.0/24.
    #[arg(long, value_name = "NETWORK", value_parser = network)]
    client: Option<IpNet>,
    /// Who did it, or whom it was done to: the whole name, such as anna.holm.
    #[arg(long, value_name = "U")]
    user: Option<String>,
    /// The site.
    #[arg(long, value_name = "S")]
    site: Option<String>,
    /// The client's country or subdivision: CN, RU-CE.
    #[arg(long, value_name = "CC")]
    country: Option<Territory>,
    /// The reason, such as `country_listed`.
    #[arg(long, value_name = "R", value_parser = reason)]
    reason: Option<Reason>,
    /// The action, such as `denied` or `exemption_granted`.
    #[arg(long, value_name = "A", value_parser = action)]
    action: Option<Action>,
    /// From then on: 2h, 3d, 2026-11-22 (UTC), 2026-11-22T03:11:51Z.
    #[arg(long, value_name = "T", value_parser = When::parse)]
    since: Option<When>,
    /// Until then; a day counts to its end.
    #[arg(long, value_name = "T", value_parser = When::parse)]
    until: Option<When>,
    /// Allowed traffic alone, which stands in the files and not in the index.
    #[arg(long, conflicts_with = "without_allowed")]
    allowed: bool,
    /// Denials and people alone: what the index answers at once.
    #[arg(long)]
    without_allowed: bool,
    #[command(flatten)]
    place: Where,
}

/// Where the log is, and its store where there is one.
pub(super) struct Log {
    pub(super) directory: PathBuf,
    pub(super) store: Option<Store>,
}

impl Wanted {
    /// The query, all instants made certain.
    pub(super) fn query(&self, now: Timestamp) -> LogQuery {
        let mut query = LogQuery::of(Organizations::All);
        query.filter = Filter {
            reference: self.reference,
            client: self.client,
            user: self.user.clone(),
            site: self.site.clone(),
            country: self.country,
            reason: self.reason.map(|reason| reason.code().to_owned()),
            action: self.action,
            since: self.since.map(|when| when.from(now)),
            until: self.until.map(|when| when.until(now)),
        };
        query
    }

    pub(super) fn allowed(&self) -> Allowed {
        match (self.allowed, self.without_allowed) {
            (true, _) => Allowed::Only,
            (false, true) => Allowed::Not,
            (false, false) => Allowed::Too,
        }
    }

    /// The search in words, each with what was wanted; `person` says whether those come that name
    /// one.
    pub(super) fn in_words(&self, query: &LogQuery, person: bool) -> BTreeMap<String, String> {
        let filter = &query.filter;
        let network = |network: &IpNet| network.to_string();
        let told = |value: String| if person { value } else { "yes".to_owned() };
        let all = [
            ("reference", filter.reference.map(|reference| reference.to_string())),
            ("client", filter.client.as_ref().map(network).map(told)),
            ("user", filter.user.clone().map(told)),
            ("site", filter.site.clone()),
            ("country", filter.country.map(|territory| territory.to_string())),
            ("reason", filter.reason.clone()),
            ("action", filter.action.map(|action| action.to_string())),
            ("since", filter.since.map(|at| at.to_string())),
            ("until", filter.until.map(|at| at.to_string())),
            ("allowed", self.allowed.then(|| "only".to_owned())),
            ("allowed", self.without_allowed.then(|| "not".to_owned())),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    /// The search as a server's API takes it, of all time where none is named.
    pub(in crate::cli) fn for_a_server(
        &self,
        now: Timestamp,
    ) -> Result<BTreeMap<String, String>, String> {
        if self.allowed {
            return Err("allowed traffic stands in the files of the gateway's own machine; search there, without --server".to_owned());
        }
        if self.place.directory.is_some() {
            return Err(
                "--directory is of this machine, and --server of another; say one".to_owned()
            );
        }
        let mut words = self.in_words(&self.query(now), true);
        words.remove("allowed");
        if self.since.is_none() && self.until.is_none() {
            words.insert("span".to_owned(), "all".to_owned());
        }
        Ok(words)
    }

    /// Opens the log and its store. A directory that was named is a copy, which has no store.
    pub(super) async fn open(&self, context: &Context) -> anyhow::Result<Log> {
        if self.place.directory.is_some() {
            return Ok(Log { directory: self.place.find(context)?, store: None });
        }
        let config = super::configuration(context)?;
        let directory = self.place.find_in(&config)?;
        let store = if is_there(&config) { Some(people::open_store(&config).await?) } else { None };
        Ok(Log { directory, store })
    }

    /// Writes down that somebody looks, before anything is shown. Where that cannot be kept it is
    /// said, and whoever may read the files may read on.
    pub(super) async fn tell(
        &self,
        context: &Context,
        log: &Log,
        query: &LogQuery,
        action: ChangeAction,
    ) -> anyhow::Result<()> {
        let Some(store) = &log.store else { return Ok(()) };
        let by = people::actor(None).map_err(anyhow::Error::msg)?;
        let network = query.filter.client.map(|network| network.to_string());
        let at = query.filter.user.clone().or(network);
        let details = self.in_words(query, false);
        let told = store.tell_of_look(action, &by, at.as_deref(), details, clock::now()).await;
        if let Err(error) = told {
            writeln!(
                context.messages(),
                "warning: that you look at the log could not be entered in it: {}",
                crate::telemetry::chain(&error)
            )?;
        }
        Ok(())
    }
}

fn is_there(config: &Config) -> bool {
    match &config.store {
        StoreLocation::Sqlite => config.state_directory.join(FILE_NAME).exists(),
        StoreLocation::Postgres(_) => true,
    }
}

fn reference(text: &str) -> Result<Reference, InvalidReference> {
    Reference::parse(text)
}

fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from)).map_err(
        |_| "an address such as 203.0.113.9 or a network such as 203.0.113.0/24".to_owned(),
    )
}

fn reason(code: &str) -> Result<Reason, String> {
    Reason::from_code(code).ok_or_else(|| one_of(Reason::ALL.iter().map(|reason| reason.code())))
}

fn action(word: &str) -> Result<Action, String> {
    Action::from_word(word).ok_or_else(|| one_of(Action::ALL.iter().map(|action| action.word())))
}

fn one_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    format!("say one of {}", words.collect::<Vec<_>>().join(", "))
}
