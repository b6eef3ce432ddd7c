//! From the flat layout (`country_code`) to the nested one (`country.iso_code`), with the IPv4
//! networks also under the IPv6 prefixes that carry them.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context as _;
use ipnet::IpNet;
use maxminddb::Reader;
use mmdb_writer::{Error, Value, Writer};

/// The record of the flat layout.
#[derive(serde::Deserialize)]
struct Flat<'a> {
    country_code: &'a str,
}

pub(crate) fn convert(source: &Path, target: &Path) -> anyhow::Result<String> {
    let reader = Reader::open_readfile(source).context("cannot read the source")?;
    let metadata = reader.metadata();
    let mut writer = Writer::builder("DBIP-Country-Lite")
        .description(&[(
            "en",
            "DB-IP Country Lite of June 2026, IP Geolocation by DB-IP (https://db-ip.com), \
             CC BY 4.0; layout changed by geovagt",
        )])
        .build_epoch(UNIX_EPOCH + Duration::from_secs(metadata.build_epoch))
        .build();
    let (mut kept, mut aliased) = (0_u32, 0_u32);
    for network in reader.networks(maxminddb::WithinOptions::default())? {
        let network = network?;
        let Some(record) = network.decode::<Flat<'_>>()? else { continue };
        let prefix = network.network()?;
        let prefix = IpNet::new(prefix.ip(), prefix.prefix())?;
        let country = Value::map([("iso_code", Value::from(record.country_code))]);
        match writer.insert_value(prefix, Value::map([("country", country)])) {
            Ok(()) => kept += 1,
            Err(Error::AliasedNetwork(_)) => aliased += 1,
            Err(error) => return Err(error.into()),
        }
    }
    let bytes = writer.to_bytes()?;
    std::fs::write(target, &bytes).context("cannot write the target")?;
    Ok(format!(
        "{kept} networks kept, {aliased} left out because IPv4 answers for them, {} bytes",
        bytes.len()
    ))
}
