//! The bytes of an accepted connection, plain or through TLS, and its place among the open ones.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::door::Counts;
use super::limits::ConnectionGuard;
use super::preamble::{Beginning, ForeignPreamble};
use crate::pieces;

/// An accepted connection. Its place among the open ones is given back when this is dropped, also
/// where it has been upgraded and handed on.
#[derive(Debug)]
pub struct Stream {
    io: Io,
    _guard: ConnectionGuard,
    _gauge: OpenGauge,
}

#[derive(Debug)]
enum Io {
    Plain(Wire),
    Tls(Box<TlsStream<Wire>>),
}

impl Stream {
    pub(super) fn plain(wire: Wire, guard: ConnectionGuard, gauge: OpenGauge) -> Self {
        Self { io: Io::Plain(wire), _guard: guard, _gauge: gauge }
    }

    pub(super) fn tls(stream: TlsStream<Wire>, guard: ConnectionGuard, gauge: OpenGauge) -> Self {
        Self { io: Io::Tls(Box::new(stream)), _guard: guard, _gauge: gauge }
    }
}

/// Counts one connection in `geovagt_connections_open`.
pub(super) struct OpenGauge {
    open: metrics::Gauge,
}

impl std::fmt::Debug for OpenGauge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenGauge").finish_non_exhaustive()
    }
}

impl OpenGauge {
    pub(super) fn new(counts: &Counts) -> Self {
        let open = counts.open.clone();
        open.increment(1.0);
        Self { open }
    }
}

impl Drop for OpenGauge {
    fn drop(&mut self) {
        self.open.decrement(1.0);
    }
}

/// A TCP connection, watched for a PROXY preamble where none may come.
#[derive(Debug)]
pub(super) struct Wire {
    tcp: TcpStream,
    watch: Option<ForeignPreamble>,
    /// Whether the client has been too slow once, and little is kept ready for it since.
    slow: bool,
}

/// What a client that reads slowly finds ready in the kernel, beyond what is on its way to it. The
/// kernel asks for more at half of it, so this is also the step in which its progress is seen.
const READY_FOR_SLOW: u32 = 64 << 10;

impl Wire {
    pub(super) fn new(tcp: TcpStream) -> Self {
        Self { tcp, watch: None, slow: false }
    }

    pub(super) fn refusing_preamble(tcp: TcpStream) -> Self {
        Self { tcp, watch: Some(ForeignPreamble::default()), slow: false }
    }

    /// The kernel would keep megabytes for a client that reads slowly, and would not be heard of for
    /// minutes while it empties them.
    fn waits_for_client<T>(&mut self, outcome: Poll<T>) -> Poll<T> {
        if outcome.is_pending() && !self.slow {
            self.slow = true;
            let _ = SockRef::from(&self.tcp).set_tcp_notsent_lowat(READY_FOR_SLOW);
        }
        outcome
    }

    pub(super) fn socket(&self) -> SockRef<'_> {
        SockRef::from(&self.tcp)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.tcp).poll_read(cx, buffer))?;
        if let Some(watch) = &mut this.watch {
            match watch.watch(buffer.filled().get(before..).unwrap_or_default()) {
                Beginning::Open => {}
                Beginning::Other => this.watch = None,
                Beginning::Preamble => {
                    buffer.set_filled(before);
                    return Poll::Ready(Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        crate::client_address::PreambleRefused,
                    )));
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.tcp).poll_write(cx, bytes);
        this.waits_for_client(outcome)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = pieces::poll_write(Pin::new(&mut this.tcp), cx, slices);
        this.waits_for_client(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        // Both TCP and TLS streams take slices as they are.
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(cx)
    }
}

trait Both: AsyncRead + AsyncWrite {}

impl<T: AsyncRead + AsyncWrite> Both for T {}

impl Stream {
    fn inner(self: Pin<&mut Self>) -> Pin<&mut (dyn Both + Unpin)> {
        match &mut self.get_mut().io {
            Io::Plain(wire) => Pin::new(wire),
            Io::Tls(tls) => Pin::new(&mut **tls),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.inner().poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.inner().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.inner().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        // Both TCP and TLS streams take slices as they are.
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_shutdown(cx)
    }
}
