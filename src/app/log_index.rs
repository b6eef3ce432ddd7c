//! Whoever keeps the block log's index up with the segments, beside the requests.

use super::App;
use crate::audit::Options;
use crate::log_index::Follower;
use crate::operations::Part;

/// Starts it.
pub(super) fn spawn(app: &App) {
    let directory = Options::from_config(&app.state.loaded().config).directory;
    let following = Follower::new(directory, app.store.log().clone()).spawn(&app.tasks);
    if let Err(error) = following {
        app.store.log().stands(|standing| standing.trouble = Some(error.to_string()));
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "the index of the block log does not follow; searches read the files"
        );
    }
}

/// How it is. Traffic never waits for it, and a search reads the files where it is behind.
pub(super) fn part(app: &App) -> Part {
    let standing = app.store.log().standing();
    let mut detail = format!("{} entries behind", standing.behind);
    if standing.unreadable > 0 {
        detail = format!("{detail}; {} lines of the log cannot be read", standing.unreadable);
    }
    if let Some(trouble) = &standing.trouble {
        detail = format!("{detail}; {trouble}");
    }
    let warning = standing.unreadable > 0 || standing.trouble.is_some();
    Part { name: "log_index", ready: true, warning, detail }
}
