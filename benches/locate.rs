//! From an address to its country, in the bundled database: the compiled table, and beside it in the
//! same run the plain reader that walks the tree and decodes the code.
//!
//! Before anything is timed, a counting allocator proves that locating allocates nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use geovagt::client_address::{ClientAddress, KnownAddress};
use geovagt::geoip::{Database, Requirements};
use maxminddb::Reader;

/// Counts what is allocated.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[expect(unsafe_code, reason = "only a global allocator sees every allocation; it hands all on")]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Enough that the table does not fit the nearest cache, as on a gateway that does other work.
const ADDRESSES: usize = 1 << 16;

/// A fixed xorshift sequence.
fn noise() -> impl FnMut() -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

fn known(ip: IpAddr) -> Option<ClientAddress> {
    KnownAddress::new(ip).ok().map(ClientAddress::Known)
}

/// Addresses spread over the whole of IPv4.
fn uniform() -> Vec<ClientAddress> {
    let mut noise = noise();
    let all = std::iter::repeat_with(|| IpAddr::V4(((noise() >> 32) as u32).into()));
    all.filter_map(known).take(ADDRESSES).collect()
}

/// One address of networks drawn at random from the file: small networks count as much as large.
fn by_network(reader: &Reader<Vec<u8>>, ipv6: bool) -> Vec<ClientAddress> {
    let within = reader.networks(maxminddb::WithinOptions::default());
    let networks: Vec<IpAddr> = within
        .into_iter()
        .flatten()
        .filter_map(|found| found.ok()?.network().ok())
        .map(|network| network.ip())
        .filter(|ip| ip.is_ipv6() == ipv6)
        .collect();
    let mut noise = noise();
    let drawn = std::iter::repeat_with(|| networks.get(noise() as usize % networks.len()).copied());
    drawn.flatten().filter_map(known).take(ADDRESSES).collect()
}

fn judged(address: &ClientAddress) -> Option<IpAddr> {
    match address {
        ClientAddress::Known(known) => Some(known.judged()),
        ClientAddress::Unknown(_) => None,
    }
}

fn allocates_nothing(database: &Database, addresses: &[ClientAddress]) {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    for address in addresses {
        black_box(database.locate(black_box(address)));
    }
    let count = ALLOCATIONS.load(Ordering::Relaxed) - before;
    assert_eq!(count, 0, "locating {} addresses allocated {count} times", addresses.len());
}

fn locate(criterion: &mut Criterion) {
    let path = Path::new("geoip/country.mmdb");
    let requirements = Requirements::new(geovagt::clock::now());
    let (Ok(database), Ok(reader)) =
        (Database::open(path, &requirements), Reader::open_readfile(path))
    else {
        assert!(path.exists(), "run this in the root of the repository");
        return;
    };
    let code = maxminddb::path!["country", "iso_code"];
    let uniform = uniform();
    let hot = uniform.iter().copied().take(64).collect();
    let sets = [
        ("v4 uniform", uniform),
        ("v4 hot", hot),
        ("v4 by network", by_network(&reader, false)),
        ("v6 by network", by_network(&reader, true)),
    ];
    for (name, addresses) in &sets {
        allocates_nothing(&database, addresses);
        let mut group = criterion.benchmark_group(*name);
        let mut turn = addresses.iter().cycle();
        group.bench_function("locate", |bencher| {
            bencher.iter(|| turn.next().map(|address| database.locate(black_box(address))));
        });
        let plain: Vec<IpAddr> = addresses.iter().filter_map(judged).collect();
        let mut turn = plain.iter().cycle();
        group.bench_function("reader", |bencher| {
            bencher.iter(|| {
                let found = reader.lookup(black_box(*turn.next()?)).ok()?;
                found.decode_path::<&str>(&code).ok()?
            });
        });
        group.finish();
    }
    criterion.bench_function("open, verify and compile", |bencher| {
        bencher.iter_batched(
            || (),
            |()| Database::open(path, &requirements),
            BatchSize::PerIteration,
        );
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = locate
}
criterion_main!(benches);
