//! The form of the search: every filter with what was typed, and what is wrong with it.

use askama::Template;

use super::query::FieldError;
use super::reasons;
use super::words::{self, Words};
use crate::admin::{Fields, Visitor};
use crate::audit::Action;
use crate::config::{Config, Site};
use crate::policy::Reason;

#[derive(Template)]
#[template(path = "log/search_form.html")]
struct SearchForm<'a> {
    words: &'static Words,
    action: &'a str,
    problems: &'a [FieldError],
    first: Vec<String>,
    more: Vec<String>,
    open: bool,
    filtered: bool,
}

#[derive(Template)]
#[template(path = "log/field.html")]
struct Field<'a> {
    name: &'static str,
    label: &'static str,
    help: Option<&'static str>,
    wrong: Option<&'a str>,
    value: &'a str,
    described: String,
    /// `datetime-local` where what stands in it is a time: a browser shows nothing else in one.
    kind: &'static str,
    options: Vec<(String, String)>,
}

/// What stands first; the others are folded away while they are empty.
const FIRST: [&str; 5] = ["span", "country", "site", "user", "client"];

/// The form as markup of our own.
pub(crate) fn render(
    config: &Config,
    visitor: &Visitor,
    (action, fields, problems): (&str, &Fields, &[FieldError]),
) -> Result<String, askama::Error> {
    let filling = Filling { config, visitor, words: words::of(visitor.language), fields, problems };
    let (first, more): (Vec<_>, Vec<_>) = super::query::FIELDS
        .into_iter()
        .filter(|name| *name != "class")
        .partition(|name| FIRST.contains(name));
    let given = |name: &&str| fields.given(name).is_some();
    let form = SearchForm {
        words: filling.words,
        action,
        problems,
        open: more.iter().any(given),
        filtered: super::query::FIELDS.iter().any(given),
        first: first.into_iter().map(|name| filling.field(name)).collect::<Result<_, _>>()?,
        more: more.into_iter().map(|name| filling.field(name)).collect::<Result<_, _>>()?,
    };
    form.render()
}

struct Filling<'a> {
    config: &'a Config,
    visitor: &'a Visitor,
    words: &'static Words,
    fields: &'a Fields,
    problems: &'a [FieldError],
}

impl Filling<'_> {
    fn field(&self, name: &'static str) -> Result<String, askama::Error> {
        let (label, help) = self.label(name);
        let wrong = self.problems.iter().find(|problem| problem.field == name);
        let mut described = Vec::new();
        if help.is_some() {
            described.push(format!("h-{name}"));
        }
        if wrong.is_some() {
            described.push(format!("e-{name}"));
        }
        let typed = match self.fields.text(name) {
            "" if name == "span" && !self.has_time() => "7d",
            typed => typed,
        };
        let (kind, value) = match name {
            "since" | "until" => time_field(typed, &self.visitor.organization.time_zone),
            _ => ("text", typed.to_owned()),
        };
        let field = Field {
            name,
            label,
            help,
            wrong: wrong.map(|problem| problem.text.as_str()),
            value: &value,
            described: described.join(" "),
            kind,
            options: self.options(name),
        };
        field.render()
    }

    fn has_time(&self) -> bool {
        ["since", "until", "reference"].iter().any(|name| self.fields.given(name).is_some())
    }

    fn label(&self, name: &str) -> (&'static str, Option<&'static str>) {
        let words = self.words;
        match name {
            "reference" => (words.reference, Some(words.reference_help)),
            "span" => (words.span, None),
            "since" => (words.since, Some(words.time_help)),
            "until" => (words.until, None),
            "country" => (words.country, Some(words.country_help)),
            "site" => (words.site, None),
            "user" => (words.user, None),
            "client" => (words.client, Some(words.client_help)),
            "reason" => (words.reason, None),
            "action" => (words.action, None),
            "verdict" => (words.verdict, None),
            _ => (words.listener, None),
        }
    }

    /// What can be chosen; empty where one types.
    fn options(&self, name: &str) -> Vec<(String, String)> {
        let (words, language) = (self.words, self.visitor.language);
        let pair = |code: &str, text: &str| (code.to_owned(), text.to_owned());
        let any = pair("", words.any);
        match name {
            "span" => vec![
                pair("1h", words.span_1h),
                pair("24h", words.span_24h),
                pair("7d", words.span_7d),
                pair("30d", words.span_30d),
                pair("all", words.span_all),
                pair("", "–"),
            ],
            "site" => {
                let own = |site: &&std::sync::Arc<Site>| {
                    site.organization == *self.visitor.organization_id()
                };
                let sites = self.config.sites.values().filter(own);
                let sites = sites.map(|site| pair(site.id.as_str(), site.id.as_str()));
                std::iter::once(any).chain(sites).collect()
            }
            "listener" => {
                let names = self.config.listeners.iter();
                let names =
                    names.map(|listener| pair(listener.name.as_str(), listener.name.as_str()));
                std::iter::once(any).chain(names).collect()
            }
            "reason" => {
                let reasons = Reason::ALL.iter().map(|&reason| {
                    (reason.code().to_owned(), reasons::capital(reasons::reason(reason, language)))
                });
                std::iter::once(any).chain(sorted(reasons, language)).collect()
            }
            "action" => {
                let actions = Action::ALL
                    .iter()
                    .map(|&action| pair(action.word(), reasons::action(action, language)));
                std::iter::once(any).chain(sorted(actions, language)).collect()
            }
            "verdict" => {
                let verdicts = ["allow", "identify", "deny"]
                    .map(|word| pair(word, reasons::verdict(word, language)));
                std::iter::once(any).chain(verdicts).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// How a field of a time is shown, and with which value.
pub(crate) fn time_field(typed: &str, zone: &jiff::tz::TimeZone) -> (&'static str, String) {
    match super::query::read_time(typed, zone, false) {
        Some(at) => {
            let shown = at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M").to_string();
            ("datetime-local", shown)
        }
        None if typed.is_empty() => ("datetime-local", String::new()),
        None => ("text", typed.to_owned()),
    }
}

fn sorted(
    options: impl Iterator<Item = (String, String)>,
    language: crate::language::Language,
) -> Vec<(String, String)> {
    let mut options: Vec<_> = options.collect();
    options.sort_by_cached_key(|(_, text)| crate::language::sort_key(text, language));
    options
}
