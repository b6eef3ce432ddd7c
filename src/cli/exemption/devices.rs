//! `geovagt exemption link|device|lost-device`: the devices of a journey.

use std::io::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::exemption_id;
use crate::cli::local_time::{local, zone};
use crate::cli::people::{self, complain, sentence};
use crate::cli::{Answer, Context};
use crate::clock;
use crate::config::Config;
use crate::identifier::SiteId;
use crate::journey::LONGEST_LOSS;
use crate::journey::link::{self, AtApproval, Extent, Unreachable};
use crate::policy::{Actor, ExemptionId, Person, TravelExemption, UserName};
use crate::store::{BoundDevice, Ended, ExemptionError, Store};

/// Arguments of `exemption link`.
#[derive(Debug, clap::Args)]
pub(crate) struct Link {
    /// The exemption, such as TE-7K2M9D.
    #[arg(value_name = "ID", value_parser = exemption_id)]
    id: ExemptionId,
    /// How many devices it binds, on each site.
    #[arg(long, value_name = "NUMBER", default_value_t = 4,
          value_parser = clap::value_parser!(u8).range(1..=20))]
    devices: u8,
    /// How many days it can be used; never longer than the journey lasts.
    #[arg(long, value_name = "NUMBER", default_value_t = 7,
          value_parser = clap::value_parser!(u8).range(1..=60))]
    days: u8,
    /// Send it to the traveller by mail instead of showing it.
    #[arg(long)]
    send: bool,
    /// Who gives it out; logged beside the operating-system user.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Arguments of `exemption device`.
#[derive(Debug, clap::Args)]
pub(crate) struct Device {
    /// The exemption, such as TE-7K2M9D.
    #[arg(value_name = "ID", value_parser = exemption_id)]
    id: ExemptionId,
    /// Binds the ActiveSync client with this DeviceId, as the mail server's list of devices has it.
    #[arg(long, value_name = "DEVICEID", value_parser = device_id, conflicts_with = "revoke")]
    activesync: Option<String>,
    /// Takes a binding back, by its name in the list.
    #[arg(long, value_name = "BINDING")]
    revoke: Option<String>,
    /// Who does it; logged beside the operating-system user.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Arguments of `exemption lost-device`.
#[derive(Debug, clap::Args)]
pub(crate) struct LostDevice {
    /// The exemption, such as TE-7K2M9D.
    #[arg(value_name = "ID", value_parser = exemption_id)]
    id: ExemptionId,
    /// What happened; stays in the history.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who does it; logged beside the operating-system user.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

#[derive(Serialize)]
struct Given<'a> {
    id: &'a str,
    /// Absent where it goes out by mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
    ends: Timestamp,
    devices: u8,
}

#[derive(Serialize)]
struct Item<'a> {
    id: &'a str,
    kind: &'a str,
    label: &'a str,
    bound: Timestamp,
}

#[derive(Serialize)]
struct EndedItem<'a> {
    user: &'a str,
    exemptions: Vec<&'a str>,
    devices: u64,
    grants: u64,
}

/// Gives a link out; it is shown once.
pub(super) async fn link(
    context: &Context,
    config: &Config,
    store: &Store,
    arguments: &Link,
) -> anyhow::Result<Answer> {
    let by = people::actor(arguments.by.as_deref()).map_err(anyhow::Error::msg)?;
    let now = clock::now();
    let Some(record) = store.exemption(&arguments.id).await? else {
        return refuse(context, &ExemptionError::Unknown(arguments.id.clone()));
    };
    let Some(host) = link::host_of(config, &record.exemption) else {
        let problem = without_pages(config, &record.exemption);
        complain(&mut context.messages(), &[problem], "no link was made")?;
        return Ok(Answer::No);
    };
    if arguments.send
        && let Some(problem) = unreachable(config, store, &record.exemption).await?
    {
        complain(&mut context.messages(), &[problem], "no link was made")?;
        return Ok(Answer::No);
    }
    let extent = Extent { devices: arguments.devices, days: arguments.days };
    let wanted = link::wanted(&record.exemption, host, extent, now);
    let ends = wanted.ends;
    let made = if arguments.send {
        store.give_travel_link(&arguments.id, wanted, &by, now).await.map(|()| None)
    } else {
        link::make(store, &arguments.id, &wanted, &by, now).await.map(Some)
    };
    let shown = match made {
        Ok(made) => made,
        Err(error) => return refuse(context, &error),
    };
    let (most, shown) = (arguments.devices, shown.as_deref());
    if context.json {
        let id = arguments.id.as_str();
        context.print_json(&Given { id, link: shown, ends, devices: arguments.devices })?;
    } else if arguments.send {
        writeln!(
            context.messages(),
            "it goes to {user} by mail; see `geovagt notices list`",
            user = record.exemption.user_name
        )?;
    } else {
        writeln!(context.out(), "{}", shown.unwrap_or_default())?;
        writeln!(
            context.messages(),
            "give it to {user} alone: opened at home, signed in, it binds {most} devices until {ends}",
            user = record.exemption.user_name,
            ends = local(ends, &zone(config, &record.exemption.organization))
        )?;
    }
    Ok(Answer::Yes)
}

