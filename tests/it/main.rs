//! The one integration-test binary: it starts the real application on port 0 and talks to it as a
//! client would.

#[cfg(test)]
mod audit_disk_full;
#[cfg(test)]
mod audit_kill;
