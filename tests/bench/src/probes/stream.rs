//! A stream of 500 pieces through Python and the openai SDK, with the agent and without.

use anyhow::{Result, ensure};
use spanwire_e2e::client::Client;
use spanwire_e2e::standin::StandIn;

use crate::bench::{Bench, Tracing};
use crate::nginx::Nginx;
use crate::stats::{Bound, Samples, Table};

/// Streams that one client asks for. The first one opens the connection and is not counted.
pub(crate) const STREAMS: usize = 30;
/// Pieces of each.
pub(crate) const PIECES: usize = 500;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Bound>> {
    let standin = StandIn::start(&bench.setup, false).await?;
    let sink = Nginx::start(1024).await?;
    let (mut without, mut with) = (Samples::default(), Samples::default());
    for _ in 0..bench.rounds {
        without.add(run(bench, &standin).await?);
        let agent = Tracing::start(bench, &sink.sink(), &[]).await?;
        with.add(run(bench, &standin).await?);
        let stopped = agent.stop().await?;
        ensure!(stopped.calls >= STREAMS as u64, "of {STREAMS} streams the agent saw {}", stopped.calls);
    }
    sink.stop().await?;
    let slower = with.over(&without).beyond(&without.over(&without)).times(100.0);
    let mut table = Table::new(["", "ms a stream", "slower by %"]);
    table.row(["without".to_owned(), without.shown(2), String::new()]);
    table.row(["with spanwire".to_owned(), with.shown(2), slower.shown(1)]);
    table.print("A stream of 500 pieces, Python's openai SDK over TLS");
    Ok(vec![Bound::at_most("a 500-piece stream through Python is slower by", slower.median(), 10.0, " %")])
}

/// Milliseconds of a stream, by the median of many.
pub(crate) async fn run(bench: &Bench, standin: &StandIn) -> Result<f64> {
    let client = Client::python(&bench.setup, "openai_sdk.py", standin);
    let done = client.model("standin-500-pieces").count(STREAMS).args(["--stream"]).run().await?;
    ensure!(done.calls.iter().all(|call| call.error.is_none()), "the client met errors: {:#?}", done.calls);
    let times = done.calls.iter().skip(1).map(|call| (call.ended_ns - call.started_ns) as f64 / 1e6);
    Ok(times.collect::<Samples>().median())
}
