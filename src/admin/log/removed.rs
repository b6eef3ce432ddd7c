//! What an entry's own line tells beyond its values: which of them were removed.

use serde_json::Value;

/// The personal fields that had a value once, by the commitment that is left of it.
pub(crate) fn fields(line: &str) -> Vec<String> {
    let Ok(read) = serde_json::from_str::<Value>(line) else { return Vec::new() };
    let left = read.pointer("/geovagt/chain/commitments").and_then(Value::as_object);
    let has_value = |path: &str| {
        let pointer = format!("/{}", path.replace('.', "/"));
        read.pointer(&pointer).is_some_and(|value| !value.is_null())
    };
    left.into_iter().flat_map(|left| left.keys()).filter(|path| !has_value(path)).cloned().collect()
}

/// The line as it can be read by a person; as it is where it cannot.
pub(crate) fn pretty(line: &str) -> String {
    serde_json::from_str::<Value>(line)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commitment_without_a_value_is_what_was_removed() {
        let line = r#"{"user":{"name":null},"client":{"ip":"::1"},"geovagt":{"chain":{"commitments":{"user.name":"ab","client.ip":"cd"}}}}"#;
        assert_eq!(fields(line), ["user.name"]);
        assert!(fields("{}").is_empty() && fields("no entry").is_empty());
        assert_eq!(pretty("no entry"), "no entry");
    }
}
