//! Which processes and connections are traced, and what the agent says of them.

#![allow(clippy::indexing_slicing, reason = "of JSON values: what is not there is null")]

use std::ffi::OsStr;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use spanwire_e2e::agent::Agent;
use spanwire_e2e::client::{Client, KEY, Service};
use spanwire_e2e::folder::Folder;
use spanwire_e2e::receiver::{Protocol, Receiver};
use spanwire_e2e::scene::{Scene, concerning};
use spanwire_e2e::span::Span;
use spanwire_e2e::standin::StandIn;
use spanwire_e2e::starts::interpreter;
use spanwire_e2e::{DEADLINE, Setup};

/// The agent tells which probes it puts where.
const DEBUG: [&str; 2] = ["--log", "info,spanwire::run::hooks=debug"];

/// Starts two programs under these arguments, the tests' Python and a copy of it under the name `other`,
/// lets each make a call, and compares which of the two calls were traced. They
/// live until their call has arrived: who a process was cannot be read when it is gone.
async fn traced(plain: bool, arguments: &[&str], expected: &[&str]) -> Result<()> {
    let setup = Setup::find()?;
    let receiver = Receiver::start(Protocol::Http).await?;
    let standin = StandIn::start(&setup, plain).await?;
    let port = standin.port.to_string();
    let arguments: Vec<String> = arguments.iter().map(|argument| argument.replace("PORT", &port)).collect();
    let arguments: Vec<&str> = DEBUG.into_iter().chain(arguments.iter().map(String::as_str)).collect();
    let agent = Agent::start(&setup, &receiver, &arguments).await?;
    let folder = Folder::new()?;
    let (interpreter, home) = interpreter(&setup)?;
    let copy = folder.path().join("other");
    std::fs::copy(interpreter, &copy)?;
    let python = Client::python(&setup, "steps.py", &standin).model("by-python");
    let other =
        Client::python_at(&copy, &setup, "steps.py", &standin).env("PYTHONHOME", home).model("by-other");
    let mut running = [python.by_steps().start()?, other.by_steps().start()?];
    for client in &mut running {
        client.step().await?;
    }
    let arrived = |spans: &[Span]| models(&standin, spans).len() >= expected.len();
    receiver.wait_for("the calls", DEADLINE, arrived).await?;
    let ended = agent.stop().await?;
    ensure!(ended.status.success(), "{}", ended.stderr);
    let traced = models(&standin, &receiver.spans());
    ensure!(traced == expected, "{arguments:?}: {traced:?}\n{}", ended.stderr);
    Ok(())
}

/// The models that the stand-in was asked for, by its spans.
fn models(standin: &StandIn, spans: &[Span]) -> Vec<String> {
    let model = |span: &Span| span.text("gen_ai.request.model").map(str::to_owned);
    let mut models: Vec<_> = concerning(standin, spans).filter_map(model).collect();
    models.sort();
    models
}

#[tokio::test]
async fn what_is_included_and_excluded() -> Result<()> {
    for (plain, arguments, expected) in [
        (false, &["--include", "executable=*/other"][..], &["by-other"][..]),
        (true, &["--include", "executable=*/other"], &["by-other"]),
        (false, &["--exclude", "process=other"], &["by-python"]),
        (true, &["--include", "namespace=host", "--exclude", "executable=*/other"], &["by-python"]),
        (false, &["--include", "namespace=nobody"], &[]),
        (true, &["--include", "container=0"], &[]),
        (false, &["--exclude", "port=PORT"], &[]),
        (true, &["--exclude", "port=PORT"], &[]),
        (false, &["--include", "port=PORT"], &["by-other", "by-python"]),
        (true, &["--include", "port=1-2"], &[]),
    ] {
        traced(plain, arguments, expected).await.with_context(|| format!("{arguments:?}, plain {plain}"))?;
    }
    Ok(())
}

/// A cgroup of version 2 of this test's own.
struct Cgroup {
    folder: PathBuf,
    /// As `/proc/PID/cgroup` shows it.
    path: String,
}

