//! Allowed traffic is counted by the hour and not indexed: its lines are many, so that each is looked
//! at for what is counted and nothing else.
//!
//! Always holds: what is taken out of a line is what reading the whole line would give; a quote
//! within a text of a client's is escaped, so nothing that a client sends looks like a field.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::LazyLock;

use jiff::Timestamp;
use memchr::memmem::Finder;

use super::read::{Walk, walk};
use crate::audit::Class;
use crate::store::log::{Bookmark, Tallied};

/// So many octets are read at a time, every five seconds: some twenty thousand entries, in about ten
/// milliseconds. What a rush leaves is counted when it is over.
const OCTETS: u64 = 20 << 20;

/// What was counted, and where to go on.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) tallied: Vec<Tallied>,
    pub(super) to: Bookmark,
}

/// Counts on from a bookmark what was flushed. Reads files: not for the threads that serve.
pub(super) fn tally(directory: &Path, from: Bookmark) -> io::Result<Tally> {
    let mut sums = HashMap::<String, Tallied, foldhash::fast::RandomState>::default();
    let mut name = String::new();
    let to = walk(directory, Class::Allowed, from, OCTETS, |line| {
        let Some(one) = glance(line) else { return Walk::Unreadable };
        if one.sequence <= from.sequence {
            return Walk::Seen;
        }
        name.clear();
        // The hour, then the words: two lines of one name are counted together.
        for part in [one.at.get(..13).unwrap_or_default()].iter().chain(&one.words) {
            name.push_str(part);
            name.push('|');
        }
        match sums.get_mut(name.as_str()) {
            Some(sum) => {
                sum.entries += 1;
                sum.total = sum.total.saturating_add(one.count);
            }
            None => {
                let Ok(at) = one.at.parse::<Timestamp>() else { return Walk::Unreadable };
                let words = one.words.map(str::to_owned);
                sums.insert(name.clone(), Tallied { at, words, entries: 1, total: one.count });
            }
        }
        Walk::Taken(one.sequence)
    })?;
    Ok(Tally { tallied: sums.into_values().collect(), to: to.to })
}

/// What is counted of a line.
#[derive(Debug, PartialEq, Eq)]
struct Glance<'a> {
    at: &'a str,
    sequence: u64,
    /// Organisation, site, listener, country, reason, verdict, action; empty where there is none.
    words: [&'a str; 7],
    count: u64,
}

/// Where what is counted begins. Made once: making one takes longer than finding it.
struct Keys {
    at: Finder<'static>,
    sequence: Finder<'static>,
    action: Finder<'static>,
    reason: Finder<'static>,
    organization: Finder<'static>,
    country: Finder<'static>,
    site: Finder<'static>,
    listener: Finder<'static>,
    verdict: Finder<'static>,
    count: Finder<'static>,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys {
    at: Finder::new(b"{\"@timestamp\":"),
    sequence: Finder::new(b",\"sequence\":"),
    action: Finder::new(b",\"action\":"),
    reason: Finder::new(b",\"reason\":"),
    organization: Finder::new(b",\"organization\":{\"id\":"),
    country: Finder::new(b"\"geo\":{\"country_iso_code\":"),
    site: Finder::new(b",\"geovagt\":{\"site\":"),
    listener: Finder::new(b",\"listener\":"),
    verdict: Finder::new(b",\"verdict\":"),
    count: Finder::new(b",\"count\":"),
});

fn glance(line: &[u8]) -> Option<Glance<'_>> {
    let (mut rest, keys) = (line, &*KEYS);
    let at = text(&mut rest, &keys.at)?;
    let sequence = number(&mut rest, &keys.sequence)?;
    let action = text(&mut rest, &keys.action)?;
    let reason = text(&mut rest, &keys.reason)?;
    let organization = text(&mut rest, &keys.organization)?;
    let country = text(&mut rest, &keys.country)?;
    let site = text(&mut rest, &keys.site)?;
    let listener = text(&mut rest, &keys.listener)?;
    let verdict = text(&mut rest, &keys.verdict)?;
    let count = number(&mut rest, &keys.count)?;
    let words = [organization, site, listener, country, reason, verdict, action];
    Some(Glance { at, sequence, words, count })
}

fn text<'a>(rest: &mut &'a [u8], key: &Finder<'_>) -> Option<&'a str> {
    let begins = key.find(rest)? + key.needle().len();
    *rest = rest.get(begins..)?;
    let Some(value) = rest.strip_prefix(b"\"") else {
        return rest.starts_with(b"null").then_some("");
    };
    let end = memchr::memchr(b'"', value)?;
    let value = value.get(..end)?;
    // What is counted holds no escapes.
    if value.contains(&b'\\') {
        return None;
    }
    std::str::from_utf8(value).ok()
}

fn number(rest: &mut &[u8], key: &Finder<'_>) -> Option<u64> {
    let begins = key.find(rest)? + key.needle().len();
    *rest = rest.get(begins..)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audit::chain::{Hash, Position, seal};
    use crate::audit::event::{Action, Event, Field};

    proptest! {
        #[test]
        fn a_glance_sees_what_reading_gives(
            user in "\\PC{0,20}",
            agent in r#"(","geovagt":\{"site":"x"|\\|"|[a-z]){0,4}"#,
            path in r#"(","count":9|","listener":"x"|\\"){0,4}"#,
            country in prop::option::of("[A-Z]{2}"),
            count in 1_u64..1000, sequence in 1_u64..1_000_000,
        ) {
            let at = "2026-11-22T03:11:51.123Z".parse().unwrap();
            let mut event = Event::new(Action::Allowed, at, [1; 10])
                .user(&user)
                .personal(Field::UserAgent, &agent)
                .personal(Field::ClientIp, "203.0.113.9")
                .reason("country_not_listed");
            event.path = Some(path.as_str().into());
            event.organization = Some("ballerup".into());
            event.site = Some("mail".into());
            event.country = country.as_deref().map(Into::into);
            event.count = count;
            let position = Position { sequence, previous: Hash::ZERO };
            let (line, _) = seal(Class::Allowed, position, &event, &[3; 112]);
            let country = country.unwrap_or_default();
            let words = ["ballerup", "mail", "", &country, "country_not_listed", "", "allowed"];
            let at = "2026-11-22T03:11:51.123Z";
            prop_assert_eq!(glance(&line), Some(Glance { at, sequence, words, count }));
        }
    }

    #[test]
    fn what_is_no_entry_is_none() {
        for line in ["", "{}", "{\"format\":1}", "{\"@timestamp\":\"2026\"}"] {
            assert_eq!(glance(line.as_bytes()), None);
        }
    }
}