/// What a grant means for the traveller's devices, where the exemption demands one: the link goes out
/// by mail, or whoever granted is told to give it.
pub(super) async fn at_approval(
    context: &Context,
    config: &Config,
    store: &Store,
    exemption: &TravelExemption,
    by: &Actor,
) -> anyhow::Result<()> {
    let means = link::at_approval(config, store, exemption, by, clock::now()).await?;
    tell_of_link(context, config, exemption, means)
}

/// What whoever approved is told of the link.
pub(super) fn tell_of_link(
    context: &Context,
    config: &Config,
    exemption: &TravelExemption,
    means: AtApproval,
) -> anyhow::Result<()> {
    match means {
        AtApproval::Nothing => {}
        AtApproval::Sent => writeln!(
            context.messages(),
            "the link that binds the traveller's devices goes to them by mail; see `geovagt notices list`"
        )?,
        AtApproval::ToBeGiven if link::host_of(config, exemption).is_none() => {
            writeln!(context.messages(), "warning: {}", without_pages(config, exemption))?;
        }
        AtApproval::ToBeGiven => writeln!(
            context.messages(),
            "it demands a device that is bound at home: geovagt exemption link {id}",
            id = exemption.id
        )?,
    }
    Ok(())
}

/// Why no device can be bound to an exemption whose sites have no page to open a link on, and what to
/// grant instead. The site that lends a mail server its address grants has pages.
fn without_pages(config: &Config, exemption: &TravelExemption) -> String {
    let id = &exemption.id;
    let sites = || exemption.sites.iter().filter_map(|site| config.sites.get(site));
    let names: Vec<&str> = sites().map(|site| site.id.as_str()).collect();
    let names = names.join(", ");
    if sites().any(|site| site.tcp.is_none()) {
        return format!(
            "no link can name a host of {names}, where {id} counts: \"*.example.dk\" is none; write one out under `hosts`"
        );
    }
    let lenders = sites().filter_map(|site| site.tcp.as_ref()?.grants_of.as_ref());
    let other = match lenders.map(SiteId::as_str).next() {
        Some(lender) => format!(
            "grant it with `--site {lender}` too, where the traveller binds a device and then lets the address pass (/.geovagt/adresse)"
        ),
        None => {
            "name a site with pages as `grants_of` of it and grant it for that site too".to_owned()
        }
    };
    format!(
        "no device can be bound at {names}, which has no pages, so {id} opens nothing there while it demands one: {other}; or grant it with `--demand none`"
    )
}

/// Why no mail would reach the traveller.
async fn unreachable(
    config: &Config,
    store: &Store,
    exemption: &TravelExemption,
) -> anyhow::Result<Option<String>> {
    Ok(link::unreachable(config, store, exemption).await?.map(|why| match why {
        Unreachable::NoSender => {
            "this gateway sends no mail for the organisation; see `notices` in the configuration"
                .to_owned()
        }
        Unreachable::NoAddress => format!(
            "nobody has said where the traveller is reached: geovagt exemption contact {id} --mail ADDRESS",
            id = exemption.id
        ),
    }))
}

