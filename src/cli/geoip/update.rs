//! `geovagt geoip update`

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use super::{Answer, Chosen, Context};
use crate::geoip::{Database, Problem, Requirements, install};

pub(super) fn run(context: &Context, chosen: &Chosen, from: &Path) -> anyhow::Result<Answer> {
    let now = crate::clock::now();
    let mut requirements = Requirements::new(now).knowing(chosen.listed.iter().copied());
    match Database::open(&chosen.path, &Requirements::new(now)) {
        Ok(present) => requirements = requirements.replacing(Arc::new(present)),
        Err(error) if matches!(error.problem, Problem::Missing) => {}
        // A broken database is what an update is wanted for; only the comparison falls away.
        Err(error) => writeln!(context.messages(), "the present database is no measure: {error}")?,
    }
    let installed = install(from, &chosen.path, &requirements)?;
    let path = installed.database.path().display();
    let built = installed.database.info().built;
    if context.json {
        context.print_json(&serde_json::json!({
            "file": path.to_string(),
            "built": built,
            "sha256": installed.database.info().sha256_hex(),
            "previous": installed.previous,
        }))?;
    } else {
        let mut out = context.out();
        writeln!(out, "{path} is now the database built at {built}.")?;
        if let Some(previous) = installed.previous {
            writeln!(out, "The one before is kept as {}.", previous.display())?;
        }
    }
    Ok(Answer::Yes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_broken_database_is_replaced_and_a_good_one_not_by_a_worse() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("country.mmdb");
        let context = Context { config_file: "none".into(), json: false };
        let chosen = Chosen { path: path.clone(), listed: Vec::new(), warn_after: None };
        let update = |name: &str| run(&context, &chosen, &Path::new("geoip").join(name));
        assert_eq!(update("test-country.mmdb").unwrap(), Answer::Yes);
        fs::write(&path, "rubbish").unwrap();
        assert_eq!(update("test-country.mmdb").unwrap(), Answer::Yes);
        let error = update("test-ipv4.mmdb").unwrap_err().to_string();
        assert!(error.contains("test-ipv4.mmdb is not used: it holds no IPv6"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), fs::read("geoip/test-country.mmdb").unwrap());
    }
}
