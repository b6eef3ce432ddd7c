//! The floors: this same program, started as one of them.

use std::process::Command;

use super::Surroundings;
use crate::process::on_core;

pub(super) fn prepare(
    around: &Surroundings,
    name: &str,
    first_port: u16,
) -> anyhow::Result<Command> {
    let mut command = on_core(around.core, &std::env::current_exe()?);
    command
        .args(["floor", name, &first_port.to_string(), &around.upstream.to_string()])
        .arg(&around.directory);
    Ok(command)
}
