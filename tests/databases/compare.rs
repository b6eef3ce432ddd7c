//! Asks two databases for the same addresses and counts the answers that differ.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use anyhow::bail;
use maxminddb::{PathElement, Reader};

pub(crate) fn compare(one: &Path, other: &Path, count: u32) -> anyhow::Result<String> {
    let (one, other) = (Reader::open_readfile(one)?, Reader::open_readfile(other)?);
    let (mut differ, mut found) = (0_u32, 0_u32);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..count {
        let address = address(&mut state, round);
        let (a, b) = (country(&one, address)?, country(&other, address)?);
        found += u32::from(a.is_some());
        differ += u32::from(a != b);
    }
    let said = format!("{count} addresses, {found} found, {differ} answers differ");
    if differ > 0 {
        bail!(said);
    }
    Ok(said)
}

/// Every other address is IPv4; the IPv6 ones lie in 2001:200::/23 and 2400::/6, where addresses
/// are given out. A fixed xorshift sequence: the same addresses every time.
fn address(state: &mut u64, round: u32) -> IpAddr {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    let low = *state;
    if round.is_multiple_of(2) {
        return IpAddr::V4(Ipv4Addr::from_bits((low >> 32) as u32));
    }
    let high = if round % 8 == 1 {
        0x2001_0200_0000_0000 | (low & 0x0000_01ff_ffff_ffff)
    } else {
        0x2400_0000_0000_0000 | (low & 0x0fff_ffff_ffff_ffff)
    };
    IpAddr::V6(Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low)))
}

fn country(reader: &Reader<Vec<u8>>, address: IpAddr) -> anyhow::Result<Option<String>> {
    let found = reader.lookup(address)?;
    if !found.has_data() {
        return Ok(None);
    }
    let nested = [PathElement::Key("country"), PathElement::Key("iso_code")];
    match found.decode_path(&nested)? {
        Some(code) => Ok(Some(code)),
        None => Ok(found.decode_path(&[PathElement::Key("country_code")])?),
    }
}
