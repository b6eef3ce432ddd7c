//! Contrast of the design tokens (WCAG 2.1, 1.4.3), read from the stylesheet itself.

use std::collections::BTreeMap;

fn tokens(block: &str) -> BTreeMap<&str, [f64; 3]> {
    block
        .lines()
        .filter_map(|line| line.trim().strip_prefix("--")?.strip_suffix(';')?.split_once(":#"))
        .filter(|(_, hex)| hex.len() == 6)
        .map(|(name, hex)| {
            let channel = |i: usize| {
                let value = f64::from(u8::from_str_radix(&hex[i..i + 2], 16).unwrap()) / 255.0;
                if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            (name, [channel(0), channel(2), channel(4)])
        })
        .collect()
}

fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let luminance = |[r, g, b]: [f64; 3]| 0.2126 * r + 0.7152 * g + 0.0722 * b;
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn every_colour_can_be_read_on_its_ground_by_day_and_by_night() {
    let css = include_str!("../templates/style.css");
    let (day, night) = css.split_once("@media (prefers-color-scheme:dark)").unwrap();
    let (night, _) = night.split_once("\n}\n}").unwrap();
    for tokens in [tokens(day), tokens(night)] {
        assert_eq!(tokens.len(), 8, "{tokens:?}");
        for ground in ["ground", "quiet"] {
            for ink in ["ink", "accent", "allowed", "rejected", "attention"] {
                let ratio = contrast(tokens[ink], tokens[ground]);
                assert!(ratio >= 4.5, "{ink} on {ground}: {ratio:.2}");
            }
        }
    }
}

#[test]
fn contrast_is_counted_as_the_guidelines_do() {
    assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 1e-9);
}
