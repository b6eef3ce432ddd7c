//! `geovagt --server URL exemption …`

use std::io::Write as _;

use serde_json::{Value, json};

use super::{Server, encoded, no, text, texts};
use crate::audit::terminal_safe;
use crate::cli::Answer;
use crate::cli::exemption::shown::{HEADS, line};
use crate::cli::exemption::{Command, List, State, apply, decide, emergency, grant};
use crate::cli::remote::client::Said;
use crate::policy::ExemptionId;

const ALL: &str = "/api/v1/exemptions";

/// Whether the API has it.
pub(super) fn is_offered(command: &Command) -> bool {
    !matches!(
        command,
        Command::Link(_) | Command::Device(_) | Command::LostDevice(_) | Command::Contact(_)
    )
}

pub(super) async fn run(server: &Server<'_>, command: &Command) -> anyhow::Result<Answer> {
    let context = server.context;
    let call = match command {
        Command::List(arguments) => return list(server, arguments).await,
        Command::Show(arguments) => return show(server, &arguments.id).await,
        Command::Grant(arguments) => granted(server, arguments),
        Command::Apply(arguments) => applied(server, arguments),
        Command::Extend(arguments) => extended(server, arguments),
        Command::Emergency(arguments) => called(server, arguments),
        Command::Approve(arguments) => decided(server, arguments, "approve"),
        Command::Withdraw(arguments) => decided(server, arguments, "withdraw"),
        Command::Close(arguments) => decided(server, arguments, "close"),
        Command::Refuse(arguments) => reasoned(server, arguments, "refuse"),
        Command::Revoke(arguments) => reasoned(server, arguments, "revoke"),
        Command::Link(_) | Command::Device(_) | Command::LostDevice(_) | Command::Contact(_) => {
            Err("a server is not asked for this".to_owned())
        }
    };
    let (path, body) = match call {
        Ok(call) => call,
        Err(why) => return no(context, &why),
    };
    match server.client.post(&path, body.as_ref()).await? {
        Said::No(why) => no(context, &why),
        Said::Yes(journey) => changed(server, &journey),
    }
}

type Call = Result<(String, Option<Value>), String>;

fn decided(server: &Server<'_>, arguments: &decide::Decide, step: &str) -> Call {
    server.fits(None, arguments.by.as_deref())?;
    Ok((step_of(&arguments.id, step), None))
}

fn reasoned(server: &Server<'_>, arguments: &decide::DecideWithReason, step: &str) -> Call {
    server.fits(None, arguments.by.as_deref())?;
    let reason = json!({ "reason": arguments.reason });
    Ok((step_of(&arguments.id, step), Some(reason)))
}

fn step_of(id: &ExemptionId, step: &str) -> String {
    format!("{ALL}/{}/{step}", encoded(id.as_str()))
}

fn granted(server: &Server<'_>, arguments: &grant::Arguments) -> Call {
    server.fits(Some(&arguments.organization), arguments.by.as_deref())?;
    if arguments.demand.is_some() {
        return Err("--demand cannot be said to a server; run it on that machine".to_owned());
    }
    let journey = json!({
        "kind": "grant",
        "person": arguments.person,
        "subject": subject(arguments.provider.as_deref(), arguments.subject.as_deref())?,
        "legs": legs(&arguments.legs)?,
        "sites": arguments.sites,
        "purpose": arguments.purpose,
        "case_number": arguments.case,
    });
    Ok((ALL.to_owned(), Some(journey)))
}

fn applied(server: &Server<'_>, arguments: &apply::Arguments) -> Call {
    server.fits(Some(&arguments.organization), arguments.by.as_deref())?;
    let journey = json!({
        "kind": "application",
        "person": arguments.person,
        "subject": subject(arguments.provider.as_deref(), arguments.subject.as_deref())?,
        "legs": legs(&arguments.legs)?,
        "sites": arguments.sites,
        "purpose": arguments.purpose,
        "case_number": arguments.case,
        "devices": arguments.devices,
        "telephone": arguments.telephone,
        "mail": arguments.mail,
    });
    Ok((ALL.to_owned(), Some(journey)))
}

