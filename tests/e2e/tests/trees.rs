//! Services that nobody has changed, and the tree that their spans make, judged by the one that is true.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use spanwire_e2e::agent::Agent;
use spanwire_e2e::door::Doorkeeper;
use spanwire_e2e::receiver::{Protocol, Receiver};
use spanwire_e2e::services::{Plan, Propagation, Services, Workers};
use spanwire_e2e::span::Span;
use spanwire_e2e::standin::{Served, StandIn};
use spanwire_e2e::tree::{End, Score};
use spanwire_e2e::{DEADLINE, LONG_DEADLINE, Setup};

/// How many ends of requests the services have, for each of a user's: that one's own, what is asked of the orchestrator and
/// its four requests, of which one is asked of the tools, and theirs.
const ENDS: usize = 9;

/// What is asked: a few questions after each other, then many at once. By the begin of their names, how many, and how many at once.
const LOADS: [(&str, usize, usize); 2] = [("a", 30, 1), ("b", 200, 20)];

/// What every measure that is a share is held to.
const NEARLY_ALL: f64 = 0.99;
const NEARLY_NONE: f64 = 0.01;

struct Scene {
    receiver: Receiver,
    standin: StandIn,
    services: Services,
    agent: Agent,
    _door: Option<Doorkeeper>,
}

impl Scene {
    async fn start(plan: &Plan<'_>, tls: bool, with_sdk: bool) -> Result<Self> {
        let setup = Setup::find()?;
        let receiver = Receiver::start(Protocol::Http).await?;
        let mut standin = StandIn::asking(&setup, !tls).await?;
        let endpoint = receiver.endpoint();
        let plan = Plan { sdk: with_sdk.then_some(endpoint.as_str()), ..*plan };
        let services = Services::start(&setup, &standin, &plan).await?;
        let arguments = ["--include", &services.scope(), "--log", "info,spanwire=debug"];
        let agent = Agent::start(&setup, &receiver, &arguments).await?;
        let door = Doorkeeper::start(&mut standin, Some(agent.log()));
        Ok(Self { receiver, standin, services, agent, _door: door })
    }
}

/// Asks, waits for a span of each end of each request, and judges the tree.
#[allow(clippy::print_stdout, reason = "what the tree is worth is for people, too")]
async fn scores(plan: Plan<'_>, tls: bool, with_sdk: bool) -> Result<Vec<Score>> {
    let Scene { receiver, services, agent, standin: _standin, _door } =
        Scene::start(&plan, tls, with_sdk).await?;
    let pids = services.follow(&agent).await?;
    let mut truths = Vec::new();
    let mut missing = Vec::new();
    for (prefix, count, at_once) in LOADS {
        services.ask(prefix, count, at_once).await?;
        let truth = services.truth(&pids, prefix)?;
        let hops = truth.judged().count();
        ensure!(hops == ENDS * count, "{hops} ends of {count} requests: {truth:#?}");
        // What is missing shows in the score, which says more.
        let all = |spans: &[Span]| truth.seen(spans) >= hops;
        missing.extend(receiver.wait_for("a span of each end", DEADLINE, all).await.err());
        truths.push(truth);
    }
    services.stop().await?;
    let ended = agent.stop().await?;
    ensure!(ended.status.success(), "{}: {}", ended.status, ended.stderr);
    let spans = receiver.spans();
    let scores: Vec<Score> = truths.iter().map(|truth| truth.score(&spans)).collect();
    for (score, (_, count, at_once)) in scores.iter().zip(LOADS) {
        println!("{count} requests, {at_once} at once: {score}");
    }
    ensure!(missing.is_empty(), "not every end of a request has a span");
    Ok(scores)
}

/// What holds of every tree, whoever propagates.
fn sound(score: &Score) -> Result<()> {
    ensure!(score.measures.orphan_rate() < NEARLY_NONE, "orphans: {score}");
    ensure!(
        score.measures.duplicates == 0 && score.measures.circles == 0 && score.doubled == 0,
        "ids: {score}"
    );
    for (method, links) in &score.methods {
        ensure!(links.precision().is_none_or(|share| share >= NEARLY_ALL), "wrong by {method}: {score}");
    }
    Ok(())
}

