//! `geovagt audit tail`

use std::io::Write;
use std::time::Duration;

use super::{Where, show};
use crate::audit::search::{Filter, Follow, FoundEntry, search};
use crate::cli::{Answer, Context};

/// How often it looks for more.
const PAUSE: Duration = Duration::from_millis(250);

/// Arguments of `audit tail`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many entries to begin with.
    #[arg(short = 'n', long = "lines", value_name = "N", default_value_t = 10)]
    lines: usize,
    /// Go on with what is added, until it is interrupted.
    #[arg(short, long)]
    follow: bool,
    #[command(flatten)]
    place: Where,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    let directory = arguments.place.find(context)?;
    // What is added while the last entries are read is shown once: they are told apart by place.
    let mut follow = Follow::from_now(&directory)?;
    let everything = Filter::default();
    let last: Result<Vec<_>, _> = search(&directory, &everything)?.take(arguments.lines).collect();
    let mut last = last?;
    last.reverse();
    let mut out = context.out();
    for entry in &last {
        print(context, &mut out, entry)?;
    }
    if !arguments.follow {
        return Ok(Answer::Yes);
    }
    loop {
        for entry in follow.added()? {
            let same = |shown: &&FoundEntry| {
                (shown.class, shown.sequence) == (entry.class, entry.sequence)
            };
            if !last.iter().any(|shown| same(&shown)) {
                print(context, &mut out, &entry)?;
            }
        }
        out.flush()?;
        std::thread::sleep(PAUSE);
    }
}

fn print(context: &Context, out: &mut impl Write, entry: &FoundEntry) -> std::io::Result<()> {
    if context.json {
        writeln!(out, "{}", entry.line)
    } else {
        writeln!(out, "{}", show::one_line(&entry.event, context.width()))
    }
}
