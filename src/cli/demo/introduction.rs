//! What the demo prints when everything is ready.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;

use super::Arguments;
use super::people::{Account, JOURNEY_TO, TRAVELLER};
use crate::app::Running;
use crate::demo::places::{Place, place};

/// Everything that it tells about.
pub(super) struct Introduction<'a> {
    pub(super) arguments: &'a Arguments,
    pub(super) running: &'a Running,
    pub(super) file: &'a Path,
    pub(super) accounts: &'a [Account],
    pub(super) fronts: Vec<(&'static Place, SocketAddr)>,
    /// The page that a newcomer opens.
    pub(super) start: SocketAddr,
}

impl Introduction<'_> {
    pub(super) fn write(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let web = self.running.address("web").unwrap_or(self.arguments.listen);
        let tls = self.running.address("web-tls").unwrap_or(self.arguments.listen_tls);
        let admin = self.running.admin.first().copied().unwrap_or(self.arguments.listen_admin);
        let operations =
            self.running.operations.first().copied().unwrap_or(self.arguments.listen_operations);
        writeln!(out, "geovagt demo: the gateway runs. Stop it with Ctrl-C.\n")?;
        writeln!(out, "Start here, in a browser: http://{}/\n", self.start)?;
        writeln!(out, "Each port stands for a place:")?;
        for (place, address) in &self.fronts {
            let what = if place.country == JOURNEY_TO { "  (the traveller is here)" } else { "" };
            writeln!(out, "  http://{address}/  as if you were in {}{what}", place.name)?;
        }
        writeln!(
            out,
            "The name mail.localhost with such a port is the mail, and egedal.localhost"
        )?;
        writeln!(out, "the website of another municipality.")?;
        writeln!(out, "\nAccounts (made anew at each start):")?;
        for account in self.accounts {
            writeln!(out, "  {:<12}  {}  {}", account.name, account.password, account.what)?;
        }
        writeln!(out, "\nAdministration, for each of them: http://{admin}/")?;
        writeln!(
            out,
            "The travellers' private mail, with their travel links: http://{}/post",
            self.start
        )?;
        writeln!(out, "\nWith curl:")?;
        self.write_curl(out, web, tls)?;
        let file = self.file.display();
        writeln!(
            out,
            "\nHealth and metrics: http://{operations}/readyz  http://{operations}/metrics"
        )?;
        writeln!(out, "Configuration:      {file}")?;
        writeln!(out, "\nIn another terminal:")?;
        let geovagt = std::env::current_exe()
            .map_or_else(|_| "geovagt".to_owned(), |path| path.display().to_string());
        for command in [
            "audit tail".to_owned(),
            "audit verify".to_owned(),
            format!("explain {} --site kilden --user {TRAVELLER}", address(JOURNEY_TO)),
            "exemption list".to_owned(),
        ] {
            writeln!(out, "  {geovagt} --config {file} {command}")?;
        }
        Ok(())
    }

    fn write_curl(
        &self,
        out: &mut impl Write,
        web: SocketAddr,
        tls: SocketAddr,
    ) -> anyhow::Result<()> {
        let traveller = self.accounts.iter().find(|account| account.name == TRAVELLER);
        let login = traveller.map_or(String::new(), |a| format!("{}:{}", a.name, a.password));
        let [denmark, china, thailand, korea] = ["DK", "CN", JOURNEY_TO, "KR"].map(address);
        let lines = [
            ("from Denmark: 200", format!("-H 'X-Forwarded-For: {denmark}' http://{web}/")),
            ("from China: 403", format!("-H 'X-Forwarded-For: {china}' http://{web}/")),
            (
                "from South Korea, not on the list: 200",
                format!("-H 'X-Forwarded-For: {korea}' http://{web}/"),
            ),
            (
                "the traveller in Thailand: 200",
                format!("-u '{login}' -H 'X-Forwarded-For: {thailand}' http://{web}/"),
            ),
            (
                "the traveller in China: 403",
                format!("-u '{login}' -H 'X-Forwarded-For: {china}' http://{web}/"),
            ),
            (
                "over TLS and HTTP/2: 200",
                format!("-k --http2 -H 'X-Forwarded-For: {denmark}' https://{tls}/"),
            ),
        ];
        for (what, line) in lines {
            writeln!(out, "  # {what}")?;
            writeln!(out, "  curl -s -o /dev/null -w '%{{http_code}}\\n' {line}")?;
        }
        Ok(())
    }
}

fn address(country: &str) -> String {
    place(country).map_or_else(String::new, |place| place.address.to_string())
}
