//! `geovagt audit report`

use std::collections::BTreeSet;
use std::io::Write as _;

use anyhow::{Context as _, bail};
use jiff::tz::TimeZone;

use super::Where;
use crate::cli::{Answer, Context, people};
use crate::clock;
use crate::log_index::{Follower, Quarter, Report};
use crate::store::log::Organizations;

/// Arguments of `audit report`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The quarter, such as 2026-Q3; without: the last one that is over.
    #[arg(long, value_name = "QUARTER")]
    quarter: Option<Quarter>,
    /// One organisation's figures; without: those of all together.
    #[arg(long, value_name = "O")]
    organization: Option<String>,
    /// Text, or a table for a spreadsheet.
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    format: Written,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Written {
    Text,
    Csv,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    context.block_on(report(context, arguments))?
}

async fn report(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    let config = super::configuration(context)?;
    let directory = Where { directory: None }.find_in(&config)?;
    let mut zone = TimeZone::UTC;
    let mut organizations = Organizations::All;
    if let Some(name) = &arguments.organization {
        let organization = people::organization(&config, name).map_err(anyhow::Error::msg)?;
        zone = organization.time_zone.clone();
        organizations = Organizations::These(BTreeSet::from([organization.id.clone()]));
    } else if let Some(first) = config.organizations.values().next()
        && config.organizations.values().all(|other| other.time_zone == first.time_zone)
    {
        zone = first.time_zone.clone();
    }
    let quarter = arguments.quarter.unwrap_or_else(|| Quarter::before(clock::now(), &zone));
    let (since, until) = quarter.span(&zone);
    if since > clock::now() {
        bail!("{quarter} has not begun; name an earlier one with --quarter");
    }
    let store = people::open_store(&config).await?;
    // The figures are of everything that was written, also where no gateway has run since.
    let mut follower = Follower::new(directory, store.log().clone());
    while follower.round().await.context("the figures cannot be made")?.behind > 0 {}
    let report = Report::make(store.log(), &organizations, quarter, &zone).await?;
    store.close().await;
    let mut out = context.out();
    if context.json {
        context.print_json(&report)?;
    } else if arguments.format == Written::Csv {
        report.write_csv(&mut out)?;
    } else {
        out.write_all(report.to_text().as_bytes())?;
    }
    if until > clock::now() {
        writeln!(context.messages(), "{quarter} is not over: these are its figures so far")?;
    }
    Ok(Answer::Yes)
}
