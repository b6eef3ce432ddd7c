//! Several short pieces that are written at once.
//!
//! A head and a short body reach a socket as two pieces. Handing the kernel a list of pieces
//! (`writev`) costs more than copying a page of octets and handing it one (`send`); for longer bodies
//! it is the other way round. May use tokio alone. Always holds: what is written, in which order, and
//! what is said to have been written is the same either way.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncWrite, ReadBuf};

/// Octets that are rather copied.
const SHORT: usize = 4 << 10;

/// As [`AsyncWrite::poll_write_vectored`], of a stream that could take the slices as they are.
///
/// # Errors
/// What the stream says.
pub(crate) fn poll_write<S: AsyncWrite>(
    stream: Pin<&mut S>,
    context: &mut Context<'_>,
    slices: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    if let [only] = slices {
        return stream.poll_write(context, only);
    }
    let all: usize = slices.iter().map(|slice| slice.len()).sum();
    if all == 0 || all > SHORT {
        return stream.poll_write_vectored(context, slices);
    }
    let mut room = [const { MaybeUninit::uninit() }; SHORT];
    let mut copied = ReadBuf::uninit(&mut room);
    for slice in slices {
        copied.put_slice(slice);
    }
    stream.poll_write(context, copied.filled())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many octets at a time, and notes how they came.
    struct Taking {
        most: usize,
        taken: Vec<u8>,
        calls: Vec<&'static str>,
    }

    impl AsyncWrite for Taking {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let count = bytes.len().min(self.most);
            self.taken.extend_from_slice(&bytes[..count]);
            self.calls.push("one");
            Poll::Ready(Ok(count))
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            self.calls.push("many");
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
            let count = all.len().min(self.most);
            self.taken.extend_from_slice(&all[..count]);
            Poll::Ready(Ok(count))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn written(most: usize, pieces: &[&[u8]]) -> (usize, Vec<u8>, Vec<&'static str>) {
        let mut stream = Taking { most, taken: Vec::new(), calls: Vec::new() };
        let slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let context = &mut Context::from_waker(std::task::Waker::noop());
        let Poll::Ready(Ok(count)) = poll_write(Pin::new(&mut stream), context, &slices) else {
            panic!("a stream that takes has taken nothing");
        };
        (count, stream.taken, stream.calls)
    }

    #[test]
    fn short_pieces_go_as_one_and_in_their_order() {
        let expected = (9, b"headabody".to_vec(), vec!["one"]);
        assert_eq!(written(100, &[b"head", b"a", b"", b"body"]), expected);
        assert_eq!(written(100, &[b"only"]), (4, b"only".to_vec(), vec!["one"]));
    }

    #[test]
    fn what_a_stream_did_not_take_is_not_said_to_be_written() {
        assert_eq!(written(5, &[b"head", b"body"]), (5, b"headb".to_vec(), vec!["one"]));
    }

    #[test]
    fn long_pieces_go_as_they_are() {
        let (head, body) = (vec![b'h'; 1], vec![b'b'; SHORT]);
        let (count, taken, calls) = written(usize::MAX, &[&head, &body]);
        assert_eq!((count, taken, calls), (SHORT + 1, [head, body].concat(), vec!["many"]));
        let (head, body) = (vec![b'h'; 1], vec![b'b'; SHORT - 1]);
        let (count, _, calls) = written(usize::MAX, &[&head, &body]);
        assert_eq!((count, calls), (SHORT, vec!["one"]));
    }
}
