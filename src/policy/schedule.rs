//! A setting that becomes stricter at an instant, because that was announced and not earlier.

use jiff::Timestamp;

/// A setting and, while an announced change is still to come, what holds until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheduled<T> {
    value: T,
    former: Option<(Timestamp, T)>,
}

impl<T: Copy> Scheduled<T> {
    /// A setting that has always been so.
    #[must_use]
    pub const fn fixed(value: T) -> Self {
        Self { value, former: None }
    }

    /// `former` until `from`, then `value`.
    #[must_use]
    pub const fn changing(former: T, from: Timestamp, value: T) -> Self {
        Self { value, former: Some((from, former)) }
    }

    /// What holds at this instant. The change has happened at `from` itself.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> T {
        match self.former {
            Some((from, former)) if now < from => former,
            Some(_) | None => self.value,
        }
    }

    /// When the change comes, where it is still to come.
    #[must_use]
    pub fn changes_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.former.map(|(from, _)| from).filter(|&from| now < from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_change_comes_at_its_instant_and_not_before() {
        let from: Timestamp = "2025-05-12T00:00:00Z".parse().unwrap();
        let before = from - jiff::SignedDuration::from_nanos(1);
        let setting = Scheduled::changing(1, from, 2);
        assert_eq!((setting.at(before), setting.at(from)), (1, 2));
        assert_eq!((setting.changes_at(before), setting.changes_at(from)), (Some(from), None));
        assert_eq!(Scheduled::fixed(3).at(before), 3);
    }
}
