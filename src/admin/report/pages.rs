//! The report as a page and as a file.

use askama::Template;
use axum::extract::{Path, State};
use jiff::Timestamp;

use super::api;
use super::words::{self, Words};
use crate::admin::list::file;
use crate::admin::{Admin, Answer, Asked, Place, Refusal, Right, Routes, Visitor, shell};
use crate::clock;
use crate::log_index::{Quarter, Report};
use crate::store::log::Organizations;

/// So many quarters back can be chosen.
const QUARTERS: usize = 8;

pub(in crate::admin) fn routes(routes: Routes) -> Routes {
    let routes = routes.get("/report", Right::STAFF, page).get(
        "/report/{quarter}/file",
        Right::STAFF,
        report_file,
    );
    api::routes(routes)
}

struct Row {
    name: String,
    figure: String,
}

struct Table {
    title: &'static str,
    rows: Vec<Row>,
    total: Option<String>,
}

#[derive(Template)]
#[template(path = "report/page.html")]
struct Page {
    words: &'static Words,
    quarter: String,
    quarters: Vec<String>,
    tables: Vec<Table>,
    not_over: bool,
}

/// The quarter that is asked for, or the last that is over; one that has not begun is none.
pub(super) fn quarter(
    asked: Option<&str>,
    visitor: &Visitor,
    now: Timestamp,
) -> Result<Quarter, Refusal> {
    let zone = &visitor.organization.time_zone;
    let quarter = match asked {
        Some(text) => text.parse().map_err(|_| Refusal::NotFound)?,
        None => Quarter::before(now, zone),
    };
    if quarter.span(zone).0 > now { Err(Refusal::NotFound) } else { Ok(quarter) }
}

/// The figures of the visitor's organisation.
pub(super) async fn report(
    admin: &Admin,
    visitor: &Visitor,
    quarter: Quarter,
) -> Result<Report, Refusal> {
    let organizations = Organizations::These([visitor.organization_id().clone()].into());
    let zone = &visitor.organization.time_zone;
    Ok(Report::make(admin.store().log(), &organizations, quarter, zone).await?)
}

async fn page(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let (language, words) = (visitor.language, Words::of(visitor.language));
    let now = clock::now();
    let chosen = quarter(asked.given("quarter"), &visitor, now)?;
    let report = report(&admin, &visitor, chosen).await?;
    let tables = report.tables.iter().filter(|table| !table.rows.is_empty()).map(|table| {
        let rows = table.rows.iter().map(|(code, figure)| Row {
            name: words::row(table.subject, code, language),
            figure: words.figure(*figure, language),
        });
        let mut rows: Vec<Row> = rows.collect();
        if table.subject != crate::log_index::Subject::RejectionsByMonth {
            rows.sort_by_cached_key(|row| crate::language::sort_key(&row.name, language));
        }
        let total = table.total.map(|total| words.figure(total, language));
        Table { title: words::subject(table.subject, language), rows, total }
    });
    let page = Page {
        words,
        quarter: chosen.to_string(),
        quarters: quarters(&visitor, now),
        tables: tables.collect(),
        not_over: chosen.span(&visitor.organization.time_zone).1 > now,
    };
    Ok(shell::frame(&visitor, Place::System, words.title, &page))
}

/// This quarter and those before it, newest first.
fn quarters(visitor: &Visitor, now: Timestamp) -> Vec<String> {
    let zone = &visitor.organization.time_zone;
    let mut quarters = Vec::new();
    let mut before = Quarter::before(now, zone);
    // The one that is under way begins where the last one ended.
    let under_way = now.to_zoned(zone.clone()).date();
    quarters.push(format!("{}-Q{}", under_way.year(), (under_way.month() - 1) / 3 + 1));
    for _ in 0..QUARTERS {
        quarters.push(before.to_string());
        before = Quarter::before(before.span(zone).0, zone);
    }
    quarters
}

async fn report_file(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(wanted): Path<String>,
) -> Answer {
    let chosen = quarter(Some(&wanted), &visitor, clock::now())?;
    let report = report(&admin, &visitor, chosen).await?;
    let mut csv = Vec::new();
    report.write_csv(&mut csv).map_err(|error| Refusal::fault(&error))?;
    let name = format!("{}-{chosen}.csv", visitor.organization_id());
    let text = String::from_utf8(csv).map_err(|error| Refusal::fault(&error))?;
    Ok(file("text/csv; charset=utf-8", &name, text))
}
