//! `geovagt demo`: the whole gateway on this machine, with nothing installed.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64::Engine as _;
use jiff::ToSpan;
use tokio::net::TcpListener;

use super::exemption::grant;
use super::{Answer, Context};
use crate::app::{self, Running};
use crate::config::{self, Loaded};
use crate::demo::places::{PLACES, Place, place};
use crate::demo::sample::{self, SampleSite};
use crate::demo::{fronts, state};
use crate::identifier::OrganizationId;
use crate::identity::{Argon2id, Password, PasswordFunction};
use crate::lifecycle::Tasks;
use crate::policy::{Actor, Phase, UserName};
use crate::store::{AccountError, NewAccount, Store};
use crate::{clock, telemetry};

/// The council member who travels.
const TRAVELLER: &str = "anna.holm";
/// Who grants journeys.
const CLERK: &str = "kirsten.vang";
/// Everybody who can sign in, and what they are; the configuration gives the roles.
const PEOPLE: [(&str, &str); 7] = [
    (TRAVELLER, "may travel to Thailand, for mail and intranet"),
    ("bo.lund", "has no exemption"),
    (CLERK, "case officer: grants journeys"),
    ("mads.bro", "approver: approves as the second person"),
    ("sofie.lind", "security: reviews the log"),
    ("dorte.krogh", "data protection officer"),
    ("ole.drift", "operator, of the centre too"),
];
/// Where the traveller is.
const JOURNEY_TO: &str = "TH";

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
#[command(before_help = "Example: cargo run --release -- demo")]
pub(crate) struct Arguments {
    /// Where the gateway listens; whoever connects says by X-Forwarded-For where they are.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The same with TLS and a certificate made for this demo.
    #[arg(long, default_value = "127.0.0.1:8443", value_name = "ADDRESS")]
    listen_tls: SocketAddr,
    /// The administration.
    #[arg(long, default_value = "127.0.0.1:9080", value_name = "ADDRESS")]
    listen_admin: SocketAddr,
    /// Health and metrics; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    listen_operations: SocketAddr,
    /// Where configuration, log and store go; kept between runs.
    #[arg(long, default_value = ".geovagt-demo", value_name = "DIR")]
    state: PathBuf,
}

/// Somebody who can sign in.
struct Account {
    name: &'static str,
    password: String,
    what: &'static str,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    only_loopback(arguments)?;
    telemetry::start_log_at(tracing::level_filters::LevelFilter::WARN)?;
    let metrics = telemetry::start_metrics()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("geovagt").build()?;
    runtime.block_on(async {
        let tasks = Tasks::new();
        let samples = Samples::open().await?;
        let file = state::prepare(&arguments.state, &samples.addresses(arguments)?)?;
        let file = file.canonicalize().context("the demo's configuration has gone")?;
        let loaded = config::load(&file).map_err(|findings| {
            let first = findings.first().map(|f| f.message.clone()).unwrap_or_default();
            anyhow::anyhow!("the demo's own configuration is refused: {first}")
        })?;
        samples.serve(&tasks);
        let accounts = people_of_the_demo(&loaded).await?;
        let running = app::start(loaded, Some(metrics)).await?;
        let fronts = open_fronts(&running, &tasks).await?;
        let mut out = context.out();
        Introduction { arguments, running: &running, file: &file, accounts: &accounts, fronts }
            .write(&mut out)?;
        out.flush()?;
        running.until_stopped().await;
        tasks.abort();
        tasks.finished().await;
        anyhow::Ok(())
    })?;
    Ok(Answer::Yes)
}

/// The demo's passwords are printed and its proxies trusted: nobody else may reach it.
fn only_loopback(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { listen, listen_tls, listen_admin, listen_operations, .. } = arguments;
    for address in [listen, listen_tls, listen_admin, listen_operations] {
        anyhow::ensure!(
            address.ip().is_loopback(),
            "the demo listens on this machine only; {address} is not a loopback address"
        );
    }
    Ok(())
}

struct Samples {
    intranet: TcpListener,
    mail: TcpListener,
    website: TcpListener,
}

impl Samples {
    async fn open() -> anyhow::Result<Self> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Ok(Self {
            intranet: TcpListener::bind(any).await?,
            mail: TcpListener::bind(any).await?,
            website: TcpListener::bind(any).await?,
        })
    }

    fn addresses(&self, arguments: &Arguments) -> anyhow::Result<state::Addresses> {
        Ok(state::Addresses {
            web: arguments.listen,
            web_tls: arguments.listen_tls,
            admin: arguments.listen_admin,
            operations: arguments.listen_operations,
            intranet: self.intranet.local_addr()?,
            mail: self.mail.local_addr()?,
            website: self.website.local_addr()?,
        })
    }

    fn serve(self, tasks: &Tasks) {
        for (listener, site) in [
            (self.intranet, SampleSite::Intranet),
            (self.mail, SampleSite::Mail),
            (self.website, SampleSite::Website),
        ] {
            let owner = tasks.clone();
            tasks.spawn(async move { sample::serve(listener, site, &owner).await });
        }
    }
}

