//! Reading a pasted list, comparing with another's, handing the list on.

use std::path::Path as FilePath;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use jiff::civil::Date;

use super::actions::{self, Standing};
use super::pages::READERS;
use super::words::{self, Words};
use crate::admin::fault::{Fault, Faults};
use crate::admin::turn::{Turn, turn};
use crate::admin::{Admin, Answer, Asked, Fields, Place, Refusal, Routes, Sent, Visitor, shell};
use crate::language::{self, Language};
use crate::lists::{
    self, Change, Difference, Exported, Format, NotReadable, Piece, Proposal, Reading, read_other,
};
use crate::policy::TerritorySet;
use crate::policy::civil::midnight;
use crate::territory::Match;

/// The longest text that is read.
const LONGEST: usize = 256 * 1024;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/list/import", READERS, import_form)
        .post("/list/import", READERS, import)
        .post("/list/import/file", READERS, import_file)
        .get("/list/compare", READERS, compare_form)
        .post("/list/compare", READERS, compare)
        .get("/list/{list}/export/{format}", READERS, export)
}

/// A page with nothing on it but why.
#[derive(Template)]
#[template(source = "<div class=\"empty\"><p>{{ text }}</p></div>", ext = "html")]
pub(super) struct Empty<'a> {
    pub(super) text: &'a str,
}

/// What somebody typed about a new version.
#[derive(Debug, Clone, Default)]
struct Typed {
    text: String,
    version: String,
    source: String,
    adopted_by: String,
    adopted_on: String,
    announced_on: String,
    effective_from: String,
}

impl Typed {
    fn of(fields: &Fields) -> Self {
        let text = |name| fields.text(name).to_owned();
        Self {
            text: text("text"),
            version: text("version"),
            source: text("source"),
            adopted_by: text("adopted_by"),
            adopted_on: text("adopted_on"),
            announced_on: text("announced_on"),
            effective_from: text("effective_from"),
        }
    }

    fn proposal(&self, language: Language) -> Result<Proposal, Faults> {
        let mut faults = Vec::new();
        let mut day = |field, text: &str| -> Option<Date> {
            if text.is_empty() {
                return None;
            }
            let read = text.parse().ok();
            if read.is_none() {
                faults.push(Fault::new(
                    field,
                    match language {
                        Language::Danish => "Skriv en dag som 2027-01-01.",
                        Language::English => "Write a day such as 2027-01-01.",
                    },
                ));
            }
            read
        };
        let adopted_on = day("adopted_on", &self.adopted_on);
        let announced_on = day("announced_on", &self.announced_on);
        let effective_from = day("effective_from", &self.effective_from);
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        if faults.is_empty() {
            Ok(Proposal {
                version: given(&self.version),
                source: given(&self.source),
                adopted_by: given(&self.adopted_by),
                adopted_on,
                announced_on,
                effective_from,
            })
        } else {
            Err(Faults(faults))
        }
    }

    fn pieces(&self, language: Language) -> Result<Vec<Piece>, Faults> {
        let wrong = |danish: &str, english: &str| {
            let text = match language {
                Language::Danish => danish,
                Language::English => english,
            };
            Faults(vec![Fault::new("text", text)])
        };
        let too_long = || {
            wrong(
                "Det er for langt til at være en liste af lande.",
                "This is too long to be a list of countries.",
            )
        };
        if self.text.len() > LONGEST {
            return Err(too_long());
        }
        let pieces = lists::read(&self.text).map_err(|_| too_long())?;
        if pieces.is_empty() {
            return Err(wrong("Der står ikke noget land i teksten.", "The text names no country."));
        }
        Ok(pieces)
    }
}

struct Unknown {
    line: usize,
    text: String,
    nearest: String,
}

struct Part {
    line: usize,
    text: String,
    whole: String,
}

struct Outcome {
    read: String,
    change: String,
    too_early: Option<String>,
    unknown: Vec<Unknown>,
    parts: Vec<Part>,
    block: String,
}

#[derive(Template)]
#[template(path = "list/import.html")]
struct ImportPage<'a> {
    words: &'static Words,
    list: String,
    typed: &'a Typed,
    faults: &'a Faults,
    outcome: Option<Outcome>,
    csrf: &'a str,
}

async fn import_form(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let (standing, _) = actions::standing(&admin, &visitor, asked.given("list")).await?;
    Ok(import_page(&standing, &visitor, &Typed::default(), &Faults::default(), None))
}

