//! The one stylesheet and the one script, and the policy that lets a browser use these and nothing
//! else.

use std::sync::LazyLock;

use base64::Engine as _;
use http::HeaderValue;
use sha2::{Digest as _, Sha256};

/// As it stands between `<style>` and `</style>`.
pub(in crate::admin) static CSS: LazyLock<String> = LazyLock::new(|| {
    let source = [
        include_str!("../templates/style.css"),
        crate::admin::chart::CSS,
        include_str!("../overview/map.css"),
    ];
    let lines = source.into_iter().flat_map(str::lines).map(str::trim);
    lines.filter(|line| !line.starts_with("/*")).collect()
});

/// As it stands between `<script>` and `</script>`: what makes pages more comfortable, never what
/// makes them work.
pub(in crate::admin) const SCRIPT: &str = include_str!("../templates/enhance.js");

static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let (style, script) = (hash(&CSS), hash(SCRIPT));
    let policy = format!(
        "default-src 'none'; style-src '{style}'; script-src '{script}'; connect-src 'self'; \
         img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// The policy of our pages.
pub(in crate::admin) fn policy() -> HeaderValue {
    POLICY.clone()
}

fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_comes_from_elsewhere_and_nothing_leaves_its_element() {
        assert!(!CSS.contains("url(") && !CSS.contains("@import") && !CSS.contains("</"));
        assert!(!SCRIPT.contains("</") && !SCRIPT.contains("<!--") && !SCRIPT.contains("eval("));
        assert!(policy().to_str().unwrap().contains("frame-ancestors 'none'"));
    }
}