fn extended(server: &Server<'_>, arguments: &apply::Extend) -> Call {
    server.fits(None, arguments.by.as_deref())?;
    let more = [arguments.telephone.is_some(), arguments.mail.is_some()];
    if !arguments.devices.is_empty() || more.contains(&true) {
        return Err(
            "--device, --telephone and --mail of an extension cannot be said to a server; run it on that machine"
                .to_owned(),
        );
    }
    let end = json!({ "until": arguments.until, "purpose": arguments.purpose });
    Ok((step_of(&arguments.id, "extend"), Some(end)))
}

fn called(server: &Server<'_>, arguments: &emergency::Arguments) -> Call {
    server.fits(arguments.organization.as_deref(), arguments.by.as_deref())?;
    if arguments.provider.is_some() {
        return Err("--provider cannot be said to a server; run it on that machine".to_owned());
    }
    let call = json!({
        "reference": arguments.reference.to_string(),
        "person": arguments.person,
        "caller_verified": arguments.caller_verified,
        "purpose": arguments.purpose,
        "case_number": arguments.case,
    });
    Ok((format!("{ALL}/emergency"), Some(call)))
}

/// `PROVIDER/SUBJECT`, as the API takes it.
fn subject(provider: Option<&str>, subject: Option<&str>) -> Result<String, String> {
    match (provider, subject) {
        (None, _) => Ok(String::new()),
        (Some(provider), Some(subject)) => Ok(format!("{provider}/{subject}")),
        (Some(_), None) => Err("a server takes --provider together with --subject".to_owned()),
    }
}

/// `CN,HK 2026-12-01..2026-12-08`, as the API takes it. What the days are is for the server to say.
fn legs(legs: &[String]) -> Result<Vec<Value>, String> {
    let leg = |text: &String| {
        let (places, days) = text.trim().rsplit_once(' ')?;
        let (from, until) = days.split_once("..")?;
        let places: Vec<&str> = places.split(',').map(str::trim).collect();
        Some(json!({ "territories": places, "from": from, "until": until }))
    };
    let read = |text: &String| {
        leg(text).ok_or_else(|| {
            format!("--leg {text:?} is no leg; write it as \"CN,HK 2026-12-01..2026-12-08\"")
        })
    };
    legs.iter().map(read).collect()
}

fn changed(server: &Server<'_>, journey: &Value) -> anyhow::Result<Answer> {
    let context = server.context;
    if context.json {
        context.print_json(journey)?;
        return Ok(Answer::Yes);
    }
    let id = terminal_safe(text(journey, "id")).to_string();
    if text(journey, "state") == "awaiting_approval" {
        writeln!(context.messages(), "{id} takes two, so it waits for one more person")?;
    }
    writeln!(context.out(), "{id}")?;
    Ok(Answer::Yes)
}

async fn list(server: &Server<'_>, arguments: &List) -> anyhow::Result<Answer> {
    let context = server.context;
    if let Err(why) = server.fits(arguments.organization.as_deref(), None) {
        return no(context, &why);
    }
    let mut path = format!("{ALL}?");
    if let Some(person) = &arguments.person {
        path += &format!("person={}", encoded(person.trim()));
    }
    let found = match server.client.get(&path).await? {
        Said::No(why) => return no(context, &why),
        Said::Yes(found) => found,
    };
    let mut found: Vec<Value> = match found {
        Value::Array(found) => found,
        _ => Vec::new(),
    };
    found.retain(|journey| arguments.state.is_none_or(|state| holds(state, journey)));
    if context.json {
        context.print_json(&found)?;
    } else if found.is_empty() {
        writeln!(context.messages(), "no exemption of that kind; `--state` names another")?;
    } else {
        let mut out = context.out();
        line(&mut out, &HEADS.map(str::to_owned))?;
        for journey in &found {
            line(&mut out, &row(server, journey))?;
        }
    }
    Ok(Answer::Yes)
}

