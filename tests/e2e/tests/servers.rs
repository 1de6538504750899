//! What servers ask for while they serve requests, or after that, where no header tells: no parent is wrong, from the first
//! request on.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use spanwire_e2e::agent::Agent;
use spanwire_e2e::receiver::{Protocol, Receiver};
use spanwire_e2e::servers::{Kind, Served};
use spanwire_e2e::span::Span;
use spanwire_e2e::standin::StandIn;
use spanwire_e2e::tree::{End, Score};
use spanwire_e2e::{DEADLINE, Setup};

/// What is asked: many questions at once before anything is known of the server; a few after each other; many at once. By the
/// begin of their names, how many, and how many at once.
const LOADS: [(&str, usize, usize); 3] = [("w", 60, 20), ("a", 30, 1), ("b", 200, 20)];

const NEARLY_ALL: f64 = 0.99;

const THREADS: &[&str] = &["--worker-class", "gthread", "--threads", "8", "--workers", "1"];
const PROCESSES: &[&str] = &["--worker-class", "sync", "--workers", "4"];
/// Each process serves nine requests at the most.
const RECYCLED: &[&str] = &["--worker-class", "sync", "--workers", "4", "--max-requests", "9"];

const fn gunicorn(app: &'static str, handler: &'static str, arguments: &'static [&'static str]) -> Kind {
    Kind::Gunicorn { app, handler, arguments }
}

/// Asks, and judges the tree: of each load by itself.
#[allow(clippy::print_stdout, reason = "what the tree is worth is for people, too")]
async fn scores(kind: Kind) -> Result<Vec<Score>> {
    let setup = Setup::find()?;
    let receiver = Receiver::start(Protocol::Http).await?;
    let standin = StandIn::asking(&setup, true).await?;
    let mut served = Served::start(&setup, &standin, kind).await?;
    let arguments = ["--include", &served.scope(), "--log", "info,spanwire=debug"];
    let agent = Agent::start(&setup, &receiver, &arguments).await?;
    for (prefix, count, at_once) in LOADS {
        served.ask(prefix, count, at_once).await?;
        if prefix == "w" {
            served.followed(&agent).await?;
        }
    }
    served.stop().await?;
    let mut truths = Vec::new();
    for (prefix, count, _) in LOADS {
        let truth = served.truth(prefix)?;
        let calls: BTreeSet<_> =
            truth.judged().filter(|hop| hop.end == End::Out).map(|hop| hop.reference.clone()).collect();
        ensure!(calls.len() == 2 * count, "{} calls of {count} requests: {truth:#?}", calls.len());
        // The first ones may be over before their process is known.
        let all = |spans: &[Span]| prefix == "w" || truth.called(spans).len() == calls.len();
        receiver.wait_for("a span of each call", DEADLINE, all).await?;
        truths.push(truth);
    }
    let ended = agent.stop().await?;
    ensure!(ended.status.success(), "{}: {}", ended.status, ended.stderr);
    let spans = receiver.spans();
    let scores: Vec<Score> = truths.iter().map(|truth| truth.score(&spans)).collect();
    for (score, (_, count, at_once)) in scores.iter().zip(LOADS) {
        println!("{count} requests, {at_once} at once: {score}");
    }
    Ok(scores)
}

/// No parent is wrong.
async fn precise(kind: Kind) -> Result<Vec<Score>> {
    let scores = scores(kind).await?;
    for score in &scores {
        for (method, links) in &score.methods {
            ensure!(links.precision().is_none_or(|share| share >= NEARLY_ALL), "wrong by {method}: {score}");
        }
    }
    Ok(scores)
}

/// And, once it is known how the server serves, none that exists is missing.
async fn whole(kind: Kind) -> Result<()> {
    for score in precise(kind).await?.into_iter().skip(2) {
        // A connection may be followed only some time after its process is: what is made for a request that was not seen, two
        // calls, has no parent.
        let open = 2 * (score.hops - score.seen);
        ensure!((score.found + open) as f64 >= NEARLY_ALL * score.links as f64, "recall: {score}");
    }
    Ok(())
}

#[tokio::test]
async fn flask_in_threads() -> Result<()> {
    whole(gunicorn("flask_server", "itself", THREADS)).await
}

#[tokio::test]
async fn django_in_threads() -> Result<()> {
    whole(gunicorn("django_server", "itself", THREADS)).await
}

#[tokio::test]
async fn processes() -> Result<()> {
    whole(gunicorn("django_server", "itself", PROCESSES)).await
}

#[tokio::test]
async fn processes_that_are_recycled() -> Result<()> {
    precise(gunicorn("flask_server", "itself", RECYCLED)).await.map(drop)
}

#[tokio::test]
async fn threads_of_a_pool() -> Result<()> {
    precise(gunicorn("flask_server", "pool", THREADS)).await.map(drop)
}

#[tokio::test]
async fn threads_of_a_pool_after_the_answer() -> Result<()> {
    precise(gunicorn("flask_server", "later", THREADS)).await.map(drop)
}

#[tokio::test]
async fn threads_after_the_answer() -> Result<()> {
    precise(gunicorn("flask_server", "after", THREADS)).await.map(drop)
}

#[tokio::test]
async fn puma() -> Result<()> {
    precise(Kind::Puma).await.map(drop)
}

#[tokio::test]
async fn php() -> Result<()> {
    precise(Kind::Php).await.map(drop)
}

#[tokio::test]
async fn go() -> Result<()> {
    precise(Kind::Go).await.map(drop)
}
