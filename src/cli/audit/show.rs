//! One entry on one line of a terminal.

use std::fmt::Write as _;

use smol_str::SmolStr;

use crate::audit::event::{Event, Field};
use crate::audit::terminal_safe;

/// The entry on one line: when, reference, what and why, from where, who, where to. Nothing in it
/// acts on the terminal, and no line is longer than the terminal is wide, where it goes to one.
pub(super) fn one_line(event: &Event, width: Option<usize>) -> String {
    let mut line = event.at.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let mut word = |text: &str| {
        if !text.is_empty() {
            let _ = write!(line, "  {}", terminal_safe(text));
        }
    };
    word(event.reference.as_deref().unwrap_or("-"));
    let count = if event.count > 1 { format!(" x{}", event.count) } else { String::new() };
    word(&format!("{}{count}", event.action));
    word(event.reason.as_deref().unwrap_or_default());
    word(&place(event));
    word(event.personal.get(Field::ClientIp).map_or("", SmolStr::as_str));
    word(event.exemption.as_deref().unwrap_or_default());
    word(&people(event));
    word(&request(event));
    for (key, value) in &event.details {
        word(&format!("{key}={value}"));
    }
    match width {
        Some(width) if line.chars().count() > width => {
            line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
        }
        _ => line,
    }
}

fn place(event: &Event) -> String {
    match (&event.country, &event.region) {
        (Some(country), Some(region)) => format!("{country}-{region}"),
        (Some(country), None) => country.to_string(),
        (None, _) => String::new(),
    }
}

fn people(event: &Event) -> String {
    let name = event.personal.get(Field::UserName).map_or("", SmolStr::as_str);
    match event.personal.get(Field::UserTarget) {
        Some(target) => format!("{name} -> {target}"),
        None => name.to_owned(),
    }
}

fn request(event: &Event) -> String {
    let status = event.status.map(|status| status.to_string());
    let parts =
        [event.site.as_deref(), status.as_deref(), event.method.as_deref(), event.path.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Action;

    fn event() -> Event {
        let at = "2026-11-22T03:11:51.123Z".parse().unwrap();
        let mut event = Event::new(Action::Repeated, at, [0; 10])
            .reason("country_listed")
            .personal(Field::ClientIp, "203.0.113.9");
        event.reference = Some("K7QX-2M9D".into());
        event.count = 12;
        event.country = Some("CN".into());
        event.site = Some("kilden".into());
        event.method = Some("GET".into());
        event.path = Some("/".into());
        event
    }

    #[test]
    fn an_entry_is_one_line() {
        assert_eq!(
            one_line(&event(), Some(100)),
            "2026-11-22 03:11:51Z  K7QX-2M9D  repeated x12  country_listed  CN  203.0.113.9  kilden GET /"
        );
    }

    #[test]
    fn a_stranger_cannot_act_on_the_terminal_nor_make_it_long() {
        let mut event = event().user("\u{1b}[2J\n\u{202e}");
        event.path = Some("\u{9b}31m".repeat(90).into());
        let line = one_line(&event, Some(100));
        assert!(line.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{line:?}");
        assert!(line.contains(r"\u{1b}[2J\u{a}\u{"), "{line}");
        assert_eq!(line.chars().count(), 100);
    }

    #[test]
    fn a_line_is_as_long_as_the_terminal_is_wide_and_whole_through_a_pipe() {
        let mut event = event();
        event.path = Some("/a".repeat(60).into());
        event.details.insert("client_address".into(), "trusted_proxy_gave_none".into());
        for width in [40, 180] {
            let line = one_line(&event, Some(width));
            assert!(line.ends_with('…') && line.chars().count() == width, "{line}");
        }
        let whole = one_line(&event, None);
        assert!(whole.ends_with("  client_address=trusted_proxy_gave_none"), "{whole}");
    }
}
