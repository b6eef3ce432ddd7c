//! Whoever keeps the block log's index up with the segments, beside the requests.

use super::App;
use crate::audit::Options;
use crate::log_index::Follower;
use crate::operations::Part;

/// Starts it.
pub(super) fn spawn(app: &App) {
    let directory = Options::from_config(&app.state.loaded().config).directory;
    Follower::new(directory, app.store.log().clone()).spawn(&app.tasks);
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
