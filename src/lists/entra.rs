//! Microsoft Entra's named location of countries, as Microsoft Graph writes it.

use serde::Deserialize;
use serde_json::Value;

/// The `countryNamedLocation` of Microsoft Graph, as far as it decides who gets in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NamedLocation {
    #[serde(default)]
    pub(crate) display_name: Option<String>,
    pub(crate) countries_and_regions: Vec<String>,
    /// Graph leaves it out where it is false.
    #[serde(default)]
    pub(crate) include_unknown_countries_and_regions: bool,
}

/// Why a text is no named location.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoLocation {
    /// Not JSON.
    #[error("this is no JSON")]
    NoJson(#[source] serde_json::Error),
    /// JSON, but no location.
    #[error("this is no countryNamedLocation of Microsoft Graph")]
    NotOne(#[source] serde_json::Error),
    /// There are several.
    #[error("there are several locations; say which with --name: {}", .0.join(", "))]
    Several(Vec<String>),
    /// None of them has that name.
    #[error("there is no location of countries with the name {0:?}")]
    NotNamed(String),
    /// None at all.
    #[error("there is no `countriesAndRegions` in this")]
    None,
}

/// Reads one location: the object itself, a list of them, or Graph's `{"value": […]}`. Where there
/// are several, `name` says which.
pub(crate) fn read(text: &str, name: Option<&str>) -> Result<NamedLocation, NoLocation> {
    let json: Value = serde_json::from_str(text).map_err(NoLocation::NoJson)?;
    let items = match json {
        Value::Object(mut object) => match object.remove("value") {
            Some(Value::Array(items)) => items,
            Some(_) | None => vec![Value::Object(object)],
        },
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    // An IP range is a named location too, but says nothing about countries.
    let of_countries = items.into_iter().filter(|item| item.get("countriesAndRegions").is_some());
    let mut locations = of_countries
        .map(serde_json::from_value::<NamedLocation>)
        .collect::<Result<Vec<_>, _>>()
        .map_err(NoLocation::NotOne)?;
    if let Some(name) = name {
        locations.retain(|location| location.display_name.as_deref() == Some(name));
    }
    match (locations.pop(), locations.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            let all = locations.iter().chain([&last]).filter_map(|l| l.display_name.as_deref());
            let names: Vec<String> = all.map(|name| format!("{name:?}")).collect();
            Err(NoLocation::Several(names))
        }
        (None, _) => Err(match name {
            Some(name) => NoLocation::NotNamed(name.to_owned()),
            None => NoLocation::None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r##"{"@odata.type": "#microsoft.graph.countryNamedLocation", "id": "1",
        "displayName": "Blocked", "countriesAndRegions": ["CN", "RU"],
        "includeUnknownCountriesAndRegions": true, "countryLookupMethod": "clientIpAddress"}"##;
    const RANGE: &str = r##"{"@odata.type": "#microsoft.graph.ipNamedLocation",
        "displayName": "Office", "ipRanges": []}"##;

    #[test]
    fn every_shape_that_graph_gives_is_read() {
        let expected = NamedLocation {
            display_name: Some("Blocked".into()),
            countries_and_regions: vec!["CN".into(), "RU".into()],
            include_unknown_countries_and_regions: true,
        };
        for text in [
            ONE.to_owned(),
            format!("[{ONE}]"),
            format!(r#"{{"@odata.context": "x", "value": [{RANGE}, {ONE}]}}"#),
        ] {
            assert_eq!(read(&text, None).unwrap(), expected, "{text}");
        }
        let short = read(r#"{"countriesAndRegions": []}"#, None).unwrap();
        assert!(!short.include_unknown_countries_and_regions);
    }

    #[test]
    fn of_several_one_must_be_named() {
        let other = ONE.replace("Blocked", "Travel");
        let several = format!(r#"{{"value": [{ONE}, {other}]}}"#);
        let error = read(&several, None).unwrap_err().to_string();
        assert!(error.contains("--name: \"Blocked\", \"Travel\""), "{error}");
        assert_eq!(read(&several, Some("Travel")).unwrap().display_name.as_deref(), Some("Travel"));
        assert!(read(&several, Some("Nobody")).is_err());
    }

    #[test]
    fn what_is_no_location_is_refused() {
        for text in [
            "",
            "{",
            "null",
            "[]",
            "{}",
            RANGE,
            r#"{"value": []}"#,
            r#"{"countriesAndRegions": "CN"}"#,
            r#"{"countriesAndRegions": [1]}"#,
            r#"{"countriesAndRegions": ["CN"], "includeUnknownCountriesAndRegions": "yes"}"#,
        ] {
            assert!(read(text, None).is_err(), "{text}");
        }
        assert!(read(&"[".repeat(100_000), None).is_err());
    }
}
