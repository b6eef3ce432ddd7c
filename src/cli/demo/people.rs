//! The people of the demo, with new passwords at each start, and the traveller's journey.

use anyhow::Context as _;
use base64::Engine as _;
use jiff::ToSpan;

use crate::cli::exemption::grant;
use crate::clock;
use crate::config::Loaded;
use crate::demo::start::Somebody;
use crate::identifier::OrganizationId;
use crate::identity::{Argon2id, Password, PasswordFunction};
use crate::mail_address::MailAddress;
use crate::policy::{Actor, Phase, UserName};
use crate::store::{AccountError, Contact, NewAccount, Store};

/// The council member who travels.
pub(super) const TRAVELLER: &str = "anna.holm";
/// Where the traveller is.
pub(super) const JOURNEY_TO: &str = "TH";
/// Where the traveller is told about it.
const TRAVELLERS_MAIL: &str = "anna.holm@example.net";
/// Who grants journeys.
const CLERK: &str = "kirsten.vang";
/// Everybody who can sign in, and what they are; the configuration gives the roles.
pub(super) const PEOPLE: [Somebody; 7] = [
    Somebody {
        name: TRAVELLER,
        danish: "må rejse til Thailand, med mail og intranet",
        english: "may travel to Thailand, for mail and intranet",
    },
    Somebody { name: "bo.lund", danish: "har ingen rejseadgang", english: "has no exemption" },
    Somebody {
        name: CLERK,
        danish: "sagsbehandler: giver rejseadgang",
        english: "case officer: grants journeys",
    },
    Somebody {
        name: "mads.bro",
        danish: "godkender: godkender som den anden person",
        english: "approver: approves as the second person",
    },
    Somebody {
        name: "sofie.lind",
        danish: "sikkerhed: gennemgår loggen",
        english: "security: reviews the log",
    },
    Somebody {
        name: "dorte.krogh",
        danish: "databeskyttelsesrådgiver",
        english: "data protection officer",
    },
    Somebody {
        name: "ole.drift",
        danish: "drift, også for hele driftscentralen",
        english: "operator, of the centre too",
    },
];

/// Somebody and the password of this start.
pub(super) struct Account {
    pub(super) name: &'static str,
    pub(super) password: String,
    pub(super) what: &'static str,
}

/// Accounts with new passwords, and the traveller's exemption.
pub(super) async fn accounts(loaded: &Loaded) -> anyhow::Result<Vec<Account>> {
    let directory = &loaded.config.state_directory;
    std::fs::create_dir_all(directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    let store = Store::open(directory).await?;
    let by = Actor { name: "demo".to_owned(), operating_system_user: None };
    let mut accounts = Vec::new();
    for Somebody { name, english, .. } in PEOPLE {
        let password = new_password();
        set_password(&store, name, &password, &by).await?;
        accounts.push(Account { name, password, what: english });
    }
    grant_journey(loaded, &store).await?;
    store.close().await;
    Ok(accounts)
}

fn new_password() -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(clock::random_bytes::<12>())
}

async fn set_password(store: &Store, name: &str, password: &str, by: &Actor) -> anyhow::Result<()> {
    let organization = OrganizationId::parse("ballerup")?;
    let name = UserName::parse(name)?;
    let hash = Argon2id.hash(&Password::new(password.to_owned()));
    let account = NewAccount { organization: &organization, name: &name, password_hash: &hash };
    match store.add_account(&account, by, clock::now()).await {
        Err(AccountError::NameTaken { .. }) => {
            store.set_password(&organization, &name, &hash, by, clock::now()).await?;
        }
        other => {
            other?;
        }
    }
    Ok(())
}

/// Two weeks from yesterday on, unless an earlier run of the demo granted a journey that goes on.
async fn grant_journey(loaded: &Loaded, store: &Store) -> anyhow::Result<()> {
    let now = clock::now();
    let organization = OrganizationId::parse("ballerup")?;
    let held = store.exemptions(Some(&organization)).await?;
    if held.iter().any(|record| record.exemption.phase(now) == Phase::Active) {
        return Ok(());
    }
    let today = now.to_zoned(jiff::tz::TimeZone::get("Europe/Copenhagen")?).date();
    let leg = format!("{JOURNEY_TO} {}..{}", today - 1.day(), today + 13.days());
    let arguments = grant::Arguments {
        demand: None,
        organization: "ballerup".to_owned(),
        person: TRAVELLER.to_owned(),
        provider: None,
        subject: None,
        legs: vec![leg],
        sites: vec!["kilden".to_owned(), "mail".to_owned()],
        purpose: "Studietur".to_owned(),
        case: "00.22.04-P35-12-25".to_owned(),
        by: Some(CLERK.to_owned()),
    };
    let (grant, by) = grant::prepare(loaded, store, &arguments, now)
        .await?
        .map_err(|problems| anyhow::anyhow!("the demo's journey: {}", problems.join("; ")))?;
    let exemption = store.grant_exemption(grant, &by, now).await?;
    let contact = Contact {
        name: Some("Anna Holm".to_owned()),
        mail: Some(MailAddress::parse(TRAVELLERS_MAIL)?),
        ..Contact::default()
    };
    store.set_contact(&exemption.id, &contact, &by, now).await?;
    Ok(())
}
