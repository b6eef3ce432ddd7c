//! The second person where an exemption needs one.

use crate::policy::UserName;

/// Who does something on the command line or in the administration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The name the person gives (`--by`), or signs in with.
    pub name: String,
    /// The operating-system user, on the command line.
    pub operating_system_user: Option<String>,
}

/// Why somebody cannot be the second person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalRefused {
    /// The name is empty.
    #[error("an approval needs the name of the one who approves; give it with --by")]
    Nameless,
    /// The same name granted it.
    #[error("the one who granted an exemption cannot approve it; another person must")]
    SameName,
    /// The same operating-system user granted it.
    #[error(
        "the exemption was granted by the same operating-system user, and not both of you have said who you are; give --by when granting and when approving, or approve as another user"
    )]
    SameOperatingSystemUser,
    /// The traveller.
    #[error("nobody approves an exemption for their own journey; another person must")]
    Traveller,
}

/// Whether `approver` may be the second person for what `granter` granted to `traveller`.
///
/// The names have to differ. Where one operating-system user serves several people (a shared shell on
/// the gateway), both of them have to say who they are; the log keeps the name and the user beside
/// it, so that a made-up name can be held against the machine's own records. Names are compared
/// without regard to case and surrounding space. The traveller is never the second person.
///
/// # Errors
/// [`ApprovalRefused`] with the first thing that stands in the way.
pub fn may_approve(
    granter: &Actor,
    approver: &Actor,
    traveller: &UserName,
) -> Result<(), ApprovalRefused> {
    let plain = |name: &str| name.trim().to_lowercase();
    let name = plain(&approver.name);
    if name.is_empty() {
        return Err(ApprovalRefused::Nameless);
    }
    if name == plain(&granter.name) {
        return Err(ApprovalRefused::SameName);
    }
    let account = approver.operating_system_user.as_deref().map(plain);
    let same_account =
        account.is_some() && account == granter.operating_system_user.as_deref().map(plain);
    if same_account && (is_nameless(granter) || is_nameless(approver)) {
        return Err(ApprovalRefused::SameOperatingSystemUser);
    }
    if name == traveller.as_str() || account.as_deref() == Some(traveller.as_str()) {
        return Err(ApprovalRefused::Traveller);
    }
    Ok(())
}

/// Whether somebody gave no name of their own: the operating system's stands for it.
fn is_nameless(actor: &Actor) -> bool {
    let user = actor.operating_system_user.as_deref().unwrap_or_default();
    actor.name.trim().eq_ignore_ascii_case(user.trim())
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
        let may = |name, user| may_approve(&granter, &actor(name, user), &traveller);
        assert_eq!(may("Carl Friis", Some("cafr")), Ok(()));
        assert_eq!(may("Carl Friis", None), Ok(()));
        assert_eq!(may("  ", Some("cafr")), Err(ApprovalRefused::Nameless));
        assert_eq!(may(" bente LUND", Some("cafr")), Err(ApprovalRefused::SameName));
        assert_eq!(may("Carl Friis", Some("BELU")), Ok(()));
        assert_eq!(may("belu", Some("BELU")), Err(ApprovalRefused::SameOperatingSystemUser));
        let silent = actor("belu", Some("belu"));
        assert_eq!(
            may_approve(&silent, &actor("Carl Friis", Some("belu")), &traveller),
            Err(ApprovalRefused::SameOperatingSystemUser)
        );
        assert_eq!(may("Anna.Holm", Some("cafr")), Err(ApprovalRefused::Traveller));
        assert_eq!(may("Anna", Some("anna.holm")), Err(ApprovalRefused::Traveller));
    }
}
