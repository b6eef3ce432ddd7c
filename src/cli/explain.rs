//! `geovagt explain`: the decision and each step that led to it, by the function that serves.

use std::io::Write as _;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Answer, Context};
use crate::identifier::SiteId;
use crate::policy::{Explanation, UserName};

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
#[command(before_help = "Example: geovagt explain 203.0.113.9 --site kilden --user anna.holm")]
pub(crate) struct Arguments {
    /// The client's address.
    address: IpAddr,
    /// The site; needed where the configuration has more than one.
    #[arg(long)]
    site: Option<SiteId>,
    /// A login name that is taken as proven.
    #[arg(long, value_parser = UserName::parse)]
    user: Option<UserName>,
    /// The instant of the decision, such as 2026-12-01T08:00:00+01:00; now where it is not given.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
}

pub(crate) fn run(_context: &Context, _arguments: &Arguments) -> anyhow::Result<Answer> {
    anyhow::bail!("explain is being built")
}

/// Prints an explanation. The answer is yes where the client is let in; one who is asked who they
/// are, or rejected, is not.
#[expect(
    dead_code,
    reason = "called once configuration, lists, database and store are opened here"
)]
fn print(
    context: &Context,
    explanation: &Explanation,
    time_zone: &TimeZone,
) -> anyhow::Result<Answer> {
    if context.json {
        context.print_json(explanation)?;
    } else {
        write!(context.out(), "{}", explanation.to_text(time_zone))?;
    }
    Ok(answer(explanation))
}

fn answer(explanation: &Explanation) -> Answer {
    if explanation.verdict == "allow" { Answer::Yes } else { Answer::No }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Command::try_parse_from(line.split(' ')).map(|command| command.arguments)
    }

    #[test]
    fn the_arguments_are_read_as_the_contract_has_them() {
        let line =
            "explain 2001:db8::1 --site kilden --user Anna.Holm --at 2026-12-01T08:00:00+01:00";
        let arguments = parse(line).unwrap();
        assert_eq!(arguments.address, "2001:db8::1".parse::<IpAddr>().unwrap());
        assert_eq!(arguments.site.unwrap().as_str(), "kilden");
        assert_eq!(arguments.user.unwrap().as_str(), "anna.holm");
        assert_eq!(arguments.at.unwrap().to_string(), "2026-12-01T07:00:00Z");
        assert!(parse("explain 203.0.113.9").is_ok());
        for wrong in [
            "explain",
            "explain 203.0.113.300",
            "explain kilden.example.dk",
            "explain ::1 --at today",
            "explain ::1 --user a:b",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
