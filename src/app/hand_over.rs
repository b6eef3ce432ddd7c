//! One gateway takes the place of another without a service manager: `geovagt serve --take-over`.
//!
//! The conversation, on the control socket, each side in turn:
//!
//! ```text
//! new  take-over 1 PID          everything is read and checked that needs no lock
//! old  offer + sockets          the listening sockets and one end of the relay
//! new  ready                    the sockets fit, everything is prepared
//! old  released                 it accepts no more, its log is on disk and unlocked
//! new  serving                  the log is open, connections are accepted
//! old  (drains and ends)
//! ```
//!
//! Always holds: at each instant one of the two, at most, writes the log's files and the outbox; the
//! old one goes on as before where the new one falters before `serving`. Connections that come
//! between `released` and `serving` wait in the kernel. The old one's exchanges go on for
//! `drain_timeout`, and their entries reach the log through the relay.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::descriptors::{receive, send};
use super::{App, announcements};
use crate::control::{self, ControlError, TAKE_OVER};
use crate::listen::Inherited;
use crate::telemetry;

/// What both sides have to speak. Counted up when the conversation or an entry's form changes.
const VERSION: u32 = 1;
/// How long the new one may take to open the log and serve.
const TO_SERVE: Duration = Duration::from_secs(30);

const READY: &str = "ready";
const RELEASED: &str = "released";
const SERVING: &str = "serving";

/// What comes with the sockets: the relay first, then one for each name.
#[derive(Debug, Serialize, Deserialize)]
struct Offer {
    ok: bool,
    text: String,
    #[serde(default)]
    names: Vec<String>,
}