impl Cgroup {
    fn new() -> Result<Self> {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
        let mount =
            mounts.lines().find(|line| line.contains(" - cgroup2 ")).context("no cgroups of version 2")?;
        let path = format!("/spanwire-e2e-{}", std::process::id());
        let point = mount.split(' ').nth(4).context("a mount point")?;
        let folder = PathBuf::from(format!("{point}{path}"));
        std::fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
        Ok(Self { folder, path })
    }

    /// What runs a command in it.
    fn prefix(&self) -> [String; 4] {
        let script = "echo $$ >\"$0/cgroup.procs\"; exec \"$@\"";
        ["sh".to_owned(), "-c".to_owned(), script.to_owned(), self.folder.display().to_string()]
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // One in which something is left stays.
        let _ = std::fs::remove_dir(&self.folder);
    }
}

/// One curl as another user, one in a cgroup, one as any other: rules that the kernel looks at, alone and
/// with others.
#[tokio::test]
async fn users_and_cgroups() -> Result<()> {
    const NOBODY: [&str; 6] = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let cgroup = Cgroup::new()?;
    let inside = format!("cgroup={}", cgroup.path);
    for (arguments, expected) in [
        (["--include", "user=65534"], &["by-nobody"][..]),
        (["--exclude", "user=nobody"], &["by-cgroup", "by-root"]),
        (["--include", &inside], &["by-cgroup"]),
        (["--exclude", &inside], &["by-nobody", "by-root"]),
        (["--include", &format!("{inside},user=nobody")], &["by-cgroup", "by-nobody"]),
    ] {
        let scene = Scene::plain(&arguments).await?;
        scene.curl("by-root").run().await?;
        scene.curl("by-nobody").through(&NOBODY).run().await?;
        scene.curl("by-cgroup").through(&cgroup.prefix()).run().await?;
        scene.standin.log(3).await?;
        let ended = scene.agent.stop().await?;
        ensure!(ended.status.success(), "{}", ended.stderr);
        let models = models(&scene.standin, &scene.receiver.spans());
        ensure!(models == expected, "{arguments:?}: {models:?}");
    }
    Ok(())
}

/// Counters of traffic: what the agent finds in the host's files is no traffic.
fn counters(status: &Value) -> Value {
    let mut counters = status["counters"].clone();
    if let Some(counters) = counters.as_object_mut() {
        counters.retain(|name, _| !name.starts_with("files_"));
    }
    counters
}

/// A tree of one process, beside which another one makes calls all the time.
#[tokio::test]
async fn a_neighbour_out_of_scope_moves_nothing() -> Result<()> {
    const CALLS: usize = 3;
    for plain in [false, true] {
        let setup = Setup::find()?;
        let receiver = Receiver::start(Protocol::Http).await?;
        let standin = StandIn::start(&setup, plain).await?;
        let mut client = Client::python(&setup, "steps.py", &standin).model("inside").by_steps().start()?;
        let tree = format!("tree={}", client.pid());
        let agent = Agent::start(&setup, &receiver, &["--include", &tree]).await?;
        if !plain {
            let hooked = format!("process {}: probes on", client.pid());
            agent.log().wait_for("its probes", DEADLINE, |log| log.contains(&hooked)).await?;
        }
        let before = agent.status_when("an answer", DEADLINE, |_| true).await?;
        // Processes that begin, connections that are kept, and programs that live for a moment.
        let neighbour = Client::python(&setup, "httpx_client.py", &standin).model("outside").count(100);
        neighbour.run().await?;
        Client::curl(&standin, "outside").run().await?;
        let between = agent.status_when("an answer", DEADLINE, |_| true).await?;
        ensure!(counters(&before) == counters(&between), "{before:#} {between:#}");
        let neighbour = Client::python(&setup, "httpx_client.py", &standin).model("outside").count(100_000);
        let neighbour = neighbour.start()?;
        neighbour.calls(1).await?;
        for _ in 0..CALLS {
            client.step().await?;
        }
        let enough = |spans: &[Span]| spans.len() >= CALLS;
        receiver.wait_for("the calls in scope", DEADLINE, enough).await?;
        neighbour.kill().await?;
        client.end(DEADLINE).await?;
        let ended = agent.stop().await?;
        ensure!(ended.stderr.contains(&format!("stopped; {CALLS} calls, nothing lost")), "{}", ended.stderr);
        let spans = receiver.spans();
        // Beside them the run of the program in scope.
        let all = CALLS + 1;
        ensure!(models(&standin, &spans) == ["inside"; CALLS] && spans.len() == all, "{spans:#?}");
    }
    Ok(())
}

