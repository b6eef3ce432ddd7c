//! People who may pass and ask now and then, to see what they notice of what others do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::contestants::Surroundings;
use crate::load::{Connection, Target, request};

/// So many, with a connection each that stays.
const COUNT: usize = 16;
const PAUSE: Duration = Duration::from_millis(5);

/// People at work.
pub(crate) struct People {
    clients: JoinSet<anyhow::Result<Vec<f64>>>,
    stop: Arc<AtomicBool>,
}

impl People {
    pub(crate) fn start(target: &Target, around: &Surroundings) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for number in 0..COUNT {
            let (target, stop) = (target.clone(), Arc::clone(&stop));
            let place = around.places.allowed.get(number).cloned().unwrap_or_default();
            clients.spawn(async move {
                let request = request("/", &place);
                let mut connection = Connection::new(target.connect(number).await?);
                let mut milliseconds = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    let answer = connection.ask(&request, false).await?;
                    milliseconds.push(begun.elapsed().as_secs_f64() * 1000.0);
                    anyhow::ensure!(answer.status == 200, "{answer:?} for one who may pass");
                    tokio::time::sleep(PAUSE).await;
                }
                Ok(milliseconds)
            });
        }
        Self { clients, stop }
    }

    /// What they waited, sorted.
    pub(crate) async fn end(mut self) -> anyhow::Result<Vec<f64>> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        while let Some(done) = self.clients.join_next().await {
            all.extend(done??);
        }
        anyhow::ensure!(!all.is_empty(), "those who may pass asked nothing");
        all.sort_by(f64::total_cmp);
        Ok(all)
    }
}
