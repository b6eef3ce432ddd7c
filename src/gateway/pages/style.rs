//! The one stylesheet, and the policy that lets a browser apply this one and nothing else.

use std::sync::LazyLock;

use base64::Engine as _;
use http::HeaderValue;
use sha2::{Digest as _, Sha256};

/// The stylesheet as it stands between `<style>` and `</style>`.
pub(super) static CSS: LazyLock<String> =
    LazyLock::new(|| joined(include_str!("templates/style.css")));

static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let policy = content_security_policy(&CSS);
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// The policy of our pages, ready to be sent.
pub(super) fn policy_of_our_pages() -> HeaderValue {
    POLICY.clone()
}

/// A Content-Security-Policy that allows exactly this inline stylesheet, embedded pictures and forms
/// to the page's own origin: no script, no frame, nothing fetched.
#[must_use]
pub fn content_security_policy(css: &str) -> String {
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(css.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'"
    )
}

/// Leaves out comment lines and line breaks: the page travels over hotel networks.
pub(super) fn joined(css: &str) -> String {
    css.lines().map(str::trim).filter(|line| !line.starts_with("/*")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_digest_of_the_stylesheet() {
        assert_eq!(
            content_security_policy(""),
            "default-src 'none'; style-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; \
             img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
    }

    #[test]
    fn comments_and_line_breaks_do_not_travel() {
        assert_eq!(joined("/* why */\na{\n  b:c;\n}\n"), "a{b:c;}");
        assert!(!CSS.contains("/*") && !CSS.contains("url(") && !CSS.contains("@import"));
    }
}