async fn import(State(admin): State<Admin>, visitor: Visitor, sent: Sent) -> Answer {
    let typed = Typed::of(&sent);
    let (standing, _) = actions::standing(&admin, &visitor, sent.given("list")).await?;
    let language = visitor.language;
    let outcome = typed
        .proposal(language)
        .and_then(|proposal| Ok((typed.pieces(language)?, proposal)))
        .map(|(pieces, proposal)| outcome(&standing, &pieces, &proposal, &visitor));
    Ok(match outcome {
        Ok(outcome) => import_page(&standing, &visitor, &typed, &Faults::default(), Some(outcome)),
        Err(faults) => import_page(&standing, &visitor, &typed, &faults, None),
    })
}

async fn import_file(visitor: Visitor, sent: Sent) -> Answer {
    let typed = Typed::of(&sent);
    let refuse = |faults: Faults| Refusal::Invalid(faults.sentence());
    let pieces = typed.pieces(visitor.language).map_err(refuse)?;
    let block = typed.proposal(visitor.language).map_err(refuse)?.block(&pieces);
    Ok(file("application/yaml", &format!("{}.yaml", typed.version), block))
}

fn import_page(
    standing: &Standing,
    visitor: &Visitor,
    typed: &Typed,
    faults: &Faults,
    outcome: Option<Outcome>,
) -> Response {
    let words = Words::of(visitor.language);
    let list = standing.list.id().to_string();
    let page = ImportPage { words, list, typed, faults, outcome, csrf: &visitor.csrf };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    shell::frame_with(status, visitor, Place::List, words.import, &page)
}

fn outcome(
    standing: &Standing,
    pieces: &[Piece],
    proposal: &Proposal,
    visitor: &Visitor,
) -> Outcome {
    let language = visitor.language;
    let zone = &visitor.organization.time_zone;
    let known = lists::known(pieces);
    let set: TerritorySet = known.iter().copied().collect();
    let change = Change::between(standing.in_force().map(|v| &v.territories), &set);
    let earliest = standing.earliest_from_now();
    let starts = proposal.effective_from.and_then(midnight);
    let early = starts.is_some_and(|starts| starts < earliest) && !change.added.is_empty();
    let named = |territory: &crate::territory::Territory| {
        format!("{} ({territory})", territory.name(language))
    };
    let (mut unknown, mut parts) = (Vec::new(), Vec::new());
    for Piece { line, text, found } in pieces {
        match found {
            Err(not_found) => unknown.push(Unknown {
                line: *line,
                text: text.clone(),
                nearest: not_found.nearest.iter().map(named).collect::<Vec<_>>().join(", "),
            }),
            Ok(Match::PartOf(whole)) => {
                parts.push(Part { line: *line, text: text.clone(), whole: named(whole) });
            }
            Ok(Match::Exact(_)) => {}
        }
    }
    Outcome {
        read: words::read(known.len(), unknown.len(), language),
        change: words::change(&change, language),
        too_early: early
            .then(|| words::too_early(&language::instant(earliest, zone, language), language)),
        unknown,
        parts,
        block: proposal.block(pieces),
    }
}

struct Row {
    code: String,
    name: String,
}

struct Part2 {
    title: &'static str,
    rows: Vec<Row>,
}

struct Compared {
    sentence: String,
    same: bool,
    parts: Vec<Part2>,
    not_known: Vec<String>,
    switch: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "list/compare.html")]
struct ComparePage<'a> {
    words: &'static Words,
    list: String,
    text: &'a str,
    name: &'a str,
    faults: &'a Faults,
    compared: Option<Compared>,
    csrf: &'a str,
}

async fn compare_form(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let (standing, _) = actions::standing(&admin, &visitor, asked.given("list")).await?;
    Ok(compare_page(&standing, &visitor, ("", ""), &Faults::default(), None))
}

async fn compare(State(admin): State<Admin>, visitor: Visitor, sent: Sent) -> Answer {
    let (standing, _) = actions::standing(&admin, &visitor, sent.given("list")).await?;
    let (text, name) = (sent.text("text"), sent.text("name"));
    Ok(match difference(&standing, text, sent.given("name"), &visitor) {
        Ok((other, difference)) => {
            let compared = compared(&standing, &other, &difference, &visitor);
            compare_page(&standing, &visitor, (text, name), &Faults::default(), Some(compared))
        }
        Err(faults) => compare_page(&standing, &visitor, (text, name), &faults, None),
    })
}

