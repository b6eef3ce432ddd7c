//! The results as Markdown (which is what is printed) and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::contestants::Contestant;
use crate::flood::{self, Flooded};
use crate::growth::Growth;
use crate::idle::Idle;
use crate::nanoseconds::Timed;
use crate::results::{Measured, Results};
use crate::rounds::Series;
use crate::slowloris::Attack;
use crate::verdict::{Claim, Row};

/// Everything, to be read.
pub(crate) fn markdown(results: &Results, rows: &[Row], head: &[String]) -> String {
    let mut text = String::from("# geovagt beside the others\n\n");
    for line in head {
        let _ = writeln!(text, "{line}  ");
    }
    for measured in &results.scenarios {
        scenario(&mut text, measured);
    }
    memory(&mut text, results);
    idle(&mut text, results);
    slow_clients(&mut text, results);
    floods(&mut text, results);
    growth(&mut text, results);
    nanoseconds(&mut text, results);
    verdict(&mut text, rows);
    for (part, why) in &results.broken {
        let _ = write!(text, "\n**`{part}` did not come to its end:**\n\n```text\n{why}\n```\n");
    }
    text
}

/// One scenario while the run goes on.
pub(crate) fn scenario(text: &mut String, measured: &Measured) {
    let _ = write!(
        text,
        "\n## {} (`{}`)\n\n| | CPU ms / 1,000 | spread | p50 ms | p99 ms | MiB after | \
         geovagt over it: CPU | p99 | noise |\n|---|--:|--:|--:|--:|--:|--:|--:|---|\n",
        measured.scenario.title, measured.scenario.name
    );
    for series in &measured.series {
        line(text, measured, series);
    }
}

fn line(text: &mut String, measured: &Measured, series: &Series) {
    let (Some(cpu), Some(p50), Some(p99)) =
        (series.spread(|f| f.cpu), series.spread(|f| f.p50), series.spread(|f| f.p99))
    else {
        return;
    };
    let itself = series.contestant == Contestant::Geovagt;
    let ratio = |figure: fn(&crate::rounds::Figures) -> f64| match measured
        .ratio(series.contestant, figure)
    {
        Some(spread) if !itself => spread.to_string(),
        _ => String::new(),
    };
    let noise = match (series.noisy(), series.thrown_away) {
        (0, 0) => String::new(),
        (0, again) => format!("{again} thrown away"),
        (noisy, again) => {
            format!("{noisy} of {} noisy, {again} thrown away", series.rounds.len())
        }
    };
    let _ = writeln!(
        text,
        "| {} | {:.1} | {:.1}–{:.1} | {:.2} | {:.2} | {:.0} | {} | {} | {noise} |",
        series.contestant.name(),
        cpu.median,
        cpu.lowest,
        cpu.highest,
        p50.median,
        p99.median,
        series.memory / 1024.0,
        ratio(|f| f.cpu),
        ratio(|f| f.p99),
    );
}

fn memory(text: &mut String, results: &Results) {
    if results.memory.is_empty() {
        return;
    }
    let _ = write!(text, "\n## memory\n\n| | MiB after start |\n|---|--:|\n");
    for memory in &results.memory {
        let _ = writeln!(text, "| {} | {:.1} |", memory.contestant.name(), memory.started / 1024.0);
    }
}

fn idle(text: &mut String, results: &Results) {
    let Some(first) = results.idle.first() else { return };
    let _ = write!(
        text,
        "\n## idle connections, {} of them (`{}`)\n\nMemory of the processes; the kernel's is \
         nobody's.\n\n| | TLS | had a request | KiB each |\n|---|---|---|--:|\n",
        first.connections,
        crate::idle::NAME,
    );
    for idle in &results.idle {
        let yes = |condition| if condition { "yes" } else { "no" };
        let name = idle.contestant.name();
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {:.1} |",
            yes(idle.tls),
            yes(idle.asked),
            idle.kib
        );
    }
}

