//! A delegation from a file: each row a journey, all of them granted at once or none.
//!
//! Always holds: a row that is wrong is named by its number and column; what is shown before is what
//! is granted after, and everything is checked anew then.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

use super::actions::{Desk, Grantable, Undone};
use super::troubles;
use super::typed::{Typed, TypedLeg};
use super::words::Words;
use super::{sentences, without_form};
use crate::admin::access::{Looked, look};
use crate::admin::{Admin, Answer, Place, Visitor, shell};
use crate::language::Language;

/// A delegation has at most so many.
const MOST_ROWS: usize = 200;

/// The columns, in both languages; the first name of each is what the template writes.
const COLUMNS: [(&str, &str); 10] = [
    ("person", "person"),
    ("lande", "countries"),
    ("fra", "from"),
    ("til", "until"),
    ("systemer", "systems"),
    ("formål", "purpose"),
    ("sagsnummer", "case"),
    ("udstyr", "devices"),
    ("telefon", "telephone"),
    ("mail", "mail"),
];

/// A row as it was read.
struct Row {
    /// As a spreadsheet counts it: the head is 1.
    number: usize,
    typed: Typed,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WrongRow {
    /// As a spreadsheet counts it; none: the file as a whole.
    pub(crate) number: Option<usize>,
    /// What is wrong.
    pub(crate) text: String,
}

/// A row that is in order.
struct Good {
    number: usize,
    person: String,
    places: String,
    days: String,
    sites: String,
    happens: String,
}

#[derive(Template)]
#[template(path = "travel/import.html")]
struct Page {
    words: &'static Words,
    csrf: String,
    pasted: String,
    wrong: Vec<WrongRow>,
    good: Vec<Good>,
    count: String,
}

pub(super) async fn page(visitor: Visitor) -> Answer {
    let page = empty(&visitor, String::new());
    Ok(shell::frame(&visitor, Place::Travel, page.words.import_many, &page))
}

fn empty(visitor: &Visitor, pasted: String) -> Page {
    let words = Words::of(visitor.language);
    let (csrf, count) = (visitor.csrf.clone(), String::new());
    Page { words, csrf, pasted, wrong: Vec::new(), good: Vec::new(), count }
}

/// The head of a file and one row that shows how it is meant.
pub(super) fn template(visitor: &Visitor) -> Response {
    let language = visitor.language;
    let name =
        |(danish, english): &(&str, &str)| sentences::pick(language, *danish, *english).to_owned();
    let head: Vec<String> = COLUMNS.iter().map(name).collect();
    let row = sentences::pick(
        language,
        "anna.holm;Kina, Hongkong;1.12.2026;8.12.2026;kilden, mail;Venskabsby;26/1234;iPad, PC;+45 20 00 00 00;anna@example.net",
        "anna.holm;China, Hong Kong;1.12.2026;8.12.2026;kilden, mail;Twin town;26/1234;iPad, PC;+45 20 00 00 00;anna@example.net",
    );
    // The mark at the beginning tells spreadsheets that it is UTF-8.
    let text = format!("\u{feff}{}\r\n{row}\r\n", head.join(";"));
    let file = sentences::pick(language, "delegation.csv", "delegation-en.csv");
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{file}\"")),
    ];
    (headers, text).into_response()
}

/// What was sent: a file, or pasted lines, and whether it is to be done.
pub(super) async fn import(
    State(admin): State<Admin>,
    visitor: Visitor,
    upload: super::upload::Upload,
) -> Answer {
    let (desk, language) = (Desk::of(&admin, &visitor), visitor.language);
    let text = upload.text("file").filter(|text| !text.trim().is_empty());
    let text = text.or_else(|| upload.text("rows")).unwrap_or_default();
    let confirmed = upload.text("do").as_deref() == Some("confirm");
    let checked = check(&desk, &text).await;
    let checked = checked.map_err(|undone| without_form(undone, language))?;
    let mut page = empty(&visitor, text);
    match checked {
        Ok(grantable) if confirmed => {
            let count = grantable.len();
            let granted = desk.grant_all(grantable.into_iter().map(|(_, one)| one).collect()).await;
            granted.map_err(|undone| without_form(undone, language))?;
            Ok(shell::see(&format!("/travel?imported={count}")))
        }
        Ok(grantable) => {
            let count = grantable.len().to_string();
            look(&admin, &visitor, Looked::Travel, |event| {
                event.detail("view", "import").detail("results", count)
            })
            .await?;
            page.count = sentences::rows(grantable.len(), language);
            page.good = grantable.iter().map(|(number, one)| good(*number, one, &desk)).collect();
            Ok(shell::frame(&visitor, Place::Travel, page.words.import_many, &page))
        }
        Err(wrong) => {
            page.wrong = wrong;
            let (status, title) = (StatusCode::UNPROCESSABLE_ENTITY, page.words.import_many);
            Ok(shell::frame_with(status, &visitor, Place::Travel, title, &page))
        }
    }
}

