//! HTTP/2: one connection with so many streams at a time.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use h2::client::SendRequest;
use tokio::task::JoinSet;

use super::connect::HOST;
use super::{Latencies, Turns, Work, microseconds};

/// Opens a connection and asks over it until the turns are used up.
pub(super) async fn connection(
    work: Work,
    turns: Arc<Turns>,
    number: usize,
    streams: usize,
) -> anyhow::Result<Latencies> {
    let stream = work.target.connect(number).await?;
    let (sender, connection) = h2::client::Builder::new()
        .initial_window_size(1 << 20)
        .initial_connection_window_size(16 << 20)
        .handshake::<_, Bytes>(stream)
        .await?;
    let driver = tokio::spawn(connection);
    let mut workers = JoinSet::new();
    for _ in 0..streams {
        workers.spawn(one_after_another(work.clone(), Arc::clone(&turns), sender.clone()));
    }
    let mut latencies = Latencies::new();
    while let Some(done) = workers.join_next().await {
        latencies.extend(done??);
    }
    driver.abort();
    Ok(latencies)
}

async fn one_after_another(
    work: Work,
    turns: Arc<Turns>,
    mut sender: SendRequest<Bytes>,
) -> anyhow::Result<Latencies> {
    let mut latencies = Latencies::new();
    while let Some(turn) = turns.take() {
        let place = turn.checked_rem(work.places.len()).and_then(|index| work.places.get(index));
        let request = http::Request::get(format!("https://{HOST}{}", work.path))
            .header("user-agent", "peers/1")
            .header("accept", "*/*")
            .header("x-forwarded-for", place.context("no place to come from")?.as_str())
            .body(())?;
        let begun = Instant::now();
        sender = sender.ready().await?;
        let (answer, _) = sender.send_request(request, true)?;
        let (head, mut body) = answer.await?.into_parts();
        let mut length = 0;
        while let Some(data) = body.data().await {
            let octets = data?.len();
            body.flow_control().release_capacity(octets)?;
            length += octets;
        }
        latencies.push(microseconds(begun));
        if !work.expected.is(head.status.as_u16(), length) {
            bail!("{} with {length} octets instead of {:?}", head.status, work.expected);
        }
    }
    Ok(latencies)
}
