//! Before anything is measured: does every contestant do what the scenario is about?

use anyhow::{Context as _, ensure};

use crate::contestants::{Contestant, Running};
use crate::load::{Answer, Expected, Shape, Work, answered, request};
use crate::places::{PERMITTED_PEER, Places};
use crate::scenario::Scenario;

/// How many addresses of each kind are tried.
const SAMPLE: usize = 64;

/// Asks from allowed and from listed addresses and compares every octet of the answers.
pub(crate) async fn check(
    scenario: &Scenario,
    running: &Running,
    work: Work,
    places: &Places,
) -> anyhow::Result<()> {
    let contestant = running.contestant;
    let context = || format!("{} does not do what {} needs", contestant.name(), scenario.name);
    let logged = running.logged();
    if scenario.expected == Expected::Closed {
        closes(&work, contestant).await.with_context(context)?;
        return Ok(());
    }
    let by_address =
        [(&places.allowed, scenario.forwarded()), (&places.rejected, Expected::Rejected)];
    for (places, expected) in by_address {
        // A floor does one thing at each entrance, whoever asks.
        if !contestant.decides() && expected != scenario.expected {
            continue;
        }
        if matches!(scenario.shape, Shape::Http2 { .. }) {
            let sample = places.iter().take(SAMPLE).cloned().collect();
            let work = Work { places: sample, expected, requests: SAMPLE, ..work.clone() };
            crate::load::run(&work).await.with_context(context)?;
            continue;
        }
        for place in places.iter().step_by(places.len() / SAMPLE) {
            let answer = answered(&work.target, 0, &request(work.path, place))
                .await
                .with_context(|| format!("asked from {place}"))
                .with_context(context)?;
            is(answer, expected)
                .with_context(|| format!("asked from {place}"))
                .with_context(context)?;
        }
    }
    if contestant.decides() {
        // Buffers are written after a second.
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        ensure!(running.logged() > logged, "{} keeps no log", contestant.name());
    }
    Ok(())
}

fn is(answer: Option<Answer>, expected: Expected) -> anyhow::Result<()> {
    let right = match expected {
        Expected::Forwarded(length) => {
            matches!(answer, Some(a) if a.status == 200 && a.length == length && a.from_upstream)
        }
        Expected::Rejected => matches!(answer, Some(a) if a.status == 403 && !is_upstreams(a)),
        Expected::Closed => answer.is_none(),
    };
    ensure!(right, "{answer:?} instead of {expected:?}");
    Ok(())
}

fn is_upstreams(answer: Answer) -> bool {
    answer.from_upstream && answer.length > 0
}

/// A listed peer gets nothing; another one gets the page.
async fn closes(work: &Work, contestant: Contestant) -> anyhow::Result<()> {
    let ask = request(work.path, "192.0.2.1");
    for turn in 0..SAMPLE {
        is(answered(&work.target, turn, &ask).await?, Expected::Closed)?;
    }
    if contestant.decides() {
        let mut target = work.target.clone();
        target.sources = [PERMITTED_PEER].into();
        let answer = answered(&target, 0, &ask).await?;
        is(answer, Expected::Forwarded(crate::upstream::SMALL)).context("an allowed peer")?;
    }
    Ok(())
}