/// Every row, found good; or everything that is wrong with any.
pub(super) async fn check(
    desk: &Desk<'_>,
    text: &str,
) -> Result<Result<Vec<(usize, Grantable)>, Vec<WrongRow>>, Undone> {
    desk.require(super::actions::OFFICERS)?;
    let language = desk.visitor.language;
    let rows = match read(text, language) {
        Ok(rows) => rows,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let mut good: Vec<(usize, Grantable)> = Vec::new();
    let mut wrong = Vec::new();
    for row in rows {
        match desk.grantable(&row.typed).await {
            Ok(grantable) => {
                let same = good
                    .iter()
                    .find(|(_, other)| other.grant.request() == grantable.grant.request());
                if let Some((number, _)) = same {
                    wrong.push(WrongRow {
                        number: Some(row.number),
                        text: sentences::pick(
                            language,
                            format!("Den samme som række {number}."),
                            format!("The same as row {number}."),
                        ),
                    });
                }
                good.push((row.number, grantable));
            }
            Err(Undone::Troubles(troubles)) => {
                let found = troubles::in_words(&troubles, language).into_iter();
                wrong
                    .extend(found.map(|one| WrongRow { number: Some(row.number), text: one.text }));
            }
            Err(other) => return Err(other),
        }
    }
    Ok(if wrong.is_empty() { Ok(good) } else { Err(wrong) })
}

/// The rows of a file whose head names the columns, in either language and any order.
fn read(text: &str, language: Language) -> Result<Vec<Row>, Vec<WrongRow>> {
    let whole = |danish: String, english: String| {
        vec![WrongRow { number: None, text: sentences::pick(language, danish, english) }]
    };
    let text = text.trim_start_matches('\u{feff}');
    let head = text.lines().next().unwrap_or_default();
    let delimiter = [b';', b'\t', b',']
        .into_iter()
        .max_by_key(|delimiter| head.bytes().filter(|byte| byte == delimiter).count());
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter.unwrap_or(b';'))
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let names: Vec<String> = match reader.headers() {
        Ok(head) => head.iter().map(str::to_lowercase).collect(),
        Err(_) => Vec::new(),
    };
    let place = |(danish, english): &(&str, &str)| {
        names.iter().position(|name| name == danish || name == english)
    };
    let missing: Vec<&str> = COLUMNS
        .iter()
        .take(7)
        .filter(|column| place(column).is_none())
        .map(|(danish, english)| sentences::pick(language, *danish, *english))
        .collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Err(whole(
            format!(
                "Første linje skal navngive kolonnerne. Der mangler: {missing}. Hent skabelonen."
            ),
            format!(
                "The first line has to name the columns. Missing: {missing}. Download the template."
            ),
        ));
    }
    let places: Vec<Option<usize>> = COLUMNS.iter().map(place).collect();
    let (mut rows, mut wrong) = (Vec::new(), Vec::new());
    for (number, record) in (2..).zip(reader.records()) {
        match record {
            Ok(record) if record.iter().all(str::is_empty) => {}
            Ok(record) => rows.push(Row { number, typed: typed(&record, &places) }),
            Err(_) => wrong.push(WrongRow {
                number: Some(number),
                text: sentences::pick(
                    language,
                    "Rækken kan ikke læses. Gem filen som CSV i UTF-8.",
                    "The row cannot be read. Save the file as CSV in UTF-8.",
                )
                .to_owned(),
            }),
        }
    }
    if rows.len() > MOST_ROWS {
        return Err(whole(
            format!("Filen har {} rækker; {MOST_ROWS} er det meste.", rows.len()),
            format!("The file has {} rows; {MOST_ROWS} are the most.", rows.len()),
        ));
    }
    if rows.is_empty() && wrong.is_empty() {
        return Err(whole(
            "Filen har ingen rækker.".to_owned(),
            "The file has no rows.".to_owned(),
        ));
    }
    if wrong.is_empty() { Ok(rows) } else { Err(wrong) }
}

