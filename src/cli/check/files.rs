//! What `check` says about the state directory and the database files, without changing anything.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::config::{Finding, Loaded};

/// The state directory is there, is a directory, and is nobody else's to read.
pub(super) fn state_directory(loaded: &Loaded) -> Vec<Finding> {
    let path = &loaded.config.state_directory;
    let shown = path.display();
    let finding = match std::fs::metadata(path) {
        Ok(metadata) if !metadata.is_dir() => {
            Some(Finding::error(format!("the state directory {shown} is not a directory"))
                .with_help("name a directory in `state_directory`"))
        }
        Ok(metadata) if metadata.permissions().mode() & 0o027 != 0 => {
            Some(Finding::warning(format!(
                "the state directory {shown} can be read or changed by other users; it holds the log \
                 and its keys"
            ))
            .with_help(format!("chmod 750 {shown}")))
        }
        Ok(_) => None,
        Err(error) if error.kind() == ErrorKind::NotFound => Some(
            Finding::warning(format!("the state directory {shown} does not exist yet"))
                .with_help("create it for the user that geovagt runs as, with mode 750"),
        ),
        Err(error) => Some(
            Finding::error(format!("cannot look at the state directory {shown}: {error}"))
                .with_help("run this as the user that geovagt runs as"),
        ),
    };
    finding.into_iter().collect()
}

/// The databases are files that can be opened.
pub(super) fn databases(loaded: &Loaded) -> Vec<Finding> {
    let geoip = &loaded.config.geoip;
    [Some(&geoip.database), geoip.asn.as_ref()]
        .into_iter()
        .flatten()
        .filter_map(|path| unreadable(path))
        .collect()
}

fn unreadable(path: &Path) -> Option<Finding> {
    let says = match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => std::fs::File::open(path).err()?.to_string(),
        Ok(_) => "it is not a file".to_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => "it does not exist".to_owned(),
        Err(error) => error.to_string(),
    };
    Some(
        Finding::error(format!("cannot open the database {}: {says}", path.display()))
            .with_help("put a MaxMind-format file there, or name another under `geoip`"),
    )
}
