use super::*;
use crate::language::Language::{Danish, English};

const SCRIPT: &str = r#""'><script>alert(1)</script>&"#;

fn bars(values: &[u64]) -> Vec<Bar> {
    let hour = |(hour, &value)| Bar {
        label: format!("{hour:02}"),
        name: format!("kl. {hour:02}"),
        value,
        usual: None,
    };
    values.iter().enumerate().map(hour).collect()
}

fn chart<'a>(bars: &'a [Bar], title: &'a str) -> Bars<'a> {
    Bars {
        id: "hours",
        title,
        description: "Afvisninger pr. time.",
        name_head: "Time",
        value_head: "Afvisninger",
        usual_head: "normalt",
        bars,
        tone: Tone::Rejected,
        language: Danish,
    }
}

#[test]
fn a_chart_has_a_name_a_description_and_its_figures_as_a_table() {
    let bars = bars(&[3, 0, 12_345]);
    let drawn = chart(&bars, "Flest kl. 02").draw().to_string();
    for part in [
        r#"role="img" aria-labelledby="hours-chart-wide-title" aria-describedby="hours-chart-wide-desc""#,
        r#"<title id="hours-chart-narrow-title">Flest kl. 02</title>"#,
        r#"<desc id="hours-chart-wide-desc">Afvisninger pr. time.</desc>"#,
        "<summary>Vis tallene som tabel</summary>",
        r#"<th scope="row">kl. 01</th><td class="chart-figure">0</td>"#,
        r#"<td class="chart-figure">12.345</td>"#,
    ] {
        assert!(drawn.contains(part), "{part} in {drawn}");
    }
    assert_eq!(drawn.matches("<rect").count(), 4, "two in each drawing; nothing for nothing");
    assert!(!drawn.contains("style=") && !drawn.contains("<script"));
}

#[test]
fn the_highest_bar_reaches_the_top_and_the_smallest_is_still_seen() {
    let bars = bars(&[1, 1_000_000]);
    let drawn = chart(&bars, "t").draw().to_string();
    assert!(drawn.contains(r#"y="24" width="356" height="172""#), "{drawn}");
    assert!(drawn.contains(r#"y="195" width="356" height="1""#), "{drawn}");
}

#[test]
fn what_is_usual_is_a_line_with_its_word_and_a_column() {
    let mut bars = bars(&[3, 9]);
    bars.iter_mut().for_each(|bar| bar.usual = Some(2));
    let drawn = chart(&bars, "t").draw().to_string();
    assert!(drawn.contains(r#"<path class="chart-usual" d="M0 "#), "{drawn}");
    assert!(drawn.contains(r#"text-anchor="end">normalt</text>"#), "{drawn}");
    assert!(drawn.contains(r#"<th scope="col" class="chart-figure">normalt</th>"#), "{drawn}");
    bars.iter_mut().for_each(|bar| bar.usual = Some(0));
    let drawn = chart(&bars, "t").draw().to_string();
    assert!(!drawn.contains("chart-usual") && drawn.contains(">normalt</th>"), "{drawn}");
}

#[test]
fn many_bars_are_labelled_only_where_there_is_room() {
    let bars = bars(&[5; 24 * 7]);
    let drawn = chart(&bars, "t").draw().to_string();
    let labels = drawn.matches("chart-label").count();
    assert!((20..80).contains(&labels), "{labels}");
    assert!(drawn.matches("chart-value").count() <= 4, "highest and last, twice");
}

#[test]
fn nothing_to_draw_leaves_the_sentence() {
    let none = bars(&[0, 0]);
    let drawn = chart(&none, "Ingen er afvist").draw().to_string();
    assert_eq!(
        drawn,
        r#"<figure class="chart chart-rejected"><figcaption>Ingen er afvist</figcaption></figure>"#
    );
    assert!(chart(&[], "x").draw().to_string().ends_with("</figcaption></figure>"));
}

#[test]
fn nothing_from_outside_becomes_markup() {
    let mut evil = bars(&[1, 2]);
    for bar in &mut evil {
        bar.label = SCRIPT.to_owned();
        bar.name = SCRIPT.to_owned();
        bar.usual = Some(1);
    }
    let mut bars = chart(&evil, SCRIPT);
    (bars.id, bars.description, bars.name_head) = (SCRIPT, SCRIPT, SCRIPT);
    (bars.value_head, bars.usual_head) = (SCRIPT, SCRIPT);
    let rows = [Row {
        name: SCRIPT.into(),
        link: Some(format!("/log?q={SCRIPT}")),
        value: 1,
        usual: Some(1),
    }];
    let list = BarList {
        title: SCRIPT,
        name_head: SCRIPT,
        value_head: SCRIPT,
        usual_head: SCRIPT,
        rows: &rows,
        tone: Tone::Plain,
        language: English,
    };
    let line = sparkline(SCRIPT, SCRIPT, &[1, 2], Tone::Plain, English);
    for drawn in [bars.draw(), list.draw(), line] {
        let drawn = drawn.to_string();
        assert!(!drawn.contains("<script"), "{drawn}");
        assert!(!drawn.contains(r#""'"#), "{drawn}");
        assert!(drawn.contains("&lt;script&gt;"), "{drawn}");
    }
}

#[test]
fn a_name_leads_only_to_this_host() {
    let row =
        |link: &str| Row { name: "Kina".into(), link: Some(link.into()), value: 7, usual: None };
    let rows = [
        row("/log?country=CN"),
        row("?country=CN"),
        row("//evil.example"),
        row("javascript:alert(1)"),
        row("https://evil.example"),
    ];
    let list = BarList {
        title: "Flest fra Kina",
        name_head: "Land",
        value_head: "Afvisninger",
        usual_head: "",
        rows: &rows,
        tone: Tone::Rejected,
        language: Danish,
    };
    let drawn = list.draw().to_string();
    assert_eq!(drawn.matches("<a href=").count(), 2, "{drawn}");
    assert!(!drawn.contains("evil") && !drawn.contains("javascript"), "{drawn}");
    assert_eq!(
        drawn.matches("aria-hidden=\"true\"").count(),
        5,
        "the figures stand beside the bars"
    );
}

#[test]
fn a_line_says_in_words_what_it_shows() {
    let drawn = sparkline("s", "Afviste pr. time", &[4, 1200, 7], Tone::Plain, Danish).to_string();
    assert!(drawn.contains("Lavest 4, højest 1.200, senest 7."), "{drawn}");
    assert!(drawn.contains(r#"points="3,28 60,3 117,28""#), "{drawn}");
    assert!(!sparkline("s", "t", &[], Tone::Plain, English).to_string().contains("polyline"));
}