fn typed(record: &csv::StringRecord, places: &[Option<usize>]) -> Typed {
    let cell = |column: usize| {
        let place = places.get(column).copied().flatten();
        place.and_then(|place| record.get(place)).unwrap_or_default().to_owned()
    };
    let sites = cell(4);
    let sites = sites.split([',', ';', ' ']).filter(|site| !site.is_empty());
    Typed {
        who: cell(0),
        person: String::new(),
        legs: vec![TypedLeg { places: cell(1), from: cell(2), until: cell(3) }],
        sites: sites.map(str::to_owned).collect(),
        purpose: cell(5),
        case: cell(6),
        devices: cell(7),
        telephone: cell(8),
        mail: cell(9),
    }
}

fn good(number: usize, one: &Grantable, desk: &Desk<'_>) -> Good {
    let (language, zone) = (desk.visitor.language, &desk.organization().time_zone);
    let exemption = one.grant.clone().into_exemption(crate::policy::ExemptionId::new("TE-"));
    let (from, until) = exemption.journey().unwrap_or((desk.now, desk.now));
    let (from, until) =
        (sentences::day(from, zone, language), sentences::last_day(until, zone, language));
    Good {
        number,
        person: exemption.user_name.to_string(),
        places: sentences::all_places(&exemption, language),
        days: format!("{from} – {until}"),
        sites: super::shown::sites(&exemption, language),
        happens: sentences::phase(exemption.phase(desk.now), language).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "person;lande;fra;til;systemer;formål;sagsnummer";

    fn problem(text: &str) -> String {
        match read(text, Language::English) {
            Ok(_) => String::new(),
            Err(wrong) => wrong[0].text.clone(),
        }
    }

    #[test]
    fn a_file_is_read_as_spreadsheets_write_it() {
        let rows = [
            format!("\u{feff}{HEAD};mail\r\nanna;Kina, TH;1.12.2026;8.12.2026;kilden, mail;Tur;26/1;a@b.dk\r\n;;;;;;;\r\n"),
            "Case,Person,Countries,From,Until,Systems,Purpose,Mail\n26/1,anna,\"Kina, TH\",1.12.2026,8.12.2026,\"kilden mail\",Tur,a@b.dk\n".to_owned(),
            format!("{}\tmail\nanna\tKina, TH\t1.12.2026\t8.12.2026\tkilden;mail\tTur\t26/1\ta@b.dk\n", HEAD.replace(';', "\t")),
        ];
        for text in rows {
            let rows = read(&text, Language::Danish).unwrap_or_else(|wrong| panic!("{wrong:?}"));
            assert_eq!(rows.len(), 1, "{text}");
            let Typed { who, legs, sites, purpose, case, mail, .. } = &rows[0].typed;
            assert_eq!((who.as_str(), purpose.as_str(), case.as_str()), ("anna", "Tur", "26/1"));
            assert_eq!((legs[0].places.as_str(), mail.as_str()), ("Kina, TH", "a@b.dk"));
            assert_eq!(sites, &["kilden", "mail"]);
            assert_eq!(rows[0].number, 2);
        }
    }

    #[test]
    fn a_file_that_is_none_says_why() {
        assert!(problem("").contains("Missing: person, countries"));
        assert!(problem("person;lande\nanna;Kina").contains("Missing: from, until"));
        assert_eq!(problem(HEAD), "The file has no rows.");
        let many = format!("{HEAD}\n{}", "a;b;c;d;e;f;g\n".repeat(MOST_ROWS + 1));
        assert!(problem(&many).contains("201 rows"));
    }
}
