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
mod outside_accessibility;
#[cfg(test)]
mod outside_browser;
#[cfg(test)]
mod outside_curl;
#[cfg(test)]
mod outside_demo;
#[cfg(test)]
mod outside_haproxy;
#[cfg(test)]
mod outside_namespaces;
#[cfg(test)]
mod outside_nginx;
#[cfg(test)]
mod outside_websocket;
#[cfg(test)]
mod support;