fn slow_clients(text: &mut String, results: &Results) {
    if results.attacks.is_empty() {
        return;
    }
    let _ = write!(
        text,
        "\n## {} slow clients (`{}`)\n\n| | shed | held | the last after s | MiB before | \
         meanwhile | afterwards | p99 ms of others before | meanwhile |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        crate::slowloris::COUNT,
        crate::slowloris::NAME,
    );
    for attack in &results.attacks {
        let [before, meanwhile, afterwards] = attack.memory.map(|kib| kib / 1024.0);
        let [alone, attacked] = attack.p99;
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.2} | {before:.1} | {meanwhile:.1} | {afterwards:.1} | {alone:.2} | \
             {attacked:.2} |",
            attack.contestant.name(),
            attack.shed.closed,
            attack.shed.held,
            attack.shed.longest.as_secs_f64(),
        );
    }
}

fn floods(text: &mut String, results: &Results) {
    if results.floods.is_empty() {
        return;
    }
    let _ = write!(
        text,
        "\n## a flood from listed countries (`{}`)\n\nWhat people who may pass wait meanwhile, and \
         how much longer that is than without the flood.\n\n| flood | | events/s | p50 ms alone | \
         under it | over alone | p99 ms alone | under it | over alone | CPU ms / 1,000 | others |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        flood::NAME,
    );
    for kind in crate::load::Kind::ALL {
        for contestant in Contestant::ALL {
            let of = |figure: fn(&Flooded) -> f64| {
                flood::spread(&results.floods, contestant, kind, figure)
            };
            let median = |figure| of(figure).map_or(0.0, |spread| spread.median);
            let (Some(half), Some(most)) =
                (of(|one| one.p50[1] / one.p50[0]), of(|one| one.p99[1] / one.p99[0]))
            else {
                continue;
            };
            let _ = writeln!(
                text,
                "| {} | {} | {:.0} | {:.2} | {:.2} | {half} | {:.2} | {:.2} | {most} | {:.1} | {:.0} % |",
                kind.name(),
                contestant.name(),
                median(|one| one.rate),
                median(|one| one.p50[0]),
                median(|one| one.p50[1]),
                median(|one| one.p99[0]),
                median(|one| one.p99[1]),
                median(|one| one.cpu),
                median(|one| one.others) * 100.0,
            );
        }
    }
}

fn growth(text: &mut String, results: &Results) {
    if results.growth.is_empty() {
        return;
    }
    let _ = write!(
        text,
        "\n## growth (`{}`)\n\n| | CPU ms / 1,000 before | grown | grown over before | \
         |\n|---|--:|--:|--:|---|\n",
        crate::growth::NAME
    );
    for growth in &results.growth {
        let cpu = |series: &Series| series.spread(|f| f.cpu).map_or(0.0, |spread| spread.median);
        let _ = writeln!(
            text,
            "| {} | {:.1} | {:.1} | {} | {} |",
            growth.what,
            cpu(&growth.small),
            cpu(&growth.grown),
            growth.ratio().map(|ratio| ratio.to_string()).unwrap_or_default(),
            if growth.noisy() { "noisy" } else { "" },
        );
    }
}

fn nanoseconds(text: &mut String, results: &Results) {
    if results.nanoseconds.is_empty() {
        return;
    }
    let _ = write!(text, "\n## inside (`{}`)\n\n| | ns |\n|---|--:|\n", crate::nanoseconds::NAME);
    for timed in &results.nanoseconds {
        let _ = writeln!(text, "| {} | {:.1} |", timed.name, timed.nanoseconds);
    }
}

fn verdict(text: &mut String, rows: &[Row]) {
    let _ = write!(
        text,
        "\n## what must hold, and what is aimed at\n\n| | must | measured | | goal | measured | \
         |\n|---|---|---|---|---|---|---|\n"
    );
    for row in rows {
        let _ = writeln!(text, "| {} | {} | {} |", row.what, cells(&row.must), cells(&row.goal));
    }
    let musts: Vec<&Claim> = rows.iter().filter_map(|row| row.must.as_ref()).collect();
    let count = |condition: fn(&&&Claim) -> bool| musts.iter().filter(condition).count();
    let _ = writeln!(
        text,
        "\n{} of {} \"must\" hold; {} of them were measured while others used the machine.",
        count(|claim| claim.met),
        musts.len(),
        count(|claim| claim.noisy),
    );
}

