//! What a server says, line by line, within bounds.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::NotReplayed;

/// A line of capabilities can be long.
const LONGEST_LINE: usize = 16 << 10;
/// All that a server says until it has answered the login.
const MOST_BYTES: usize = 64 << 10;

pub(super) struct Lines<'a, S> {
    stream: &'a mut S,
    buffer: Vec<u8>,
    left: usize,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Lines<'a, S> {
    pub(super) fn new(stream: &'a mut S) -> Self {
        Self { stream, buffer: Vec::new(), left: MOST_BYTES }
    }

    /// A line with its end.
    pub(super) async fn line(&mut self) -> Result<Vec<u8>, NotReplayed> {
        loop {
            if let Some(at) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(at + 1);
                return Ok(std::mem::replace(&mut self.buffer, rest));
            }
            if self.buffer.len() > LONGEST_LINE {
                return Err(NotReplayed::Unclear);
            }
            let mut piece = [0; 2048];
            let count = self.stream.read(&mut piece).await.map_err(NotReplayed::Server)?;
            if count == 0 {
                return Err(NotReplayed::Server(io::ErrorKind::UnexpectedEof.into()));
            }
            self.left = self.left.checked_sub(count).ok_or(NotReplayed::Unclear)?;
            self.buffer.extend_from_slice(piece.get(..count).unwrap_or_default());
        }
    }

    pub(super) async fn say(&mut self, bytes: &[u8]) -> Result<(), NotReplayed> {
        self.stream.write_all(bytes).await.map_err(NotReplayed::Server)?;
        self.stream.flush().await.map_err(NotReplayed::Server)
    }

    /// What was read beyond the last line.
    pub(super) fn take_rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }
}
