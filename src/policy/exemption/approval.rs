//! The second person where an exemption needs one.

use super::Part;
use crate::policy::UserName;

/// Who does something on the command line or in the administration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The name the person gives (`--by`), or signs in with.
    pub name: String,
    /// The operating-system user, on the command line.
    pub operating_system_user: Option<String>,
}

/// Why somebody cannot be the other person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalRefused {
    /// The name is empty.
    #[error("an approval needs the name of the one who approves; give it with --by")]
    Nameless,
    /// The same name granted it.
    #[error("the one who granted an exemption cannot approve it; another person must")]
    SameName,
    /// The same name applied for it.
    #[error("the one who applied cannot decide the application; another person must")]
    Applicant,
    /// The same name approved it already.
    #[error("one person cannot approve twice; another person must")]
    Twice,
    /// The same operating-system user took part already.
    #[error(
        "the same operating-system user took part already, and not both of you have said who you are; give --by each time, or decide as another user"
    )]
    SameOperatingSystemUser,
    /// The traveller.
    #[error("nobody approves an exemption for their own journey; another person must")]
    Traveller,
}

impl Actor {
    /// Whether this is the one of that name: the name that was given, or the operating system's.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        let name = plain(name);
        plain(&self.name) == name
            || self.operating_system_user.as_deref().map(plain).is_some_and(|user| user == name)
    }

    /// Whether somebody gave no name of their own: the operating system's stands for it.
    #[must_use]
    pub fn is_nameless(&self) -> bool {
        plain(&self.name) == plain(self.operating_system_user.as_deref().unwrap_or_default())
    }
}

/// Whether `approver` may decide after what `earlier` did for `traveller`.
///
/// The names have to differ. Where one operating-system user serves several people (a shared shell on
/// the gateway), both of them have to say who they are; the log keeps the name and the user beside
/// it, so that a made-up name can be held against the machine's own records. Names are compared
/// without regard to case and surrounding space. The traveller is never the other person.
///
/// # Errors
/// [`ApprovalRefused`] with the first thing that stands in the way.
pub fn may_approve(
    part: Part,
    earlier: &Actor,
    approver: &Actor,
    traveller: &UserName,
) -> Result<(), ApprovalRefused> {
    if plain(&approver.name).is_empty() {
        return Err(ApprovalRefused::Nameless);
    }
    if names_same_person(earlier, approver) {
        return Err(match part {
            Part::Applied => ApprovalRefused::Applicant,
            Part::Granted => ApprovalRefused::SameName,
            Part::Approved => ApprovalRefused::Twice,
        });
    }
    one_account_and_a_name_each(earlier, approver)?;
    if approver.is_called(traveller.as_str()) {
        return Err(ApprovalRefused::Traveller);
    }
    Ok(())
}

/// Whether `other` is surely another person than `earlier`, by the same measure.
///
/// # Errors
/// [`ApprovalRefused`] where they may be one.
pub fn is_surely_another(earlier: &Actor, other: &Actor) -> Result<(), ApprovalRefused> {
    if plain(&other.name).is_empty() {
        return Err(ApprovalRefused::Nameless);
    }
    if names_same_person(earlier, other) {
        return Err(ApprovalRefused::Twice);
    }
    one_account_and_a_name_each(earlier, other)
}

fn one_account_and_a_name_each(earlier: &Actor, other: &Actor) -> Result<(), ApprovalRefused> {
    let account = other.operating_system_user.as_deref().map(plain);
    let same_account =
        account.is_some() && account == earlier.operating_system_user.as_deref().map(plain);
    if same_account && (earlier.is_nameless() || other.is_nameless()) {
        return Err(ApprovalRefused::SameOperatingSystemUser);
    }
    Ok(())
}

/// Whether two say that they are the same person.
pub(super) fn names_same_person(one: &Actor, other: &Actor) -> bool {
    plain(&one.name) == plain(&other.name)
}

fn plain(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_person_is_surely_another_one() {
        let actor = |name: &str, user: Option<&str>| Actor {
            name: name.into(),
            operating_system_user: user.map(Into::into),
        };
        let granter = actor("Bente Lund", Some("belu"));
        let traveller = UserName::parse("anna.holm").unwrap();
        let may = |name, user| may_approve(Part::Granted, &granter, &actor(name, user), &traveller);
        assert_eq!(may("Carl Friis", Some("cafr")), Ok(()));
        assert_eq!(may("Carl Friis", None), Ok(()));
        assert_eq!(may("  ", Some("cafr")), Err(ApprovalRefused::Nameless));
        assert_eq!(may(" bente LUND", Some("cafr")), Err(ApprovalRefused::SameName));
        assert_eq!(may("Carl Friis", Some("BELU")), Ok(()));
        assert_eq!(may("belu", Some("BELU")), Err(ApprovalRefused::SameOperatingSystemUser));
        let silent = actor("belu", Some("belu"));
        assert_eq!(
            may_approve(Part::Granted, &silent, &actor("Carl Friis", Some("belu")), &traveller),
            Err(ApprovalRefused::SameOperatingSystemUser)
        );
        assert_eq!(may("Anna.Holm", Some("cafr")), Err(ApprovalRefused::Traveller));
        assert_eq!(may("Anna", Some("anna.holm")), Err(ApprovalRefused::Traveller));
        let again = |part| may_approve(part, &granter, &granter, &traveller);
        assert_eq!(again(Part::Applied), Err(ApprovalRefused::Applicant));
        assert_eq!(again(Part::Approved), Err(ApprovalRefused::Twice));
    }
}
