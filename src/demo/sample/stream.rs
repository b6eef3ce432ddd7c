//! Ten lines, a tenth of a second apart: shows that the gateway passes on what it has.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use http_body_util::BodyExt as _;
use hyper::body::Frame;
use tokio::time::{Interval, interval};

use super::Body;

const LINES: u8 = 10;
const PAUSE: Duration = Duration::from_millis(100);

struct Lines {
    sent: u8,
    ticks: Interval,
}

impl hyper::body::Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.sent == LINES {
            return Poll::Ready(None);
        }
        ready!(self.ticks.poll_tick(context));
        self.sent += 1;
        let line = format!("linje {} af {LINES}\n", self.sent);
        Poll::Ready(Some(Ok(Frame::data(line.into()))))
    }
}

/// Must be called within a tokio runtime, for its timer.
pub(super) fn response() -> Response<Body> {
    let mut response = Response::new(Lines { sent: 0, ticks: interval(PAUSE) }.boxed());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