/// A tree that headers tell.
async fn told_by_headers(plan: Plan<'_>, tls: bool) -> Result<()> {
    for score in scores(plan, tls, false).await? {
        sound(&score)?;
        ensure!(score.precision().is_some_and(|share| share >= NEARLY_ALL), "precision: {score}");
        ensure!(score.recall() >= NEARLY_ALL, "recall: {score}");
    }
    Ok(())
}

/// One that they do not: what is not known is left open.
async fn not_told(plan: Plan<'_>, tls: bool) -> Result<()> {
    for score in scores(plan, tls, false).await? {
        sound(&score)?;
    }
    Ok(())
}

#[tokio::test]
async fn all_propagate_and_threads_serve() -> Result<()> {
    told_by_headers(Plan::all(Propagation::W3c, Workers::Threads), false).await
}

#[tokio::test]
async fn all_propagate_and_processes_serve() -> Result<()> {
    told_by_headers(Plan::all(Propagation::W3c, Workers::Processes), false).await
}

#[tokio::test]
async fn all_propagate_over_tls() -> Result<()> {
    told_by_headers(Plan::all(Propagation::W3c, Workers::Threads), true).await
}

#[tokio::test]
async fn all_propagate_and_all_is_tls() -> Result<()> {
    told_by_headers(Plan { tls: true, ..Plan::all(Propagation::W3c, Workers::Threads) }, true).await
}

#[tokio::test]
async fn nobody_propagates_and_all_is_tls() -> Result<()> {
    not_told(Plan { tls: true, ..Plan::all(Propagation::None, Workers::Threads) }, true).await
}

#[tokio::test]
async fn b3_in_the_middle() -> Result<()> {
    let plan = Plan::all(Propagation::W3c, Workers::Threads);
    told_by_headers(Plan { orchestrator: Propagation::B3, ..plan }, false).await
}

#[tokio::test]
async fn one_in_the_middle_does_not_propagate() -> Result<()> {
    let plan = Plan::all(Propagation::W3c, Workers::Threads);
    not_told(Plan { orchestrator: Propagation::None, ..plan }, false).await
}

#[tokio::test]
async fn nobody_propagates_and_threads_serve() -> Result<()> {
    not_told(Plan::all(Propagation::None, Workers::Threads), false).await
}

#[tokio::test]
async fn nobody_propagates_and_processes_serve() -> Result<()> {
    not_told(Plan::all(Propagation::None, Workers::Processes), false).await
}

/// All requests of one trace have one and the same header.
#[tokio::test]
async fn headers_are_copied() -> Result<()> {
    for score in scores(Plan::all(Propagation::Forward, Workers::Threads), false, false).await? {
        sound(&score)?;
        ensure!(score.split == 0 && score.mixed == 0, "a trace is a request: {score}");
    }
    Ok(())
}

#[tokio::test]
async fn an_sdk_in_the_middle_exports_too() -> Result<()> {
    let plan = Plan::all(Propagation::W3c, Workers::Threads);
    let scores = scores(Plan { orchestrator: Propagation::None, ..plan }, false, true).await?;
    for (score, (_, count, _)) in scores.iter().zip(LOADS) {
        sound(score)?;
        ensure!(score.split == 0 && score.mixed == 0, "a trace is a request: {score}");
        let roots = &score.measures.roots_per_trace;
        ensure!(roots.len() == 1 && roots.get(&1) == Some(&count), "one tree a request: {score}");
    }
    Ok(())
}

