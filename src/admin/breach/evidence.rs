//! The evidence of a breach as one signed file.
//!
//! Always holds: that it was taken is in the log before the first byte; the file is made in a
//! directory that nobody else can read, and is gone from there when it has been sent.

use std::path::PathBuf;

use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use tokio::io::AsyncReadExt as _;

use super::{actions, words};
use crate::admin::streamed::{BrokenOff, streamed};
use crate::admin::turn::turn;
use crate::admin::{Admin, Answer, Refusal, Visitor};
use crate::clock;
use crate::evidence::{self, EvidenceError, Recorder, Wanted};
use crate::store::Breach;

/// So much is read at a time.
const AT_ONCE: usize = 64 * 1024;

/// A file that is removed when nobody needs it any more.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(error = crate::telemetry::chain(&error), "evidence was not removed");
        }
    }
}

/// Makes the archive and sends it.
pub(super) async fn send(admin: &Admin, visitor: &Visitor, id: &str) -> Answer {
    let breach = actions::one(admin, visitor, id).await?;
    let wanted = wanted(visitor, &breach);
    let loaded = admin.loaded();
    let name = format!("evidence-{}", hex::encode(clock::random_bytes::<16>()));
    // The state directory is closed to others.
    let removed = Removed(loaded.config.state_directory.join(name));
    let recorder = Recorder::Log(admin.audit());
    let _until_it_is_made = turn(visitor).await?;
    let made =
        evidence::make(&loaded, admin.store(), recorder, &wanted, &visitor.actor(), &removed.0)
            .await
            .map_err(|error| refused(error, visitor))?;
    let file = tokio::fs::File::open(&removed.0).await.map_err(|error| Refusal::fault(&error))?;
    let body = streamed((file, removed), async |(mut file, removed)| {
        let mut piece = vec![0; AT_ONCE];
        let read = file.read(&mut piece).await.map_err(|_| BrokenOff)?;
        piece.truncate(read);
        Ok((read > 0).then(|| (Bytes::from(piece), (file, removed))))
    });
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(made.bytes));
    let disposition = format!("attachment; filename=\"geovagt-evidence-{}.tar\"", breach.id);
    headers.insert(
        CONTENT_DISPOSITION,
        HeaderValue::from_str(&disposition).unwrap_or(HeaderValue::from_static("attachment")),
    );
    Ok(response)
}

/// The entries of the span, of the visitor's organisation and nobody else's.
fn wanted(visitor: &Visitor, breach: &Breach) -> Wanted {
    Wanted {
        since: Some(breach.occurred_from),
        until: Some(breach.occurred_until),
        organizations: vec![visitor.organization_id().clone()],
        persons: breach.persons.clone(),
        references: Vec::new(),
    }
}

fn refused(error: EvidenceError, visitor: &Visitor) -> Refusal {
    match error {
        EvidenceError::Store(error) => error.into(),
        EvidenceError::NotRecorded => Refusal::NoEntry,
        error => {
            tracing::error!(error = crate::telemetry::chain(&error), "no evidence was made");
            Refusal::Conflict(words::of(visitor.language).evidence_not_yet.to_owned())
        }
    }
}