/// Accounts with new passwords, and the traveller's exemption.
async fn people_of_the_demo(loaded: &Loaded) -> anyhow::Result<Vec<Account>> {
    let directory = &loaded.config.state_directory;
    std::fs::create_dir_all(directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    let store = Store::open(directory).await?;
    let by = Actor { name: "demo".to_owned(), operating_system_user: None };
    let mut accounts = Vec::new();
    for (name, what) in PEOPLE {
        let password = new_password();
        set_password(&store, name, &password, &by).await?;
        accounts.push(Account { name, password, what });
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
    store.grant_exemption(grant, &by, now).await?;
    Ok(())
}

/// One port for each place, on any free port.
async fn open_fronts(
    running: &Running,
    tasks: &Tasks,
) -> anyhow::Result<Vec<(&'static Place, SocketAddr)>> {
    let gateway = running.address("places").context("the demo has no listener for its fronts")?;
    let mut opened = Vec::new();
    for place in PLACES {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        opened.push((place, listener.local_addr()?));
        let owner = tasks.clone();
        tasks.spawn(fronts::serve(listener, place.address, gateway, owner));
    }
    Ok(opened)
}

/// What the demo prints when everything is ready.
struct Introduction<'a> {
    arguments: &'a Arguments,
    running: &'a Running,
    file: &'a Path,
    accounts: &'a [Account],
    fronts: Vec<(&'static Place, SocketAddr)>,
}

impl Introduction<'_> {
    fn write(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let web = self.running.address("web").unwrap_or(self.arguments.listen);
        let tls = self.running.address("web-tls").unwrap_or(self.arguments.listen_tls);
        let admin = self.running.admin.first().copied().unwrap_or(self.arguments.listen_admin);
        let operations =
            self.running.operations.first().copied().unwrap_or(self.arguments.listen_operations);
        writeln!(out, "geovagt demo: the gateway runs. Stop it with Ctrl-C.\n")?;
        writeln!(out, "Open in a browser; each port stands for a place:")?;
        for (place, address) in &self.fronts {
            let what = if place.country == JOURNEY_TO { "  (the traveller is here)" } else { "" };
            writeln!(out, "  http://{address}/  as if you were in {}{what}", place.name)?;
        }
        writeln!(
            out,
            "The name mail.localhost with such a port is the mail, and egedal.localhost"
        )?;
        writeln!(out, "the website of another municipality.")?;
        writeln!(out, "\nAccounts (made anew at each start):")?;
        for account in self.accounts {
            writeln!(out, "  {:<12}  {}  {}", account.name, account.password, account.what)?;
        }
        writeln!(out, "\nAdministration, for each of them: http://{admin}/")?;
        writeln!(out, "\nWith curl:")?;
        self.write_curl(out, web, tls)?;
        let file = self.file.display();
        writeln!(
            out,
            "\nHealth and metrics: http://{operations}/readyz  http://{operations}/metrics"
        )?;
        writeln!(out, "Configuration:      {file}")?;
        writeln!(out, "\nIn another terminal:")?;
        let geovagt = std::env::current_exe()
            .map_or_else(|_| "geovagt".to_owned(), |path| path.display().to_string());
        for command in [
            "audit tail".to_owned(),
            "audit verify".to_owned(),
            format!("explain {} --site kilden --user {TRAVELLER}", address(JOURNEY_TO)),
            "exemption list".to_owned(),
        ] {
            writeln!(out, "  {geovagt} --config {file} {command}")?;
        }
        Ok(())
    }

    fn write_curl(
        &self,
        out: &mut impl Write,
        web: SocketAddr,
        tls: SocketAddr,
    ) -> anyhow::Result<()> {
        let traveller = self.accounts.iter().find(|account| account.name == TRAVELLER);
        let login = traveller.map_or(String::new(), |a| format!("{}:{}", a.name, a.password));
        let [denmark, china, thailand, korea] = ["DK", "CN", JOURNEY_TO, "KR"].map(address);
        let lines = [
            ("from Denmark: 200", format!("-H 'X-Forwarded-For: {denmark}' http://{web}/")),
            ("from China: 403", format!("-H 'X-Forwarded-For: {china}' http://{web}/")),
            (
                "from South Korea, not on the list: 200",
                format!("-H 'X-Forwarded-For: {korea}' http://{web}/"),
            ),
            (
                "the traveller in Thailand: 200",
                format!("-u '{login}' -H 'X-Forwarded-For: {thailand}' http://{web}/"),
            ),
            (
                "the traveller in China: 403",
                format!("-u '{login}' -H 'X-Forwarded-For: {china}' http://{web}/"),
            ),
            (
                "over TLS and HTTP/2: 200",
                format!("-k --http2 -H 'X-Forwarded-For: {denmark}' https://{tls}/"),
            ),
        ];
        for (what, line) in lines {
            writeln!(out, "  # {what}")?;
            writeln!(out, "  curl -s -o /dev/null -w '%{{http_code}}\\n' {line}")?;
        }
        Ok(())
    }
}

fn address(country: &str) -> String {
    place(country).map_or_else(String::new, |place| place.address.to_string())
}