/// What `spanwire stats` says of traces that are over is what was done.
#[tokio::test]
async fn stats_are_those_of_the_requests() -> Result<()> {
    let setup = Setup::find()?;
    let receiver = Receiver::start(Protocol::Http).await?;
    let standin = StandIn::start(&setup, true).await?;
    let plan = Plan { users: Propagation::None, ..Plan::all(Propagation::W3c, Workers::Threads) };
    let services = Services::start(&setup, &standin, &plan).await?;
    let scope = services.scope();
    let agent =
        Agent::start(&setup, &receiver, &["--include", &scope, "--services-from-start", &scope]).await?;
    services.ask("s", COUNT, 1).await?;
    let count = COUNT as u64;
    let is_over = |stats: &Value| {
        let number = |path: &str| stats.pointer(path).and_then(Value::as_u64);
        number("/all/traces") == Some(count) && number("/open_traces") == Some(0)
    };
    let stats = agent.stats_when("all traces", LONG_DEADLINE, is_over).await?;
    let told = |path: &str| stats.pointer(&format!("/all/{path}")).and_then(Value::as_f64);
    let of_each = |measure: &str, value: f64| {
        let (sum, max) = (told(&format!("{measure}/sum")), told(&format!("{measure}/max")));
        let is_all = sum.is_some_and(|sum| (sum - value * COUNT as f64).abs() < 0.001);
        ensure!(is_all && max == Some(value), "{measure} is not {value} of each: {stats:#}");
        Ok(())
    };
    // Beside the ends of requests a run of the agent and its tool.
    of_each("spans_per_trace", (ENDS + 2) as f64)?;
    // The orchestrator and the tools are both called after gunicorn.
    of_each("service_hops", 1.0)?;
    of_each("fragments", 1.0)?;
    of_each("errors_per_trace", 0.0)?;
    ensure!(told("orphan_rate_raw") == Some(0.0), "{stats:#}");
    let served = standin.log(0).await?;
    let (input, output) = served
        .iter()
        .filter(|served| named_by(served, 's'))
        .fold((0, 0), |sum, served| (sum.0 + served.input_tokens, sum.1 + served.output_tokens));
    for (measure, truth) in [("input_tokens", input), ("output_tokens", output)] {
        let sum = told(&format!("{measure}/sum"));
        ensure!(truth > 0 && sum == Some(truth as f64), "{measure}: {sum:?} and not {truth}");
    }
    services.stop().await?;
    agent.stop().await?;
    Ok(())
}

fn named_by(served: &Served, first: char) -> bool {
    served.reference.as_deref().is_some_and(|reference| reference.starts_with(first))
}

/// The scene itself, without a word of the agent's on who stands above whom: both ends of each request are logged, and the
/// spans of calls stand for the requests that the model served.
#[tokio::test]
async fn the_truth_is_whole() -> Result<()> {
    for (workers, tls) in [(Workers::Threads, false), (Workers::Processes, true)] {
        let plan = Plan::all(Propagation::W3c, workers);
        let Scene { receiver, standin, services, agent, _door } = Scene::start(&plan, tls, false).await?;
        let pids = services.warm_up().await?;
        services.ask("r", COUNT, AT_ONCE).await?;
        let served = standin.log(0).await?;
        let truth = services.truth(&pids, "r")?;
        let hops: Vec<_> = truth.judged().collect();
        ensure!(hops.len() == ENDS * COUNT, "{} ends of requests", hops.len());
        let of_model: BTreeSet<_> = served.iter().filter_map(|served| served.reference.as_deref()).collect();
        for hop in &hops {
            let other = if hop.end == End::In { End::Out } else { End::In };
            let is_whole =
                truth.hop(&hop.reference, other).is_some() || of_model.contains(hop.reference.as_str());
            ensure!(is_whole && hop.own.is_some() && hop.peer.is_some(), "{hop:#?}");
        }
        let calls: Vec<_> = served.iter().filter(|served| named_by(served, 'r')).collect();
        ensure!(calls.len() == 4 * COUNT, "{} calls", calls.len());
        let all = |spans: &[Span]| truth.called(spans).len() >= calls.len();
        receiver.wait_for("spans of all calls", DEADLINE, all).await?;
        services.stop().await?;
        agent.stop().await?;
        let spans = receiver.spans();
        let called = truth.called(&spans);
        for served in calls {
            let reference = served.reference.as_deref().unwrap_or_default();
            let span = called.get(reference).with_context(|| format!("no span of {served:#?}"))?;
            let id = span.response_id().unwrap_or_default();
            ensure!(id == served.id, "{span:#?} stands for {served:#?}");
        }
    }
    Ok(())
}

const COUNT: usize = 40;
const AT_ONCE: usize = 20;
