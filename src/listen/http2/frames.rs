//! Follows the frames of one connection, those that come and those that go, by their heads.

use super::allowance::Allowance;
use super::fields::{Fields, Wrong};

/// What begins a client's side of a connection (RFC 9113 section 3.4).
const PREFACE_LENGTH: usize = 24;
/// The length of a frame's head.
const HEAD: usize = 9;

/// Types of frames (RFC 9113 section 6).
mod kind {
    pub(super) const DATA: u8 = 0;
    pub(super) const HEADERS: u8 = 1;
    pub(super) const RST_STREAM: u8 = 3;
    pub(super) const SETTINGS: u8 = 4;
    pub(super) const GOAWAY: u8 = 7;
    pub(super) const CONTINUATION: u8 = 9;
}

/// Flags of frames.
mod flag {
    /// END_STREAM, or ACK.
    pub(super) const END: u8 = 1;
    pub(super) const END_HEADERS: u8 = 4;
    pub(super) const PADDED: u8 = 8;
    pub(super) const PRIORITY: u8 = 32;
}

/// Codes of errors (RFC 9113 section 7).
pub(super) mod code {
    pub(in super::super) const PROTOCOL_ERROR: u32 = 1;
    pub(in super::super) const COMPRESSION_ERROR: u32 = 9;
    pub(in super::super) const ENHANCE_YOUR_CALM: u32 = 11;
}

/// Why nothing more is read from a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("a client has to begin with its settings")]
    Settings,
    #[error("too many frames that do no work")]
    Flood,
    #[error("too many requests that came to nothing")]
    Resets,
    #[error("a header block that cannot be read")]
    Fields,
    #[error("a pseudo field behind a body")]
    Trailers,
}

impl Refused {
    /// What the client is told.
    pub(super) fn code(self) -> u32 {
        match self {
            Self::Settings | Self::Trailers => code::PROTOCOL_ERROR,
            Self::Flood | Self::Resets => code::ENHANCE_YOUR_CALM,
            Self::Fields => code::COMPRESSION_ERROR,
        }
    }

    /// What the metric is told.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Flood => "flood",
            Self::Resets => "resets",
            Self::Fields => "header_block",
            Self::Trailers => "trailers",
        }
    }
}

impl From<Wrong> for Refused {
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::Encoding => Self::Fields,
            Wrong::PseudoInTrailers => Self::Trailers,
        }
    }
}

/// A frame's head.
#[derive(Debug, Clone, Copy, Default)]
struct Head {
    octets: [u8; HEAD],
    have: usize,
}

impl Head {
    /// Takes what is missing; how much that was.
    fn take(&mut self, octets: &[u8]) -> usize {
        let mut taken = 0;
        for (place, octet) in self.octets.iter_mut().skip(self.have).zip(octets) {
            *place = *octet;
            taken += 1;
        }
        self.have += taken;
        taken
    }

    fn is_whole(&self) -> bool {
        self.have == HEAD
    }

    fn length(&self) -> usize {
        let [a, b, c, ..] = self.octets;
        usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX)
    }

    fn kind(&self) -> u8 {
        let [_, _, _, kind, ..] = self.octets;
        kind
    }

    fn has(&self, flag: u8) -> bool {
        let [_, _, _, _, flags, ..] = self.octets;
        flags & flag != 0
    }

    fn stream(&self) -> u32 {
        let [.., a, b, c, d] = self.octets;
        u32::from_be_bytes([a & 127, b, c, d])
    }
}

/// What comes.
#[derive(Debug)]
pub(super) struct Incoming {
    preface: usize,
    settled: bool,
    head: Head,
    /// Of the frame's payload.
    left: usize,
    block: Block,
    fields: Fields,
    newest: u32,
}

/// Where in a frame with a header block.
#[derive(Debug, Clone, Copy, Default)]
struct Block {
    /// A header block has begun and not ended.
    open: bool,
    /// Whether the length of padding is still to come.
    padded: bool,
    padding: usize,
    /// Octets of a priority still to come, and what they say so far.
    priority: usize,
    dependency: u32,
}

impl Incoming {
    pub(super) fn new() -> Self {
        Self {
            preface: PREFACE_LENGTH,
            settled: false,
            head: Head::default(),
            left: 0,
            block: Block::default(),
            fields: Fields::default(),
            newest: 0,
        }
    }

    /// The newest stream that the client opened.
    pub(super) fn newest_stream(&self) -> u32 {
        self.newest
    }

    /// Whether something has begun that a client has no reason to leave off: its first words, a
    /// frame's head, a header block. A body may take its time.
    pub(super) fn is_in_head(&self) -> bool {
        let in_data = self.head.is_whole() && self.head.kind() == kind::DATA;
        !self.settled || self.block.open || (self.head.have > 0 && !in_data)
    }

    /// Follows the next octets.
    pub(super) fn follow(
        &mut self,
        octets: &mut [u8],
        allowance: &mut Allowance,
    ) -> Result<(), Refused> {
        let skipped = self.preface.min(octets.len());
        self.preface -= skipped;
        let mut rest = octets.get_mut(skipped..).unwrap_or_default();
        while !rest.is_empty() {
            if !self.head.is_whole() {
                let taken = self.head.take(rest);
                rest = rest.get_mut(taken..).unwrap_or_default();
                if self.head.is_whole() {
                    self.begin(allowance)?;
                    self.end_if_read()?;
                }
                continue;
            }
            let (payload, behind) = rest.split_at_mut(self.left.min(rest.len()));
            self.left -= payload.len();
            if self.is_of_block() {
                self.payload_of_block(payload)?;
            }
            self.end_if_read()?;
            rest = behind;
        }
        Ok(())
    }

    fn is_of_block(&self) -> bool {
        matches!(self.head.kind(), kind::HEADERS | kind::CONTINUATION)
    }