/// What the agent says of the process.
fn process(status: &Value, pid: u32) -> Option<&Value> {
    let processes = status.get("processes")?.as_array()?;
    processes.iter().find(|process| process.get("pid").and_then(Value::as_u64) == Some(pid.into()))
}

/// A service that asks the model, with this environment, and a gateway that has asked it once.
async fn asked(scene: &Scene, environment: &[(&str, &OsStr)]) -> Result<(Service, Service)> {
    let url = scene.standin.base_url();
    let url = url.strip_suffix("/v1").context("the URL ends so")?;
    let agent = Service::start(&scene.setup, "gateway.py", &["agent", url], environment)?;
    let url = format!("http://127.0.0.1:{}", agent.line().await?);
    let gateway = Service::start(&scene.setup, "gateway.py", &["gateway", &url], &[])?;
    gateway.say("ask").await?;
    gateway.line().await?;
    Ok((agent, gateway))
}

#[tokio::test]
async fn the_status_says_what_is_probed_where_and_what_was_seen() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let ca = scene.standin.ca().context("there is TLS")?;
    let (agent, gateway) = asked(&scene, &[("SSL_CERT_FILE", ca.as_os_str())]).await?;
    let status = scene
        .agent
        .status_when("a call of the service", DEADLINE, |status| {
            process(status, agent.pid)
                .is_some_and(|process| process.pointer("/seen/calls") == Some(&1.into()))
        })
        .await?;
    let seen = process(&status, agent.pid).context("it is listed")?;
    ensure!(seen["probed_because"] == "asks a provider", "{seen:#}");
    let written = seen.pointer("/seen/tls_written_bytes").and_then(Value::as_u64).unwrap_or(0);
    let key = KEY.len() as u64;
    ensure!(written > key && seen.pointer("/seen/exchanges") == Some(&1.into()), "{seen:#}");
    let probed = seen["probed_files"][0].as_str().context("a file is probed")?;
    let files = status["files"].as_array().context("files are listed")?;
    let file = files.iter().find(|file| file["path"] == probed).with_context(|| format!("{files:#?}"))?;
    for site in file["sites"].as_array().context("sites are listed")? {
        ensure!(["emulated", "single-stepped"].contains(&site["class"].as_str().unwrap_or("")), "{site:#}");
    }
    ensure!(
        process(&status, gateway.pid)
            .is_none_or(|gateway| gateway["probed_because"] != "peer of one that asks")
    );
    let text = scene.agent.status_text().await?;
    ensure!(text.contains(probed) && text.contains("asks a provider"), "{text}");
    ensure!(!status.to_string().contains(KEY), "a key is shown");
    Ok(())
}

#[tokio::test]
async fn peers_of_those_that_ask_a_provider_join_when_they_are_followed() -> Result<()> {
    let scene = Scene::plain(&["--follow-peers", "on"]).await?;
    let (_agent, gateway) = asked(&scene, &[]).await?;
    let status = scene
        .agent
        .status_when("the gateway's probes", DEADLINE, |status| {
            process(status, gateway.pid)
                .is_some_and(|process| process["probed_because"] == "peer of one that asks")
        })
        .await?;
    // One that is nobody's peer is not.
    let others = status["processes"].as_array().context("processes are listed")?;
    let peers = others.iter().filter(|process| process["probed_because"] == "peer of one that asks").count();
    // The gateway in front, and the stand-in behind.
    ensure!((1..=2).contains(&peers), "{others:#?}");
    Ok(())
}
