//! What `cargo bench --bench locate --bench decide` found, read from where criterion leaves it.

use std::path::Path;

use serde_json::Value;

/// As it is chosen with `--only`.
pub(crate) const NAME: &str = "nanoseconds";

/// One benchmark's median.
#[derive(Debug, Clone)]
pub(crate) struct Timed {
    pub(crate) name: String,
    pub(crate) nanoseconds: f64,
}

/// Every benchmark below a directory.
pub(crate) fn read(directory: &Path) -> Vec<Timed> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut all: Vec<Timed> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .flat_map(|path| match path.ends_with("new") {
            true => timed(&path).into_iter().collect(),
            false => read(&path),
        })
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn timed(directory: &Path) -> Option<Timed> {
    let json = |name: &str| -> Option<Value> {
        serde_json::from_slice(&std::fs::read(directory.join(name)).ok()?).ok()
    };
    let name = json("benchmark.json")?.get("full_id")?.as_str()?.to_owned();
    let nanoseconds = json("estimates.json")?.get("median")?.get("point_estimate")?.as_f64()?;
    Some(Timed { name, nanoseconds })
}
