//! What the service manager is told (`sd_notify(3)`): ready, reloading, stopping, alive.
//!
//! Datagrams to the socket in `NOTIFY_SOCKET`; where there is none, nothing happens. Always holds: a
//! service manager that does not listen holds nobody up.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use crate::clock;

/// The way to the service manager. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct ServiceManager {
    socket: Option<Arc<UnixDatagram>>,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The one that has started this process, if one has.
    #[must_use]
    pub fn of_this_process() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET").and_then(|name| {
            connect(name.as_bytes())
                .inspect_err(|error| tracing::warn!(%error, "NOTIFY_SOCKET cannot be used"))
                .ok()
        });
        let number = |name| {
            let text = String::from_utf8(std::env::var_os(name)?.into_vec()).ok()?;
            text.parse::<u64>().ok()
        };
        let is_ours = number("WATCHDOG_PID").is_none_or(|id| id == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|_| is_ours).map(Duration::from_micros);
        Self { socket: socket.map(Arc::new), watchdog }
    }

    /// How often it wants to hear that the gateway is alive: at half the time it waits.
    #[must_use]
    pub fn watchdog_interval(&self) -> Option<Duration> {
        let wait = self.socket.as_ref().and(self.watchdog)?;
        (!wait.is_zero()).then(|| wait / 2)
    }

    /// Everything is in effect, with a sentence for `systemctl status`.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={}", one_line(status)));
    }

    /// The configuration is being taken anew; [`ServiceManager::ready`] follows.
    pub fn reloading(&self) {
        let now = clock::monotonic_microseconds();
        self.send(&format!(
            "RELOADING=1\nMONOTONIC_USEC={now}\nSTATUS=Taking the configuration anew"
        ));
    }

    /// The end has begun and takes at most so long.
    pub fn stopping(&self, at_most: Duration) {
        let microseconds = at_most.as_micros();
        self.send(&format!(
            "STOPPING=1\nEXTEND_TIMEOUT_USEC={microseconds}\nSTATUS=Stopping; open exchanges may finish"
        ));
    }

    /// The gateway is alive.
    pub fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    fn send(&self, message: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = socket.send(message.as_bytes()) {
            tracing::debug!(%error, "the service manager does not listen");
        }
    }
}

fn connect(name: &[u8]) -> std::io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    let address = match name.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name))?,
    };
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn one_line(text: &str) -> String {
    text.replace('\n', "; ")
}
