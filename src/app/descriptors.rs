//! Descriptors and lines of text over a Unix socket, for a hand-over. Blocking: off the runtime.

use std::io::{self, IoSlice, IoSliceMut, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// The kernel passes no more at once (`SCM_MAX_FD`).
const MOST: usize = 253;
/// The longest line, in bytes.
const LONGEST_LINE: usize = 64 * 1024;

/// Sends one line with these descriptors.
pub(super) fn send(
    stream: &UnixStream,
    line: &str,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let bytes = format!("{line}\n");
    let rights = SendAncillaryMessage::ScmRights(descriptors);
    let mut space = vec![MaybeUninit::uninit(); rights.size()];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if descriptors.len() > MOST || !(descriptors.is_empty() || ancillary.push(rights)) {
        return Err(io::Error::other(format!("more than {MOST} sockets cannot be handed over")));
    }
    let parts = [IoSlice::new(bytes.as_bytes())];
    let sent = sendmsg(stream, &parts, &mut ancillary, SendFlags::NOSIGNAL)?;
    let mut stream = stream;
    stream.write_all(bytes.as_bytes().get(sent..).unwrap_or_default())
}

/// Receives one line and what came with it. Both sides speak in turn, so nothing follows the line.
pub(super) fn receive(stream: &UnixStream) -> io::Result<(String, Vec<OwnedFd>)> {
    let (mut line, mut descriptors) = (Vec::new(), Vec::new());
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    while line.last() != Some(&b'\n') {
        let mut bytes = [0_u8; 4096];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let received = recvmsg(stream, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?.bytes;
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
        line.extend_from_slice(bytes.get(..received).unwrap_or_default());
        if received == 0 || line.len() > LONGEST_LINE {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    line.pop();
    let line = String::from_utf8(line).map_err(|error| io::Error::other(error.utf8_error()))?;
    Ok((line, descriptors))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn a_line_and_its_sockets_arrive_whole() {
        let (here, there) = UnixStream::pair().unwrap();
        let sockets: Vec<TcpListener> =
            (0..20).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let borrowed: Vec<BorrowedFd<'_>> = sockets.iter().map(|socket| socket.as_fd()).collect();
        let long = "x".repeat(20_000);
        send(&here, &long, &borrowed).unwrap();
        let (line, received) = receive(&there).unwrap();
        assert_eq!(line, long);
        let addresses = received.into_iter().map(|fd| TcpListener::from(fd).local_addr().unwrap());
        let expected: Vec<_> = sockets.iter().map(|s| s.local_addr().unwrap()).collect();
        assert_eq!(addresses.collect::<Vec<_>>(), expected);
        send(&there, "and back", &[]).unwrap();
        assert_eq!(receive(&here).unwrap().0, "and back");
        drop(there);
        assert!(receive(&here).is_err(), "nobody is there");
    }

    #[test]
    fn more_than_the_kernel_passes_is_an_error() {
        let (here, _there) = UnixStream::pair().unwrap();
        let many = vec![here.as_fd(); MOST + 1];
        assert!(send(&here, "", &many).is_err());
    }
}