/// Holds a text against the version in force.
pub(super) fn difference(
    standing: &Standing,
    text: &str,
    name: Option<&str>,
    visitor: &Visitor,
) -> Result<(lists::Other, Difference), Faults> {
    let language = visitor.language;
    let wrong = |danish: &str, english: &str| {
        let text = match language {
            Language::Danish => danish,
            Language::English => english,
        };
        Faults(vec![Fault::new("text", text)])
    };
    if text.len() > LONGEST {
        return Err(wrong(
            "Det er for langt til at være en liste.",
            "This is too long to be a list.",
        ));
    }
    let title = match language {
        Language::Danish => "Den indsatte liste",
        Language::English => "The pasted list",
    };
    let how = Reading { title, version: None, name, at: standing.now };
    let other = read_other(text, how).map_err(|error| match error {
        NotReadable::Empty(_) => {
            wrong("Der står ikke noget land i teksten.", "The text names no country.")
        }
        NotReadable::Location(lists::NoLocation::Several(names)) => {
            let names = names.join(", ");
            Faults(vec![Fault::new(
                "name",
                match language {
                    Language::Danish => format!("Filen rummer flere placeringer. Skriv hvilken: {names}"),
                    Language::English => format!("The file holds several locations. Say which: {names}"),
                },
            )])
        }
        _ => wrong(
            "Det kan ikke læses som en liste. Indsæt JSON fra Microsoft Graph, en listefil eller navne.",
            "This cannot be read as a list. Paste JSON of Microsoft Graph, a list file, or names.",
        ),
    })?;
    let version = standing
        .version(None)
        .map_err(|_| wrong("Vores liste har ingen udgave.", "Our list has no version."))?;
    let difference = Difference::between(&version.territories, standing.unknown_location, &other);
    Ok((other, difference))
}

fn compared(
    standing: &Standing,
    other: &lists::Other,
    difference: &Difference,
    visitor: &Visitor,
) -> Compared {
    let (language, words) = (visitor.language, Words::of(visitor.language));
    let version = standing.version(None).map(|v| v.version.clone()).unwrap_or_default();
    let ours = words::ours(standing.list.name(), &version, language);
    let parts = [
        (words.missing, &difference.missing),
        (words.extra, &difference.extra),
        (words.covered, &difference.covered),
    ];
    Compared {
        sentence: words::compared(&other.title, &ours, difference.is_none(), language),
        same: difference.is_none(),
        parts: parts
            .into_iter()
            .filter(|(_, territories)| !territories.is_empty())
            .map(|(title, territories)| {
                let mut sorted = territories.clone();
                crate::territory::sort_by_name(&mut sorted, language);
                let row = |t: &crate::territory::Territory| Row {
                    code: t.to_string(),
                    name: t.name(language).into_owned(),
                };
                Part2 { title, rows: sorted.iter().map(row).collect() }
            })
            .collect(),
        not_known: difference.not_known.clone(),
        switch: difference
            .unknown_switch
            .map(|on| if on { words.switch_on } else { words.switch_off }),
    }
}

fn compare_page(
    standing: &Standing,
    visitor: &Visitor,
    (text, name): (&str, &str),
    faults: &Faults,
    compared: Option<Compared>,
) -> Response {
    let words = Words::of(visitor.language);
    let list = standing.list.id().to_string();
    let csrf = &visitor.csrf;
    let page = ComparePage { words, list, text, name, faults, compared, csrf };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    shell::frame_with(status, visitor, Place::List, words.compare, &page)
}

async fn export(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path((list, format)): Path<(String, String)>,
    asked: Asked,
) -> Answer {
    let format = Format::from_word(&format).ok_or(Refusal::NotFound)?;
    let (standing, _) = actions::standing(&admin, &visitor, Some(&list)).await?;
    let name = standing.version(asked.given("version"))?.version.clone();
    let path = admin.loaded().config.geoip.database.clone();
    let title = format!("{}-{name}.{}", standing.list.id(), format.extension());
    let content = exported(standing, name, format, path, turn(&visitor).await?).await?;
    let kind = match format {
        Format::Entra => "application/json",
        Format::Csv => "text/csv; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    };
    Ok(file(kind, &title, content))
}

/// Writes a version; walking the database for its networks takes a while.
async fn exported(
    standing: Standing,
    version: String,
    format: Format,
    database: std::path::PathBuf,
    turn: Turn,
) -> Result<String, Refusal> {
    let writing = tokio::task::spawn_blocking(move || {
        let _until_it_is_written = turn;
        let version = standing.version(Some(&version))?;
        let exported = Exported {
            list: &standing.list,
            version,
            unknown_location: standing.unknown_location,
            database: Some(&database),
        };
        exported.content(format).map_err(|error| Refusal::Conflict(error.to_string()))
    });
    writing.await.map_err(|error| Refusal::fault(&error))?
}

/// A file to be kept, under a name that no path can be made of.
pub(in crate::admin) fn file(kind: &'static str, name: &str, content: String) -> Response {
    let safe = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name: String = name.chars().map(|c| if safe(c) { c } else { '-' }).take(100).collect();
    let name = name.trim_start_matches('.');
    let name = FilePath::new(name).file_name().and_then(|name| name.to_str()).unwrap_or("geovagt");
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}
