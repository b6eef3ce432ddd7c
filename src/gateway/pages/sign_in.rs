//! The sign-in form and the two pages of signing out.

use std::fmt::Write as _;

use askama::Template;
use http::StatusCode;

use super::page::Page;
use super::shell::{Frame, switch_to_other};
use crate::config::Organization;
use crate::language::Language;

/// The sign-in form. It is shown only where the door is open; credentials that do not open it get
/// [`Failure::SignInFailed`](super::Failure::SignInFailed) and not this form.
#[derive(Debug, Clone, Copy)]
pub struct SignIn<'a> {
    /// Whose site it is.
    pub organization: &'a Organization,
    /// The language of the page.
    pub language: Language,
    /// Where to go afterwards: a path of this site, already checked.
    pub next: &'a str,
    /// The token that the form must send back.
    pub csrf: &'a str,
    /// The name as it was typed, so that it need not be typed again.
    pub name: &'a str,
    /// What is wrong with the form as it was sent; empty at the first showing.
    pub problems: &'a [SignInProblem],
    /// Where else one can sign in.
    pub providers: &'a [ProviderButton],
    /// Whether a name and a password can be proven here.
    pub takes_password: bool,
}

/// A provider that people are sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderButton {
    /// What it is called.
    pub label: String,
    /// Where it begins: a path of this site.
    pub href: String,
}

/// What the form itself can find wrong, before any account is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInProblem {
    /// The name is missing or cannot be one.
    Name,
    /// The password is missing.
    Password,
    /// The form is older than it may be, or its token is not ours.
    Expired,
}

/// Signing out.
#[derive(Debug, Clone, Copy)]
pub enum SignOut<'a> {
    /// Asks, since a link from elsewhere must not sign anybody out.
    Ask {
        /// The token that the form must send back.
        csrf: &'a str,
        /// The one who is signed in.
        name: &'a str,
    },
    /// It is done here, and the browser goes on to the provider.
    GoingOn {
        /// Where to.
        elsewhere: &'a str,
    },
    /// It is done.
    Done,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInTemplate<'a> {
    language: Language,
    organization: &'a str,
    next: &'a str,
    csrf: &'a str,
    name: &'a str,
    name_wrong: bool,
    password_wrong: bool,
    expired: bool,
    providers: &'a [ProviderButton],
    takes_password: bool,
}

#[derive(Template)]
#[template(path = "sign_out.html")]
struct SignOutTemplate<'a> {
    language: Language,
    state: SignOut<'a>,
}

/// The form: 200 at the first showing, 400 where it came back incomplete.
#[must_use]
pub fn sign_in(form: &SignIn<'_>) -> Page {
    let wrong = !form.problems.is_empty();
    let title = match (form.language, wrong) {
        (Language::Danish, false) => "Log ind",
        (Language::Danish, true) => "Fejl: Log ind",
        (Language::English, false) => "Sign in",
        (Language::English, true) => "Error: Sign in",
    };
    let other = format!("{}&next={}", switch_to_other(form.language), percent_encoded(form.next));
    let frame = Frame {
        status: if wrong { StatusCode::BAD_REQUEST } else { StatusCode::OK },
        language: form.language,
        title,
        organization: Some(&form.organization.name),
        other_language: &other,
        places: true,
    };
    frame.around(&[&SignInTemplate {
        language: form.language,
        organization: &form.organization.name,
        next: form.next,
        csrf: form.csrf,
        name: form.name,
        name_wrong: form.problems.contains(&SignInProblem::Name),
        password_wrong: form.problems.contains(&SignInProblem::Password),
        expired: form.problems.contains(&SignInProblem::Expired),
        providers: form.providers,
        takes_password: form.takes_password,
    }])
}

/// The question before signing out, and the receipt after.
#[must_use]
pub fn sign_out(state: SignOut<'_>, organization: &Organization, language: Language) -> Page {
    let title = match (language, state) {
        (Language::Danish, SignOut::Ask { .. }) => "Log ud",
        (Language::Danish, SignOut::Done | SignOut::GoingOn { .. }) => "Du er logget ud",
        (Language::English, SignOut::Ask { .. }) => "Sign out",
        (Language::English, SignOut::Done | SignOut::GoingOn { .. }) => "You are signed out",
    };
    let frame = Frame {
        status: StatusCode::OK,
        language,
        title,
        organization: Some(&organization.name),
        other_language: switch_to_other(language),
        places: true,
    };
    frame.around(&[&SignOutTemplate { language, state }])
}

/// For a value in a query: everything but RFC 3986's unreserved characters and the slash.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_survives_the_change_of_language() {
        assert_eq!(percent_encoded("/post?a=b&c=æ"), "/post%3Fa%3Db%26c%3D%C3%A6");
    }
}
