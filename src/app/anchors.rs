//! Signed heads of the log, kept elsewhere: at an interval and at the end of each segment.
//!
//! Beside the requests; nothing waits for it. What could not be kept is tried again, and shows in
//! readiness, metrics and messages.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::App;
use crate::audit::sign::Signed;
use crate::audit::{Class, head, sign};
use crate::clock;
use crate::config::{Anchor, AnchorTarget, Config};
use crate::language::Language;
use crate::notice::compose::Letter;
use crate::notice::message;
use crate::notice::smtp::Session;
use crate::operations::Part;
use crate::upstream::client_config;

/// How often is looked whether something is due.
const EVERY: Duration = Duration::from_secs(1);
/// So long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The pauses between attempts that fail.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(120),
    Duration::from_secs(600),
];

/// How it goes, by the name of the place.
#[derive(Debug, Default)]
pub(super) struct Status(Mutex<BTreeMap<String, Going>>);

#[derive(Debug, Clone, Default)]
struct Going {
    /// Why the last attempt failed.
    trouble: Option<String>,
    kept: Option<jiff::Timestamp>,
}

/// What one place has been told.
#[derive(Debug, Default)]
struct Told {
    at: Option<Instant>,
    /// The segment of each chain that was told as closed last.
    ends: BTreeMap<Class, u64>,
    failures: usize,
    rests_until: Option<Instant>,
}

/// Starts it.
pub(super) fn spawn(app: &App) {
    let app = app.clone();
    app.tasks.clone().spawn(async move {
        let stopping = app.tasks.stopping();
        let mut told = BTreeMap::<String, Told>::new();
        loop {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = stopping.cancelled() => return,
            }
            let loaded = app.state.loaded();
            let anchors = &loaded.config.audit.anchors;
            told.retain(|name, _| anchors.iter().any(|anchor| anchor.target.name() == *name));
            app.state.anchors.only(anchors);
            for anchor in anchors {
                let told = told.entry(anchor.target.name()).or_default();
                look(&app, &loaded.config, anchor, told).await;
            }
        }
    });
}

async fn look(app: &App, config: &Config, anchor: &Anchor, told: &mut Told) {
    let now = clock::instant();
    if told.rests_until.is_some_and(|rest| now < rest) {
        return;
    }
    let is_due = told.at.is_none_or(|at| now.duration_since(at) >= anchor.interval);
    let log = app.audit.directory().to_owned();
    let ends = told.ends.clone();
    let read = tokio::task::spawn_blocking(move || statements(&log, is_due, &ends)).await;
    let Ok(Ok((lines, ends))) = read else { return };
    if lines.is_empty() {
        return;
    }
    let name = anchor.target.name();
    let sending = tokio::time::timeout(PATIENCE, send(config, &anchor.target, &lines));
    let sent = sending.await.unwrap_or_else(|_| Err("it does not answer in time".to_owned()));
    match &sent {
        Ok(()) => {
            (told.failures, told.rests_until, told.ends) = (0, None, ends);
            if is_due {
                told.at = Some(now);
            }
            metrics::counter!("geovagt_audit_anchors_total", "outcome" => "kept").increment(1);
        }
        Err(why) => {
            let pause = PAUSES.get(told.failures.min(PAUSES.len() - 1)).copied();
            told.rests_until = pause.map(|pause| now + pause);
            told.failures += 1;
            metrics::counter!("geovagt_audit_anchors_total", "outcome" => "failed").increment(1);
            if told.failures == 1 {
                tracing::warn!(
                    place = name,
                    error = why,
                    "the log's heads are not kept elsewhere; it is tried again"
                );
            }
        }
    }
    app.state.anchors.note(name, sent);
}

/// The heads where they are due, and the ends of segments that were not told; at the first time no
/// ends, for the heads cover them.
fn statements(
    log: &std::path::Path,
    is_due: bool,
    told: &BTreeMap<Class, u64>,
) -> std::io::Result<(Vec<Signed>, BTreeMap<Class, u64>)> {
    let mut lines = Vec::new();
    let mut now = BTreeMap::new();
    for class in Class::ALL {
        let (_, signed) = head::read_signed(log, class)?;
        let Some(signed) = signed else { continue };
        let Some((statement, _)) = signed.open() else { continue };
        // Looked at only when a segment has ended since.
        if told.get(&class).is_some_and(|last| last + 1 < statement.segment) {
            for end in sign::ends(log, class)?.0 {
                let segment = end.open().map(|(end, _)| end.segment);
                if segment.is_some_and(|segment| Some(&segment) > told.get(&class)) {
                    lines.push(end);
                }
            }
        }
        now.insert(class, statement.segment.saturating_sub(1));
        if is_due {
            lines.push(signed);
        }
    }
    Ok((lines, now))
}

