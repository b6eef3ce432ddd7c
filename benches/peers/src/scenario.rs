//! What is measured by CPU for each request, and with whom.

use std::sync::Arc;

use crate::contestants::Contestant;
use crate::contestants::Contestant::{
    Geovagt, Haproxy, Hyper, Nginx, NginxBuffered, OwnPool, Splice,
};
use crate::entrance::Entrance;
use crate::load::{Expected, Offer, Shape, Target, Work, connector};
use crate::places::Places;
use crate::upstream::{LARGE, LARGE_PATH, SMALL};

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    /// As it is chosen with `--only`.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) entrance: Entrance,
    pub(crate) shape: Shape,
    pub(crate) offer: Offer,
    pub(crate) path: &'static str,
    pub(crate) expected: Expected,
    /// Requests under way at a time.
    pub(crate) concurrency: usize,
    pub(crate) contestants: &'static [Contestant],
    /// Each client's connection has one to the upstream that nobody else gets.
    pub(crate) bound: bool,
}

const PLAIN: Scenario = Scenario {
    name: "",
    title: "",
    entrance: Entrance::Forward,
    shape: Shape::KeepAlive,
    offer: Offer::Http1,
    path: "/",
    expected: Expected::Forwarded(SMALL),
    concurrency: 64,
    contestants: &[],
    bound: false,
};

pub(crate) const SCENARIOS: [Scenario; 16] = [
    Scenario {
        name: "forward-http1",
        title: "forward, HTTP/1.1 keep-alive",
        contestants: &[Geovagt, Nginx, NginxBuffered, Haproxy, Hyper, OwnPool, Splice],
        ..PLAIN
    },
    Scenario {
        name: "forward-bound",
        title: "forward, one connection to the upstream for each client's",
        contestants: &[Geovagt, Haproxy],
        bound: true,
        ..PLAIN
    },
    Scenario {
        name: "forward-bound-tls",
        title: "the same over TLS",
        entrance: Entrance::ForwardTls,
        contestants: &[Geovagt, Haproxy],
        bound: true,
        ..PLAIN
    },
    Scenario {
        name: "forward-bound-new-tls",
        title: "the same, new TLS connection each",
        entrance: Entrance::ForwardTls,
        shape: Shape::NewConnection,
        contestants: &[Geovagt, Haproxy],
        bound: true,
        ..PLAIN
    },
    Scenario {
        name: "forward-tls",
        title: "forward, TLS 1.3 keep-alive",
        entrance: Entrance::ForwardTls,
        contestants: &[Geovagt, Nginx, Haproxy, Hyper, OwnPool, Splice],
        ..PLAIN
    },
    Scenario {
        name: "forward-http2",
        title: "forward, HTTP/2 over TLS, 100 streams",
        entrance: Entrance::ForwardTls,
        shape: Shape::Http2 { connections: 1 },
        offer: Offer::Http2,
        concurrency: 100,
        contestants: &[Geovagt, Nginx, Haproxy, Hyper],
        ..PLAIN
    },
    Scenario {
        name: "forward-new-tcp",
        title: "forward, new TCP connection each",
        shape: Shape::NewConnection,
        contestants: &[Geovagt, Nginx, Haproxy, Hyper, Splice],
        ..PLAIN
    },
    Scenario {
        name: "forward-new-tls",
        title: "forward, new TLS connection each",
        entrance: Entrance::ForwardTls,
        shape: Shape::NewConnection,
        contestants: &[Geovagt, Nginx, Haproxy, Hyper, Splice],
        ..PLAIN
    },
    Scenario {
        name: "forward-new-tls-pq",
        title: "the same with post-quantum key exchange",
        entrance: Entrance::ForwardTls,
        shape: Shape::NewConnection,
        offer: Offer::Http1PostQuantum,
        contestants: &[Geovagt, Hyper],
        ..PLAIN
    },
    Scenario {
        name: "large",
        title: "1 MiB bodies",
        path: LARGE_PATH,
        expected: Expected::Forwarded(LARGE),
        concurrency: 16,
        contestants: &[Geovagt, Nginx, Haproxy, Hyper, Splice],
        ..PLAIN
    },
    Scenario {
        name: "large-tls",
        title: "1 MiB bodies over TLS",
        entrance: Entrance::ForwardTls,
        path: LARGE_PATH,
        expected: Expected::Forwarded(LARGE),
        concurrency: 16,
        contestants: &[Geovagt, Nginx, Haproxy, Hyper, Splice],
        ..PLAIN
    },
    Scenario {
        name: "reject",
        title: "reject 403, keep-alive",
        entrance: Entrance::Reject,
        expected: Expected::Rejected,
        contestants: &[Geovagt, Nginx, NginxBuffered, Haproxy, Hyper],
        ..PLAIN
    },
    Scenario {
        name: "reject-new-tcp",
        title: "reject 403, new TCP connection",
        entrance: Entrance::Reject,
        shape: Shape::NewConnection,
        expected: Expected::Rejected,
        contestants: &[Geovagt, Nginx, Haproxy, Hyper],
        ..PLAIN
    },
    Scenario {
        name: "reject-new-tls",
        title: "reject 403, new TLS connection",
        entrance: Entrance::RejectTls,
        shape: Shape::NewConnection,
        expected: Expected::Rejected,
        contestants: &[Geovagt, Nginx, Haproxy, Hyper],
        ..PLAIN
    },
    Scenario {
        name: "close",
        title: "close at accept by peer address",
        entrance: Entrance::Close,
        shape: Shape::Refused,
        expected: Expected::Closed,
        contestants: &[Geovagt, Nginx, Haproxy, Splice],
        ..PLAIN
    },
    Scenario {
        name: "close-tls",
        title: "close before the TLS handshake",
        entrance: Entrance::CloseTls,
        shape: Shape::Refused,
        expected: Expected::Closed,
        contestants: &[Geovagt, Nginx, Haproxy, Splice],
        ..PLAIN
    },
];

impl Scenario {
    /// The load of one round on one contestant.
    pub(crate) fn work(
        &self,
        contestant: Contestant,
        places: &Places,
        directory: &std::path::Path,
        requests: usize,
    ) -> anyhow::Result<Work> {
        let chain = directory.join("chain.pem");
        let tls = self.entrance.is_tls().then(|| connector(&chain, self.offer)).transpose()?;
        let sources = if self.expected == Expected::Closed {
            Arc::clone(&places.flooding)
        } else {
            [].into()
        };
        let rejected = self.expected != self.forwarded();
        let places = if rejected { &places.rejected } else { &places.allowed };
        // What is bound belongs to one client, who does not move from one request to the next.
        let places = match places.first() {
            Some(place) if self.bound => [place.clone()].into(),
            _ => Arc::clone(places),
        };
        Ok(Work {
            target: Target { address: contestant.address(self.entrance), tls, sources },
            shape: self.shape,
            path: self.path,
            concurrency: self.concurrency,
            requests,
            places,
            expected: self.expected,
        })
    }

    /// What somebody gets who is not on the list.
    pub(crate) fn forwarded(&self) -> Expected {
        Expected::Forwarded(if self.path == LARGE_PATH { LARGE } else { SMALL })
    }
}
