//! The mail that travellers get about their exemptions, on a way that is open to them: the municipal
//! mailbox is what is closed.
//!
//! What is said ([`compose`], [`calendar`]), when ([`schedule`]) and how long it is tried ([`retry`])
//! is pure: instants and randomness are arguments. [`smtp`] speaks with the server, `deliver` goes
//! from the store to it.
//!
//! May use `store`, `config`, `policy`, `language`, of `identity` the travel link's token, and `lettre`;
//! knows no HTTP and no request.
//! Always holds: nothing that people wrote can become a header or a second recipient; nothing secret
//! stands in a message but the travel link; a message goes out once, or after a crash once more under
//! the same `Message-ID`; what could not be sent is kept and shown.

pub mod calendar;
pub mod compose;
pub(crate) mod deliver;
#[cfg(test)]
mod fixture;
pub mod message;
pub mod retry;
pub mod schedule;
pub mod smtp;
mod wording;

/// A text as one line that a person reads: nothing in it ends a line, hides or turns around what
/// follows.
fn plain(text: &str) -> String {
    const LONGEST: usize = 500;
    let hidden = |c: char| {
        c.is_control()
            || matches!(
                c,
                '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}'
            )
    };
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || hidden(c)).filter(|w| !w.is_empty()).collect();
    words.join(" ").chars().take(LONGEST).collect()
}
