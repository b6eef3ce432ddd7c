//! A contestant's processes: started on one core, watched through `/proc`, stopped as a group.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// How long a program may take until it listens: HAProxy reads a map of 700,000 lines first.
const PATIENCE: Duration = Duration::from_secs(60);
/// Milliseconds of one tick in /proc; USER_HZ is 100 on every Linux.
pub(crate) const TICK: f64 = 10.0;

/// A running program and everything it started.
pub(crate) struct Program {
    name: &'static str,
    child: Child,
    output: PathBuf,
    ready: Vec<SocketAddr>,
}

/// What `/proc/PID/stat` says of one process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stat {
    pub(crate) parent: u32,
    /// User and system time of all threads, in ticks.
    pub(crate) ticks: u64,
}

/// A command that runs on one core.
pub(crate) fn on_core(core: usize, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.arg("-c").arg(core.to_string()).arg(program);
    command
}

impl Program {
    /// Starts it and waits until every address accepts connections. Standard output and error go to
    /// files in `directory`.
    pub(crate) fn start(
        name: &'static str,
        mut command: Command,
        directory: &Path,
        ready: &[SocketAddr],
    ) -> anyhow::Result<Self> {
        let output = directory.join("stderr");
        let child = command
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(File::create(directory.join("stdout"))?)
            .stderr(File::create(&output)?)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let mut program = Self { name, child, output, ready: ready.to_vec() };
        let deadline = Instant::now() + PATIENCE;
        for address in ready {
            while TcpStream::connect_timeout(address, Duration::from_secs(1)).is_err() {
                if program.child.try_wait()?.is_some() || Instant::now() > deadline {
                    bail!("{name} does not serve: {}", program.printed());
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        if program.child.try_wait()?.is_some() {
            bail!("{name} ended at once: {}", program.printed());
        }
        Ok(program)
    }

    /// The end of what it wrote to standard error.
    pub(crate) fn printed(&self) -> String {
        let text = std::fs::read(&self.output).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().rev().take(15).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// CPU time of all threads of all its processes, in milliseconds: to the nanosecond where the
    /// kernel counts so (`schedstat`), else in ticks. A thread that has ended is left out of the first;
    /// every contestant's threads stay.
    pub(crate) fn cpu(&self) -> anyhow::Result<f64> {
        let all = processes();
        anyhow::ensure!(all.contains_key(&self.child.id()), "{} ended", self.name);
        let tree = self.tree(&all);
        let ticks: u64 = tree.iter().filter_map(|pid| all.get(pid)).map(|s| s.ticks).sum();
        Ok(tree
            .iter()
            .map(|&pid| scheduled(pid))
            .sum::<Option<f64>>()
            .unwrap_or(ticks as f64 * TICK))
    }

    /// Memory of all its processes in KiB; what they share counts once (proportional set size).
    pub(crate) fn memory(&self) -> anyhow::Result<f64> {
        let mut sum = 0.0;
        for pid in self.tree(&processes()) {
            let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))
                .with_context(|| format!("{} ended", self.name))?;
            let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
            let kib = pss.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
            sum += kib.context("/proc has no proportional set size")?;
        }
        Ok(sum)
    }

    /// The process and its descendants.
    fn tree(&self, all: &BTreeMap<u32, Stat>) -> Vec<u32> {
        let mut tree = vec![self.child.id()];
        let mut next = 0;
        while let Some(&parent) = tree.get(next) {
            tree.extend(all.iter().filter(|(_, stat)| stat.parent == parent).map(|(pid, _)| *pid));
            next += 1;
        }
        tree
    }
}

impl Drop for Program {
    /// Nothing that it holds is wanted afterwards, so nobody waits for a shutdown in good order.
    fn drop(&mut self) {
        let group = self.child.id();
        let kill = format!("kill -s KILL -- -{group}");
        // An error says that it has ended already.
        let _ = Command::new("sh").args(["-c", &kill]).stderr(Stdio::null()).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
        // A worker outlives its master for a moment; the next one must not be taken for it.
        let deadline = Instant::now() + PATIENCE;
        while self.ready.iter().any(|address| TcpStream::connect(address).is_ok())
            && Instant::now() < deadline
        {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// How long the threads of a process have run, in milliseconds.
fn scheduled(pid: u32) -> Option<f64> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let read = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    };
    // One that has just ended is no reason to count in ticks.
    let counted: Vec<u64> = tasks.flatten().filter_map(read).collect();
    (!counted.is_empty()).then(|| counted.iter().sum::<u64>() as f64 / 1e6)
}

/// Every process that can be seen from here: those of this run, which has a process namespace of its
/// own.
pub(crate) fn processes() -> BTreeMap<u32, Stat> {
    let Ok(directory) = std::fs::read_dir("/proc") else { return BTreeMap::new() };
    directory
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid: u32| {
            let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            Some((pid, parse(&text)?))
        })
        .collect()
}

/// Fields 4, 14 and 15; the second is a name in brackets that may hold anything.
fn parse(stat: &str) -> Option<Stat> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Stat { parent: u32::try_from(number(1)?).ok()?, ticks: number(11)? + number(12)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_moves_no_field() {
        let stat = parse("7 (a) b) S 3 7 7 0 -1 4194560 9 0 0 0 120 30 5 6 20 0 4 0 99").unwrap();
        assert_eq!((stat.parent, stat.ticks), (3, 150));
        assert!(parse("7 (a").is_none());
    }
}
