//! Whether the planned review of a log is overdue, for `/readyz`: looked at beside the requests.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::App;
use crate::clock;
use crate::log_review::{Reviewed, Standing};
use crate::operations::Part;
use crate::store::StoreError;

/// How often is looked whether anything changed.
const CHANGES_EVERY: Duration = Duration::from_secs(5);
/// How often is looked although nothing did: days pass by themselves.
const TIME_EVERY: Duration = Duration::from_secs(600);

/// What was found last; none where no review is planned anywhere.
#[derive(Debug, Default)]
pub(super) struct Status(Mutex<Option<Vec<String>>>);

impl Status {
    fn set(&self, overdue: Option<Vec<String>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = overdue;
    }

    fn get(&self) -> Option<Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Starts it.
pub(super) fn spawn(app: &App) {
    let app = app.clone();
    app.tasks.clone().spawn(async move {
        let stopping = app.tasks.stopping();
        let mut looked = None;
        loop {
            // A store that is away is told of elsewhere; what was known stands until it is back.
            let _ = look(&app, &mut looked).await;
            tokio::select! {
                () = tokio::time::sleep(CHANGES_EVERY) => {}
                () = stopping.cancelled() => return,
            }
        }
    });
}

async fn look(app: &App, looked: &mut Option<(i64, std::time::Instant)>) -> Result<(), StoreError> {
    let (number, now) = (app.store.change_number().await?, clock::instant());
    let fresh =
        looked.is_some_and(|(seen, at)| seen == number && now.duration_since(at) < TIME_EVERY);
    if !fresh {
        app.state.reviews.set(overdue(app).await?);
        *looked = Some((number, now));
    }
    Ok(())
}

async fn overdue(app: &App) -> Result<Option<Vec<String>>, StoreError> {
    let loaded = app.state.loaded();
    let mut planned = false;
    let mut overdue = Vec::new();
    for organization in loaded.config.organizations.values() {
        let reviewed = Reviewed { organization: &organization.id, zone: &organization.time_zone };
        let Some(progress) = reviewed.progress(&app.store, clock::now()).await? else { continue };
        planned = true;
        if let Standing::Overdue(_, due) = progress.standing {
            overdue.push(format!("{} (was due on {due})", organization.id));
        }
    }
    Ok(planned.then_some(overdue))
}

/// How it is, where a review is planned.
pub(super) fn part(app: &App) -> Option<Part> {
    let overdue = app.state.reviews.get()?;
    let detail = match overdue.as_slice() {
        [] => "the planned reviews of the log are done or not due yet".to_owned(),
        late => format!("the review of the log is overdue: {}", late.join(", ")),
    };
    Some(Part { name: "review", ready: true, warning: !overdue.is_empty(), detail })
}
