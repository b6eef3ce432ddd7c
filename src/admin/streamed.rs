//! An answer that is made piece by piece while it is sent.
//!
//! Always holds: the next piece is made only when the one before has been taken, so that a slow
//! reader holds back the work and not the memory; an error breaks the answer off, so that nobody
//! takes a part for the whole.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;

/// What the pieces are made of breaks off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer could not be finished")]
pub(crate) struct BrokenOff;

/// A piece and what makes the next one; none: that was all.
pub(crate) type Step<S> = Result<Option<(Bytes, S)>, BrokenOff>;

type Making<S> = Pin<Box<dyn Future<Output = Step<S>> + Send>>;

/// A body whose pieces `next` makes, each from where the one before left off.
pub(crate) fn streamed<S, F, N>(begin: S, next: N) -> axum::body::Body
where
    S: Send + 'static,
    F: Future<Output = Step<S>> + Send + 'static,
    N: FnMut(S) -> F + Send + 'static,
{
    let mut next = next;
    let next: Next<S> = Box::new(move |state| Box::pin(next(state)));
    axum::body::Body::new(Pieces { state: State::Ready(begin), next })
}

type Next<S> = Box<dyn FnMut(S) -> Making<S> + Send>;

struct Pieces<S> {
    state: State<S>,
    next: Next<S>,
}

/// Nothing in it is pinned but what is boxed.
impl<S> Unpin for Pieces<S> {}

enum State<S> {
    Ready(S),
    Making(Making<S>),
    Over,
}

impl<S: Send + 'static> http_body::Body for Pieces<S> {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let Self { state, next } = &mut *self;
        loop {
            match std::mem::replace(state, State::Over) {
                State::Over => return Poll::Ready(None),
                State::Ready(from) => *state = State::Making(next(from)),
                State::Making(mut making) => match making.as_mut().poll(context) {
                    Poll::Pending => {
                        *state = State::Making(making);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok(Some((piece, from)))) => {
                        *state = State::Ready(from);
                        return Poll::Ready(Some(Ok(Frame::data(piece))));
                    }
                    Poll::Ready(Ok(None)) => return Poll::Ready(None),
                    Poll::Ready(Err(broken)) => return Poll::Ready(Some(Err(broken))),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn pieces_follow_one_another_until_there_are_no_more() {
        let body = streamed(0_u8, async |n: u8| match n {
            3 => Ok(None),
            n => Ok(Some((Bytes::from(n.to_string()), n + 1))),
        });
        assert_eq!(body.collect().await.unwrap().to_bytes(), "012");
    }

    #[tokio::test]
    async fn what_breaks_off_is_no_whole_answer() {
        let body = streamed(0_u8, async |n: u8| match n {
            2 => Err(BrokenOff),
            n => Ok(Some((Bytes::from_static(b"x"), n + 1))),
        });
        assert!(body.collect().await.is_err());
    }
}
