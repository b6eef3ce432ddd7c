//! Memory stays flat however much passes; 2 GiB in the profile `all` (`outside_large`).

use crate::support::large::there_and_back;

#[test]
fn memory_stays_flat_however_much_passes() {
    let grown = there_and_back(128 << 20);
    assert!(grown < 16 << 10, "{grown} KiB for 128 MiB");
}
