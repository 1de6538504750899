//! Programs that live for a moment: copies that were never seen before on this host, each started once, or one of
//! them started again and again. They ask the stand-in by a provider's name, so that the agent knows of those that
//! it does not see.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::client::{Client, Received};
use crate::container::RootFs;
use crate::folder::Folder;
use crate::scene::{Scene, concerning};
use crate::standin::PROVIDER;
use crate::{LONG_DEADLINE, Setup, native_client};

/// What is copied.
#[derive(Clone, Copy, Debug)]
pub enum Original {
    /// The interpreter behind the tests' Python, which makes one call by its standard library and lives
    /// for a second.
    OneSecond,
    /// curl, which lives for some 10 ms.
    Curl,
    /// The client in Go, static and stripped, which lives for some 10 ms.
    Go,
}

/// Starts `count` copies, at most `together` at a time, and returns what they received.
///
/// # Errors
/// When one meets an error.
pub async fn start_copies(
    scene: &Scene,
    original: &Original,
    count: usize,
    together: usize,
) -> Result<Vec<Received>> {
    start(scene, *original, count, together, |index| format!("program-{index}")).await
}

/// Starts one copy `count` times, at most `together` at a time, and returns what they received.
///
/// # Errors
/// When one meets an error.
pub async fn start_again(
    scene: &Scene,
    original: &Original,
    count: usize,
    together: usize,
) -> Result<Vec<Received>> {
    start(scene, *original, count, together, |_| "program".to_owned()).await
}

async fn start(
    scene: &Scene,
    original: Original,
    count: usize,
    together: usize,
    name: impl Fn(usize) -> String,
) -> Result<Vec<Received>> {
    let folder = Folder::new()?;
    let mut calls = Vec::new();
    for first in (0..count).step_by(together.max(1)) {
        let running: Vec<_> = (first..count.min(first + together))
            .map(|index| client(scene, original, &folder.path().join(name(index)))?.start())
            .collect::<Result<_>>()?;
        for program in running {
            calls.extend(program.end(LONG_DEADLINE).await?.calls);
        }
    }
    ensure!(calls.iter().all(|call| call.error.is_none()), "a program met an error: {calls:#?}");
    Ok(calls)
}

/// A copy at `at`, made where there is none yet.
fn client(scene: &Scene, original: Original, at: &Path) -> Result<Client> {
    let Scene { setup, standin, .. } = scene;
    let url = standin.provider_url();
    let copy = |from: &Path| if at.exists() { Ok(0) } else { std::fs::copy(from, at) };
    match original {
        Original::OneSecond => {
            let (executable, home) = interpreter(setup)?;
            copy(&executable)?;
            let client = Client::python_at(at, setup, "one_second.py", standin).args(["--base-url", &url]);
            Ok(client.env("CONNECT_TO", "127.0.0.1").env("PYTHONHOME", home))
        }
        Original::Curl => {
            copy(&curl()?)?;
            let there = format!("{PROVIDER}:{}:127.0.0.1", standin.port);
            Ok(Client::curl_by(at, standin, &url, "gpt-4o-mini").args(["--resolve", &there]))
        }
        Original::Go => {
            copy(&native_client("go-client")?)?;
            Ok(Client::native_at(at, standin, &url).env("CONNECT_TO", "127.0.0.1"))
        }
    }
}

/// Starts curl once in each of `count` containers, one after the other, each with a root of its own whose libcrypto nobody
/// has seen before, and returns what it received.
///
/// # Errors
/// When one meets an error.
pub async fn start_images(scene: &Scene, count: u32) -> Result<Vec<Received>> {
    let Scene { standin, .. } = scene;
    let program = curl()?;
    let there = format!("{PROVIDER}:{}:127.0.0.1", standin.port);
    let mut calls = Vec::new();
    for number in 0..count {
        let root = RootFs::with(&program)?;
        root.rebuild("libcrypto.so", number)?;
        if let Some(ca) = standin.ca() {
            root.add(ca)?;
        }
        let client = Client::curl_by(&program, standin, &standin.provider_url(), "gpt-4o-mini");
        let client = client.args(["--resolve", &there]).through(&root.prefix());
        calls.extend(client.run().await?.calls);
    }
    ensure!(calls.iter().all(|call| call.error.is_none()), "a program met an error: {calls:#?}");
    Ok(calls)
}

/// The interpreter behind the tests' Python, and where its library is.
///
/// # Errors
/// When it does not say.
pub fn interpreter(setup: &Setup) -> Result<(PathBuf, String)> {
    let ask = "import sys; print(sys._base_executable, sys.base_prefix, sep='\\n')";
    let said = std::process::Command::new(&setup.python).args(["-c", ask]).output()?.stdout;
    let said = String::from_utf8(said)?;
    let (executable, home) = said.trim().split_once('\n').context("two lines")?;
    Ok((Path::new(executable).canonicalize()?, home.to_owned()))
}

fn curl() -> Result<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").context("no PATH")?)
        .map(|folder| folder.join("curl"))
        .find(|path| path.exists())
        .context("no curl")
}

/// Ends the scene, and says how many of these calls became a span.
///
/// # Errors
/// When the stand-in did not serve them, or the agent does not stop well.
pub async fn seen(scene: Scene, calls: &[Received]) -> Result<usize> {
    let Scene { receiver, standin, agent, .. } = scene;
    standin.log(calls.len()).await?;
    // The agent delivers what it has when it stops.
    let ended = agent.stop().await?;
    ensure!(ended.status.success(), "{}", ended.stderr);
    let spans = receiver.spans();
    let of =
        |call: &&Received| concerning(&standin, &spans).any(|span| span.response_id() == call.id.as_deref());
    Ok(calls.iter().filter(of).count())
}
