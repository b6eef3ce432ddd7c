//! Which server gets the next request: the one with the fewest for its weight.
//!
//! PURE. A server that is out gets one only where none is in: to try the least bad is better than
//! to refuse everybody, since the cause may be the check and not the server.

/// How much a server is to be preferred, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// It can take a request.
    Ready,
    /// It can, but has as many as it may: the request would wait.
    Full,
    /// It was taken out because requests failed.
    Ejected,
    /// It failed this very request already.
    Tried,
    /// Its health checks fail.
    Down,
}

/// What is known of one server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) rank: Rank,
    /// Requests that it has not answered to the end.
    pub(super) in_flight: usize,
    /// Its share, never 0.
    pub(super) weight: u64,
}

impl Candidate {
    /// Whether this one has less to do for its weight than `other`.
    fn is_better_than(&self, other: &Self) -> bool {
        self.compare(other).is_lt()
    }

    fn compare(&self, other: &Self) -> std::cmp::Ordering {
        let load = |one: &Self, weight: u64| one.in_flight as u128 * u128::from(weight);
        self.rank.cmp(&other.rank).then(load(self, other.weight).cmp(&load(other, self.weight)))
    }
}

/// The best of `count` servers; `candidate` gives none for one that takes nothing new. Among equals
/// `turn`, a number that grows with each request, gives each its weight's share.
pub(super) fn choose(
    count: usize,
    turn: u64,
    candidate: impl Fn(usize) -> Option<Candidate>,
) -> Option<usize> {
    let mut best: Option<Candidate> = None;
    let mut equals = (0, 0_u64);
    for server in (0..count).filter_map(&candidate) {
        match &best {
            Some(found) if found.is_better_than(&server) => {}
            Some(found) if !server.is_better_than(found) => {
                equals = (equals.0 + 1, equals.1 + server.weight);
            }
            _ => (best, equals) = (Some(server), (1, server.weight)),
        }
    }
    let best = best?;
    let point = if equals.0 > 1 { point(turn, equals.1) } else { 0 };
    let mut passed = 0;
    // Another thread may change what is in flight between the two looks: then the last one fits.
    let mut last = None;
    for (index, server) in (0..count).filter_map(|i| Some((i, candidate(i)?))) {
        if best.is_better_than(&server) {
            last = last.or(Some(index));
            continue;
        }
        last = Some(index);
        passed += server.weight;
        if passed > point {
            return last;
        }
    }
    last
}

/// Spreads turns evenly over `0..total`, neighbours far apart (multiplication by the golden ratio).
fn point(turn: u64, total: u64) -> u64 {
    let spread = turn.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    u64::try_from((u128::from(spread) * u128::from(total)) >> 64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(rank: Rank, in_flight: usize, weight: u64) -> Option<Candidate> {
        Some(Candidate { rank, in_flight, weight })
    }

    fn chosen(servers: &[Option<Candidate>], turn: u64) -> Option<usize> {
        choose(servers.len(), turn, |index| servers[index])
    }

    #[test]
    fn the_one_with_the_fewest_requests_is_chosen() {
        use Rank::Ready;
        for turn in 0..10 {
            let three = [server(Ready, 3, 1), server(Ready, 1, 1), server(Ready, 2, 1)];
            assert_eq!(chosen(&three, turn), Some(1));
            let weighted = [server(Ready, 3, 4), server(Ready, 1, 1), server(Ready, 2, 1)];
            assert_eq!(chosen(&weighted, turn), Some(0), "3 of 4 are less than 1 of 1");
        }
        assert_eq!(chosen(&[], 0), None);
    }

    #[test]
    fn equals_get_their_weights_share() {
        let servers = [server(Rank::Ready, 0, 1), server(Rank::Ready, 0, 3)];
        let mut taken = [0; 2];
        for turn in 0..400 {
            taken[chosen(&servers, turn).unwrap()] += 1;
        }
        assert!((98..=102).contains(&taken[0]), "{taken:?}");
        let equal = [server(Rank::Ready, 2, 1); 3];
        let mut taken = [0; 3];
        for turn in 1000..1300 {
            taken[chosen(&equal, turn).unwrap()] += 1;
        }
        assert!(taken.iter().all(|n| (98..=102).contains(n)), "{taken:?}");
    }

    #[test]
    fn one_that_is_out_gets_a_request_only_where_none_is_in() {
        use Rank::{Down, Ejected, Full, Ready, Tried};
        let order = [Ready, Full, Ejected, Tried, Down];
        for pair in order.windows(2) {
            for turn in 0..4 {
                let servers = [server(pair[1], 0, 100), server(pair[0], 1000, 1)];
                assert_eq!(chosen(&servers, turn), Some(1), "{pair:?}");
                assert_eq!(chosen(&[servers[0]], turn), Some(0), "{pair:?}");
            }
        }
    }

    #[test]
    fn one_that_takes_nothing_new_gets_nothing() {
        assert_eq!(chosen(&[None, server(Rank::Down, 9, 1), None], 5), Some(1));
        assert_eq!(chosen(&[None, None], 5), None);
    }
}
