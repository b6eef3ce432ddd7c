//! A name as somebody signs in with it: `anna`, `BALLERUP\anna`, `anna@ballerup.dk`. PURE.

use crate::policy::UserName;

/// A name read for one directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    /// As it was typed, without a domain in front.
    login: UserName,
    /// Without a domain of the directory's.
    user: UserName,
}

impl Login {
    /// None where it names another domain in front, or can be read in two ways.
    pub(super) fn read(claimed: &UserName, domains: &[String]) -> Option<Self> {
        let ours = |domain: &str| domains.iter().any(|known| known == domain);
        let name = |text: &str| UserName::parse(text).ok();
        let text = claimed.as_str();
        if let Some((domain, user)) = text.split_once('\\') {
            if !ours(domain) || user.contains(['\\', '@']) {
                return None;
            }
            let user = name(user)?;
            return Some(Self { login: user.clone(), user });
        }
        let user = match text.split_once('@') {
            Some((_, domain)) if domain.contains('@') => return None,
            Some((user, domain)) if ours(domain) => name(user)?,
            _ => claimed.clone(),
        };
        Some(Self { login: claimed.clone(), user })
    }

    pub(super) fn login(&self) -> &UserName {
        &self.login
    }

    pub(super) fn user(&self) -> &UserName {
        &self.user
    }

    /// Whether both may mean the same person. Who it is, the directory says.
    pub(super) fn may_be(&self, other: &Self) -> bool {
        self.login == other.login || self.user == other.user
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, String)> {
        let domains = ["ballerup".to_owned(), "ballerup.dk".to_owned()];
        let login = Login::read(&UserName::parse(text).unwrap(), &domains)?;
        Some((login.login.to_string(), login.user.to_string()))
    }

    #[test]
    fn domains_of_the_directory_are_taken_off_and_others_are_not() {
        let both = |login: &str, user: &str| Some((login.to_owned(), user.to_owned()));
        assert_eq!(read("Anna"), both("anna", "anna"));
        assert_eq!(read("BALLERUP\\Anna"), both("anna", "anna"));
        assert_eq!(read("anna@Ballerup.dk"), both("anna@ballerup.dk", "anna"));
        assert_eq!(read("anna@egedal.dk"), both("anna@egedal.dk", "anna@egedal.dk"));
        for text in [
            "EGEDAL\\anna",
            "BALLERUP\\",
            "\\anna",
            "BALLERUP\\BALLERUP\\anna",
            "BALLERUP\\anna@ballerup.dk",
            "anna@egedal.dk@ballerup.dk",
            "@ballerup.dk",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn names_are_the_same_where_one_of_their_forms_is() {
        let domains = ["ballerup.dk".to_owned()];
        let login = |text: &str| Login::read(&UserName::parse(text).unwrap(), &domains).unwrap();
        assert!(login("anna").may_be(&login("ANNA@ballerup.dk")));
        assert!(login("a.holm@x.dk").may_be(&login("a.holm@x.dk")));
        assert!(!login("anna").may_be(&login("anna@egedal.dk")));
        assert!(!login("anna").may_be(&login("bo")));
    }
}
