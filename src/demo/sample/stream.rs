//! Answers that go on: ten lines, a tenth of a second apart, show that the gateway passes on what it
//! has; a page that goes on for an hour shows that it ends what is open when a journey ends.

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

use crate::demo::web::Body;

const LINES: u16 = 10;
const PAUSE: Duration = Duration::from_millis(100);
/// A line a second, for an hour.
const MINUTES_LINES: u16 = 3600;
const MINUTES_PAUSE: Duration = Duration::from_secs(1);
const MINUTES_HEAD: &str = concat!(
    "<!doctype html><html lang=\"da\"><head><meta charset=\"utf-8\">",
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
    "<title>Mødet direkte</title></head><body><main><h1>Mødet direkte</h1>",
    "<p>Siden bliver ved, så længe mødet varer. Referenten skriver:</p>",
);

struct Lines {
    sent: u16,
    of: u16,
    ticks: Interval,
    line: fn(u16) -> String,
}

impl hyper::body::Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.sent == self.of {
            return Poll::Ready(None);
        }
        ready!(self.ticks.poll_tick(context));
        self.sent += 1;
        let line = (self.line)(self.sent);
        Poll::Ready(Some(Ok(Frame::data(line.into()))))
    }
}

/// Must be called within a tokio runtime, for its timer.
pub(super) fn response() -> Response<Body> {
    let line = |number| format!("linje {number} af {LINES}\n");
    sent(Lines { sent: 0, of: LINES, ticks: interval(PAUSE), line }, "text/plain; charset=utf-8")
}

/// The meeting's minutes while they are written. The same holds.
pub(super) fn minutes() -> Response<Body> {
    let line = |number: u16| {
        let head = if number == 1 { MINUTES_HEAD } else { "" };
        format!("{head}<p>{}:{:02} Mødet er i gang.</p>\n", number / 60, number % 60)
    };
    let lines = Lines { sent: 0, of: MINUTES_LINES, ticks: interval(MINUTES_PAUSE), line };
    sent(lines, "text/html; charset=utf-8")
}

fn sent(lines: Lines, kind: &'static str) -> Response<Body> {
    let mut response = Response::new(lines.boxed());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