/// Why no other gateway's place was taken; that one goes on serving.
#[derive(Debug, thiserror::Error)]
pub enum TakeOverError {
    /// Nobody answers, or nobody may ask.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// It refuses.
    #[error("the running gateway does not hand over: {0}")]
    Refused(String),
    /// It ended the conversation.
    #[error("the running gateway ended the conversation; look at its log, and start again")]
    Broken(#[source] io::Error),
}

/// The gateway that runs, while this one takes its place. Dropped before [`Predecessor::serving`],
/// it goes on as before.
#[derive(Debug)]
pub(super) struct Predecessor {
    stream: UnixStream,
    relay: UnixStream,
}

impl Predecessor {
    /// Asks the running gateway for its sockets; none where no gateway runs.
    ///
    /// # Errors
    /// [`TakeOverError`] where one runs and does not hand over.
    pub(super) fn find(state_directory: &Path) -> Result<Option<(Self, Inherited)>, TakeOverError> {
        let stream = match control::connect(state_directory) {
            Ok(stream) => stream,
            Err(ControlError::NotRunning(..)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let broken = TakeOverError::Broken;
        send(&stream, &format!("{TAKE_OVER} {VERSION} {}", std::process::id()), &[])
            .map_err(broken)?;
        let (line, descriptors) = receive(&stream).map_err(broken)?;
        let offer: Offer =
            serde_json::from_str(&line).map_err(|error| broken(io::Error::from(error)))?;
        if !offer.ok {
            return Err(TakeOverError::Refused(offer.text));
        }
        let mut descriptors = descriptors.into_iter();
        let (Some(relay), true) = (descriptors.next(), descriptors.len() == offer.names.len())
        else {
            return Err(broken(io::ErrorKind::InvalidData.into()));
        };
        let mut inherited = Inherited::nothing();
        for (name, descriptor) in offer.names.into_iter().zip(descriptors) {
            inherited.add_descriptor(name, descriptor).map_err(broken)?;
        }
        Ok(Some((Self { stream, relay: UnixStream::from(relay) }, inherited)))
    }

    /// Asks it to stop accepting and to give the log up; returns when it has.
    ///
    /// # Errors
    /// [`TakeOverError`]: it goes on serving.
    pub(super) fn release(&self) -> Result<(), TakeOverError> {
        send(&self.stream, READY, &[]).map_err(TakeOverError::Broken)?;
        match receive(&self.stream).map_err(TakeOverError::Broken)?.0.as_str() {
            RELEASED => Ok(()),
            why => Err(TakeOverError::Refused(why.to_owned())),
        }
    }

    /// Tells it that its place is taken, and keeps what it still has to say.
    pub(super) fn serving(self, app: &App) {
        if let Err(error) = send(&self.stream, SERVING, &[]) {
            tracing::warn!(%error, "the gateway that was here before is gone already");
        }
        let audit = app.audit.clone();
        app.tasks.spawn(async move {
            match audit.keep_for_predecessor(self.relay).await {
                Ok(()) => tracing::info!("the gateway that was here before has ended"),
                Err(error) => tracing::error!(
                    error = telemetry::chain(&error),
                    "what the gateway that was here before still had to log cannot be read"
                ),
            }
        });
    }
}

/// Hands over to the process at the other end, or goes on as before.
pub(super) async fn hand_over(app: &App, line: &str, stream: UnixStream) {
    let process = match line.split(' ').collect::<Vec<_>>().as_slice() {
        [_, version, process] if *version == VERSION.to_string() => (*process).to_owned(),
        _ => {
            let text = "it is another version; stop it and start the new one".to_owned();
            let offer = Offer { ok: false, text, names: Vec::new() };
            let _ = send(&stream, &serde_json::json!(offer).to_string(), &[]);
            return;
        }
    };
    tracing::info!(process, "another process prepares to take this gateway's place");
    // A reload in between would change what is handed over.
    let _no_reload = app.state.reloading.lock().await;
    match converse(app, &process, stream).await {
        Ok(()) => {
            tracing::info!(process, "its place is taken; open exchanges may finish");
            app.state.handed_over.cancel();
        }
        Err(error) => tracing::error!(
            process,
            error = telemetry::chain(&error),
            "the other process did not take this gateway's place; this one goes on"
        ),
    }
}

async fn converse(app: &App, process: &str, stream: UnixStream) -> io::Result<()> {
    let (ours, theirs) = UnixStream::pair()?;
    let stream = offer(app, stream, theirs).await?;
    let (stream, answer) = blocking(move || Ok((receive(&stream).map(|(line, _)| line), stream)))
        .await
        .map(|(answer, stream)| (stream, answer))?;
    if answer? != READY {
        return Err(io::Error::other("it said nothing that is understood"));
    }
    // From here on no change is appended here: the outbox is the new one's.
    *app.state.outbox_is_ours.lock().await = false;
    app.state.set_handing_over(true);
    app.listening.pause();
    announcements::handed_over(app, process).await;
    let outcome = release(app, stream, ours).await;
    if outcome.is_err() {
        take_back(app).await;
    }
    outcome
}

/// Sends the sockets and the other end of the relay.
async fn offer(app: &App, stream: UnixStream, relay: UnixStream) -> io::Result<UnixStream> {
    let passed = app.listening.passed_on();
    blocking(move || {
        stream.set_read_timeout(Some(control::PATIENCE))?;
        let names = passed.iter().map(|passed| passed.name.clone()).collect();
        let offer = Offer { ok: true, text: String::new(), names };
        let mut descriptors: Vec<BorrowedFd<'_>> = vec![relay.as_fd()];
        descriptors.extend(passed.iter().map(|passed| passed.socket.as_fd()));
        send(&stream, &serde_json::to_string(&offer)?, &descriptors)?;
        Ok(stream)
    })
    .await
}

/// Gives the log up and waits until the other serves.
async fn release(app: &App, stream: UnixStream, relay: UnixStream) -> io::Result<()> {
    if let Err(refused) = app.audit.hand_over(relay).await {
        let text = refused.to_string();
        let _ = blocking(move || send(&stream, &text, &[])).await;
        return Err(io::Error::other(refused));
    }
    blocking(move || {
        stream.set_read_timeout(Some(TO_SERVE))?;
        send(&stream, RELEASED, &[])?;
        match receive(&stream)?.0.as_str() {
            SERVING => Ok(()),
            _ => Err(io::Error::other("it said nothing that is understood")),
        }
    })
    .await
}

/// The other has faltered: the log is opened again, and connections are accepted.
async fn take_back(app: &App) {
    // The other holds the log's lock until it has ended.
    for _ in 0..ATTEMPTS {
        match app.audit.take_back().await {
            Ok(()) => break,
            Err(error) => tracing::error!(
                error = telemetry::chain(&error),
                "the audit log cannot be opened again yet"
            ),
        }
        tokio::time::sleep(BETWEEN).await;
    }
    *app.state.outbox_is_ours.lock().await = true;
    app.listening.resume(app);
    app.state.set_handing_over(false);
    announcements::resumed(app);
}

/// How often, and how far apart, the log is tried.
const ATTEMPTS: u32 = 40;
const BETWEEN: Duration = Duration::from_millis(250);

async fn blocking<T, F>(work: F) -> io::Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> io::Result<T> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
