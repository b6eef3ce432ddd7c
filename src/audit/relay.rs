//! What a gateway that has handed its log over still has to say, on its way to the one that holds
//! the log now.
//!
//! One line of JSON for a group of entries of one chain; one word back when they are on disk. Always
//! holds: an entry counts as kept only when the other side has said so. Where that word is lost
//! the group is sent again, and stands in the log twice with the same `event.id`.

use std::borrow::Cow;
use std::future::Future;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;

use super::event::Event;
use super::options::{Class, OpenError};
use super::rewrite::Staged;
use super::sign::PublicKey;
use crate::config::Retention;

/// How long the other gateway may take to open the log, or to keep a group.
const PATIENCE: Duration = Duration::from_secs(30);

const KEPT: &str = "kept";
const LOST: &str = "lost";

/// What the writer can be asked to do about the place it writes to.
#[derive(Debug)]
pub(super) enum Command {
    /// Close the files and send everything to the successor. Nothing is done, and `done` is dropped,
    /// while the files cannot be written.
    HandOver { successor: Box<Relay>, done: oneshot::Sender<()> },
    /// Flush and keep for as long as this.
    Change { flush: Duration, retention: Option<Retention> },
    /// Open the files again.
    TakeBack { done: oneshot::Sender<Result<(), OpenError>> },
    /// Close each chain's segment and begin the next.
    TurnOver { done: oneshot::Sender<io::Result<()>> },
    /// Put a segment that was written anew in the old one's place, its record first. Says whether the
    /// old one was still there.
    Rewritten { staged: Box<Staged>, record: Box<Event>, done: oneshot::Sender<io::Result<bool>> },
    /// Sign with a new key from now on.
    ChangeKey { done: oneshot::Sender<io::Result<PublicKey>> },
    /// Delete what is older than its retention.
    KeepHouse { done: oneshot::Sender<io::Result<usize>> },
}

/// The log was not handed over.
#[derive(Debug, thiserror::Error)]
#[error("the audit log cannot be written now, so it cannot be handed over")]
pub struct NotHandedOver;

/// The sending end.
#[derive(Debug)]
pub(super) struct Relay {
    stream: BufReader<UnixStream>,
    /// After an answer that did not come, the next one could be its.
    broken: bool,
}

#[derive(Serialize)]
struct Group<'a> {
    class: &'static str,
    events: Vec<Cow<'a, Event>>,
}

#[derive(Deserialize)]
struct ReceivedGroup {
    class: String,
    events: Vec<Event>,
}

impl Relay {
    pub(super) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream), broken: false })
    }

    /// Sends a group and waits until it is kept.
    ///
    /// # Errors
    /// Where the other side is gone or could not keep it.
    pub(super) fn send<'a>(
        &mut self,
        class: Class,
        events: impl Iterator<Item = Cow<'a, Event>>,
    ) -> io::Result<()> {
        if self.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let group = Group { class: class.word(), events: events.collect() };
        let answer = self.ask(&group).inspect_err(|_| self.broken = true)?;
        if answer.trim_end() == KEPT {
            return Ok(());
        }
        Err(io::Error::other("the gateway that took this one's place does not keep its entries"))
    }

    fn ask(&mut self, group: &Group<'_>) -> io::Result<String> {
        let mut line = serde_json::to_vec(group)?;
        line.push(b'\n');
        self.stream.get_mut().write_all(&line)?;
        let mut answer = String::new();
        match self.stream.read_line(&mut answer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(answer),
        }
    }
}

/// The receiving end: hands each group on and tells the sender whether it was kept, until the sender
/// closes.
pub(super) async fn keep<K, F>(stream: UnixStream, keep: K) -> io::Result<()>
where
    K: Fn(Class, Vec<Event>) -> F,
    F: Future<Output = bool>,
{
    stream.set_nonblocking(true)?;
    let (read, mut write) = tokio::net::UnixStream::from_std(stream)?.into_split();
    let mut lines = tokio::io::BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await? {
        let group: ReceivedGroup = serde_json::from_str(&line)?;
        let class = Class::from_word(&group.class)
            .ok_or_else(|| io::Error::other("a chain that nobody knows"))?;
        let answer = if keep(class, group.events).await { KEPT } else { LOST };
        write.write_all(format!("{answer}\n").as_bytes()).await?;
    }
    Ok(())
}
