//! Hearing a client out: line by line, within bounds, until it has said who it is.
//!
//! Always holds: so many bytes and commands and no more; what has been read and not yet used is kept
//! in order; every buffer that may hold a password is wiped.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use zeroize::Zeroizing;

use super::Login;
use super::imap::Imap;
use super::pop3::Pop3;
use super::smtp::Smtp;

/// How much somebody may say before it must have been a login.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Lines and literals.
    pub(super) lines: usize,
    /// A line, its end included. A bearer token has 16 KiB at most, and a third more in base64.
    pub(super) line: usize,
    /// All of it.
    pub(super) bytes: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self { lines: 24, line: 24 << 10, bytes: 48 << 10 }
    }
}

/// What a line leads to.
pub(super) enum Step {
    /// This is said, and the next line heard.
    Say(String),
    /// This is said, and then so many bytes are heard that belong to the line.
    Literal(&'static str, usize),
    /// It has said who it is.
    Login(Login),
    /// This is said, and it goes.
    Leave(String),
    /// It asks for more than it may.
    TooMuch,
}

/// Why there is no login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// It has gone.
    Left,
    /// More, or for longer, than it may.
    TooMuch,
}

/// The login, and what followed it.
pub(super) type Heard = (Login, Zeroizing<Vec<u8>>);

/// A conversation, in the words of a protocol.
pub(super) enum Dialogue {
    Imap(Imap),
    Pop3(Pop3),
    Smtp(Smtp),
}

impl Dialogue {
    fn greeting(&self) -> String {
        match self {
            Self::Imap(imap) => imap.greeting(),
            Self::Pop3(_) => "+OK Ready\r\n".to_owned(),
            Self::Smtp(_) => "220 geovagt ESMTP\r\n".to_owned(),
        }
    }

    pub(super) fn hear(&mut self, line: &[u8]) -> Step {
        match self {
            Self::Imap(imap) => imap.hear(line),
            Self::Pop3(pop3) => pop3.hear(line),
            Self::Smtp(smtp) => smtp.hear(line),
        }
    }

    fn hear_literal(&mut self, bytes: &[u8]) {
        if let Self::Imap(imap) = self {
            imap.hear_literal(bytes);
        }
    }
}

/// Greets, and hears until there is a login.
pub(super) async fn talk(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    mut dialogue: Dialogue,
    patience: Patience,
) -> Result<Heard, Over> {
    let mut heard = Reader { stream, buffer: Zeroizing::default(), left: patience.bytes };
    heard.say(&dialogue.greeting()).await?;
    for _ in 0..patience.lines {
        let line = heard.line(patience.line).await?;
        match dialogue.hear(&line) {
            Step::Say(text) => heard.say(&text).await?,
            Step::Literal(text, length) => {
                heard.say(text).await?;
                let literal = heard.exactly(length).await?;
                dialogue.hear_literal(&literal);
            }
            Step::Login(login) => return Ok((login, heard.buffer)),
            Step::Leave(text) => {
                heard.say(&text).await?;
                return Err(Over::Left);
            }
            Step::TooMuch => return Err(Over::TooMuch),
        }
    }
    Err(Over::TooMuch)
}

/// So much is read at once.
const PIECE: usize = 4096;

struct Reader<'a, S> {
    stream: &'a mut S,
    /// What was read and is not yet heard.
    buffer: Zeroizing<Vec<u8>>,
    /// How much may still be read.
    left: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Reader<'_, S> {
    async fn say(&mut self, text: &str) -> Result<(), Over> {
        if text.is_empty() {
            return Ok(());
        }
        let said = self.stream.write_all(text.as_bytes()).await;
        said.map_err(|_| Over::Left)?;
        self.stream.flush().await.map_err(|_| Over::Left)
    }

    /// A line without its end: CR LF, or LF alone.
    async fn line(&mut self, longest: usize) -> Result<Zeroizing<Vec<u8>>, Over> {
        let mut seen = 0;
        loop {
            let new = self.buffer.get(seen..).unwrap_or_default();
            if let Some(at) = new.iter().position(|byte| *byte == b'\n') {
                let mut line = self.take(seen + at + 1);
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            seen = self.buffer.len();
            if seen >= longest {
                return Err(Over::TooMuch);
            }
            self.more().await?;
        }
    }

    async fn exactly(&mut self, length: usize) -> Result<Zeroizing<Vec<u8>>, Over> {
        while self.buffer.len() < length {
            self.more().await?;
        }
        Ok(self.take(length))
    }

    async fn more(&mut self) -> Result<(), Over> {
        let mut piece = Zeroizing::new([0; PIECE]);
        let count = self.stream.read(piece.as_mut_slice()).await.map_err(|_| Over::Left)?;
        if count == 0 {
            return Err(Over::Left);
        }
        self.left = self.left.checked_sub(count).ok_or(Over::TooMuch)?;
        append(&mut self.buffer, piece.get(..count).unwrap_or_default());
        Ok(())
    }

    /// The first so many bytes; the rest stays.
    fn take(&mut self, length: usize) -> Zeroizing<Vec<u8>> {
        let (taken, rest) = self.buffer.split_at_checked(length).unwrap_or((&self.buffer, &[]));
        let (taken, rest) = (Zeroizing::new(taken.to_vec()), Zeroizing::new(rest.to_vec()));
        self.buffer = rest;
        taken
    }
}

/// Appends without leaving a copy behind where the memory has to grow.
pub(super) fn append(buffer: &mut Zeroizing<Vec<u8>>, bytes: &[u8]) {
    if buffer.capacity() - buffer.len() < bytes.len() {
        let room = (buffer.len() + bytes.len()).max(2 * buffer.capacity());
        let mut larger = Zeroizing::new(Vec::with_capacity(room));
        larger.extend_from_slice(buffer);
        *buffer = larger;
    }
    buffer.extend_from_slice(bytes);
}
