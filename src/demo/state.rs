//! The demo's directory: configuration, list, certificate. Written anew at each start; the log and
//! the store in it stay, as a real gateway's would.

use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use std::io::Write;

/// The configuration with its blanks.
const CONFIGURATION: &str = include_str!("gateway.yaml");
/// The list, as it ships.
const LIST: &str = include_str!("../../config/lists/cfcs.yaml");
/// The hosts that the demo's certificate is for.
const HOSTS: [&str; 5] =
    ["localhost", "127.0.0.1", "kilden.localhost", "mail.localhost", "egedal.localhost"];

/// Why the demo's directory cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A file or directory.
    #[error("cannot write {}; name another directory with --state", .0.display())]
    Write(PathBuf, #[source] std::io::Error),
    /// The certificate.
    #[error("the demo's certificate cannot be made")]
    Certificate(#[from] rcgen::Error),
    /// The database is nowhere.
    #[error(
        "the bundled database was found neither in {}; run the demo from the repository",
        .0.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(" nor in ")
    )]
    NoDatabase(Vec<PathBuf>),
}

/// What the configuration's blanks are filled with.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// `--listen`
    pub web: SocketAddr,
    /// `--listen-tls`
    pub web_tls: SocketAddr,
    /// `--listen-admin`
    pub admin: SocketAddr,
    /// `--listen-operations`
    pub operations: SocketAddr,
    /// The sample intranet.
    pub intranet: SocketAddr,
    /// The sample mail.
    pub mail: SocketAddr,
    /// The sample website.
    pub website: SocketAddr,
    /// The mail server of the travellers' mailboxes.
    pub post: SocketAddr,
}

/// Writes everything and gives the path of the configuration.
///
/// # Errors
/// [`StateError`] with the way out.
pub fn prepare(directory: &Path, addresses: &Addresses) -> Result<PathBuf, StateError> {
    for part in [directory.to_owned(), directory.join("lists"), directory.join("tls")] {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&part)
            .map_err(|error| StateError::Write(part, error))?;
    }
    let certificate = rcgen::generate_simple_self_signed(HOSTS.map(str::to_owned))?;
    write(&directory.join("tls/chain.pem"), &certificate.cert.pem())?;
    write(&directory.join("tls/key.pem"), &certificate.signing_key.serialize_pem())?;
    write(&directory.join("lists/cfcs.yaml"), LIST)?;
    let file = directory.join("gateway.yaml");
    write(&file, &configuration(&database()?, addresses))?;
    Ok(file)
}

fn configuration(database: &Path, addresses: &Addresses) -> String {
    CONFIGURATION
        .replace("@DATABASE@", &database.display().to_string())
        .replace("@LISTEN@", &addresses.web.to_string())
        .replace("@LISTEN_TLS@", &addresses.web_tls.to_string())
        .replace("@LISTEN_ADMIN@", &addresses.admin.to_string())
        .replace("@LISTEN_OPERATIONS@", &addresses.operations.to_string())
        .replace("@INTRANET@", &addresses.intranet.to_string())
        .replace("@MAIL@", &addresses.mail.to_string())
        .replace("@WEBSITE@", &addresses.website.to_string())
        .replace("@POST_HOST@", &addresses.post.ip().to_string())
        .replace("@POST_PORT@", &addresses.post.port().to_string())
}

/// The bundled database: beside the sources, or where the package puts it.
fn database() -> Result<PathBuf, StateError> {
    let candidates = [
        PathBuf::from("geoip/country.mmdb"),
        Path::new(env!("CARGO_MANIFEST_DIR")).join("geoip/country.mmdb"),
        PathBuf::from("/usr/share/geovagt/country.mmdb"),
    ];
    let found = candidates.iter().find_map(|path| path.canonicalize().ok());
    found.ok_or_else(|| StateError::NoDatabase(candidates.to_vec()))
}

fn write(path: &Path, text: &str) -> Result<(), StateError> {
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| StateError::Write(path.to_owned(), error))
}