async fn send(config: &Config, target: &AnchorTarget, lines: &[Signed]) -> Result<(), String> {
    match target {
        AnchorTarget::File(path) => {
            let (path, lines) = (path.clone(), lines.to_vec());
            let appending = tokio::task::spawn_blocking(move || append(&path, &lines));
            appending.await.map_err(in_words)?.map_err(in_words)
        }
        AnchorTarget::Syslog { host, port, tls, ca } => {
            let tcp = TcpStream::connect((host.as_str(), *port)).await.map_err(in_words)?;
            if !tls {
                return speak(tcp, lines).await;
            }
            let ca = ca.clone();
            let trusted = tokio::task::spawn_blocking(move || client_config(ca.as_deref())).await;
            let trusted = trusted.map_err(in_words)?.map_err(in_words)?;
            let name = ServerName::try_from(host.clone()).map_err(in_words)?;
            let tls = TlsConnector::from(trusted).connect(name, tcp).await.map_err(in_words)?;
            speak(tls, lines).await
        }
        AnchorTarget::Mail(to) => mail(config, to, lines).await,
    }
}

fn in_words(error: impl std::error::Error + 'static) -> String {
    crate::telemetry::chain(&error)
}

fn append(path: &std::path::Path, lines: &[Signed]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.append(true).create(true).mode(0o640).open(path)?;
    let mut bytes = Vec::new();
    for line in lines {
        bytes.extend(line.line());
        bytes.push(b'\n');
    }
    file.write_all(&bytes)?;
    file.sync_all()
}

/// RFC 5424 messages, each with its length before it (RFC 5425 section 4.3, RFC 6587 section 3.4.1).
async fn speak(mut stream: impl AsyncWrite + Unpin, lines: &[Signed]) -> Result<(), String> {
    let mut bytes = Vec::new();
    for line in lines {
        let message = syslog_message(line);
        bytes.extend(format!("{} ", message.len()).into_bytes());
        bytes.extend(message);
    }
    stream.write_all(&bytes).await.map_err(in_words)?;
    stream.flush().await.map_err(in_words)?;
    stream.shutdown().await.map_err(in_words)
}

/// Facility log audit (13), severity notice (5).
fn syslog_message(line: &Signed) -> Vec<u8> {
    const PRIORITY: u8 = 13 * 8 + 5;
    let node = line.open().map_or_else(|| "-".to_owned(), |(statement, _)| statement.node);
    let at = clock::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
    let mut message = format!("<{PRIORITY}>1 {at} {node} geovagt - audit-head - ").into_bytes();
    message.extend(line.line());
    message
}

async fn mail(
    config: &Config,
    to: &[crate::mail_address::MailAddress],
    lines: &[Signed],
) -> Result<(), String> {
    let Some(notices) = &config.notices else {
        return Err("there is no mail server: write `notices`".to_owned());
    };
    let mut text = String::from(
        "The signed heads of the audit log. Keep this mail: \
        `geovagt audit verify --anchors FILE` holds the log against it.\n\n",
    );
    for line in lines {
        text.push_str(&String::from_utf8_lossy(&line.line()));
        text.push('\n');
    }
    let subject = "geovagt: heads of the audit log".to_owned();
    let letter = Letter { subject, text, calendar: None, language: Language::English };
    let our_name = notices.sender.address.domain();
    let mut session = Session::open(&notices.smtp, our_name).await.map_err(in_words)?;
    for address in to {
        let id = uuid::Uuid::now_v7().to_string();
        let post = message::write(&letter, &notices.sender, address, &id, clock::now());
        session.send(&post.map_err(in_words)?).await.map_err(in_words)?;
    }
    session.close().await;
    Ok(())
}

impl Status {
    fn note(&self, name: String, sent: Result<(), String>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let going = all.entry(name).or_default();
        match sent {
            Ok(()) => *going = Going { trouble: None, kept: Some(clock::now()) },
            Err(why) => going.trouble = Some(why),
        }
    }

    fn only(&self, anchors: &[Anchor]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|name, _| anchors.iter().any(|anchor| anchor.target.name() == *name));
    }
}

/// How it is, for `/readyz`; none where nothing is configured.
pub(super) fn part(app: &App) -> Option<Part> {
    if app.state.loaded().config.audit.anchors.is_empty() {
        return None;
    }
    let all = app.state.anchors.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let told: Vec<String> = all
        .iter()
        .map(|(name, going)| match (&going.trouble, going.kept) {
            (Some(why), _) => format!("{name}: {why}"),
            (None, Some(at)) => format!("{name}: kept at {}", at.strftime("%Y-%m-%dT%H:%M:%SZ")),
            (None, None) => format!("{name}: not yet"),
        })
        .collect();
    let warning = all.values().any(|going| going.trouble.is_some());
    Some(Part { name: "anchors", ready: true, warning, detail: told.join("; ") })
}
