//! `geovagt exemption emergency`

use std::io::Write;

use jiff::Timestamp;

use super::{changed, found};
use crate::audit::{InvalidReference, Options, Reference};
use crate::cli::local_time::local;
use crate::cli::people::{self, complain};
use crate::cli::{Answer, Context};
use crate::clock;
use crate::config::{Loaded, Organization};
use crate::journey::Trouble;
use crate::journey::emergency::{self, Call};
use crate::journey::person::{self, Wanted};
use crate::policy::{Actor, ExemptionState, TravelExemption, ValidEmergency};
use crate::store::Store;

/// Arguments of `exemption emergency`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The code that the caller reads from the page: K7QX-2M9D, in any spelling.
    #[arg(long, value_name = "R", value_parser = reference)]
    pub(in crate::cli) reference: Reference,
    /// The login name of the person who called.
    #[arg(long, value_name = "USER")]
    pub(in crate::cli) person: String,
    /// The provider that knows the person, where more than one has that name, or with --subject.
    #[arg(long, value_name = "P")]
    pub(in crate::cli) provider: Option<String>,
    /// The provider's immutable name for a person who has not signed in yet.
    #[arg(long, value_name = "S", requires = "provider")]
    pub(in crate::cli) subject: Option<String>,
    /// How you know that it is this person: "called back on the number in the staff list".
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) caller_verified: String,
    /// The organisation, to be sure that it is the one the reference leads to.
    #[arg(long, value_name = "O")]
    pub(in crate::cli) organization: Option<String>,
    /// Why the person travels.
    #[arg(long, value_name = "TEXT", default_value = "Nødadgang efter telefonopkald")]
    pub(in crate::cli) purpose: String,
    /// The case it belongs to, where there is one already.
    #[arg(long, value_name = "NUMBER", default_value = "", hide_default_value = true)]
    pub(in crate::cli) case: String,
    /// Who grants; logged beside the operating-system user.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) by: Option<String>,
}

fn reference(text: &str) -> Result<Reference, InvalidReference> {
    Reference::parse(text)
}

pub(super) async fn run(
    context: &Context,
    loaded: &Loaded,
    store: &Store,
    arguments: &Arguments,
) -> anyhow::Result<Answer> {
    let now = clock::now();
    let nothing = "nothing was granted";
    let (emergency, by, organization) = match prepare(loaded, store, arguments, now).await? {
        Ok(prepared) => prepared,
        Err(problems) => {
            complain(&mut context.messages(), &problems, nothing)?;
            return Ok(Answer::No);
        }
    };
    for caution in emergency.grant().cautions() {
        writeln!(context.messages(), "warning: {caution}")?;
    }
    let done = store.grant_emergency(emergency, &by, now).await;
    if let Ok(exemption) = &done {
        found::tell(context, &loaded.config, store, exemption).await?;
        tell(&mut context.messages(), exemption, organization)?;
        let undo = format!("geovagt exemption revoke {} --reason \"no name\"", exemption.id);
        people::warn_nameless(&mut context.messages(), &by, &undo)?;
    }
    changed(context, &loaded.config, done, nothing)
}

fn tell(
    out: &mut impl Write,
    exemption: &TravelExemption,
    organization: &Organization,
) -> std::io::Result<()> {
    let ExemptionState::Provisional { until } = exemption.state else { return Ok(()) };
    let zone = &organization.time_zone;
    let civil = |at: Timestamp| local(at, zone);
    let leg = exemption.legs.first();
    let places = leg.iter().flat_map(|leg| &leg.territories).map(ToString::to_string);
    let sites = exemption.sites.iter().map(ToString::to_string);
    let ends = exemption.journey().map_or(until, |(_, end)| end);
    writeln!(
        out,
        "{id} lets {user} in to {sites} from {places} now, until {ends}",
        id = exemption.id,
        user = exemption.user_name,
        sites = sites.collect::<Vec<_>>().join(", "),
        places = places.collect::<Vec<_>>().join(", "),
        ends = civil(ends),
    )?;
    let confirm = until.min(ends);
    writeln!(
        out,
        "it ends at {} already unless another person approves it: geovagt exemption approve {} --by NAME",
        civil(confirm),
        exemption.id
    )
}

/// Everything that stands in the way, or what can be granted, by whom, for which organisation.
pub(super) async fn prepare<'a>(
    loaded: &'a Loaded,
    store: &Store,
    arguments: &Arguments,
    now: Timestamp,
) -> anyhow::Result<Result<(ValidEmergency, Actor, &'a Organization), Vec<String>>> {
    let mut problems = Vec::new();
    let by = people::actor(arguments.by.as_deref()).map_err(|p| problems.push(p)).ok();
    let reference = arguments.reference;
    let directory = Options::from_config(&loaded.config).directory;
    let rejection = emergency::rejection_of(store, &directory, reference, now).await?;
    let Some(rejection) = rejection else {
        problems.push(emergency::not_found(reference, store.is_shared()).to_string());
        return Ok(Err(problems));
    };
    let organization = match emergency::organization_of(&loaded.config, reference, &rejection) {
        Ok(organization) => organization,
        Err(trouble) => {
            problems.push(trouble.to_string());
            return Ok(Err(problems));
        }
    };
    let id = &organization.id;
    if let Some(wanted) = arguments.organization.as_deref().filter(|wanted| *wanted != id.as_str())
    {
        let (actual, wanted) = (id.clone(), wanted.to_owned());
        problems.push(Trouble::OtherOrganization { reference, actual, wanted }.to_string());
    }
    if let Some(by) = &by {
        problems.extend(people::may_decide(organization, by).err());
    }
    let wanted = Wanted {
        name: &arguments.person,
        provider: arguments.provider.as_deref(),
        subject: arguments.subject.as_deref(),
    };
    let Some(by) = by else {
        let found = person::find(&loaded.config, store, organization, wanted).await?;
        problems.extend(found.err().map(|nobody| nobody.to_string()));
        return Ok(Err(problems));
    };
    let Arguments { caller_verified, purpose, case, .. } = arguments;
    let call = Call { wanted, caller_verified, purpose, case, by: &by };
    let held = emergency::prepare(loaded, store, organization, &rejection, call, now).await?;
    let complete = people::complete(held, Some(by), problems);
    Ok(complete.map(|(emergency, by)| (emergency, by, &**organization)))
}
