//! Every way in which a program can use a socket.

use anyhow::{Context as _, Result, ensure};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use spanwire_e2e::Setup;
use spanwire_e2e::agent::{command, finished};
use spanwire_e2e::client::Client;
use spanwire_e2e::folder::Folder;
use spanwire_e2e::scene::Scene;

/// One call by the client that uses sockets in this way.
fn client(scene: &Scene, form: &str) -> Result<Client> {
    let unix = scene.standin.unix().context("a stand-in without TLS has a Unix socket")?;
    let client = scene.python("socket_forms.py").model(&format!("by-{form}"));
    Ok(client.env("SOCKET_FORM", form).env("SOCKET_UNIX", unix))
}

async fn each(forms: &[&str], arguments: &[&str]) -> Result<()> {
    let scene = Scene::plain(arguments).await?;
    let mut calls = Vec::new();
    for form in forms {
        let done = client(&scene, form)?.run().await.with_context(|| (*form).to_owned())?;
        ensure!(done.calls.len() == 1, "{form}: {:?}", done.calls);
        calls.extend(done.calls);
    }
    let outcome = scene.finish(forms.len()).await?;
    outcome.compare(&calls)?;
    for span in &outcome.spans {
        ensure!(span.notes().is_empty(), "something was not seen: {span:#?}");
    }
    ensure!(outcome.agent.stderr.contains("nothing lost"), "{}", outcome.agent.stderr);
    Ok(())
}

#[tokio::test]
async fn every_call_that_moves_bytes() -> Result<()> {
    each(&["send", "write", "vectors", "message", "messages", "reused", "parts"], &[]).await
}

#[tokio::test]
async fn every_way_to_a_socket() -> Result<()> {
    each(&["duplicate", "child", "passed", "mapped", "ipv6", "unix"], &[]).await
}

/// Whether this kernel is locked down, by its own word: then it lets no program run at the returns of
/// its functions.
fn is_locked_down() -> Result<bool> {
    let folder = Folder::new()?;
    mount("securityfs", folder.path(), "securityfs", MountFlags::empty(), None)?;
    // A kernel without lockdown has no such file.
    let state = std::fs::read_to_string(folder.path().join("lockdown")).unwrap_or_default();
    unmount(folder.path(), UnmountFlags::empty())?;
    Ok(["[integrity]", "[confidentiality]"].iter().any(|locked| state.contains(locked)))
}

#[tokio::test]
async fn by_the_return_of_functions() -> Result<()> {
    const HOOKS: &[&str] = &["--hooks", "functions"];
    if is_locked_down()? {
        let setup = Setup::find()?;
        let output = finished(command(&setup).arg("run").args(HOOKS)).await?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.code() == Some(3) && errors.contains("lockdown"), "{output:?}");
        return Ok(());
    }
    let forms = ["send", "write", "vectors", "message", "messages", "reused", "parts"];
    let ways = ["duplicate", "child", "passed", "mapped", "ipv6", "unix"];
    each(&[&forms[..], &ways].concat(), HOOKS).await?;
    in_no_buffer(HOOKS).await
}

#[tokio::test]
async fn by_the_return_of_system_calls() -> Result<()> {
    let forms =
        ["send", "write", "vectors", "message", "parts", "duplicate", "child", "passed", "ipv6", "unix"];
    each(&forms, &["--hooks", "syscalls"]).await
}

#[tokio::test]
async fn what_is_in_no_buffer_is_counted() -> Result<()> {
    in_no_buffer(&[]).await
}

async fn in_no_buffer(arguments: &[&str]) -> Result<()> {
    let scene = Scene::plain(arguments).await?;
    // The first call teaches the agent that this is a connection of interest: none of the second's
    // request is in a buffer of the process.
    client(&scene, "send")?.run().await?;
    client(&scene, "file")?.run().await?;
    let log = scene.standin.log(2).await?;
    ensure!(log.iter().any(|served| served.request_model == "by-file"), "{log:#?}");
    let ended = scene.agent.stop().await?;
    ensure!(ended.stderr.contains("gap_no_buffer_bytes"), "{}", ended.stderr);
    Ok(())
}

#[tokio::test]
async fn what_io_uring_receives_is_counted_and_never_guessed() -> Result<()> {
    const CALLS: usize = 5;
    let scene = Scene::plain(&[]).await?;
    for _ in 0..CALLS {
        let done = scene.python("uring.py").run().await?;
        ensure!(done.calls.iter().all(|call| call.id.is_some()), "{done:?}");
    }
    scene.standin.log(CALLS).await?;
    let ended = scene.agent.stop().await?;
    let exported = String::from_utf8_lossy(&scene.receiver.bytes()).into_owned();
    ensure!(
        !exported.contains("garbage"),
        "another buffer's bytes were taken: {:#?}",
        scene.receiver.spans()
    );
    ensure!(ended.stderr.contains("gap_io_uring_bytes"), "{}", ended.stderr);
    Ok(())
}
