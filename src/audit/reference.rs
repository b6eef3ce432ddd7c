//! The code that a rejected person reads out over the telephone.

use std::fmt;

use smol_str::SmolStr;

/// Forty random bits in Crockford's base 32: `K7QX-2M9D`. It leads to an entry and says nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference([u8; 8]);

/// Why a text is no reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a reference is eight letters and digits, such as K7QX-2M9D; I, L, O and U do not occur")]
pub struct InvalidReference;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl Reference {
    /// The reference of these random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 5]) -> Self {
        let bits = bytes.iter().fold(0_u64, |bits, &byte| bits << 8 | u64::from(byte));
        let mut symbols = [b'0'; 8];
        for (position, symbol) in symbols.iter_mut().enumerate() {
            let index = (bits >> (35 - 5 * position)) & 31;
            *symbol = ALPHABET.get(index as usize).copied().unwrap_or(b'0');
        }
        Self(symbols)
    }

    /// Reads what a person typed: in either case, with O for 0, I or L for 1, and with spaces or
    /// dashes anywhere or nowhere.
    ///
    /// # Errors
    /// [`InvalidReference`] where it is not eight symbols of the alphabet.
    pub fn parse(text: &str) -> Result<Self, InvalidReference> {
        let mut symbols = [0_u8; 8];
        let mut count = 0;
        for character in text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '–')) {
            let symbol = match character.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let byte = u8::try_from(symbol).map_err(|_| InvalidReference)?;
            if !ALPHABET.contains(&byte) {
                return Err(InvalidReference);
            }
            *symbols.get_mut(count).ok_or(InvalidReference)? = byte;
            count += 1;
        }
        if count == symbols.len() { Ok(Self(symbols)) } else { Err(InvalidReference) }
    }
}

impl Reference {
    /// As it is read out, to keep.
    #[must_use]
    pub fn short(&self) -> SmolStr {
        let [a, b, c, d, e, f, g, h] = self.0;
        let text = [a, b, c, d, b'-', e, f, g, h];
        // Every symbol is of the alphabet, so this is text.
        SmolStr::new_inline(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Reference {
    type Err = InvalidReference;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_person_types_is_read() {
        let reference = Reference::parse("K01X-2M9D").unwrap();
        for typed in ["k01x-2m9d", "KO1X2M9D", "koix 2m9d", " k 0 l x - 2 m 9 d ", "K01X–2M9D"] {
            assert_eq!(Reference::parse(typed), Ok(reference), "{typed:?}");
        }
        for typed in ["", "K01X-2M9", "K01X-2M9DD", "K01X-2M9U", "K01X-2M9æ", "K01X_2M9D"] {
            assert_eq!(Reference::parse(typed), Err(InvalidReference), "{typed:?}");
        }
    }

    #[test]
    fn the_ends_of_the_alphabet() {
        assert_eq!(Reference::from_random([0; 5]).to_string(), "0000-0000");
        assert_eq!(Reference::from_random([255; 5]).to_string(), "ZZZZ-ZZZZ");
        assert_eq!(Reference::from_random([0, 0, 0, 0, 33]).to_string(), "0000-0011");
    }

    proptest! {
        #[test]
        fn different_bytes_are_different_references(a: [u8; 5], b: [u8; 5]) {
            let (one, other) = (Reference::from_random(a), Reference::from_random(b));
            prop_assert_eq!(a == b, one == other);
            prop_assert_eq!(Reference::parse(&one.to_string()), Ok(one));
        }
    }
}
