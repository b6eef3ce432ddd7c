//! Whether somebody else used the machine during a round.

use std::time::Instant;

use crate::process::{TICK, processes};

/// A share of the machine's cores above which a round is thrown away.
pub(crate) const TOLERATED: f64 = 0.05;

/// Counters at one instant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    at: Instant,
    busy: u64,
    stolen: u64,
    ours: u64,
}

/// Reads counters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine {
    cores: f64,
    /// Whether interrupts are accounted beside the processes that they interrupt.
    interrupts_apart: bool,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let cores = stat.lines().filter(|line| line.starts_with("cpu")).count().saturating_sub(1);
        Self { cores: cores.max(1) as f64, interrupts_apart: interrupts_apart() }
    }

    pub(crate) fn now(self) -> Moment {
        let ours = processes().values().map(|stat| stat.ticks).sum();
        let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let fields: Vec<u64> = stat
            .lines()
            .next()
            .into_iter()
            .flat_map(str::split_whitespace)
            .filter_map(|field| field.parse().ok())
            .collect();
        // user nice system idle iowait irq softirq steal
        let field = |index: usize| fields.get(index).copied().unwrap_or_default();
        let interrupts = if self.interrupts_apart { 0 } else { field(5) + field(6) };
        let busy = field(0) + field(1) + field(2) + interrupts;
        Moment { at: Instant::now(), busy, stolen: field(7), ours }
    }

    /// The share of all cores that others took since then, the hypervisor among them.
    pub(crate) fn others_since(self, then: Moment) -> f64 {
        let now = self.now();
        let ours = now.ours.saturating_sub(then.ours);
        let busy = now.busy.saturating_sub(then.busy).saturating_sub(ours);
        let taken = (busy + now.stolen.saturating_sub(then.stolen)) as f64 * TICK;
        let whole = (now.at - then.at).as_secs_f64() * 1000.0 * self.cores;
        // A tick too many in a short round is no visitor.
        ((taken - 2.0 * TICK) / whole).max(0.0)
    }
}

fn interrupts_apart() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let installed = format!("/boot/config-{}", release.trim());
    let text = std::fs::read_to_string(installed).ok().or_else(|| {
        let output = std::process::Command::new("zcat").arg("/proc/config.gz").output().ok()?;
        String::from_utf8(output.stdout).ok()
    });
    text.is_some_and(|text| text.contains("CONFIG_IRQ_TIME_ACCOUNTING=y"))
}
