//! Programs that were never seen before, make one call and are gone.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use spanwire_e2e::Setup;
use spanwire_e2e::agent::Agent;
use spanwire_e2e::receiver::{Protocol, Receiver};
use spanwire_e2e::scene::Scene;
use spanwire_e2e::standin::StandIn;
use spanwire_e2e::starts::{Original, start_again, start_copies, start_images};
use tokio::task::JoinSet;
use tokio::time::interval;

use crate::figure::Figure;

const STARTS: usize = 100;
/// Programs that run side by side.
const TOGETHER: usize = 10;

pub(crate) async fn run() -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (original, name) in
        [(Original::OneSecond, "Python for a second"), (Original::Curl, "curl, some 10 ms")]
    {
        for plain in [false, true] {
            let scene = Scene::open(Protocol::Http, plain, &[]).await?;
            let began = Instant::now();
            let calls = start_copies(&scene, &original, STARTS, TOGETHER).await?;
            let took = began.elapsed();
            ensure!(calls.len() == STARTS, "{} calls were made", calls.len());
            let over = if plain { "plain" } else { "TLS" };
            figures.push(Figure::of(format!("new programs, {name} ({over})"), scene, &calls, took).await?);
        }
    }
    Ok(figures)
}

/// Programs of some 10 ms, as [`run`] starts them; what they speak is TLS, for which their files must be known.
pub(crate) async fn short() -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (original, name) in [(Original::Curl, "curl"), (Original::Go, "Go, static")] {
        for again in [false, true] {
            let scene = Scene::open(Protocol::Http, false, &[]).await?;
            let began = Instant::now();
            let calls = if again {
                start_again(&scene, &original, STARTS, TOGETHER).await?
            } else {
                start_copies(&scene, &original, STARTS, TOGETHER).await?
            };
            let took = began.elapsed();
            ensure!(calls.len() == STARTS, "{} calls were made", calls.len());
            let what = if again { "one program again and again" } else { "new programs" };
            figures.push(Figure::of(format!("{what}, {name} (TLS)"), scene, &calls, took).await?);
        }
    }
    Ok(figures)
}

/// Containers that are started one after the other.
const IMAGES: u32 = 20;

/// Containers of images that were never seen before, each with a libcrypto of its own, whose first and only program makes
/// one call over TLS.
pub(crate) async fn images() -> Result<Vec<Figure>> {
    let scene = Scene::open(Protocol::Http, false, &[]).await?;
    let began = Instant::now();
    let calls = start_images(&scene, IMAGES).await?;
    ensure!(calls.len() == IMAGES as usize, "{} calls were made", calls.len());
    let took = began.elapsed();
    Ok(vec![Figure::of("containers of never-seen images, curl (TLS)".to_owned(), scene, &calls, took).await?])
}

/// Processes that make one call each, and how long all of them take.
const PROCESSES: u32 = 2_000;
const WITHIN: Duration = Duration::from_secs(60);
/// What a receiver takes for each request that is far away, or busy.
const RECEIVER_TAKES: Duration = Duration::from_millis(80);
/// What the agent waits when it stops, if nobody says anything else.
const STOP_TIMEOUT: &str = "5";

/// Processes that come and go, before a receiver that is slow: each is a resource of its own to the exporter. Over
/// plain HTTP, so that no probe need be there in time.
pub(crate) async fn processes() -> Result<Vec<Figure>> {
    let setup = Setup::find()?;
    let receiver = Receiver::slow(Protocol::Http, RECEIVER_TAKES).await?;
    let standin = StandIn::start(&setup, true).await?;
    let agent = Agent::start(&setup, &receiver, &["--stop-timeout", STOP_TIMEOUT]).await?;
    let scene = Scene::of(setup, receiver, standin, agent);
    let began = Instant::now();
    let mut due = interval(WITHIN / PROCESSES);
    let mut running = JoinSet::new();
    let mut calls = Vec::new();
    for _ in 0..PROCESSES {
        due.tick().await;
        running.spawn(scene.curl("gpt-4o-mini").run());
        while let Some(ended) = running.try_join_next() {
            calls.extend(ended??.calls);
        }
    }
    while let Some(ended) = running.join_next().await {
        calls.extend(ended??.calls);
    }
    let took = began.elapsed();
    let what = format!("{PROCESSES} processes, a receiver of {} ms", RECEIVER_TAKES.as_millis());
    let mut figure = Figure::of(what, scene, &calls, took).await?;
    if figure.dropped() > 0 {
        figure.wrong.push(format!("the exporter dropped {} of {PROCESSES} spans", figure.dropped()));
    }
    Ok(vec![figure])
}
