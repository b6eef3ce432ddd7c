//! `geovagt --server URL audit search`

use std::io::Write as _;

use serde_json::Value;

use super::{Server, encoded, no, text};
use crate::audit::terminal_safe;
use crate::cli::Answer;
use crate::cli::audit::Command;
use crate::cli::remote::client::Said;
use crate::clock;

/// The server gives so many at once.
const AT_ONCE: usize = 1000;

/// Whether the API has it.
pub(super) fn is_offered(command: &Command) -> bool {
    matches!(command, Command::Search(_))
}

pub(super) async fn run(server: &Server<'_>, command: &Command) -> anyhow::Result<Answer> {
    let Command::Search(arguments) = command else {
        return no(server.context, "a server is not asked for this");
    };
    let context = server.context;
    let asked = match arguments.wanted.for_a_server(clock::now()) {
        Ok(asked) => asked,
        Err(why) => return no(context, &why),
    };
    let filters: Vec<String> =
        asked.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let filters = filters.join("&");
    let (mut out, mut found, mut before) = (context.out(), 0_usize, None::<String>);
    while found < arguments.limit {
        let limit = (arguments.limit - found).min(AT_ONCE);
        let from = before.as_deref().map(|next| format!("&before={}", encoded(next)));
        let path = format!("/api/v1/log?{filters}&limit={limit}{}", from.unwrap_or_default());
        let page = match server.client.get(&path).await? {
            Said::No(why) => return no(context, &why),
            Said::Yes(page) => page,
        };
        let entries = page.get("entries").and_then(Value::as_array);
        for entry in entries.into_iter().flatten() {
            found += 1;
            if context.json {
                writeln!(out, "{entry}")?;
            } else {
                writeln!(out, "{}", one_line(entry))?;
            }
        }
        before = page.get("next").and_then(Value::as_str).map(str::to_owned);
        if before.is_none() {
            break;
        }
    }
    if found == 0 {
        writeln!(context.messages(), "nothing was found: no entry of the log fits")?;
    } else if before.is_some() && !context.json {
        writeln!(
            context.messages(),
            "{found} entries shown, these are the newest; --limit shows more"
        )?;
    }
    Ok(Answer::Yes)
}

/// When, reference, what and why, from where, who, where to.
fn one_line(entry: &Value) -> String {
    let at = |path: &str| entry.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let reference = Some(at("/geovagt/reference")).filter(|text| !text.is_empty()).unwrap_or("-");
    let count = entry.pointer("/geovagt/count").and_then(Value::as_u64).filter(|count| *count > 1);
    let action = match count {
        Some(count) => format!("{} x{count}", at("/event/action")),
        None => at("/event/action").to_owned(),
    };
    let words = [
        text(entry, "@timestamp"),
        reference,
        &action,
        at("/event/reason"),
        at("/client/geo/country_iso_code"),
        at("/client/ip"),
        at("/geovagt/exemption"),
        at("/user/name"),
        at("/user/target/name"),
        at("/geovagt/site"),
        at("/http/request/method"),
        at("/url/path"),
    ];
    let words = words.into_iter().filter(|word| !word.is_empty());
    words.map(|word| terminal_safe(word).to_string()).collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_cannot_act_on_the_terminal() {
        let entry = serde_json::json!({
            "@timestamp": "2026-11-22T03:11:51.123Z",
            "event": {"action": "repeated", "reason": "country_listed"},
            "geovagt": {"reference": "K7QX-2M9D", "count": 12, "site": "kilden"},
            "client": {"ip": "203.0.113.9", "geo": {"country_iso_code": "CN"}},
            "url": {"path": "/\u{1b}[2J"},
        });
        assert_eq!(
            one_line(&entry),
            "2026-11-22T03:11:51.123Z  K7QX-2M9D  repeated x12  country_listed  CN  203.0.113.9  kilden  /\\u{1b}[2J"
        );
    }
}
