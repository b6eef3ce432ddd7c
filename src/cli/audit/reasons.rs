//! `geovagt audit reasons`: what the codes in the log mean, in Danish and English.

use std::io::Write as _;

use serde::Serialize;

use crate::admin::reason_in_words;
use crate::cli::{Answer, Context};
use crate::language::Language;
use crate::policy::Reason;

/// Arguments of `audit reasons`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only this one, such as `country_listed`.
    #[arg(value_name = "REASON", value_parser = code)]
    reason: Option<Reason>,
}

#[derive(Debug, Serialize)]
struct Item {
    id: &'static str,
    verdict: &'static str,
    da: &'static str,
    en: &'static str,
}

fn code(text: &str) -> Result<Reason, String> {
    Reason::from_code(text).ok_or_else(|| {
        let codes = Reason::ALL.iter().map(|reason| reason.code());
        format!("there is no such reason; {}", crate::config::there_are(text, codes))
    })
}

fn items(only: Option<Reason>) -> Vec<Item> {
    let wanted = Reason::ALL.iter().filter(|reason| only.is_none_or(|only| only == **reason));
    wanted
        .map(|&reason| Item {
            id: reason.code(),
            verdict: reason.verdict(),
            da: reason_in_words(reason, Language::Danish),
            en: reason_in_words(reason, Language::English),
        })
        .collect()
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    let items = items(arguments.reason);
    if context.json {
        context.print_json(&items)?;
        return Ok(Answer::Yes);
    }
    let mut out = context.out();
    for Item { id, verdict, da, en } in items {
        writeln!(out, "{id} ({verdict})\n    {da}\n    {en}")?;
    }
    Ok(Answer::Yes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_stands_in_the_glossary_in_lines_that_fit() {
        let all = items(None);
        assert_eq!(all.len(), Reason::ALL.len());
        for (item, reason) in all.iter().zip(Reason::ALL) {
            assert_eq!((item.id, item.verdict), (reason.code(), reason.verdict()));
            assert!(item.da != item.en && !item.da.is_empty() && !item.en.is_empty(), "{item:?}");
            for words in [item.da, item.en] {
                assert!(words.chars().count() + 4 <= 90, "{words}");
            }
        }
        assert_eq!(items(code("overload").ok()).len(), 1);
        assert!(code("country_lisetd").unwrap_err().contains("there are: country_listed, "));
    }
}
