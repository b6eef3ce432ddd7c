//! An address as text, quickly: every request writes one a few times.
//!
//! PURE.

use std::net::{IpAddr, Ipv4Addr};

use smol_str::{SmolStr, format_smolstr};

/// The address as its `Display` writes it.
#[must_use]
pub fn address_text(address: IpAddr) -> SmolStr {
    match address {
        IpAddr::V4(v4) => dotted(v4),
        IpAddr::V6(v6) => format_smolstr!("{v6}"),
    }
}

fn dotted(address: Ipv4Addr) -> SmolStr {
    let mut text = [0; 15];
    let mut length = 0;
    let mut push = |byte| {
        if let Some(place) = text.get_mut(length) {
            *place = byte;
            length += 1;
        }
    };
    for (index, octet) in address.octets().into_iter().enumerate() {
        if index > 0 {
            push(b'.');
        }
        if octet >= 100 {
            push(b'0' + octet / 100);
        }
        if octet >= 10 {
            push(b'0' + octet / 10 % 10);
        }
        push(b'0' + octet % 10);
    }
    // Digits and dots are text.
    SmolStr::new(text.get(..length).and_then(|t| std::str::from_utf8(t).ok()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn as_its_library_writes_it(four: u32, six: u128) {
            for address in [IpAddr::from(four.to_be_bytes()), IpAddr::from(six.to_be_bytes())] {
                prop_assert_eq!(address_text(address).to_string(), address.to_string());
            }
        }
    }
}
