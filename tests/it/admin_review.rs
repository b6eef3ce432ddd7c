//! The reviewer's questions, the planned review and the breach file.

use crate::support::client::get;
use crate::support::demo::Demo;
use crate::support::desk::{Desk, between, encoded};
use crate::support::gateway::{eventually, today};

const CHINA: &str = "1.0.1.1";

#[test]
fn five_questions_are_answered_by_a_click_each() {
    let demo = Demo::start();
    let desk = Desk::of(&demo, "sofie.lind");
    let page = desk.get("/review").text();
    for link in ["/review/wrong", "/review/surges", "/review/odd", "/review/looked", "/breach"] {
        assert!(page.contains(&format!("href=\"{link}\"")), "{link} in {page}");
        for answer in [desk.get(link), desk.get_english(link)] {
            assert_eq!(answer.status, 200, "{link}: {}", answer.text());
        }
    }
    assert!(desk.get_english("/review").text().contains("Who looked at whom?"));
}

/// A plan whose first span is over.
fn plan(desk: &Desk, sample: u32) {
    let form = format!("starts=2026-01-01&every_days=366&sample={sample}&within_days=1");
    let planned = desk.post("/review/planned/plan", &form);
    assert_eq!(planned.status, 303, "{}", planned.text());
}

#[test]
fn a_plan_without_sense_is_told_at_its_fields() {
    let demo = Demo::start();
    let desk = Desk::of(&demo, "sofie.lind");
    let page = desk.get("/review/planned").text();
    assert!(page.contains("Der er ikke planlagt nogen gennemgang"), "{page}");
    let form = "starts=i+morgen&every_days=0&sample=201&within_days=x";
    let wrong = desk.post("/review/planned/plan", form);
    assert_eq!(wrong.status, 422);
    for part in
        ["#f-starts", "#f-every_days", "#f-within_days", "value=\"i morgen\"", "value=\"201\""]
    {
        assert!(wrong.text().contains(part), "{part} in {}", wrong.text());
    }
    assert_eq!(desk.post("/review/planned/begin", "").status, 409);
    let dpo = Desk::of(&demo, "dorte.krogh");
    assert_eq!(dpo.get("/review/planned").status, 200);
    assert_eq!(dpo.post_with("/review/planned/plan", form).status, 403);
}

#[test]
fn a_sample_is_drawn_once_judged_and_can_be_drawn_again_to_check() {
    let demo = Demo::start();
    let desk = Desk::of(&demo, "sofie.lind");
    for from in ["1.0.1.1", "1.0.2.1", "1.0.8.1"] {
        assert_eq!(get(demo.web(), "127.0.0.1", "/").from(from).send().status, 403);
    }
    eventually("they are indexed", || {
        desk.get("/log?action=denied&span=1h").text().matches("href=\"/log/entry/").count() >= 3
    });
    let yesterday = today().yesterday().unwrap();
    // Spans that are over hold nothing of a demo that has just begun.
    let form = format!("starts={yesterday}&every_days=1&sample=4&within_days=1");
    assert_eq!(desk.post("/review/planned/plan", &form).status, 303);
    let page = desk.get("/review/planned").text();
    assert!(page.contains("Perioden") && page.contains("venter"), "{page}");
    let begun = desk.post("/review/planned/begin", "");
    assert_eq!(begun.status, 303, "{}", begun.text());
    let target = begun.header("location").unwrap().to_owned();
    let review = desk.get(&target).text();
    assert!(
        review.contains("Gennemgangen er færdig"),
        "an empty span has nothing to judge: {review}"
    );
    let seed = between(&review, "class=\"secret\">", "<").unwrap();
    assert_eq!(seed.len(), 64);
    eventually("the seed is in the log", || {
        let found = demo.command(&["audit", "search", "--json", "--action", "log_reviewed"]);
        found.contains(seed) && found.contains("begun") && found.contains("drawn")
    });
    assert_eq!(desk.post("/review/planned/begin", "").status, 409, "nothing waits any more");
}