fn holds(state: State, journey: &Value) -> bool {
    let unconfirmed = journey.get("unconfirmed").and_then(Value::as_bool).unwrap_or_default();
    let phase = text(journey, "state");
    match state {
        State::Unconfirmed => unconfirmed,
        State::Awaiting => unconfirmed || phase == "awaiting_approval",
        State::Applied => phase == "applied",
        State::Planned => phase == "planned",
        State::Active => phase == "active",
        State::Ended => phase == "ended",
        State::Refused => phase == "refused",
        State::Withdrawn => phase == "withdrawn",
        State::Revoked => phase == "revoked",
        State::Closed => phase == "closed",
    }
}

fn row(server: &Server<'_>, journey: &Value) -> [String; 7] {
    let legs = journey.get("legs").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut places: Vec<&str> = legs.iter().flat_map(|leg| texts(leg, "territories")).collect();
    places.sort_unstable();
    places.dedup();
    let first = legs.iter().map(|leg| text(leg, "from")).min().unwrap_or_default();
    let last = legs.iter().map(|leg| text(leg, "until")).max().unwrap_or_default();
    let state = match journey.get("unconfirmed").and_then(Value::as_bool) {
        Some(true) => "unconfirmed",
        _ => match text(journey, "state") {
            "awaiting_approval" => "awaiting",
            other => other,
        },
    };
    [
        text(journey, "id").to_owned(),
        state.to_owned(),
        text(journey, "user").to_owned(),
        server.day(first, 0),
        server.day(last, 1),
        places.join(","),
        texts(journey, "sites").join(","),
    ]
    .map(|cell| terminal_safe(&cell).to_string())
}

impl Server<'_> {
    /// The day of an instant, or of one so many nanoseconds before.
    fn day(&self, instant: &str, before: i64) -> String {
        let Ok(at) = instant.parse::<jiff::Timestamp>() else { return instant.to_owned() };
        let at = at.checked_sub(jiff::SignedDuration::from_nanos(before)).unwrap_or(at);
        self.zone.to_datetime(at).date().to_string()
    }
}

async fn show(server: &Server<'_>, id: &ExemptionId) -> anyhow::Result<Answer> {
    let context = server.context;
    let journey = match server.client.get(&format!("{ALL}/{}", encoded(id.as_str()))).await? {
        Said::No(why) => return no(context, &why),
        Said::Yes(journey) => journey,
    };
    if context.json {
        context.print_json(&journey)?;
        return Ok(Answer::Yes);
    }
    let mut out = context.out();
    let mut say = |name: &str, value: &str| match value {
        "" => Ok(()),
        value => writeln!(out, "{name:<8} {}", terminal_safe(value)),
    };
    say(text(&journey, "id"), text(&journey, "state"))?;
    say("person", &format!("{} of {}", text(&journey, "user"), text(&journey, "organization")))?;
    for leg in journey.get("legs").and_then(Value::as_array).into_iter().flatten() {
        let (from, until) = (server.day(text(leg, "from"), 0), server.day(text(leg, "until"), 1));
        say("leg", &format!("{} {from}..{until}", texts(leg, "territories").join(",")))?;
    }
    say("sites", &texts(&journey, "sites").join(", "))?;
    say("purpose", text(&journey, "purpose"))?;
    say("case", text(&journey, "case_number"))?;
    say("devices", &texts(&journey, "devices").join(", "))?;
    say("extends", text(&journey, "extends"))?;
    say("called", text(&journey, "reference"))?;
    say("demands", &texts(&journey, "demands").join(", "))?;
    for entry in journey.get("history").and_then(Value::as_array).into_iter().flatten() {
        let reason = match text(entry, "reason") {
            "" => String::new(),
            reason => format!(": {reason}"),
        };
        let told = format!("{} by {}{reason}", text(entry, "at"), text(entry, "by"));
        say(text(entry, "action"), &told)?;
    }
    Ok(Answer::Yes)
}
