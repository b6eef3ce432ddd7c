//! What passed through each site: verdicts, answers, times, and how much is under way.
//!
//! Always holds: counting takes no lock, allocates nothing and writes to no place that another
//! thread writes to as well, so that it costs the same on any number of cores. Adding up is left to
//! whoever asks for the metrics.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;

use crate::policy::Reason;

/// How many threads count apart from each other; further ones share.
const SHARDS: usize = 8;

/// The upper ends of the buckets for the time to the head of an answer.
const BUCKETS: [(u64, &str); 13] = [
    (1_000_000, "0.001"),
    (2_500_000, "0.0025"),
    (5_000_000, "0.005"),
    (10_000_000, "0.01"),
    (25_000_000, "0.025"),
    (50_000_000, "0.05"),
    (100_000_000, "0.1"),
    (250_000_000, "0.25"),
    (500_000_000, "0.5"),
    (1_000_000_000, "1"),
    (2_500_000_000, "2.5"),
    (5_000_000_000, "5"),
    (10_000_000_000, "10"),
];

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

static SITES: LazyLock<Mutex<BTreeMap<String, Arc<SiteTraffic>>>> = LazyLock::new(Mutex::default);
static UNSITED: LazyLock<SiteTraffic> = LazyLock::new(SiteTraffic::default);
static IN_FLIGHT: [Alone<AtomicI64>; SHARDS] = [const { Alone(AtomicI64::new(0)) }; SHARDS];

/// A value that shares its cache line with nothing.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Alone<T>(T);

/// The counts of one site. They go on over a reload, and stay when the site is gone.
#[derive(Debug, Default)]
pub struct SiteTraffic {
    shards: [Alone<Counts>; SHARDS],
}

#[derive(Debug)]
struct Counts {
    requests: [AtomicU64; Reason::ALL.len()],
    responses: [AtomicU64; CLASSES.len()],
    durations: [AtomicU64; BUCKETS.len() + 1],
    nanoseconds: AtomicU64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            requests: [const { AtomicU64::new(0) }; Reason::ALL.len()],
            responses: [const { AtomicU64::new(0) }; CLASSES.len()],
            durations: [const { AtomicU64::new(0) }; BUCKETS.len() + 1],
            nanoseconds: AtomicU64::new(0),
        }
    }
}

/// The counts of the site with this name.
#[must_use]
pub fn site(name: &str) -> Arc<SiteTraffic> {
    let mut sites = SITES.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(sites.entry(name.to_owned()).or_default())
}

/// The counts of what belongs to no site.
#[must_use]
pub fn unsited() -> &'static SiteTraffic {
    &UNSITED
}

/// What passed through a site since the process began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests, whatever became of them.
    pub requests: u64,
    /// Those that were rejected.
    pub rejected: u64,
    /// Those that an exemption let in.
    pub exempt: u64,
}

impl Totals {
    /// What is more than at an earlier time.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            requests: self.requests.wrapping_sub(earlier.requests),
            rejected: self.rejected.wrapping_sub(earlier.rejected),
            exempt: self.exempt.wrapping_sub(earlier.exempt),
        }
    }
}

/// Each site's totals, by its name.
#[must_use]
pub fn totals() -> Vec<(String, Totals)> {
    let sites = SITES.lock().unwrap_or_else(PoisonError::into_inner).clone();
    sites.iter().map(|(name, traffic)| (name.clone(), traffic.totals())).collect()
}

/// One request more is under way.
pub fn entered() {
    add(&IN_FLIGHT[..], 1);
}

/// One request less is under way.
pub fn left() {
    add(&IN_FLIGHT[..], -1);
}

fn add(shards: &[Alone<AtomicI64>], change: i64) {
    if let Some(Alone(shard)) = shards.get(shard_of_thread()) {
        shard.fetch_add(change, Ordering::Relaxed);
    }
}

impl SiteTraffic {
    /// Counts a request by the reason of its verdict.
    pub fn decided(&self, reason: Reason) {
        bump(self.counts().requests.get(reason as usize));
    }

    /// Counts an answer of the upstream.
    pub fn answered(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        bump(self.counts().responses.get(class));
    }

    /// Counts the time from a request's head to its answer's head.
    pub fn took(&self, time: Duration) {
        let counts = self.counts();
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BUCKETS.iter().position(|(end, _)| nanoseconds <= *end);
        bump(counts.durations.get(bucket.unwrap_or(BUCKETS.len())));
        counts.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for &reason in Reason::ALL {
            let count = self.sum(|counts| counts.requests.get(reason as usize));
            totals.requests = totals.requests.wrapping_add(count);
            if reason.verdict() == "deny" {
                totals.rejected = totals.rejected.wrapping_add(count);
            }
            if reason == Reason::TravelExemption {
                totals.exempt = count;
            }
        }
        totals
    }

    fn counts(&self) -> &Counts {
        let [Alone(first), ..] = &self.shards;
        self.shards.get(shard_of_thread()).map_or(first, |Alone(counts)| counts)
    }

    fn sum(&self, of: impl Fn(&Counts) -> Option<&AtomicU64>) -> u64 {
        let one = |Alone(counts): &Alone<Counts>| {
            of(counts).map_or(0, |counter| counter.load(Ordering::Relaxed))
        };
        self.shards.iter().map(one).fold(0, u64::wrapping_add)
    }
}

