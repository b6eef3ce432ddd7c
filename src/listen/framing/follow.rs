//! Where one request ends and the next begins. PURE.

use memchr::{memchr, memchr_iter, memchr2, memchr3};

/// So much of a line is kept that comes in pieces.
const LINE_LENGTH: usize = 280;
/// A longer line that speaks of a body's length hides something.
const FRAMING_LINE_LENGTH: usize = 128;
/// So much of what a head calls its hosts is kept.
const HOSTS_LENGTH: usize = 512;

/// So many empty lines may stand before a request (RFC 9112 section 2.2 asks for one at least): each
/// costs a look at all that stands before it.
const EMPTY_LINES: u8 = 8;

/// Where in a connection's octets the next one stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// In a line of a request's head.
    Head,
    /// In a body, with so many octets left.
    Body(u64),
    /// In the line that begins a chunk.
    ChunkSize,
    /// In a chunk, with so many octets left.
    Chunk(u64),
    /// In the empty line that ends a chunk.
    ChunkEnd,
    /// In the lines behind the last chunk.
    Trailer,
}

/// Follows the framing of one connection.
#[derive(Debug)]
pub struct Framing {
    pub(super) at: At,
    pub(super) request_line_seen: bool,
    empty_lines: u8,
    partial: Partial,
    length: Option<u64>,
    chunked: bool,
    heads: u64,
    hosts: Vec<u8>,
}

/// The beginning of a line whose end has not come.
#[derive(Debug, Default)]
struct Partial {
    kept: Vec<u8>,
    length: usize,
    ends_in_return: bool,
    spoilt: bool,
}

/// Framing that can be read in more than one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Doubtful;

impl Default for Framing {
    fn default() -> Self {
        Self::new()
    }
}

impl Framing {
    /// At the beginning of a connection.
    #[must_use]
    pub fn new() -> Self {
        Self::after(0)
    }

    /// Behind so many requests on the same connection.
    pub(super) fn after(heads: u64) -> Self {
        Self {
            at: At::Head,
            request_line_seen: false,
            empty_lines: 0,
            partial: Partial::default(),
            length: None,
            chunked: false,
            heads,
            hosts: Vec::new(),
        }
    }

    /// Follows the next octets up to the end of the request; gives how many of them belong to it.
    ///
    /// # Errors
    /// The index of the first octet that must not be read.
    pub fn follow(&mut self, octets: &[u8]) -> Result<usize, usize> {
        let mut index = 0;
        while let Some(rest) = octets.get(index..).filter(|rest| !rest.is_empty()) {
            let taken = match self.at {
                At::Body(left) | At::Chunk(left) => Ok(self.skip(left, rest.len())),
                At::Head if self.partial.length == 0 => self.follow_head(rest),
                At::Head | At::ChunkSize | At::ChunkEnd | At::Trailer => self.follow_line(rest),
            };
            match taken {
                Ok(taken) => index += taken,
                Err(doubtful) => {
                    self.look_for_hosts(rest);
                    return Err(index + doubtful);
                }
            }
            if self.is_between() {
                break;
            }
        }
        Ok(index)
    }

    /// Takes a line, or the beginning of one.
    fn follow_line(&mut self, octets: &[u8]) -> Result<usize, usize> {
        let Some(end) = memchr(b'\n', octets) else {
            self.keep(octets);
            return Ok(octets.len());
        };
        let (line, _) = octets.split_at(end);
        self.line(line).map_err(|Doubtful| end)?;
        Ok(end + 1)
    }

    /// Takes as much of a head as there is. What must not stand within a line is looked for once in
    /// all of them together: that is what makes it quick.
    fn follow_head(&mut self, octets: &[u8]) -> Result<usize, usize> {
        let (mut begin, mut lines) = (0, 0);
        let (whole, rest) = loop {
            let rest = octets.get(begin..).unwrap_or_default();
            let Some(end) = memchr(b'\n', rest) else { break (begin, rest) };
            let last = begin + end;
            let seen = || octets.get(..last).unwrap_or_default();
            let doubtful = |Doubtful| first_spoilt(seen()).unwrap_or(last);
            let Some((b'\r', line)) = rest.split_at(end).0.split_last() else {
                return Err(doubtful(Doubtful));
            };
            lines += 1;
            if !self.request_line_seen && memchr(b'#', line).is_some() {
                return Err(doubtful(Doubtful));
            }
            if line.is_empty() && is_spoilt(seen(), lines) {
                return Err(doubtful(Doubtful));
            }
            let before_request = line.is_empty() && !self.request_line_seen;
            self.end_of_line(line).map_err(doubtful)?;
            begin = last + 1;
            // Empty lines before a request go on with it: handed on one by one, each would be
            // parsed anew with all before it.
            if self.at != At::Head || (self.is_between() && !before_request) {
                return Ok(begin);
            }
        };
        let seen = octets.get(..whole).unwrap_or_default();
        if is_spoilt(seen, lines) {
            return Err(first_spoilt(seen).unwrap_or(whole));
        }
        self.keep(rest);
        Ok(octets.len())
    }

