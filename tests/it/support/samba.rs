//! A real Active Directory's LDAP: Samba as a domain controller of `example.dk`, as
//! `tests/directory/domain.py` makes it. Needs root, and a network where its ports are free.

use std::path::Path;

use super::authority::Authority;
use super::debian::succeed;
use super::gateway::repository;
use super::outside::{Program, command};

/// Of the people.
pub const PASSWORD: &str = "en lang Adgangskode 42";
/// Of the account that looks people up.
pub const SERVICE_PASSWORD: &str = "tjenestens Kode 7";

/// Starts it on this address, under the name `dc1.example.dk`.
pub fn start(directory: &Path, authority: &Authority, address: &str) -> Program {
    let issued = authority.issue("dc1.example.dk");
    // It takes no key that others could read.
    succeed(command("chmod").arg("600").arg(&issued.key));
    let root = directory.join("domain");
    std::fs::create_dir(&root).unwrap();
    let script = repository().join("tests/directory/domain.py");
    let mut make = command("/usr/bin/python3");
    make.arg(script).arg(&root).args([&issued.key, &issued.chain, &authority.file]).arg(address);
    succeed(&mut make);
    let mut samba = command("samba");
    samba.args(["-F", "--no-process-group", "-s"]).arg(root.join("etc/smb.conf"));
    let ready = format!("{address}:636").parse().unwrap();
    Program::start(samba, &directory.join("samba.output"), ready)
}