fn bump(counter: Option<&AtomicU64>) {
    if let Some(counter) = counter {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn shard_of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SHARD: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    SHARD.with(|shard| *shard)
}

/// Writes the lines of one site.
type Lines = fn(&mut String, &str, &SiteTraffic);

/// All counts in Prometheus' text format. Site names hold nothing that would need an escape.
pub(super) fn render(out: &mut String) {
    let sites = SITES.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut all: Vec<_> = sites.iter().map(|(name, traffic)| (name.as_str(), &**traffic)).collect();
    all.push(("", unsited()));
    let families: [(&str, &str, &str, Lines); 3] = [
        (
            "geovagt_requests_total",
            "counter",
            "Requests by site, verdict and reason.",
            render_requests,
        ),
        (
            "geovagt_responses_total",
            "counter",
            "Answers of upstreams by site and status class.",
            render_responses,
        ),
        (
            "geovagt_request_duration_seconds",
            "histogram",
            "From the request's head to the answer's head, by site.",
            render_durations,
        ),
    ];
    for (name, kind, help, lines) in families {
        head(out, name, kind, help);
        for (site, traffic) in &all {
            lines(out, site, traffic);
        }
        out.push('\n');
    }
    head(out, "geovagt_requests_in_flight", "gauge", "Requests being served.");
    let shards = IN_FLIGHT.iter().map(|Alone(shard)| shard.load(Ordering::Relaxed));
    let _ = writeln!(out, "geovagt_requests_in_flight {}\n", shards.sum::<i64>().max(0));
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn render_requests(out: &mut String, site: &str, traffic: &SiteTraffic) {
    for &reason in Reason::ALL {
        let count = traffic.sum(|counts| counts.requests.get(reason as usize));
        if count > 0 {
            let verdict = reason.verdict();
            let _ = writeln!(
                out,
                "geovagt_requests_total{{site=\"{site}\",verdict=\"{verdict}\",reason=\"{reason}\"}} {count}"
            );
        }
    }
}

fn render_responses(out: &mut String, site: &str, traffic: &SiteTraffic) {
    for (index, class) in CLASSES.iter().enumerate() {
        let count = traffic.sum(|counts| counts.responses.get(index));
        if count > 0 {
            let _ = writeln!(
                out,
                "geovagt_responses_total{{site=\"{site}\",class=\"{class}\"}} {count}"
            );
        }
    }
}

fn render_durations(out: &mut String, site: &str, traffic: &SiteTraffic) {
    let name = "geovagt_request_duration_seconds";
    let counts: Vec<u64> = (0..=BUCKETS.len())
        .map(|index| traffic.sum(|counts| counts.durations.get(index)))
        .collect();
    let total: u64 = counts.iter().sum();
    if total == 0 {
        return;
    }
    let mut below = 0;
    for (count, (_, end)) in counts.iter().zip(BUCKETS) {
        below += count;
        let _ = writeln!(out, "{name}_bucket{{site=\"{site}\",le=\"{end}\"}} {below}");
    }
    let _ = writeln!(out, "{name}_bucket{{site=\"{site}\",le=\"+Inf\"}} {total}");
    let nanoseconds = traffic.sum(|counts| Some(&counts.nanoseconds));
    let seconds = Duration::from_nanos(nanoseconds).as_secs_f64();
    let _ = writeln!(out, "{name}_sum{{site=\"{site}\"}} {seconds}");
    let _ = writeln!(out, "{name}_count{{site=\"{site}\"}} {total}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_threads_count_is_added_up() {
        let traffic = site("counted");
        std::thread::scope(|scope| {
            for _ in 0..3 * SHARDS {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        traffic.decided(Reason::CountryListed);
                        traffic.answered(StatusCode::NOT_FOUND);
                        traffic.took(Duration::from_millis(3));
                    }
                    traffic.took(Duration::from_secs(60));
                });
            }
        });
        let mut text = String::new();
        render(&mut text);
        for line in [
            "geovagt_requests_total{site=\"counted\",verdict=\"deny\",reason=\"country_listed\"} 24000",
            "geovagt_responses_total{site=\"counted\",class=\"4xx\"} 24000",
            "geovagt_request_duration_seconds_bucket{site=\"counted\",le=\"0.0025\"} 0",
            "geovagt_request_duration_seconds_bucket{site=\"counted\",le=\"0.005\"} 24000",
            "geovagt_request_duration_seconds_bucket{site=\"counted\",le=\"10\"} 24000",
            "geovagt_request_duration_seconds_bucket{site=\"counted\",le=\"+Inf\"} 24024",
            "geovagt_request_duration_seconds_count{site=\"counted\"} 24024",
            "geovagt_request_duration_seconds_sum{site=\"counted\"} 1512",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn the_same_site_goes_on_after_a_reload() {
        site("again").answered(StatusCode::OK);
        site("again").answered(StatusCode::OK);
        assert_eq!(site("again").sum(|counts| counts.responses.get(1)), 2);
    }

    #[test]
    fn a_status_that_no_standard_knows_is_counted_all_the_same() {
        let traffic = SiteTraffic::default();
        traffic.answered(StatusCode::from_u16(999).unwrap());
        assert_eq!(traffic.sum(|counts| counts.responses.get(4)), 1);
    }
}
