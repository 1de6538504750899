//! Files that are not what their names say, where programs have TLS libraries: the agent says so, and goes
//! on.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::agent::Agent;
use spanwire_e2e::client::Client;
use spanwire_e2e::container::{RootFs, run, which};
use spanwire_e2e::folder::Folder;
use spanwire_e2e::receiver::{Protocol, Receiver};
use spanwire_e2e::scene::Scene;
use spanwire_e2e::standin::StandIn;
use spanwire_e2e::transcript::Transcript;
use spanwire_e2e::{DEADLINE, Setup};
use tokio::process::Command;

const MODEL: &str = "gpt-4o-mini";

/// Files named as TLS libraries are, each hostile in its own way; made out of a real one.
fn files(folder: &Path, libssl: &Path) -> Result<Vec<PathBuf>> {
    let whole = std::fs::read(libssl)?;
    let changed = |at: usize, bytes: &[u8]| {
        let mut copy = whole.clone();
        for (place, byte) in copy.iter_mut().skip(at).zip(bytes) {
            *place = *byte;
        }
        copy
    };
    let half = whole.get(..whole.len() / 2).context("a library has bytes")?.to_vec();
    let mut made = Vec::new();
    for (index, bytes) in [
        half,
        b"\x7fELF and nothing more".to_vec(),
        vec![0x7f; 4096],
        // How many program headers there are, and where (elf(5)).
        changed(56, &[0xff; 2]),
        changed(32, &[0xff; 8]),
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.join(format!("libssl-{index}.so"));
        std::fs::write(&path, bytes)?;
        made.push(path);
    }
    // Ten gigabytes that take no room.
    let sparse = folder.join("libssl-sparse.so");
    let file = std::fs::File::create(&sparse)?;
    file.set_len(10 << 30)?;
    made.push(sparse);
    Ok(made)
}

#[tokio::test]
async fn libraries_that_are_none() -> Result<()> {
    let setup = Setup::find()?;
    let folder = Folder::new()?;
    let root = RootFs::with(&which("curl")?)?;
    let files = files(folder.path(), &root.library("libssl.so")?)?;
    let mut holder = Command::new(&setup.python)
        .arg(setup.test_file("clients/maps_file.py"))
        .args(&files)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let said = Transcript::of("holder", holder.stdout.take().context("no output")?);
    said.wait_for("its maps", DEADLINE, |text| text.contains("mapped")).await?;

    let receiver = Receiver::start(Protocol::Http).await?;
    let standin = StandIn::asking(&setup, false).await?;
    let agent = Agent::start(&setup, &receiver, &[]).await?;
    let scene = Scene::of(setup, receiver, standin, agent);
    let done = scene.python("steps.py").by_steps();
    let mut running = done.start()?;
    running.step().await?;
    let done = running.end(DEADLINE).await?;
    let outcome = scene.finish(1).await?;
    outcome.compare(&done.calls)?;
    let log = &outcome.agent.stderr;
    for file in &files {
        let told = log.lines().any(|line| line.contains(&file.display().to_string()));
        ensure!(told, "nothing is said of {}:\n{log}", file.display());
    }
    ensure!(log.contains("(libraries_refused)"), "{log}");
    Ok(())
}

/// A container in which a FIFO and a device have the names of TLS libraries, and a program that the agent
/// takes for an interpreter, of which it looks into all libraries.
#[tokio::test]
async fn names_of_libraries_that_are_no_files() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let root = RootFs::with(&which("curl")?)?;
    root.add(scene.standin.ca().context("it speaks TLS")?)?;
    let libraries = root.path().join("usr/lib");
    run("mkfifo", &[libraries.join("libssl.so.8")])?;
    run("mknod", &[libraries.join("libssl.so.9").as_os_str(), "c".as_ref(), "1".as_ref(), "5".as_ref()])?;
    std::os::unix::fs::symlink("libssl.so.7", libraries.join("libssl.so.7"))?;
    // Regular files of the kernel's own: memory, and what may never come.
    std::os::unix::fs::symlink("/proc/self/mem", libraries.join("libssl.so.6"))?;
    std::os::unix::fs::symlink("/proc/kmsg", libraries.join("libssl.so.5"))?;
    let curl = which("curl")?;
    let inside = root.path().join(curl.strip_prefix("/")?);
    std::fs::rename(&inside, inside.with_file_name("python3"))?;
    let python = curl.with_file_name("python3");
    let client = || Client::curl_at(&python, &scene.standin, MODEL).through(&root.prefix());
    let mut calls = Vec::new();
    for _ in 0..3 {
        calls.extend(client().run().await?.calls);
    }
    scene.finish(3).await?.compare(&calls)
}
