//! The addresses that the gateway listens on, of all blocks together.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde_yaml::Spanned;

use super::checker::{Checker, Text, Wrong, all};

/// What is bound so far: address and place, by port and family.
#[derive(Debug, Default)]
pub(super) struct Binds(BTreeMap<(u16, bool), Vec<(IpAddr, Text)>>);

impl Binds {
    /// A list of addresses that nobody else listens on.
    pub(super) fn check(
        &mut self,
        addresses: &Spanned<Vec<Text>>,
        check: &mut Checker<'_>,
    ) -> Option<Vec<SocketAddr>> {
        if addresses.value.is_empty() {
            check.refuse(
                addresses.referenced,
                "no address to listen on",
                "write at least one, as \"0.0.0.0:443\"; or remove the block",
            );
            return None;
        }
        all(addresses.value.iter().map(|text| self.one(text, check)))
    }

    fn one(&mut self, text: &Text, check: &mut Checker<'_>) -> Option<SocketAddr> {
        let address = check.parsed(text, "an address with a port", parse)?;
        // Port 0 asks the system for a free one, each time another.
        if address.port() == 0 {
            return Some(address);
        }
        let bound = self.0.entry((address.port(), address.is_ipv6())).or_default();
        let taken = bound.iter().find(|(other, _)| {
            *other == address.ip() || other.is_unspecified() || address.ip().is_unspecified()
        });
        if let Some((_, other)) = taken {
            let says = format!(
                "`{}` is taken already: line {} listens on `{}`",
                text.value,
                other.referenced.line(),
                other.value
            );
            check.refuse(text.referenced, says, "use another port or address in one of the two");
            return None;
        }
        bound.push((address.ip(), text.clone()));
        Some(address)
    }
}

fn parse(text: &str) -> Result<SocketAddr, Wrong> {
    text.parse().map_err(|_| {
        let help = match text.strip_prefix('*').unwrap_or(text).strip_prefix(':') {
            Some(port) => {
                format!("for every address, write \"0.0.0.0:{port}\" and \"[::]:{port}\"")
            }
            None if text.starts_with("localhost") => "write 127.0.0.1 for localhost".to_owned(),
            None => "write it as \"192.0.2.1:443\" or \"[2001:db8::1]:443\"".to_owned(),
        };
        Wrong::new("is not an address with a port", help)
    })
}
