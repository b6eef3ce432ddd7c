//! Which device it was, as far as a request tells. PURE.

use sha2::{Digest as _, Sha256};

use crate::policy::ExemptionId;

/// By the program's own words, without versions: an update is no new device. The first that fits.
const PROGRAMS: &[(&str, &str)] = &[
    ("OutlookMobile", "Outlook mobile"),
    ("Outlook", "Outlook"),
    ("Microsoft Office", "Outlook"),
    ("MSExchange", "Outlook"),
    ("Apple-iPhone", "Mail"),
    ("Apple-iPad", "Mail"),
    ("dataaccessd", "Mail"),
    ("Thunderbird", "Thunderbird"),
    ("DAVx5", "DAVx5"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
    ("curl", "curl"),
];

const SYSTEMS: &[(&str, &str)] = &[
    ("iPad", "iPad"),
    ("iPhone", "iPhone"),
    ("Android", "Android"),
    ("iOS", "iOS"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("Mac OS", "Mac"),
    ("macOS", "Mac"),
    ("Linux", "Linux"),
];

/// A name for the device, stable over requests and updates, that says no more than it must: an
/// ActiveSync DeviceId only as its digest beside the exemption.
#[must_use]
pub fn name(
    exemption: &ExemptionId,
    device_id: Option<&str>,
    user_agent: Option<&str>,
) -> Option<String> {
    if let Some(id) = device_id {
        let digest = Sha256::new()
            .chain_update(exemption.as_str())
            .chain_update([0])
            .chain_update(id.to_ascii_uppercase())
            .finalize();
        let short = digest.get(..8).map(hex::encode).unwrap_or_default();
        return Some(format!("id {short}"));
    }
    let user_agent = user_agent?;
    let of = |words: &[(&str, &'static str)]| {
        words.iter().find(|(word, _)| user_agent.contains(word)).map(|(_, name)| *name)
    };
    Some(match (of(PROGRAMS), of(SYSTEMS)) {
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(program), None) => program.to_owned(),
        (None, Some(system)) => format!("a program on {system}"),
        (None, None) => "another program".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_keeps_its_name_over_updates() {
        let id = ExemptionId::new("TE-7K2M9D");
        let by = |user_agent: &str| name(&id, None, Some(user_agent)).unwrap();
        for (user_agent, expected) in [
            (
                "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
                "Safari on iPad",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36 Edg/131.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
                "Firefox on Linux",
            ),
            ("Apple-iPhone15C2/2105.219", "Mail on iPhone"),
            (
                "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0; Pro)",
                "Outlook on Windows",
            ),
            ("\u{1b}]0;x", "another program"),
        ] {
            assert_eq!(by(user_agent), expected, "{user_agent}");
        }
        assert_eq!(by("Firefox/128.0 Linux"), by("Firefox/129.0 Linux"));
    }

    #[test]
    fn a_device_id_tells_devices_apart_and_is_not_kept() {
        let (one, other) = (ExemptionId::new("TE-7K2M9D"), ExemptionId::new("TE-000001"));
        let named = |exemption, id| name(exemption, Some(id), Some("Apple-iPad")).unwrap();
        assert_eq!(named(&one, "ApplF9XR1"), named(&one, "APPLF9XR1"));
        assert_ne!(named(&one, "ApplF9XR1"), named(&one, "ApplF9XR2"));
        assert_ne!(named(&one, "ApplF9XR1"), named(&other, "ApplF9XR1"));
        assert!(!named(&one, "ApplF9XR1").contains("F9XR1"));
        assert_eq!(name(&one, None, None), None);
    }
}
