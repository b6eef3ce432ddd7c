//! Why an upstream gave no answer. What the client reads is another text.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

/// Why there is no answer from an upstream.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No connection: 502.
    #[error("the upstream {server} cannot be reached")]
    Unreachable {
        /// The server that was tried.
        server: Arc<str>,
        /// What stood in the way.
        #[source]
        source: Arc<ConnectError>,
    },
    /// The connection broke, or the answer was no HTTP: 502.
    #[error("the upstream {server} answered nothing that can be understood")]
    Nonsense {
        /// The server that was asked.
        server: Arc<str>,
        /// What was wrong.
        #[source]
        source: hyper::Error,
    },
    /// The head of its answer has more lines or octets than are taken: 502.
    #[error(
        "the upstream {server} answered with a head of more than {lines} lines or too many octets; \
         `limits.upstream_header_lines` can be raised up to 1000"
    )]
    HeadTooLarge {
        /// The server that was asked.
        server: Arc<str>,
        /// How many lines are taken.
        lines: usize,
    },
    /// It switched protocols although nobody had asked for that: 502.
    #[error("the upstream {server} switched protocols without being asked")]
    Unasked {
        /// The server that was asked.
        server: Arc<str>,
    },
    /// Its answer's length can be read in more than one way: 502.
    #[error("the upstream {server} answered with a length that can be read in two ways")]
    Ambiguous {
        /// The server that was asked.
        server: Arc<str>,
    },
    /// The client's own body broke off or cannot be read: 400. Says nothing of the upstream.
    #[error("the client's body cannot be read to its end")]
    ClientBody(#[source] hyper::Error),
    /// No head within the limit: 504.
    #[error("the upstream {server} did not answer within {} s", limit.as_secs_f32())]
    Slow {
        /// The server that was asked.
        server: Arc<str>,
        /// The limit.
        limit: Duration,
    },
    /// Every server has as many requests as it may, and as many wait as may wait: 503.
    #[error("the upstream {server} has as many requests as `connections` allows")]
    Full {
        /// The server with the fewest requests.
        server: Arc<str>,
    },
    /// The connection that the client's own is bound to has ended. The client learns it as it would
    /// without us: its connection ends too.
    #[error("the upstream {server} has ended the connection that the client's is bound to")]
    Parted {
        /// The server that it was to.
        server: Arc<str>,
    },
    /// No server takes requests: 503.
    #[error("the site has no upstream server that takes requests")]
    NoServer,
}

impl UpstreamError {
    /// The status for the client (RFC 9110 sections 15.6.3 to 15.6.5).
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unreachable { .. }
            | Self::Nonsense { .. }
            | Self::HeadTooLarge { .. }
            | Self::Unasked { .. }
            | Self::Parted { .. }
            | Self::Ambiguous { .. } => StatusCode::BAD_GATEWAY,
            Self::ClientBody(_) => StatusCode::BAD_REQUEST,
            Self::Slow { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Full { .. } | Self::NoServer => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The cause as a metric label.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Nonsense { .. } | Self::Unasked { .. } | Self::Ambiguous { .. } => "nonsense",
            Self::HeadTooLarge { .. } => "head_too_large",
            Self::ClientBody(_) => "client_body",
            Self::Slow { .. } => "slow",
            Self::Full { .. } => "full",
            Self::Parted { .. } => "parted",
            Self::NoServer => "no_server",
        }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The name has no address.
    #[error("the name {0} does not resolve")]
    Name(Arc<str>, #[source] std::io::Error),
    /// Nobody listens there, or nothing leads there.
    #[error("no connection to {0}")]
    Refused(SocketAddr, #[source] std::io::Error),
    /// TLS failed: a certificate that is not trusted, say.
    #[error("TLS failed")]
    Tls(#[source] std::io::Error),
    /// The server speaks another HTTP than `protocol` says.
    #[error("the server does not agree to HTTP/2; set the site's `protocol` to auto or http1")]
    NoHttp2,
    /// The HTTP/2 preface was not answered.
    #[error("HTTP cannot be spoken over the connection")]
    Http(#[source] hyper::Error),
    /// It took too long.
    #[error("no connection within {} s", .0.as_secs_f32())]
    Slow(Duration),
}