fn cells(claim: &Option<Claim>) -> String {
    let Some(claim) = claim else { return " | | ".to_owned() };
    let met = if claim.met { "met" } else { "**not met**" };
    let noisy = if claim.noisy { ", noisy" } else { "" };
    format!("{} | {} | {met}{noisy}", claim.wanted, claim.measured)
}

/// Everything, to be computed with.
pub(crate) fn json(results: &Results, rows: &[Row], head: &[String]) -> Value {
    let scenarios: Vec<Value> = results
        .scenarios
        .iter()
        .map(|measured| {
            let series: Vec<Value> = measured.series.iter().map(of_series).collect();
            json!({
                "name": measured.scenario.name,
                "title": measured.scenario.title,
                "contestants": series,
            })
        })
        .collect();
    let memory: Vec<Value> = results
        .memory
        .iter()
        .map(|memory| json!({"name": memory.contestant.name(), "started_kib": memory.started}))
        .collect();
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| json!({"what": row.what, "must": of_claim(&row.must), "goal": of_claim(&row.goal)}))
        .collect();
    json!({
        "run": head,
        "scenarios": scenarios,
        "memory": memory,
        "idle": results.idle.iter().map(of_idle).collect::<Vec<_>>(),
        "slow_clients": results.attacks.iter().map(of_attack).collect::<Vec<_>>(),
        "floods": results.floods.iter().map(of_flood).collect::<Vec<_>>(),
        "growth": results.growth.iter().map(of_growth).collect::<Vec<_>>(),
        "nanoseconds": results.nanoseconds.iter().map(of_timed).collect::<Vec<_>>(),
        "verdict": rows,
        "broken": results.broken,
    })
}

fn of_idle(idle: &Idle) -> Value {
    json!({
        "name": idle.contestant.name(),
        "tls": idle.tls,
        "asked": idle.asked,
        "connections": idle.connections,
        "kib_each": idle.kib,
    })
}

fn of_attack(attack: &Attack) -> Value {
    json!({
        "name": attack.contestant.name(),
        "closed": attack.shed.closed,
        "held": attack.shed.held,
        "last_closed_seconds": attack.shed.longest.as_secs_f64(),
        "memory_kib": attack.memory,
        "p99_ms_of_others": attack.p99,
    })
}

fn of_flood(flooded: &Flooded) -> Value {
    json!({
        "name": flooded.contestant.name(),
        "flood": flooded.kind.name(),
        "events_per_second": flooded.rate,
        "p50_ms": flooded.p50,
        "p99_ms": flooded.p99,
        "cpu_ms_per_1000": flooded.cpu,
        "others": flooded.others,
    })
}

fn of_growth(growth: &Growth) -> Value {
    json!({
        "what": growth.what,
        "before": of_series(&growth.small),
        "grown": of_series(&growth.grown),
    })
}

fn of_timed(timed: &Timed) -> Value {
    json!({"name": timed.name, "nanoseconds": timed.nanoseconds})
}

fn of_series(series: &Series) -> Value {
    let rounds: Vec<Value> = series
        .rounds
        .iter()
        .map(|figures| {
            json!({
                "cpu_ms_per_1000": figures.cpu,
                "p50_ms": figures.p50,
                "p99_ms": figures.p99,
                "others": figures.others,
                "quiet": figures.quiet(),
            })
        })
        .collect();
    json!({
        "name": series.contestant.name(),
        "memory_kib": series.memory,
        "thrown_away": series.thrown_away,
        "rounds": rounds,
    })
}

fn of_claim(claim: &Option<Claim>) -> Value {
    claim.as_ref().map_or(Value::Null, |claim| {
        json!({
            "wanted": claim.wanted,
            "measured": claim.measured,
            "met": claim.met,
            "noisy": claim.noisy,
        })
    })
}
