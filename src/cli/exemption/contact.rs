//! `geovagt exemption contact`

use std::io::Write;

use crate::cli::people::{self, complain, sentence};
use crate::cli::{Answer, Context};
use crate::clock;
use crate::journey::contact::{self, Stated};
use crate::policy::ExemptionId;
use crate::store::{ExemptionError, Store};

/// Arguments of `exemption contact`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The exemption, such as TE-7K2M9D.
    #[arg(value_name = "ID", value_parser = super::exemption_id)]
    id: ExemptionId,
    /// A private mailbox; the municipal one is what is blocked.
    #[arg(long, value_name = "ADDRESS")]
    mail: Option<String>,
    /// The address at a gateway that makes text messages of mail.
    #[arg(long, value_name = "ADDRESS")]
    sms_mail: Option<String>,
    /// For people to call.
    #[arg(long, value_name = "NUMBER")]
    telephone: Option<String>,
    /// How the traveller is addressed.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The language of the messages: da or en. Left out: the organisation's.
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
    /// Who says so; logged beside the operating-system user.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

pub(super) async fn run(
    context: &Context,
    store: &Store,
    arguments: &Arguments,
) -> anyhow::Result<Answer> {
    let by = people::actor(arguments.by.as_deref()).map_err(anyhow::Error::msg)?;
    let before = store.contact(&arguments.id).await?.unwrap_or_default();
    let stated = Stated {
        mail: arguments.mail.as_deref(),
        sms_mail: arguments.sms_mail.as_deref(),
        telephone: arguments.telephone.as_deref(),
        name: arguments.name.as_deref(),
        language: arguments.language.as_deref(),
    };
    let contact = match contact::changed(before, stated) {
        Ok(contact) => contact,
        Err(faults) => {
            let problems: Vec<String> = faults.iter().map(ToString::to_string).collect();
            complain(&mut context.messages(), &problems, "nothing was changed")?;
            return Ok(Answer::No);
        }
    };
    match store.set_contact(&arguments.id, &contact, &by, clock::now()).await {
        Ok(()) => {}
        Err(ExemptionError::Store(error)) => return Err(error.into()),
        Err(error) => {
            complain(&mut context.messages(), &[sentence(&error)], "nothing was changed")?;
            return Ok(Answer::No);
        }
    }
    if contact.mail.is_none() && contact.sms_mail.is_none() {
        writeln!(context.messages(), "warning: the traveller gets no notices without an address")?;
    }
    if context.json {
        context.print_json(&serde_json::json!({ "id": arguments.id.as_str() }))?;
    } else {
        writeln!(context.out(), "{}", arguments.id)?;
    }
    Ok(Answer::Yes)
}
