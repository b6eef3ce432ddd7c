//! Texts that somebody types and somebody else reads. PURE.

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TextFault {
    /// Nothing stands there.
    #[error("is empty; write something")]
    Empty,
    /// Too much stands there.
    #[error("has {length} characters; {longest} are the most")]
    TooLong {
        /// How many it has.
        length: usize,
        /// How many it may have.
        longest: usize,
    },
    /// It holds characters that do not show, or change how others show.
    #[error("holds a control character; write it as plain text on one line")]
    Hidden,
}

/// One line, nothing hidden in it.
pub(crate) fn check_text(text: &str, longest: usize) -> Result<(), TextFault> {
    let hidden = |c: char| {
        c.is_control()
            || matches!(
                c,
                '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}' | '\u{feff}'
            )
    };
    let length = text.trim().chars().count();
    if length == 0 {
        return Err(TextFault::Empty);
    }
    if length > longest {
        return Err(TextFault::TooLong { length, longest });
    }
    if text.chars().any(hidden) {
        return Err(TextFault::Hidden);
    }
    Ok(())
}
