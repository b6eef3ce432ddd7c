//! What this room and its two neighbours must not name, and a test that reads their sources.

use std::path::{Path, PathBuf};

/// Runtimes, sockets, files, databases and clocks.
const FORBIDDEN: [&str; 20] = [
    "tokio",
    "hyper",
    "sqlx",
    "maxminddb",
    "std::fs",
    "std::io",
    "std::env",
    "std::process",
    "std::thread",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "SystemTime",
    "Instant::",
    "time::Instant",
    "clock::",
    "Timestamp::now",
    "Zoned::now",
    "random_bytes",
];

/// The code of a file: without comments, and without what stands below `#[cfg(test)] mod tests {`.
fn code(source: &str) -> String {
    let shipped = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let line = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    shipped.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn offences(source: &str) -> Vec<&'static str> {
    let code = code(source);
    FORBIDDEN.into_iter().filter(|word| code.contains(word)).collect()
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn policy_territory_and_client_address_are_pure() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    for room in ["policy", "territory", "client_address"] {
        sources(&source.join(room), &mut files);
    }
    for file in ["policy.rs", "territory.rs", "client_address.rs", "identifier.rs", "language.rs"] {
        files.extend(Some(source.join(file)).filter(|path| path.exists()));
    }
    assert!(files.len() > 15, "the rooms are found");
    for file in files {
        let test = file.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            name == "tidy.rs" || name.ends_with("tests.rs")
        });
        if !test {
            let offences = offences(&std::fs::read_to_string(&file).unwrap());
            assert!(offences.is_empty(), "{} names {offences:?}", file.display());
        }
    }
}

#[test]
fn an_offence_is_seen_in_code_and_in_code_alone() {
    assert_eq!(offences("use std::time::Instant;"), ["time::Instant"]);
    assert_eq!(offences("fn f() { crate::clock::now(); }"), ["clock::"]);
    assert!(offences("//! names no tokio\nfn f() {} // nor sqlx").is_empty());
    assert!(offences("fn f() {}\n#[cfg(test)]\nmod tests {\n use std::fs;\n}").is_empty());
}
