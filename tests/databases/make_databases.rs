//! Makes the databases under `geoip/`, so that anybody can make them again, byte for byte.
//!
//! ```text
//! cargo run --release --example make-databases convert dbip-country.mmdb geoip/country.mmdb
//! cargo run --release --example make-databases compare dbip-country.mmdb geoip/country.mmdb 500000
//! cargo run --example make-databases tests geoip
//! ```

mod compare;
mod convert;
mod samples;

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let said = match words.as_slice() {
        ["convert", source, target] => convert::convert(Path::new(source), Path::new(target))?,
        ["compare", one, other, count] => {
            let count = count.parse().context("COUNT is not a number")?;
            compare::compare(Path::new(one), Path::new(other), count)?
        }
        ["tests", folder] => samples::write_all(Path::new(folder))?,
        _ => bail!("usage: convert SOURCE TARGET | compare ONE OTHER COUNT | tests FOLDER"),
    };
    writeln!(std::io::stdout(), "{said}")?;
    Ok(())
}