    /// Whether the next octet is the first of a request.
    pub(super) fn is_between(&self) -> bool {
        self.at == At::Head && !self.request_line_seen && self.partial.length == 0
    }

    /// Whether the next octet belongs to a head.
    pub(super) fn is_in_head(&self) -> bool {
        self.at == At::Head
    }

    /// Whether no head has ended.
    pub(in crate::listen) fn is_first_head(&self) -> bool {
        self.at == At::Head && self.heads == 0
    }

    /// How many heads have ended.
    pub(super) fn heads(&self) -> u64 {
        self.heads
    }

    /// What the last head called its hosts, a comma behind each.
    pub(super) fn hosts(&self) -> &[u8] {
        &self.hosts
    }

    fn skip(&mut self, left: u64, available: usize) -> usize {
        let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(available);
        let left = left.saturating_sub(skipped as u64);
        self.at = match (self.at, left) {
            (At::Chunk(_), 0) => At::ChunkEnd,
            (At::Chunk(_), left) => At::Chunk(left),
            (_, 0) => At::Head,
            (_, left) => At::Body(left),
        };
        skipped
    }

    /// hyper would cut a fragment off the target; no client may send one.
    fn forbidden_in_line(&self) -> u8 {
        if self.at == At::Head && !self.request_line_seen { b'#' } else { 0 }
    }

    fn keep(&mut self, piece: &[u8]) {
        let forbidden = self.forbidden_in_line();
        self.partial.add(piece, forbidden);
    }

    /// A line without its line feed. Lines end in CR LF; neither stands anywhere else, and NUL
    /// nowhere.
    fn line(&mut self, octets: &[u8]) -> Result<(), Doubtful> {
        if self.partial.length > 0 {
            self.keep(octets);
            let mut partial = std::mem::take(&mut self.partial);
            let outcome = partial.whole().and_then(|line| self.end_of_line(line));
            partial.clear();
            self.partial = partial;
            return outcome;
        }
        let Some((b'\r', line)) = octets.split_last() else { return Err(Doubtful) };
        let forbidden = self.forbidden_in_line();
        let spoilt = match forbidden {
            0 => memchr2(b'\r', 0, line),
            forbidden => memchr3(b'\r', 0, forbidden, line),
        };
        match spoilt {
            None => self.end_of_line(line),
            Some(_) => Err(Doubtful),
        }
    }

    fn end_of_line(&mut self, line: &[u8]) -> Result<(), Doubtful> {
        let empty = line.is_empty();
        match self.at {
            At::Head if !self.request_line_seen => {
                self.request_line_seen = !empty;
                self.empty_lines = if empty { self.empty_lines.saturating_add(1) } else { 0 };
                if self.empty_lines > EMPTY_LINES {
                    return Err(Doubtful);
                }
                self.hosts.clear();
            }
            At::Head if empty => self.end_of_head()?,
            At::Head => self.header(line)?,
            At::ChunkSize => self.at = chunk(line)?,
            At::ChunkEnd if empty => self.at = At::ChunkSize,
            At::Trailer if empty => self.at = At::Head,
            At::Trailer if !is_folded(line) => {}
            At::ChunkEnd | At::Trailer | At::Body(_) | At::Chunk(_) => return Err(Doubtful),
        }
        Ok(())
    }

    fn header(&mut self, line: &[u8]) -> Result<(), Doubtful> {
        let too_long = line.len() > FRAMING_LINE_LENGTH;
        match line.first().map(u8::to_ascii_lowercase) {
            Some(b' ' | b'\t') => return Err(Doubtful),
            Some(b'c') => {
                let Some(value) = value_of(line, b"content-length") else { return Ok(()) };
                // A number that begins with 0 is octal to some.
                let octal = value.len() > 1 && value.starts_with(b"0");
                let length = number(value, 10, 18).filter(|_| !too_long && !octal);
                let length = length.ok_or(Doubtful)?;
                if self.chunked || self.length.replace(length).is_some() {
                    return Err(Doubtful);
                }
            }
            Some(b't') => {
                let Some(value) = value_of(line, b"transfer-encoding") else { return Ok(()) };
                let chunked = value.eq_ignore_ascii_case(b"chunked") && !too_long;
                if !chunked || self.length.is_some() || std::mem::replace(&mut self.chunked, true) {
                    return Err(Doubtful);
                }
            }
            Some(b'h') => self.note_host(line),
            _ => {}
        }
        Ok(())
    }

