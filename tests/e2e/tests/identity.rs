//! Whose call it was: where connections, pids and files go on to others.

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::agent::Agent;
use spanwire_e2e::client::{Client, Done, Received, Running};
use spanwire_e2e::container::{RootFs, which};
use spanwire_e2e::door::Doorkeeper;
use spanwire_e2e::receiver::{Protocol, Receiver};
use spanwire_e2e::scene::{Outcome, Scene, concerning};
use spanwire_e2e::span::Span;
use spanwire_e2e::standin::StandIn;
use spanwire_e2e::{DEADLINE, Setup};

const MODEL: &str = "gpt-4o-mini";

/// The agent tells which probes it puts where.
const DEBUG: &[&str] = &["--log", "info,spanwire::run::hooks=debug"];

/// The process and the program that a span is attributed to.
fn owner(span: &Span) -> (Option<u32>, Option<&str>) {
    (span.resource.int("process.pid").and_then(|pid| pid.try_into().ok()), span.service())
}

/// Runs a client whose connection changes hands as `form` says, and finds each of its calls.
async fn inherited(form: &str, plain: bool) -> Result<(Outcome, Done)> {
    let scene = if plain { Scene::plain(&[]).await? } else { Scene::tls(&[]).await? };
    let done = scene.python("heirs.py").env("HEIR", form).run().await?;
    let outcome = scene.finish(done.calls.len()).await?;
    outcome.compare(&done.calls).with_context(|| form.to_owned())?;
    Ok((outcome, done))
}

fn of<'a>(outcome: &'a Outcome, call: &Received) -> Result<&'a Span> {
    outcome.span(call.id.as_deref().context("an answer has an id")?)
}

#[tokio::test]
async fn a_child_that_goes_on_with_a_connection() -> Result<()> {
    let (outcome, done) = inherited("fork", true).await?;
    each_by_its_own(&outcome, &done)
}

/// The child of a process with probes at calls gets its own, which takes a moment.
#[tokio::test]
async fn a_child_that_goes_on_with_a_tls_session() -> Result<()> {
    let (outcome, done) = inherited("tls-fork", false).await?;
    each_by_its_own(&outcome, &done)?;

    let scene = Scene::tls(&[DEBUG, &["--tls", "calls"]].concat()).await?;
    let mut running = scene.python("heirs.py").env("HEIR", "tls-fork").by_steps().start()?;
    running.calls(1).await?;
    let child = running.child().await?;
    let hooked = |log: &str| log.contains(&format!("process {child}: probes on"));
    scene.agent.log().wait_for("the child's probes", DEADLINE, hooked).await?;
    running.step().await?;
    let done = running.end(DEADLINE).await?;
    let outcome = scene.finish(2).await?;
    outcome.compare(&done.calls)?;
    each_by_its_own(&outcome, &done)
}

