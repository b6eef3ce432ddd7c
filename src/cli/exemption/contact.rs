//! `geovagt exemption contact`

use std::io::Write;

use crate::cli::people::{self, check_text, complain, sentence};
use crate::cli::{Answer, Context};
use crate::clock;
use crate::language::Language;
use crate::mail_address::MailAddress;
use crate::policy::ExemptionId;
use crate::store::{Contact, ExemptionError, Store};

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
    let contact = match changed(before, arguments) {
        Ok(contact) => contact,
        Err(problems) => {
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

/// What is stated replaces what was known; an empty text takes it away.
fn changed(before: Contact, arguments: &Arguments) -> Result<Contact, Vec<String>> {
    let mut problems = Vec::new();
    let mut address = |flag: &str, stated: &Option<String>, known: Option<MailAddress>| match stated
        .as_deref()
        .map(str::trim)
    {
        None => known,
        Some("") => None,
        Some(text) => MailAddress::parse(text)
            .map_err(|error| problems.push(format!("{flag} {text:?}: {error}")))
            .ok(),
    };
    let mail = address("--mail", &arguments.mail, before.mail);
    let sms_mail = address("--sms-mail", &arguments.sms_mail, before.sms_mail);
    let mut text = |flag: &str, stated: &Option<String>, known: Option<String>| match stated
        .as_deref()
        .map(str::trim)
    {
        None => known,
        Some("") => None,
        Some(text) => people_text(flag, text).map_err(|problem| problems.push(problem)).ok(),
    };
    let telephone = text("--telephone", &arguments.telephone, before.telephone);
    let name = text("--name", &arguments.name, before.name);
    let language = match arguments.language.as_deref() {
        None => before.language,
        Some("") => None,
        Some(tag) => {
            let language = Language::parse(tag);
            if language.is_none() {
                problems.push(format!("--language {tag:?} is neither da nor en"));
            }
            language
        }
    };
    if problems.is_empty() {
        Ok(Contact { name, mail, telephone, sms_mail, language })
    } else {
        Err(problems)
    }
}

fn people_text(flag: &str, text: &str) -> Result<String, String> {
    check_text(flag, text, 100)?;
    Ok(text.to_owned())
}
