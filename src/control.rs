//! How a command on this machine speaks with the running gateway: a Unix socket in the state
//! directory that only its owner can open.
//!
//! One line in (`reload`), one line of JSON out. A socket and not a signal, because whoever asks
//! wants to read what was wrong. After `take-over` the conversation goes on: `app` leads it.

use std::future::Future;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use crate::lifecycle::Tasks;

/// The longest request line, in bytes.
const LONGEST_LINE: u64 = 16 << 10;
/// How a request to hand over begins.
pub const TAKE_OVER: &str = "take-over";
/// How a request begins that is about the log.
pub const AUDIT: &str = "audit ";
/// How long either side waits for the other.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What the gateway answers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Reply {
    /// Whether it was done.
    pub ok: bool,
    /// What was done, or what was wrong, for a person to read.
    pub text: String,
}

/// Why nothing could be asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No socket, or nobody listens on it.
    #[error("no gateway is running with the state directory {}; start it with `geovagt serve`", .0.display())]
    NotRunning(PathBuf, #[source] std::io::Error),
    /// The socket is there, for somebody else.
    #[error("the control socket {} is for the gateway's own user; run this as that user", .0.display())]
    NotAllowed(PathBuf, #[source] std::io::Error),
    /// The socket cannot be made.
    #[error("the control socket {} cannot be opened", .0.display())]
    Bind(PathBuf, #[source] std::io::Error),
    /// The other side went away.
    #[error("the gateway ended the conversation")]
    Broken(#[source] std::io::Error),
}

/// Where the socket is.
#[must_use]
pub fn socket(state_directory: &Path) -> PathBuf {
    state_directory.join("control.sock")
}

/// Opens the socket for its owner alone. The caller holds the log's lock, so a socket that is there
/// was left behind by a gateway that is gone.
///
/// # Errors
/// Where the directory does not let it.
pub fn listen(state_directory: &Path) -> Result<UnixListener, ControlError> {
    let path = socket(state_directory);
    let failed = |error| ControlError::Bind(path.clone(), error);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&path).map_err(failed)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(listener)
}

/// What the gateway can be asked.
pub trait Requests: Send + Sync {
    /// Takes the configuration anew.
    fn reload(&self) -> impl Future<Output = Reply> + Send;
    /// Does something with the log.
    fn audit(&self, line: &str) -> impl Future<Output = Reply> + Send;
    /// Begins to hand over to the process at the other end of the stream; does not wait for it.
    fn take_over(&self, line: &str, stream: std::os::unix::net::UnixStream);
}

/// Answers requests one at a time until shutdown.
pub async fn serve(listener: UnixListener, tasks: Tasks, requests: impl Requests) {
    let stopping = tasks.stopping();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.cancelled() => return,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        if !is_ours(&stream) {
            tracing::warn!(
                "another user's program asked the gateway for something and was not heard"
            );
            continue;
        }
        let conversation = tokio::time::timeout(PATIENCE, converse(stream, &requests));
        let outcome = tokio::select! {
            outcome = conversation => outcome,
            () = stopping.cancelled() => return,
        };
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a control connection broke"),
            Err(_) => tracing::warn!("a control connection said nothing and was closed"),
        }
    }
}

/// Whether at the other end is the gateway's own user, or root. The socket's mode says the same, but
/// for the moment in which it is made.
fn is_ours(stream: &UnixStream) -> bool {
    let ours = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == ours || peer.uid() == 0)
}

async fn converse(mut stream: UnixStream, requests: &impl Requests) -> std::io::Result<()> {
    let mut line = String::new();
    tokio::io::BufReader::new((&mut stream).take(LONGEST_LINE)).read_line(&mut line).await?;
    let reply = match line.trim_end() {
        "reload" => requests.reload().await,
        line if line.starts_with(AUDIT) => requests.audit(line).await,
        line if line.starts_with(TAKE_OVER) => {
            let stream = stream.into_std()?;
            stream.set_nonblocking(false)?;
            requests.take_over(line, stream);
            return Ok(());
        }
        _ => Reply {
            ok: false,
            text: format!("the gateway knows `reload`, `{AUDIT}` and `{TAKE_OVER}`"),
        },
    };
    let mut answer = serde_json::to_vec(&reply)?;
    answer.push(b'\n');
    stream.write_all(&answer).await
}

/// Connects with the running gateway.
///
/// # Errors
/// Where none runs, or it is somebody else's.
pub fn connect(state_directory: &Path) -> Result<std::os::unix::net::UnixStream, ControlError> {
    let path = socket(state_directory);
    let stream =
        std::os::unix::net::UnixStream::connect(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::PermissionDenied => ControlError::NotAllowed(path.clone(), error),
            _ => ControlError::NotRunning(state_directory.to_owned(), error),
        })?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(ControlError::Broken)?;
    Ok(stream)
}

/// Asks the running gateway.
///
/// # Errors
/// Where none runs, or it goes away.
pub fn ask(state_directory: &Path, request: &str) -> Result<Reply, ControlError> {
    let mut stream = connect(state_directory)?;
    writeln!(stream, "{request}").map_err(ControlError::Broken)?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).map_err(ControlError::Broken)?;
    serde_json::from_str(&line).map_err(|error| ControlError::Broken(error.into()))
}