/// Two calls, the second by a child.
fn each_by_its_own(outcome: &Outcome, done: &Done) -> Result<()> {
    let [first, second] = done.calls.as_slice() else { anyhow::bail!("{:?}", done.calls) };
    ensure!(first.pid == done.pid && second.pid != done.pid, "no child asked: {:?}", done.calls);
    for call in [first, second] {
        let span = of(outcome, call)?;
        let (pid, name) = owner(span);
        // A child that is gone when its bytes are looked at is what its thread was called, or nobody, but
        // never another.
        let gone = |name: &str| name.starts_with("python") || name == "unknown_service";
        let right = name == Some("heirs") || (call.pid != done.pid && name.is_some_and(gone));
        ensure!(pid == Some(call.pid) && right, "{call:?}\n{span:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_program_that_becomes_another_between_request_and_response() -> Result<()> {
    let (outcome, done) = inherited("program", true).await?;
    for (call, name) in done.calls.iter().zip(["heirs", "successor"]) {
        let span = of(&outcome, call)?;
        ensure!(owner(span) == (Some(done.pid), Some(name)), "{name}: {span:#?}");
    }
    ensure!(done.calls.len() == 2, "{:?}", done.calls);
    Ok(())
}

#[tokio::test]
async fn a_program_that_inherits_its_connection() -> Result<()> {
    for plain in [true, false] {
        let (outcome, done) = inherited("inherit", plain).await?;
        ensure!(done.calls.len() == 1, "{:?}", done.calls);
        ensure!(owner(outcome.only()?) == (Some(done.pid), Some("successor")), "{:#?}", outcome.spans);
    }
    Ok(())
}

/// The kernel ends the first thread then, and the process goes on.
#[tokio::test]
async fn a_thread_that_becomes_another_program() -> Result<()> {
    let (outcome, done) = inherited("thread", true).await?;
    ensure!(done.calls.len() == 1, "{:?}", done.calls);
    ensure!(owner(outcome.only()?) == (Some(done.pid), Some("successor")), "{:#?}", outcome.spans);
    Ok(())
}

/// A process without its first thread says little of itself, but is the same.
#[tokio::test]
async fn a_thread_that_outlives_the_first() -> Result<()> {
    let (outcome, done) = inherited("orphan", true).await?;
    ensure!(done.calls.len() == 1, "{:?}", done.calls);
    ensure!(owner(outcome.only()?).0 == Some(done.pid), "{:#?}", outcome.spans);
    Ok(())
}

#[tokio::test]
async fn a_process_that_is_killed_in_a_call() -> Result<()> {
    for plain in [true, false] {
        let scene = if plain { Scene::plain(&[]).await? } else { Scene::tls(&[]).await? };
        let client = scene.python("abrupt.py").env("ENDS", "waits").model("standin-wait");
        let mut running = client.args(["--stream"]).by_steps().start()?;
        let pid = running.pid();
        running.step().await?;
        running.kill().await?;
        let outcome = scene.finish(1).await?;
        let span = outcome.only()?;
        ensure!(owner(span) == (Some(pid), Some("abrupt")), "{span:#?}");
        ensure!(span.failed(), "it did not end well: {span:#?}");
    }
    Ok(())
}

/// Makes the kernel give the pid `wanted` to the process that `client` starts.
async fn with_pid(wanted: u32, client: impl Fn() -> Client) -> Result<Running> {
    for _ in 0..500 {
        // Others on this host take pids, too.
        std::fs::write("/proc/sys/kernel/ns_last_pid", (wanted - 1).to_string())?;
        let running = client().start()?;
        if running.pid() == wanted {
            return Ok(running);
        }
        running.kill().await?;
    }
    anyhow::bail!("the pid {wanted} is not to be had")
}

/// The second process has the pid of the first, and its session object at the same address.
#[tokio::test]
async fn a_pid_and_an_address_that_were_anothers() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let client = |what: &str| {
        let client = scene.python("abrupt.py").env("ENDS", what).env("PYTHONHASHSEED", "0");
        client.through(&["setarch", "-R"]).by_steps()
    };
    let mut first = client("spoil").start()?;
    let pid = first.pid();
    first.step().await?;
    first.end(DEADLINE).await?;
    let mut second = with_pid(pid, || client("asks!")).await?;
    second.step().await?;
    let done = second.end(DEADLINE).await?;
    ensure!(done.pid == pid, "{done:?}");
    let id = done.calls.first().and_then(|call| call.id.clone()).context("no answer")?;
    let found =
        |spans: &[Span]| concerning(&scene.standin, spans).any(|span| span.response_id() == Some(&id));
    let spans = scene.receiver.wait_for("the second process's call", DEADLINE, found).await;
    let ended = scene.agent.stop().await?;
    let spans = spans.with_context(|| ended.stderr.clone())?;
    let span = concerning(&scene.standin, &spans).find(|span| span.response_id() == Some(&id));
    ensure!(span.is_some_and(|span| owner(span) == (Some(pid), Some("abrupt"))), "{span:#?}");
    Ok(())
}

/// A library is replaced while a program that uses it runs, and others begin.
#[tokio::test]
async fn a_library_that_is_replaced_on_disk() -> Result<()> {
    let setup = Setup::find()?;
    let mut standin = StandIn::asking(&setup, false).await?;
    let door = Doorkeeper::start(&mut standin, None).context("it asks")?;
    let curl = which("curl")?;
    let image = RootFs::with(&curl)?;
    image.add(standin.ca().context("it speaks TLS")?)?;
    let folder = image.library("libssl.so")?.parent().context("a folder")?.to_owned();
    let running = Client::python(&setup, "steps.py", &standin).env("LD_LIBRARY_PATH", &folder);
    let mut running = running.by_steps().start()?;
    running.step().await?;
    let receiver = Receiver::start(Protocol::Http).await?;
    let agent = Agent::start(&setup, &receiver, DEBUG).await?;
    door.follow(agent.log());
    let mut calls = Vec::new();
    for _ in 0..2 {
        let short = || Client::curl_at(&curl, &standin, MODEL).through(&image.prefix());
        calls.extend(short().run().await?.calls);
        image.replace("libssl.so")?;
        running.step().await?;
    }
    calls.extend(running.end(DEADLINE).await?.calls.into_iter().skip(1));
    ensure!(calls.len() == 4, "{calls:?}");
    // The agent delivers what it has when it stops.
    let ended = agent.stop().await?;
    let spans = receiver.spans();
    for call in &calls {
        let seen = spans.iter().any(|span| span.response_id() == call.id.as_deref());
        ensure!(seen, "{call:?} in {spans:#?}\n{}", ended.stderr);
    }
    Ok(())
}

/// A program that has probes on the system's library as it begins, and then loads another.
#[tokio::test]
async fn a_library_that_nobody_expected() -> Result<()> {
    let scene = Scene::tls(&[DEBUG, &["--tls", "calls"]].concat()).await?;
    let image = RootFs::with(&which("curl")?)?;
    let folder = image.library("libssl.so")?.parent().context("a folder")?.to_owned();
    let running = scene.python("steps.py").env("LD_LIBRARY_PATH", &folder).by_steps();
    let mut running = running.start()?;
    running.step().await?;
    running.step().await?;
    let done = running.end(DEADLINE).await?;
    let outcome = scene.finish(2).await?;
    let hooked = format!("probes on {}", folder.display());
    ensure!(outcome.agent.stderr.contains(&hooked), "another library:\n{}", outcome.agent.stderr);
    outcome.compare(&done.calls)
}
