//! The one integration-test binary: it starts the real program on port 0 and talks to it as a
//! client would. Tests named `outside_…` need an outside program, which `tests/run` installs.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    unreachable_pub,
    reason = "tests stop at the first thing that is not as expected"
)]

#[cfg(test)]
mod audit_disk_full;
#[cfg(test)]
mod audit_kill;
#[cfg(test)]
mod running_audit;
#[cfg(test)]
mod running_files;
#[cfg(test)]
mod running_limits;
#[cfg(test)]
mod running_operations;
#[cfg(test)]
mod running_reload;
#[cfg(test)]
mod running_shutdown;
#[cfg(test)]
mod running_store;
#[cfg(test)]
mod running_upstream;
mod support;
