//! Programs in other mount, PID and network namespaces, with libraries of their own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::agent::Agent;
use spanwire_e2e::client::Client;
use spanwire_e2e::container::{Bundle, Network, Over, RootFs, overlay, run, which};
use spanwire_e2e::receiver::{Protocol, Receiver};
use spanwire_e2e::scene::Scene;
use spanwire_e2e::standin::StandIn;
use spanwire_e2e::{DEADLINE, Setup};

const MODEL: &str = "gpt-4o-mini";

/// A root with curl in it, and what it must trust.
fn curl_root(standin: &StandIn) -> Result<RootFs> {
    let root = RootFs::with(&which("curl")?)?;
    if let Some(ca) = standin.ca() {
        root.add(ca)?;
    }
    Ok(root)
}

fn curl(standin: &StandIn) -> Result<Client> {
    Ok(Client::curl_at(&which("curl")?, standin, MODEL))
}

#[tokio::test]
async fn a_container_of_runc() -> Result<()> {
    for plain in [false, true] {
        let scene = Scene::new(Protocol::Http, plain, &[]).await?;
        let bundle = Bundle::new(curl_root(&scene.standin)?);
        let client = curl(&scene.standin)?;
        let command = bundle.command(&client.words())?;
        let done = client.instead(&command).run().await?;
        let outcome = scene.finish(1).await?;
        outcome.compare(&done.calls)?;
        let span = outcome.only()?;
        ensure!(span.resource.text("container.id") == Some(&bundle.id), "{:?}", span.resource);
        ensure!(span.service() == Some("curl"), "{:?}", span.resource);
    }
    Ok(())
}

/// Two containers of one image: the files of an overlay are others to stat(2) in each, and the same to
/// the kernel's probes.
#[tokio::test]
async fn overlays_of_one_image() -> Result<()> {
    let scene = Scene::tls(&["--log", "info,spanwire::run::hooks=debug"]).await?;
    let image = curl_root(&scene.standin)?;
    let mut calls = Vec::new();
    for _ in 0..3 {
        let (_folder, prefix) = overlay(image.path(), Over::Root)?;
        calls.extend(curl(&scene.standin)?.through(&prefix).run().await?.calls);
    }
    let outcome = scene.finish(3).await?;
    outcome.compare(&calls)?;
    let log = &outcome.agent.stderr;
    ensure!(log.contains("as a copy of it did"), "each was analysed for itself:\n{log}");
    Ok(())
}

/// The folder of the libssl that the tests' Python uses.
fn libssl_folder(setup: &Setup) -> Result<PathBuf> {
    const ASK: &str =
        "import ssl; print([l.split()[-1] for l in open('/proc/self/maps') if '/libssl' in l][0])";
    let path = run(&setup.python.to_string_lossy(), &["-c", ASK])?;
    Ok(Path::new(path.trim()).parent().context("a folder")?.to_owned())
}

#[tokio::test]
async fn an_interpreter_that_loads_its_library_from_an_overlay() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let mut calls = Vec::new();
    for script in ["one_second.py", "aiohttp_client.py"] {
        let (_folder, prefix) = overlay(&libssl_folder(&scene.setup)?, Over::Itself)?;
        calls.extend(scene.python(script).through(&prefix).run().await?.calls);
    }
    let outcome = scene.finish(2).await?;
    outcome.compare(&calls)
}

#[tokio::test]
async fn a_network_of_its_own() -> Result<()> {
    for plain in [false, true] {
        let network = Network::new()?;
        let [server, client] = Network::ADDRESSES;
        let setup = Setup::find()?;
        let receiver = Receiver::start(Protocol::Http).await?;
        let standin = StandIn::start_at(&setup, plain, true, &network.prefix(0), server).await?;
        let agent = Agent::start(&setup, &receiver, &[]).await?;
        let scene = Scene::of(setup, receiver, standin, agent);
        let root = curl_root(&scene.standin)?;
        let port = scene.standin.port;
        let prefix: Vec<OsString> = network.prefix(1).into_iter().chain(root.prefix()).collect();
        let there = ["--connect-to".to_owned(), format!("localhost:{port}:{server}:{port}")];
        let done = curl(&scene.standin)?.args(there).through(&prefix).run().await?;
        let outcome = scene.finish(1).await?;
        outcome.compare(&done.calls)?;
        let span = outcome.only()?;
        ensure!(span.text("network.peer.address") == Some(server), "{span:#?}");
        ensure!(span.int("network.peer.port") == Some(port.into()), "{span:#?}");
        ensure!(span.text("network.local.address") == Some(client), "{span:#?}");
    }
    Ok(())
}

/// A file that the agent keeps open keeps a container's file system mounted.
#[tokio::test]
async fn nothing_of_a_container_that_is_gone_stays_open() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let image = curl_root(&scene.standin)?;
    let done = curl(&scene.standin)?.through(&image.prefix()).run().await?;
    ensure!(done.calls.iter().all(|call| call.error.is_none()), "{:?}", done.calls);
    let agent = scene.agent.pid().context("the agent runs")?;
    let open = || -> Result<Vec<PathBuf>> {
        let mut open = Vec::new();
        for entry in std::fs::read_dir(format!("/proc/{agent}/fd"))? {
            // A descriptor may be gone meanwhile.
            open.extend(std::fs::read_link(entry?.path()).ok().filter(|file| file.starts_with(image.path())));
        }
        Ok(open)
    };
    let closed = async {
        // Nothing tells when another process closes a file.
        while !open()?.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(DEADLINE, closed).await.with_context(|| format!("still open: {:?}", open()))??;
    scene.finish(1).await?.compare(&done.calls)
}
