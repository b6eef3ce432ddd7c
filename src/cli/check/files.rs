//! What `check` says about the state directory and the databases, without changing anything.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;

use jiff::Timestamp;

use crate::config::{Finding, Loaded};
use crate::geoip::{AsnDatabase, Database, Requirements};
use crate::territory::Territory;

/// The state directory is there, is a directory, and is nobody else's to read.
pub(super) fn state_directory(loaded: &Loaded) -> Vec<Finding> {
    let path = &loaded.config.state_directory;
    let shown = path.display();
    let finding = match std::fs::metadata(path) {
        Ok(metadata) if !metadata.is_dir() => {
            Finding::error(format!("the state directory {shown} is not a directory"))
                .with_help("name a directory in `state_directory`")
        }
        Ok(metadata) if metadata.permissions().mode() & 0o027 != 0 => Finding::warning(format!(
            "other users can read or change the state directory {shown}, which holds log and keys"
        ))
        .with_help(format!("chmod 700 {shown}")),
        Ok(_) => return Vec::new(),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Finding::warning(format!("the state directory {shown} does not exist yet"))
                .with_help("create it for the user that geovagt runs as, with mode 700")
        }
        Err(error) => {
            Finding::error(format!("cannot look at the state directory {shown}: {error}"))
                .with_help("run this as the user that geovagt runs as")
        }
    };
    vec![finding]
}

/// The databases can be used, know the countries of the lists, and are not too old.
pub(super) fn databases(loaded: &Loaded) -> Vec<Finding> {
    databases_at(loaded, crate::clock::now())
}

fn databases_at(loaded: &Loaded, now: Timestamp) -> Vec<Finding> {
    let geoip = &loaded.config.geoip;
    let way_out = "put a good MaxMind-format file there, or name another under `geoip`";
    let mut findings = Vec::new();
    let requirements = Requirements::new(now).knowing(listed(loaded, now));
    match Database::open(&geoip.database, &requirements) {
        Ok(database) if database.age(now) > geoip.warn_after => {
            let built = database.info().built.strftime("%Y-%m-%d");
            let says = format!("the database {} is of {built}", geoip.database.display());
            findings.push(
                Finding::warning(format!("{says}, older than `warn_after` allows"))
                    .with_help("fetch a newer one; addresses change hands every week"),
            );
        }
        Ok(_) => {}
        Err(error) => findings.push(refused(&error, way_out)),
    }
    if let Some(Err(error)) = geoip.asn.as_ref().map(|path| AsnDatabase::open(path, now)) {
        findings.push(refused(&error, way_out));
    }
    findings
}

fn refused(error: &(dyn std::error::Error + 'static), way_out: &str) -> Finding {
    let chain: Vec<String> = std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect();
    Finding::error(chain.join(": ")).with_help(way_out)
}

/// What stands on the versions of the lists that are in force or announced.
fn listed(loaded: &Loaded, now: Timestamp) -> Vec<Territory> {
    let lists = loaded.lists.values();
    lists
        .flat_map(|list| [list.in_force(now), list.announced(now)])
        .flatten()
        .flat_map(|version| version.territories.to_vec())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cli::check::sample;

    fn messages(directory: &Path, findings: &[Finding]) -> Vec<String> {
        let root = format!("{}/", directory.display());
        findings
            .iter()
            .map(|f| format!("{:?}: {}", f.severity, f.message.replace(&root, "")))
            .collect()
    }

    #[test]
    fn the_state_directory_is_a_directory_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let loaded = sample::in_directory(directory.path(), "[a.dk]");
        let said = || messages(directory.path(), &state_directory(&loaded));
        let state = directory.path().join("state");
        assert_eq!(said(), ["Warning: the state directory state does not exist yet"]);
        std::fs::create_dir(&state).unwrap();
        let mode = |mode| {
            std::fs::set_permissions(&state, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        for good in [0o700, 0o750] {
            mode(good);
            assert_eq!(said(), [""; 0]);
        }
        mode(0o755);
        assert_eq!(
            said(),
            [
                "Warning: other users can read or change the state directory state, which holds log and keys"
            ]
        );
        let help = state_directory(&loaded).remove(0).help.unwrap();
        assert!(help.starts_with("chmod 700 "), "{help}");
        std::fs::remove_dir(&state).unwrap();
        std::fs::write(&state, "").unwrap();
        assert_eq!(said(), ["Error: the state directory state is not a directory"]);
    }

    #[test]
    fn a_database_is_good_old_or_refused() {
        let directory = tempfile::tempdir().unwrap();
        let mut loaded = sample::in_directory(directory.path(), "[a.dk]");
        let says = |loaded: &Loaded, now: &str| {
            messages(directory.path(), &databases_at(loaded, now.parse().unwrap())).join("\n")
        };
        let missing = says(&loaded, "2026-06-10T00:00:00Z");
        assert!(
            missing.starts_with("Error: the GeoIP database country.mmdb is not used"),
            "{missing}"
        );
        loaded.config.geoip.database =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("geoip/test-country.mmdb");
        assert_eq!(says(&loaded, "2026-06-10T00:00:00Z"), "");
        let old = says(&loaded, "2026-11-22T00:00:00Z");
        assert!(old.starts_with("Warning: the database") && old.contains("is of 2026-0"), "{old}");
        loaded.config.geoip.asn = Some(directory.path().join("asn.mmdb"));
        assert!(says(&loaded, "2026-06-10T00:00:00Z").starts_with("Error: "));
    }
}