    fn begin(&mut self, allowance: &mut Allowance) -> Result<(), Refused> {
        self.left = self.head.length();
        let kind = self.head.kind();
        if !self.settled && (kind != kind::SETTINGS || self.head.has(flag::END)) {
            return Err(Refused::Settings);
        }
        match kind {
            kind::HEADERS => self.begin_block(allowance)?,
            // An empty one that ends its stream is how many bodies end.
            kind::DATA if self.left > 0 || self.head.has(flag::END) => {}
            kind::RST_STREAM => {
                allowance.reset();
                if allowance.mostly_resets() {
                    return Err(Refused::Resets);
                }
            }
            _ if !allowance.spend() => return Err(Refused::Flood),
            _ => {}
        }
        Ok(())
    }

    /// Trailers end one request and could be sent for ever on streams that have ended.
    fn begin_block(&mut self, allowance: &mut Allowance) -> Result<(), Refused> {
        let stream = self.head.stream();
        let trailers = stream <= self.newest;
        if !trailers {
            self.newest = stream;
            allowance.request();
        }
        self.fields.begin(trailers);
        self.block = Block {
            open: true,
            padded: self.head.has(flag::PADDED),
            padding: 0,
            priority: if self.head.has(flag::PRIORITY) { 5 } else { 0 },
            dependency: 0,
        };
        if trailers && !allowance.spend() { Err(Refused::Flood) } else { Ok(()) }
    }

    fn payload_of_block(&mut self, payload: &mut [u8]) -> Result<(), Refused> {
        let mut rest = payload;
        while self.block.padded || self.block.priority > 0 {
            let Some((octet, behind)) = rest.split_first_mut() else { return Ok(()) };
            self.octet_before_block(*octet)?;
            rest = behind;
        }
        // `left` no longer counts this piece: padding is what of it reaches into the last octets.
        let padding = self.block.padding.saturating_sub(self.left);
        let fields = rest.len().saturating_sub(padding);
        self.fields.follow(rest.get_mut(..fields).unwrap_or_default())?;
        Ok(())
    }

    fn octet_before_block(&mut self, octet: u8) -> Result<(), Refused> {
        if self.block.padded {
            self.block.padded = false;
            self.block.padding = usize::from(octet);
            return Ok(());
        }
        self.block.priority -= 1;
        if self.block.priority > 0 {
            self.block.dependency = self.block.dependency << 8 | u32::from(octet);
            // The parser would not decode such a block, and know another table from then on.
            let itself = self.block.dependency & 0x7fff_ffff == self.head.stream();
            if self.block.priority == 1 && itself {
                return Err(Refused::Fields);
            }
        }
        Ok(())
    }

    fn end_if_read(&mut self) -> Result<(), Refused> {
        if self.left > 0 {
            return Ok(());
        }
        if self.is_of_block() && self.head.has(flag::END_HEADERS) {
            self.block.open = false;
            self.fields.end()?;
        }
        if self.is_of_block() {
            self.block.padding = 0;
        }
        self.settled = true;
        self.head = Head::default();
        Ok(())
    }
}

/// What goes.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    head: Head,
    left: usize,
    code: u32,
}

impl Outgoing {
    /// Whether the last frame is complete.
    pub(super) fn is_between_frames(&self) -> bool {
        self.head.have == 0
    }

    /// Follows the next octets.
    pub(super) fn follow(&mut self, octets: &[u8], allowance: &mut Allowance) {
        let mut rest = octets;
        while !rest.is_empty() {
            if self.head.is_whole() {
                let (payload, behind) = rest.split_at(self.left.min(rest.len()));
                if matches!(self.head.kind(), kind::RST_STREAM | kind::GOAWAY) {
                    self.follow_code(payload);
                }
                self.left -= payload.len();
                rest = behind;
            } else {
                let taken = self.head.take(rest);
                self.left = self.head.length();
                rest = rest.get(taken..).unwrap_or_default();
            }
            if self.head.is_whole() && self.left == 0 {
                self.end(allowance);
            }
        }
    }

    /// RST_STREAM is a code; in GOAWAY four octets stand before it, and perhaps a text behind it.
    fn follow_code(&mut self, payload: &[u8]) {
        let begins = if self.head.kind() == kind::GOAWAY { 4 } else { 0 };
        let read = self.head.length() - self.left;
        let code = payload
            .iter()
            .enumerate()
            .filter(|(index, _)| (begins..begins + 4).contains(&(read + index)));
        for (_, octet) in code {
            self.code = self.code << 8 | u32::from(*octet);
        }
    }

    fn end(&mut self, allowance: &mut Allowance) {
        let code = std::mem::take(&mut self.code);
        match self.head.kind() {
            kind::DATA => allowance.answered(),
            kind::RST_STREAM if is_refusal(code) => {
                allowance.reset();
                metrics::counter!("geovagt_http2_streams_refused_total", "code" => name(code))
                    .increment(1);
            }
            kind::GOAWAY if code != 0 => {
                metrics::counter!("geovagt_http2_connections_refused_total", "reason" => name(code))
                    .increment(1);
            }
            _ => {}
        }
        self.head = Head::default();
    }
}

/// Not that an answer came before its request was whole, nor that the upstream broke off.
fn is_refusal(code: u32) -> bool {
    !matches!(code, 0 | 2 | 8)
}

/// A code's name in the standard, in lower case.
fn name(code: u32) -> &'static str {
    match code {
        1 => "protocol_error",
        2 => "internal_error",
        3 => "flow_control_error",
        4 => "settings_timeout",
        5 => "stream_closed",
        6 => "frame_size_error",
        7 => "refused_stream",
        9 => "compression_error",
        11 => "enhance_your_calm",
        _ => "other",
    }
}
