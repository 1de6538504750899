//! Programs that were never seen before, make one call and are gone.

#![allow(clippy::print_stdout, reason = "the figures are of interest also where the test passes")]

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::client::{Client, Received};
use spanwire_e2e::folder::Folder;
use spanwire_e2e::scene::{Scene, concerning};
use spanwire_e2e::{LONG_DEADLINE, Setup};

const STARTS: usize = 100;
/// Programs that run side by side.
const TOGETHER: usize = 10;

/// The interpreter behind the tests' Python, and where its library is.
fn interpreter(setup: &Setup) -> Result<(PathBuf, String)> {
    let ask = "import sys; print(sys._base_executable, sys.base_prefix, sep='\\n')";
    let said = std::process::Command::new(&setup.python).args(["-c", ask]).output()?.stdout;
    let said = String::from_utf8(said)?;
    let (executable, home) = said.trim().split_once('\n').context("two lines")?;
    Ok((Path::new(executable).canonicalize()?, home.to_owned()))
}

/// How many of the calls became a span.
async fn seen(scene: Scene, calls: &[Received]) -> Result<usize> {
    let Scene { receiver, standin, agent, .. } = scene;
    let served = standin.log(calls.len()).await?;
    ensure!(served.len() == STARTS, "{} calls were served", served.len());
    // The agent delivers what it has when it stops.
    let ended = agent.stop().await?;
    ensure!(ended.status.success(), "{}", ended.stderr);
    let spans = receiver.spans();
    let of =
        |call: &&Received| concerning(&standin, &spans).any(|span| span.response_id() == call.id.as_deref());
    Ok(calls.iter().filter(of).count())
}

/// Runs a program, made anew for each start, and returns what it received.
async fn starts(make: impl Fn(usize) -> Result<Client>) -> Result<Vec<Received>> {
    let mut calls = Vec::new();
    for first in (0..STARTS).step_by(TOGETHER) {
        let running: Vec<_> =
            (first..first + TOGETHER).map(|index| make(index)?.start()).collect::<Result<_>>()?;
        for program in running {
            calls.extend(program.end(LONG_DEADLINE).await?.calls);
        }
    }
    ensure!(calls.iter().all(|call| call.error.is_none()), "a program met an error: {calls:#?}");
    Ok(calls)
}

async fn python_of_one_second(scene: Scene, name: &str) -> Result<()> {
    let folder = Folder::new()?;
    let (executable, home) = interpreter(&scene.setup)?;
    let calls = starts(|index| {
        let copy = folder.path().join(format!("python-{index}"));
        std::fs::copy(&executable, &copy)?;
        Ok(Client::python_at(&copy, &scene.setup, "one_second.py", &scene.standin).env("PYTHONHOME", &home))
    })
    .await?;
    let seen = seen(scene, &calls).await?;
    println!("{name}: {seen} of {STARTS} programs that live for one second were seen");
    ensure!(seen >= 99, "only {seen} of {STARTS}");
    Ok(())
}

#[tokio::test]
async fn one_second_over_tls() -> Result<()> {
    python_of_one_second(Scene::tls(&[]).await?, "TLS").await
}

#[tokio::test]
async fn one_second_in_plain_text() -> Result<()> {
    python_of_one_second(Scene::plain(&[]).await?, "plain text").await
}

/// curl lives for some 10 ms. Nothing is asserted of it over TLS but that most are seen: the figure is
/// what matters.
#[tokio::test]
async fn curl_copies() -> Result<()> {
    let curl = std::env::split_paths(&std::env::var_os("PATH").context("no PATH")?)
        .map(|folder| folder.join("curl"))
        .find(|path| path.exists())
        .context("no curl")?;
    for (scene, name) in [(Scene::tls(&[]).await?, "TLS"), (Scene::plain(&[]).await?, "plain text")] {
        let folder = Folder::new()?;
        let calls = starts(|index| {
            let copy = folder.path().join(format!("curl-{index}"));
            std::fs::copy(&curl, &copy)?;
            Ok(Client::curl_at(&copy, &scene.standin, "gpt-4o-mini"))
        })
        .await?;
        let seen = seen(scene, &calls).await?;
        println!("{name}: {seen} of {STARTS} new copies of curl were seen");
        ensure!(seen >= STARTS / 2, "only {seen} of {STARTS} over {name}");
    }
    Ok(())
}
