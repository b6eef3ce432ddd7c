//! `geovagt demo`: the whole gateway on this machine, with nothing installed.

mod introduction;
mod people;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::{Answer, Context};
use crate::app::{self, Running};
use crate::config;
use crate::demo::places::{PLACES, Place};
use crate::demo::post::{self, Post};
use crate::demo::sample::{self, SampleSite};
use crate::demo::start::{self, Start};
use crate::demo::{fronts, state};
use crate::lifecycle::Tasks;
use crate::telemetry;

use introduction::Introduction;

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
        let post = samples.serve(&tasks);
        let accounts = people::accounts(&loaded).await?;
        let running = app::start(loaded, Some(metrics)).await?;
        let fronts = open_fronts(&running, &tasks).await?;
        let start = open_start(&running, arguments, (&fronts, post), &tasks).await?;
        let mut out = context.out();
        let (running_now, accounts) = (&running, &accounts);
        Introduction { arguments, running: running_now, file: &file, accounts, fronts, start }
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
    post: TcpListener,
}

impl Samples {
    async fn open() -> anyhow::Result<Self> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Ok(Self {
            intranet: TcpListener::bind(any).await?,
            mail: TcpListener::bind(any).await?,
            website: TcpListener::bind(any).await?,
            post: TcpListener::bind(any).await?,
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
            post: self.post.local_addr()?,
        })
    }

    /// Gives the mailbox in which arrives what the gateway sends.
    fn serve(self, tasks: &Tasks) -> Post {
        for (listener, site) in [
            (self.intranet, SampleSite::Intranet),
            (self.mail, SampleSite::Mail),
            (self.website, SampleSite::Website),
        ] {
            let owner = tasks.clone();
            tasks.spawn(async move { sample::serve(listener, site, &owner).await });
        }
        let post = Post::default();
        tasks.spawn(post::serve(self.post, post.clone(), tasks.clone()));
        post
    }
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

/// The page that a newcomer opens, on any free port.
async fn open_start(
    running: &Running,
    arguments: &Arguments,
    (fronts, post): (&[(&'static Place, SocketAddr)], Post),
    tasks: &Tasks,
) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let address = listener.local_addr()?;
    let admin = running.admin.first().copied().unwrap_or(arguments.listen_admin);
    let start = Start { fronts: fronts.to_vec(), admin, people: &people::PEOPLE, post };
    tasks.spawn(start::serve(listener, start, tasks.clone()));
    Ok(address)
}