    fn note_host(&mut self, line: &[u8]) {
        if let Some(host) = value_of(line, b"host")
            && self.hosts.len() + host.len() < HOSTS_LENGTH
        {
            self.hosts.extend_from_slice(host);
            self.hosts.push(b',');
        }
    }

    /// After a refusal nothing is followed any more; which site was meant still matters.
    fn look_for_hosts(&mut self, octets: &[u8]) {
        for line in octets.split(|octet| matches!(octet, b'\r' | b'\n' | 0)) {
            self.note_host(line.trim_ascii());
        }
    }

    fn end_of_head(&mut self) -> Result<(), Doubtful> {
        self.request_line_seen = false;
        let chunked = std::mem::take(&mut self.chunked);
        self.at = match self.length.take() {
            Some(_) if chunked => return Err(Doubtful),
            None if chunked => At::ChunkSize,
            None | Some(0) => At::Head,
            Some(length) => At::Body(length),
        };
        self.heads += 1;
        Ok(())
    }
}

impl Partial {
    fn add(&mut self, piece: &[u8], forbidden: u8) {
        let Some((last, before)) = piece.split_last() else { return };
        // A return that stood at the end of a piece has now something else behind it.
        let spoilt = self.ends_in_return
            || *last == 0
            || memchr3(b'\r', 0, forbidden, before).is_some()
            || (forbidden != 0 && *last == forbidden);
        self.spoilt |= spoilt;
        self.ends_in_return = *last == b'\r';
        self.length += piece.len();
        let room = LINE_LENGTH.saturating_sub(self.kept.len());
        let content = if self.ends_in_return { before } else { piece };
        self.kept.extend_from_slice(content.get(..room.min(content.len())).unwrap_or_default());
    }

    /// The line, or the beginning of a very long one.
    fn whole(&self) -> Result<&[u8], Doubtful> {
        if self.spoilt || !self.ends_in_return { Err(Doubtful) } else { Ok(&self.kept) }
    }

    fn clear(&mut self) {
        self.kept.clear();
        self.length = 0;
        self.ends_in_return = false;
        self.spoilt = false;
    }
}

/// Whether there is a NUL, or a carriage return besides those at the ends of so many lines.
fn is_spoilt(octets: &[u8], lines: usize) -> bool {
    memchr_iter(b'\r', octets).count() != lines || memchr(0, octets).is_some()
}

/// The end of the first line that has a NUL or a carriage return within it.
fn first_spoilt(octets: &[u8]) -> Option<usize> {
    let mut begin = 0;
    while let Some(end) = memchr(b'\n', octets.get(begin..)?) {
        let line = octets.get(begin..begin + end)?;
        let content = line.split_last().map_or(line, |(_, content)| content);
        if memchr2(b'\r', 0, content).is_some() || line.last() == Some(&0) {
            return Some(begin + end);
        }
        begin += end + 1;
    }
    None
}

fn is_folded(line: &[u8]) -> bool {
    line.first().is_some_and(|b| *b == b' ' || *b == b'\t')
}

/// The value of a line with this name.
fn value_of<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let (begins, rest) = line.split_at_checked(name.len())?;
    if !begins.eq_ignore_ascii_case(name) {
        return None;
    }
    match rest.iter().position(|&octet| octet == b':') {
        Some(colon) => {
            let (between, value) = rest.split_at(colon);
            let value = value.get(1..).unwrap_or_default();
            between.trim_ascii().is_empty().then_some(value.trim_ascii())
        }
        None => rest.trim_ascii().is_empty().then_some(b""),
    }
}

/// Extensions (RFC 9112 section 7.1.1) are let through; hyper passes them over.
fn chunk(line: &[u8]) -> Result<At, Doubtful> {
    let digits = line.split(|b| matches!(b, b';' | b' ' | b'\t')).next();
    match number(digits.unwrap_or_default(), 16, 15) {
        Some(0) => Ok(At::Trailer),
        Some(length) => Ok(At::Chunk(length)),
        None => Err(Doubtful),
    }
}

/// Digits and nothing else, at most so many.
fn number(text: &[u8], radix: u32, digits: usize) -> Option<u64> {
    let fits =
        (1..=digits).contains(&text.len()) && text.iter().all(|&b| char::from(b).is_digit(radix));
    let text = std::str::from_utf8(text).ok().filter(|_| fits)?;
    u64::from_str_radix(text, radix).ok()
}
