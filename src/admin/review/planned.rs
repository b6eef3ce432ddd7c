//! The planned review: plan, draw, outcome for each entry.

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;
use jiff::civil::Date;

use super::REVIEWER;
use super::views::reviewed;
use super::words::{self, Words};
use crate::admin::access::{Looked, look};
use crate::admin::log::actions;
use crate::admin::log::pages::telling;
use crate::admin::{Admin, Answer, Asked, Fields, Place, Refusal, Sent, Visitor, shell};
use crate::clock;
use crate::language::{self, Language, number};
use crate::log_review::{ConductError, InvalidPlan, Period, Plan, Standing};
use crate::store::log::Wanted;
use crate::store::{By, Outcome, Review, ReviewError, ReviewItem};

/// The longest remark, in characters.
const LONGEST_NOTE: usize = 500;
/// What a form proposes where nothing is planned.
const PROPOSED: (u16, u16, u16) = (30, 20, 14);

/// A period and a day in words.
pub(super) fn in_words(period: &Period, due: Date, language: Language) -> (String, String) {
    let day = |day| language::date(day, language);
    (format!("{} – {}", day(period.from), day(period.last())), day(due))
}

struct PlanField {
    name: &'static str,
    label: &'static str,
    help: Option<&'static str>,
    wrong: Option<&'static str>,
    value: String,
}

impl PlanField {
    fn described(&self) -> Option<String> {
        match (self.help, self.wrong) {
            (None, None) => None,
            (Some(_), None) => Some(format!("h-{}", self.name)),
            (None, Some(_)) => Some(format!("e-{}", self.name)),
            (Some(_), Some(_)) => Some(format!("h-{0} e-{0}", self.name)),
        }
    }
}

struct Row {
    id: String,
    period: String,
    state: String,
    drawn_by: String,
}

#[derive(Template)]
#[template(path = "review/planned.html")]
struct Planned<'a> {
    words: &'static Words,
    csrf: &'a str,
    problems: Vec<(&'static str, &'static str)>,
    standing: String,
    overdue: bool,
    waits: bool,
    open: Option<String>,
    reviews: Vec<Row>,
    may_change: bool,
    fields: Vec<PlanField>,
}

/// How the review stands.
pub(super) async fn page(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    planned(&admin, &visitor, None).await
}

async fn planned(
    admin: &Admin,
    visitor: &Visitor,
    again: Option<(&Fields, Vec<(&'static str, &'static str)>)>,
) -> Answer {
    let words = words::of(visitor.language);
    let language = visitor.language;
    let progress = reviewed(visitor).progress(admin.store(), clock::now()).await?;
    let reviews = admin.store().reviews(visitor.organization_id()).await?;
    let standing = progress.as_ref().map(|progress| progress.standing);
    let told = match standing {
        None => words.no_plan.to_owned(),
        Some(Standing::UpToDate(until)) => {
            words::up_to_date(&language::date(until, language), language)
        }
        Some(Standing::Waiting(period, due)) => {
            let (period, due) = in_words(&period, due, language);
            words::waiting(&period, &due, language)
        }
        Some(Standing::Overdue(period, due)) => {
            let (period, due) = in_words(&period, due, language);
            words::overdue(&period, &due, language)
        }
    };
    let open = progress.as_ref().and_then(|progress| progress.open.as_ref());
    let problems = again.as_ref().map(|(_, problems)| problems.clone()).unwrap_or_default();
    let plan = progress.as_ref().map(|progress| progress.plan);
    let body = Planned {
        words,
        csrf: &visitor.csrf,
        standing: told,
        overdue: matches!(standing, Some(Standing::Overdue(..))),
        waits: matches!(standing, Some(Standing::Overdue(..) | Standing::Waiting(..))),
        open: open.filter(|open| open.population.is_some()).map(|open| open.id.clone()),
        reviews: reviews.iter().map(|review| row(review, words, language)).collect(),
        may_change: visitor.has_any(REVIEWER),
        fields: plan_fields(words, plan, again.as_ref().map(|(fields, _)| *fields), &problems),
        problems,
    };
    let status = if again.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(shell::frame_with(status, visitor, Place::Log, words.planned, &body))
}

fn row(review: &Review, words: &Words, language: Language) -> Row {
    let (period, due) = in_words(&review.period, review.due, language);
    let state = match review.finished {
        Some(_) => words.finished.to_owned(),
        None => format!("{} ({due})", words.open),
    };
    Row { id: review.id.clone(), period, state, drawn_by: review.drawn_by.clone() }
}

fn plan_fields(
    words: &Words,
    plan: Option<Plan>,
    typed: Option<&Fields>,
    problems: &[(&'static str, &'static str)],
) -> Vec<PlanField> {
    let (every, sample, within) =
        plan.map_or(PROPOSED, |plan| (plan.every_days, plan.sample, plan.within_days));
    let starts = plan.map(|plan| plan.starts.to_string()).unwrap_or_default();
    [
        ("starts", words.starts, Some(words.starts_help), starts),
        ("every_days", words.every_days, None, every.to_string()),
        ("sample", words.sample, Some(words.sample_help), sample.to_string()),
        ("within_days", words.within_days, None, within.to_string()),
    ]
    .into_iter()
    .map(|(name, label, help, value)| PlanField {
        name,
        label,
        help,
        wrong: problems.iter().find(|(field, _)| *field == name).map(|(_, text)| *text),
        value: typed.map_or(value, |typed| typed.text(name).to_owned()),
    })
    .collect()
}