#[test]
fn an_overdue_review_is_said_where_one_looks() {
    let demo = Demo::start();
    let desk = Desk::of(&demo, "sofie.lind");
    plan(&desk, 4);
    let form = "starts=2020-01-01&every_days=30&sample=4&within_days=1";
    assert_eq!(desk.post("/review/planned/plan", form).status, 303);
    for page in ["/review", "/review/planned"] {
        assert!(desk.get(page).text().contains("For sent: perioden"), "{page}");
    }
    eventually("the readiness warns", || {
        let line = demo.line(|line| line.contains("/readyz"));
        let url = line.split_whitespace().find(|word| word.contains("/readyz")).unwrap();
        let at = between(url, "http://", "/").unwrap().parse().unwrap();
        let ready = get(at, "localhost", "/readyz").send();
        ready.status == 200 && ready.text().contains("review") && ready.text().contains("overdue")
    });
}

fn breach(desk: &Desk, title: &str, persons: &str) -> String {
    let form = format!(
        "title={}&occurred_from=2026-01-01T08:00&occurred_until=2026-01-02T08:00&discovered=2026-01-02T09:00&persons={}",
        encoded(title),
        encoded(persons)
    );
    let opened = desk.post("/breach", &form);
    assert_eq!(opened.status, 303, "{}", opened.text());
    opened.header("location").unwrap().to_owned()
}

#[test]
fn a_breach_file_has_its_clock_its_people_and_notes_that_stay() {
    let demo = Demo::start();
    let desk = Desk::of(&demo, "sofie.lind");
    let target = breach(&desk, "Forkert modtager <b>", "anna.holm\nbo.lund");
    let page = desk.get(&target).text();
    for part in [
        "Fristen er overskredet med",
        "5. januar 2026 kl. 09.00 (dansk tid)",
        "anna.holm",
        "bo.lund",
        "Hent beviserne",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("modtager <b>"), "{page}");
    let note = desk.post(&target, &format!("what=note&note={}", encoded("Ringet <i>\nigen")));
    assert_eq!(note.status, 303, "{}", note.text());
    assert!(!desk.get(&target).text().contains("<i>"));
    assert!(desk.get(&target).text().contains("Ringet"));
    for (form, part) in [
        ("what=note&note=", "højst 4.000 tegn"),
        ("what=persons&persons=a%3Ab", "ikke et brugernavn"),
        ("what=reported&reported=snart", "Skriv et tidspunkt"),
        ("what=reported&reported=2099-01-01T00:00", "ikke ligge i fremtiden"),
        ("what=reported&reported=2026-01-01T00:00", "slutte, efter"),
    ] {
        let wrong = desk.post(&target, form);
        assert_eq!(wrong.status, 422, "{form}");
        assert!(wrong.text().contains(part), "{part} in {}", wrong.text());
    }
    assert_eq!(desk.post(&target, "what=reported&reported=2026-01-03T09:00").status, 303);
    assert!(desk.get(&target).text().contains("✓ Anmeldt, 48 timer"));
    assert_eq!(desk.post(&target, "what=reported&reported=2026-01-04T09:00").status, 409);
    eventually("the log tells of it, and not what was written", || {
        let found = demo.command(&["audit", "search", "--json", "--action", "breach_changed"]);
        assert!(!found.contains("Ringet") && !found.contains("modtager"));
        found.contains("noted") && found.contains("reported")
    });
    let dpo = Desk::of(&demo, "dorte.krogh");
    assert_eq!(dpo.get(&target).status, 200);
    assert_eq!(dpo.post_with(&target, "what=note&note=x").status, 403);
}

#[test]
fn a_breach_form_keeps_what_was_typed() {
    let demo = Demo::start();
    let desk = Desk::of(&demo, "sofie.lind");
    let form = "title=&occurred_from=2026-01-02T08:00&occurred_until=2026-01-01T08:00&discovered=2099-01-01&persons=a%3Ab";
    let wrong = desk.post("/breach", form);
    assert_eq!(wrong.status, 422);
    let text = wrong.text();
    for part in ["#f-title", "#f-occurred_until", "#f-discovered", "#f-persons", "a:b</textarea>"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(desk.post_with("/breach", form).status, 403, "without a token");
}

#[test]
fn rejections_that_nobody_judges_stay_open() {
    let demo = Demo::start();
    let desk = Desk::of(&demo, "sofie.lind");
    assert_eq!(get(demo.web(), "127.0.0.1", "/").from(CHINA).send().status, 403);
    assert_eq!(desk.post("/review/planned/LR-0000000000/1", "outcome=in_order").status, 404);
}
