//! `geovagt audit review`: how the planned review stands, the draw, what was found. The same functions
//! as the administration's.

use std::io::Write as _;

use serde_json::json;

use crate::cli::people::{self, complain};
use crate::cli::{Answer, Context};
use crate::clock;
use crate::config::Organization;
use crate::log_review::{Plan, Reviewed, Standing};
use crate::policy::Actor;
use crate::store::{Outcome, Review, Store};

/// The longest remark, in characters.
const LONGEST_NOTE: usize = 500;

/// Arguments of `audit review`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Whose log.
    #[arg(long, value_name = "O")]
    organization: String,
    /// Who does it; logged beside the operating-system user.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(subcommand)]
    step: Option<Step>,
}

/// What to do; without it, how the review stands is shown.
#[derive(Debug, clap::Subcommand)]
enum Step {
    /// Plan the reviews anew.
    Plan {
        /// The first day of the first span.
        #[arg(long, value_name = "DAY")]
        starts: jiff::civil::Date,
        /// Days in a span.
        #[arg(long, value_name = "N", default_value_t = 30)]
        every_days: u16,
        /// Entries in a sample.
        #[arg(long, value_name = "N", default_value_t = 20)]
        sample: u16,
        /// Days for the review once the span is over.
        #[arg(long, value_name = "N", default_value_t = 14)]
        within_days: u16,
    },
    /// Draw the sample of the span that waits.
    Begin,
    /// Show a review; the seed draws the same entries again.
    Show {
        /// The review, such as LR-3F9A12BC04.
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Keep what was found of an entry: `in_order`, `wrongly_rejected`, `look_closer`, `incident`.
    Judge {
        /// The review.
        #[arg(value_name = "ID")]
        id: String,
        /// The place of the entry in the draw.
        #[arg(value_name = "PLACE")]
        place: u32,
        /// What was found.
        #[arg(value_name = "OUTCOME", value_parser = outcome)]
        outcome: Outcome,
        /// A remark, kept with the sample and not in the log.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
}

fn outcome(word: &str) -> Result<Outcome, String> {
    Outcome::from_word(word).ok_or_else(|| {
        let words: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.word()).collect();
        format!("say one of {}", words.join(", "))
    })
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    let Some(loaded) = people::configuration(context)? else { return Ok(Answer::No) };
    let organization = people::organization(&loaded.config, &arguments.organization);
    let organization = organization.map_err(anyhow::Error::msg)?;
    let by = people::actor(arguments.by.as_deref()).map_err(anyhow::Error::msg)?;
    context.block_on(async {
        let store = people::open_store(&loaded.config).await?;
        let answer = step(context, organization, &store, &by, arguments.step.as_ref()).await;
        people::tell(context, &loaded.config, &store).await?;
        store.close().await;
        answer
    })?
}

async fn step(
    context: &Context,
    organization: &Organization,
    store: &Store,
    by: &Actor,
    step: Option<&Step>,
) -> anyhow::Result<Answer> {
    let reviewed = Reviewed { organization: &organization.id, zone: &organization.time_zone };
    let now = clock::now();
    match step {
        None => standing(context, &reviewed, store).await,
        Some(&Step::Plan { starts, every_days, sample, within_days }) => {
            let plan = Plan { starts, every_days, sample, within_days }.check()?;
            store.set_review_plan(&organization.id, &plan, by, now).await?;
            standing(context, &reviewed, store).await
        }
        Some(Step::Begin) => {
            let id = format!("LR-{}", hex::encode_upper(clock::random_bytes::<5>()));
            let id = reviewed.begin(store, (&id, clock::random_bytes()), by, now).await?;
            show(context, &reviewed, store, &id).await
        }
        Some(Step::Show { id }) => show(context, &reviewed, store, id).await,
        Some(Step::Judge { id, place, outcome, note }) => {
            if let Some(note) = note
                && let Err(problem) = people::check_text("--note", note, LONGEST_NOTE)
            {
                complain(&mut context.messages(), &[problem], "nothing was kept")?;
                return Ok(Answer::No);
            }
            let found = (*outcome, note.as_deref());
            reviewed.judge(store, (id, *place), found, by.into(), now).await?;
            show(context, &reviewed, store, id).await
        }
    }
}

/// Says no where a review is overdue.
async fn standing(
    context: &Context,
    reviewed: &Reviewed<'_>,
    store: &Store,
) -> anyhow::Result<Answer> {
    let progress = reviewed.progress(store, clock::now()).await?;
    let (word, text) = match progress.as_ref().map(|progress| progress.standing) {
        None => ("not_planned", "no review is planned; `audit review … plan` plans it".to_owned()),
        Some(Standing::UpToDate(until)) => {
            ("up_to_date", format!("all is reviewed; the next span is over on {until}"))
        }
        Some(Standing::Waiting(period, due)) => {
            ("waiting", format!("{} to {} waits, due on {due}", period.from, period.last()))
        }
        Some(Standing::Overdue(period, due)) => {
            ("overdue", format!("{} to {} was due on {due}", period.from, period.last()))
        }
    };
    let open = progress.and_then(|progress| progress.open).map(|open| open.id);
    if context.json {
        context.print_json(&json!({ "standing": word, "open": open }))?;
    } else {
        writeln!(context.out(), "{text}")?;
        if let Some(open) = open {
            writeln!(context.out(), "under way: {open}")?;
        }
    }
    Ok(if word == "overdue" { Answer::No } else { Answer::Yes })
}

async fn show(
    context: &Context,
    reviewed: &Reviewed<'_>,
    store: &Store,
    id: &str,
) -> anyhow::Result<Answer> {
    let Some(review) = store.review(reviewed.organization, id).await? else {
        anyhow::bail!("{} has no review {id}", reviewed.organization);
    };
    let again = reviewed.drawn_again(store, &review).await?;
    let again = again.chosen.iter().map(ToString::to_string);
    let same = again.eq(review.items.iter().map(|item| item.entry.clone()));
    print(context, &review, same)?;
    Ok(Answer::Yes)
}

fn print(context: &Context, review: &Review, same: bool) -> anyhow::Result<()> {
    if context.json {
        let items: Vec<_> = review
            .items
            .iter()
            .map(|item| {
                json!({
                    "id": item.entry, "place": item.place, "note": item.note,
                    "outcome": item.outcome.map(Outcome::word), "reviewer": item.reviewer,
                })
            })
            .collect();
        return context.print_json(&json!({
            "id": review.id, "from": review.period.from, "until": review.period.last(),
            "due": review.due, "seed": review.seed, "population": review.population,
            "finished": review.finished, "draws_the_same": same, "items": items,
        }));
    }
    let mut out = context.out();
    writeln!(out, "{}  {} to {}", review.id, review.period.from, review.period.last())?;
    writeln!(out, "drawn by {}", review.seed)?;
    let told = if same { "the same entries" } else { "other entries than then" };
    writeln!(out, "drawn again it gives {told}")?;
    for item in &review.items {
        let outcome = item.outcome.map_or("-", Outcome::word);
        writeln!(out, "{:>3}  {}  {outcome}", item.place, item.entry)?;
    }
    Ok(())
}