/// Reads a plan, or says what is wrong with it at each field.
pub(super) fn read_plan(
    fields: &Fields,
    words: &Words,
) -> Result<Plan, Vec<(&'static str, &'static str)>> {
    let mut problems = Vec::new();
    let starts = fields.text("starts").parse::<Date>();
    if starts.is_err() {
        problems.push(("starts", words.bad_day));
    }
    let mut figure = |name, wrong| {
        let read = fields.text(name).parse::<u16>().ok();
        if read.is_none() {
            problems.push((name, wrong));
        }
        read.unwrap_or(1)
    };
    let plan = Plan {
        starts: starts.unwrap_or(Date::ZERO),
        every_days: figure("every_days", words.bad_every_days),
        sample: figure("sample", words.bad_sample),
        within_days: figure("within_days", words.bad_within_days),
    };
    match plan.check() {
        Ok(_) => {}
        Err(InvalidPlan::EveryDays) => problems.push(("every_days", words.bad_every_days)),
        Err(InvalidPlan::Sample) => problems.push(("sample", words.bad_sample)),
        Err(InvalidPlan::WithinDays) => problems.push(("within_days", words.bad_within_days)),
    }
    if problems.is_empty() { Ok(plan) } else { Err(problems) }
}

/// Plans anew.
pub(super) async fn plan(State(admin): State<Admin>, visitor: Visitor, sent: Sent) -> Answer {
    match read_plan(&sent, words::of(visitor.language)) {
        Ok(plan) => {
            let organization = visitor.organization_id();
            let (by, now) = (visitor.actor(), clock::now());
            admin.store().set_review_plan(organization, &plan, &by, now).await?;
            Ok(shell::see("/review/planned"))
        }
        Err(problems) => planned(&admin, &visitor, Some((&sent, problems))).await,
    }
}

/// Draws the sample.
pub(super) async fn begin(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    let id = begun(&admin, &visitor).await?;
    Ok(shell::see(&format!("/review/planned/{id}")))
}

/// The same for the API.
pub(super) async fn begun(admin: &Admin, visitor: &Visitor) -> Result<String, Refusal> {
    let id = format!("LR-{}", hex::encode_upper(clock::random_bytes::<5>()));
    let drawn_by = (id.as_str(), clock::random_bytes());
    let (reviewed, by) = (reviewed(visitor), visitor.actor());
    let begun = reviewed.begin(admin.store(), drawn_by, &by, clock::now()).await;
    begun.map_err(|error| refused(error, visitor))
}

/// What a visitor is told where the review does not go on.
pub(super) fn refused(error: ConductError, visitor: &Visitor) -> Refusal {
    let words = words::of(visitor.language);
    let text = match error {
        ConductError::Store(error) | ConductError::Review(ReviewError::Store(error)) => {
            return error.into();
        }
        ConductError::Review(ReviewError::Unknown) => return Refusal::NotFound,
        ConductError::NotPlanned => words.not_planned,
        ConductError::NothingWaits(_) | ConductError::Review(ReviewError::Drawn) => {
            words.nothing_waits
        }
        ConductError::OwnDoing => words.own_doing,
        ConductError::Review(ReviewError::Open) => words.review_open,
        ConductError::Review(ReviewError::Finished) => words.review_over,
    };
    Refusal::Conflict(text.to_owned())
}

struct Item {
    place: u32,
    title: String,
    lines: Vec<String>,
    entry: String,
    found: Option<String>,
    chosen: &'static str,
    note: String,
}

#[derive(Template)]
#[template(path = "review/one.html")]
struct One<'a> {
    words: &'static Words,
    csrf: &'a str,
    id: String,
    state: String,
    wrong: Option<&'static str>,
    checked: Option<&'static str>,
    same: &'a bool,
    population: String,
    drawn_by: String,
    seed: String,
    items: Vec<Item>,
    outcomes: Vec<(&'static str, &'static str)>,
    may_change: bool,
    finished: bool,
}

/// One review with what was drawn.
pub(super) async fn one(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
    asked: Asked,
) -> Answer {
    shown(&admin, &visitor, &id, asked.given("check").is_some(), None).await
}

