//! 2 GiB up and 2 GiB down, over HTTP/1.1 and over HTTP/2 with TLS: in the profile `all`, because it
//! takes minutes.

use crate::support::large::there_and_back;

#[test]
fn outside_two_gibibytes_pass_in_flat_memory() {
    let grown = there_and_back(2 << 30);
    println!("grown by {grown} KiB");
    assert!(grown < 16 << 10, "{grown} KiB for 2 GiB");
}
