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

mod attack_door;
mod attack_forging;
mod attack_framing;
mod attack_log;
mod attack_silence;
#[cfg(test)]
mod audit_disk_full;
#[cfg(test)]
mod audit_kill;
mod door;
mod forwarding;
mod list;
mod rejecting;
mod support;