/// Lists the bound devices, binds one by its number, or takes a binding back.
pub(super) async fn device(
    context: &Context,
    config: &Config,
    store: &Store,
    arguments: &Device,
) -> anyhow::Result<Answer> {
    let by = people::actor(arguments.by.as_deref()).map_err(anyhow::Error::msg)?;
    let (id, now) = (&arguments.id, clock::now());
    let Some(record) = store.exemption(id).await? else {
        return refuse(context, &ExemptionError::Unknown(id.clone()));
    };
    let zone = zone(config, &record.exemption.organization);
    if let Some(device_id) = &arguments.activesync {
        return match store.bind_activesync(id, device_id, &by, now).await {
            Ok(device) => print(context, &zone, &[device]),
            Err(error) => refuse(context, &error),
        };
    }
    if let Some(binding) = &arguments.revoke {
        return match store.revoke_device(id, binding, &by, now).await {
            Ok(true) => Ok(Answer::Yes),
            Ok(false) => {
                let problem = format!(
                    "{id} has no device {binding}; `geovagt exemption device {id}` lists them"
                );
                complain(&mut context.messages(), &[problem], "nothing was taken back")?;
                Ok(Answer::No)
            }
            Err(error) => refuse(context, &error),
        };
    }
    let all = store.bound_devices().await?;
    let own: Vec<BoundDevice> = all.into_iter().filter(|d| d.exemption == *id).collect();
    print(context, &zone, &own)
}

/// Ends everything of the traveller.
pub(super) async fn lost(
    context: &Context,
    store: &Store,
    arguments: &LostDevice,
) -> anyhow::Result<Answer> {
    let by = people::actor(arguments.by.as_deref()).map_err(anyhow::Error::msg)?;
    people::check_text("--reason", &arguments.reason, LONGEST_LOSS).map_err(anyhow::Error::msg)?;
    let Some(record) = store.exemption(&arguments.id).await? else {
        return refuse(context, &ExemptionError::Unknown(arguments.id.clone()));
    };
    let TravelExemption { person, user_name, .. } = &record.exemption;
    end_person(context, store, (person, user_name), &arguments.reason, &by).await
}

/// Ends everything of a person and says what that was.
pub(in crate::cli) async fn end_person(
    context: &Context,
    store: &Store,
    (person, name): (&Person, &UserName),
    reason: &str,
    by: &Actor,
) -> anyhow::Result<Answer> {
    let done = store.end_person(person, name, reason.trim(), by, clock::now()).await;
    let ended: Ended = match done {
        Ok(ended) => ended,
        Err(error) => return refuse(context, &error),
    };
    let exemptions: Vec<&str> = ended.exemptions.iter().map(ExemptionId::as_str).collect();
    let Ended { devices, grants, .. } = ended;
    if context.json {
        context.print_json(&EndedItem { user: name.as_str(), exemptions, devices, grants })?;
    } else {
        let what = if exemptions.is_empty() { "none".to_owned() } else { exemptions.join(", ") };
        writeln!(
            context.out(),
            "{name}: sessions and open connections end now; exemptions revoked: {what}; devices: {devices}; addresses: {grants}"
        )?;
        writeln!(
            context.messages(),
            "the password counts on: set another one, here or at the identity provider"
        )?;
    }
    Ok(Answer::Yes)
}

fn print(context: &Context, zone: &TimeZone, devices: &[BoundDevice]) -> anyhow::Result<Answer> {
    if context.json {
        let items: Vec<Item<'_>> = devices
            .iter()
            .map(|d| Item { id: &d.id, kind: d.kind.word(), label: &d.label, bound: d.bound })
            .collect();
        context.print_json(&items)?;
    } else if devices.is_empty() {
        writeln!(context.messages(), "no device is bound to it")?;
    } else {
        for device in devices {
            let (kind, label) = (device.kind.word(), &device.label);
            let bound = local(device.bound, zone);
            writeln!(context.out(), "{}  {kind:<10}  {bound}  {label}", device.id)?;
        }
    }
    Ok(Answer::Yes)
}

fn refuse(context: &Context, error: &ExemptionError) -> anyhow::Result<Answer> {
    complain(&mut context.messages(), &[sentence(error)], "nothing was changed")?;
    Ok(Answer::No)
}

fn device_id(text: &str) -> Result<String, String> {
    let text = text.trim();
    if (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Ok(text.to_ascii_uppercase());
    }
    Err("a DeviceId is letters and digits, such as ApplDLXKQ0ABC1".to_owned())
}
