//! Debian's Apache with WebDAV (mod_dav), and perhaps TLS.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::authority::Issued;
use super::outside::{Program, command};

/// Starts it; its files are under `files`. Whatever credentials come stand in the file `access`.
pub fn start(directory: &Path, address: SocketAddr, tls: Option<&Issued>) -> Program {
    let root = directory.display();
    std::fs::create_dir(directory.join("files")).unwrap();
    // Apache gives its rights up where it is started as root.
    for part in ["", "files"] {
        let open = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(directory.join(part), open).unwrap();
    }
    let mut text = String::new();
    let ssl = tls.map(|_| "ssl");
    let modules = ["mpm_event", "authz_core", "mime", "dav", "dav_fs", "dav_lock"];
    for module in modules.into_iter().chain(ssl) {
        writeln!(text, "LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so")
            .unwrap();
    }
    if let Some(issued) = tls {
        let (chain, key) = (issued.chain.display(), issued.key.display());
        writeln!(text, "SSLEngine on\nSSLCertificateFile {chain}\nSSLCertificateKeyFile {key}")
            .unwrap();
    }
    write!(
        text,
        "ServerRoot {root}\nServerName kilden.example.dk\nListen {address}\nPidFile {root}/pid\n\
         ErrorLog {root}/error.log\nTypesConfig /dev/null\nDocumentRoot {root}/files\n\
         LogFormat \"%{{Authorization}}i %{{X-Geovagt-User}}i %m\" credentials\n\
         CustomLog {root}/access credentials\n\
         DavLockDB {root}/locks\nMutex file:{root} default\n\
         <Directory {root}/files>\nDav On\nRequire all granted\n</Directory>\n"
    )
    .unwrap();
    std::fs::write(directory.join("apache.conf"), text).unwrap();
    let mut apache = command("apache2");
    apache.args(["-D", "FOREGROUND", "-f"]).arg(directory.join("apache.conf"));
    Program::start(apache, &directory.join("output"), address)
}