async fn shown(
    admin: &Admin,
    visitor: &Visitor,
    id: &str,
    check: bool,
    wrong: Option<&'static str>,
) -> Answer {
    let words = words::of(visitor.language);
    let language = visitor.language;
    let review = admin.store().review(visitor.organization_id(), id).await?;
    let review = review.ok_or(Refusal::NotFound)?;
    look(admin, visitor, Looked::Log, |event| {
        event.detail("view", "review").detail("review", &review.id)
    })
    .await?;
    let same = check && drawn_the_same(admin, visitor, &review).await?;
    let checked = check.then_some(if same { words.check_same } else { words.check_other });
    let mut items = Vec::new();
    for item in &review.items {
        items.push(told(admin, visitor, item).await?);
    }
    let done = review.items.iter().filter(|item| item.outcome.is_some()).count();
    let finished = review.finished.is_some();
    let body = One {
        words,
        csrf: &visitor.csrf,
        state: match finished {
            true => words.receipt_finished.to_owned(),
            false => words::judged(done, review.items.len(), language),
        },
        wrong,
        checked,
        same: &same,
        population: number(review.population.unwrap_or(0), language),
        drawn_by: format!("{}, {}", review.drawn_by, telling(visitor).instant(review.drawn)),
        seed: review.seed.clone(),
        items,
        outcomes: Outcome::ALL
            .iter()
            .map(|&outcome| (outcome.word(), words::outcome(outcome, language)))
            .collect(),
        may_change: visitor.has_any(REVIEWER),
        finished,
        id: review.id.clone(),
    };
    let (period, _) = in_words(&review.period, review.due, language);
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(shell::frame_with(status, visitor, Place::Log, &format!("{} {period}", words.period), &body))
}

/// Whether the seed draws the same entries today.
pub(super) async fn drawn_the_same(
    admin: &Admin,
    visitor: &Visitor,
    review: &Review,
) -> Result<bool, Refusal> {
    let again = reviewed(visitor).drawn_again(admin.store(), review).await?;
    let again = again.chosen.iter().map(ToString::to_string);
    Ok(again.eq(review.items.iter().map(|item| item.entry.clone())))
}

async fn told(admin: &Admin, visitor: &Visitor, item: &ReviewItem) -> Result<Item, Refusal> {
    let telling = telling(visitor);
    let found = match item.entry.parse() {
        Ok(id) => admin.store().log().entry(&actions::own(visitor), &Wanted::Id(id)).await?,
        Err(_) => Vec::new(),
    };
    let entry = found.first();
    let lines = entry.map(|entry| {
        let facts = telling.facts(entry).into_iter();
        facts.take(14).map(|(name, value)| format!("{name}: {value}")).collect()
    });
    let outcome = item.outcome.map(|outcome| words::outcome(outcome, visitor.language));
    Ok(Item {
        place: item.place,
        title: entry.map(|entry| telling.action(&entry.event)).unwrap_or_default(),
        lines: lines.unwrap_or_default(),
        entry: item.entry.clone(),
        found: outcome.map(|outcome| {
            let reviewer = item.reviewer.as_deref().unwrap_or_default();
            format!("{outcome} ({reviewer})")
        }),
        chosen: item.outcome.map_or("", Outcome::word),
        note: item.note.clone().unwrap_or_default(),
    })
}

/// Keeps the outcome of one entry.
pub(super) async fn judge(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path((id, place)): Path<(String, String)>,
    sent: Sent,
) -> Answer {
    let place = place.parse().map_err(|_| Refusal::NotFound)?;
    let words = words::of(visitor.language);
    let wrong = match judged(&admin, &visitor, (&id, place), &sent).await {
        Ok(Ok(_)) => return Ok(shell::see(&format!("/review/planned/{id}#item-{place}"))),
        Ok(Err(wrong)) => wrong,
        Err(Refusal::Conflict(text)) if text == words.own_doing => words.own_doing,
        Err(refusal) => return Err(refusal),
    };
    shown(&admin, &visitor, &id, false, Some(wrong)).await
}

/// The same for the API: what is wrong with the fields, or whether the review is finished with it.
pub(super) async fn judged(
    admin: &Admin,
    visitor: &Visitor,
    at: (&str, u32),
    sent: &Fields,
) -> Result<Result<bool, &'static str>, Refusal> {
    let words = words::of(visitor.language);
    drawn(admin, visitor, at).await?;
    let Some(outcome) = Outcome::from_word(sent.text("outcome")) else {
        return Ok(Err(words.bad_outcome));
    };
    let note = sent.given("note");
    if note.is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
        return Ok(Err(words.bad_note));
    }
    let actor = visitor.actor();
    let (reviewed, by) = (reviewed(visitor), By::proven(&actor, &visitor.person));
    let judged = reviewed.judge(admin.store(), at, (outcome, note), by, clock::now()).await;
    judged.map(Ok).map_err(|error| refused(error, visitor))
}

/// Whether an entry was drawn at this place of one of the organisation's reviews: of what is not
/// there nothing that was sent can be wrong.
pub(super) async fn drawn(
    admin: &Admin,
    visitor: &Visitor,
    (id, place): (&str, u32),
) -> Result<(), Refusal> {
    let review = admin.store().review(visitor.organization_id(), id).await?;
    let items = review.ok_or(Refusal::NotFound)?.items;
    items.iter().any(|item| item.place == place).then_some(()).ok_or(Refusal::NotFound)
}
