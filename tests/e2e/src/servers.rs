//! One server that nobody has changed (`tests/services`), which asks a model while it serves a request, or after it.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use crate::agent::Agent;
use crate::folder::Folder;
use crate::services::{LISTENING, Server, truth_folder};
use crate::standin::StandIn;
use crate::tree::{End, Hop, Truth, read};
use crate::{DEADLINE, LONG_DEADLINE, Setup, native_client};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An application of `tests/services` in gunicorn, with these arguments: how it asks stands in `asking.py`.
    Gunicorn {
        /// The application.
        app: &'static str,
        /// When it asks, and by which threads.
        handler: &'static str,
        /// How gunicorn runs it.
        arguments: &'static [&'static str],
    },
    /// A Rack application in Puma's threads.
    Puma,
    /// PHP's processes behind nginx.
    Php,
    /// Go's net/http.
    Go,
}

/// A server that runs.
#[derive(Debug)]
pub struct Served {
    setup: Setup,
    processes: Vec<Server>,
    url: String,
    truth: std::path::PathBuf,
    _folder: Folder,
}

impl Served {
    /// Starts it; `standin` is its model.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(setup: &Setup, standin: &StandIn, kind: Kind) -> Result<Self> {
        let folder = Folder::new()?;
        let truth = truth_folder(&folder)?;
        let model = standin.base_url().replace("/v1", "");
        let prepare = |mut command: Command| {
            command.env("TRUTH", &truth).env("PROPAGATE", "none").env("LLM_URL", &model);
            command
        };
        let mut url = None;
        let processes = match kind {
            Kind::Gunicorn { app, handler, arguments } => {
                let mut command = prepare(Command::new(&setup.python));
                command.args(["-m", "gunicorn", "--no-control-socket", "--bind", "127.0.0.1:0"]);
                command.args(arguments).arg("--chdir").arg(setup.test_file("services"));
                command.arg(format!("{app}:app")).env("HANDLER", handler);
                vec![Server::start(command, true, LISTENING).await?]
            }
            Kind::Puma => {
                let mut command = prepare(Command::new("puma"));
                command.args([
                    "--bind",
                    "tcp://127.0.0.1:0",
                    "--threads",
                    "8:8",
                    "--environment",
                    "production",
                ]);
                command.arg(setup.test_file("services/server.ru"));
                vec![Server::start(command, false, "Listening on ").await?]
            }
            Kind::Php => {
                let (pool, nginx, port) = configure(&folder, &setup.test_file("services/php"))?;
                url = Some(format!("http://127.0.0.1:{port}"));
                let mut command = prepare(Command::new("php-fpm8.2"));
                command.args(["--nodaemonize", "--allow-to-run-as-root", "--fpm-config", &pool]);
                let php = Server::start(command, true, "NOTICE: ready to ").await?;
                let mut command = Command::new("/usr/sbin/nginx");
                command.args(["-e", "stderr", "-c", &nginx]);
                vec![php, Server::start(command, true, "start worker process ").await?]
            }
            Kind::Go => {
                let command = prepare(Command::new(native_client("go-service")?));
                vec![Server::start(command, false, "").await?]
            }
        };
        let url = url.or_else(|| Some(processes.first()?.url.clone())).context("no process")?;
        Ok(Self { setup: setup.clone(), processes, url, truth, _folder: folder })
    }

    /// What has an agent trace it, and neither its users nor its model.
    #[must_use]
    pub fn scope(&self) -> String {
        let trees: Vec<_> = self.processes.iter().map(|process| format!("tree={}", process.pid)).collect();
        trees.join(",")
    }

    /// As [`crate::services::Services::ask`].
    ///
    /// # Errors
    /// When a question is not answered.
    pub async fn ask(&self, prefix: &str, count: usize, at_once: usize) -> Result<()> {
        let mut command = Command::new(&self.setup.python);
        command.arg(self.setup.test_file("services/load.py")).arg(&self.url);
        command.args([prefix, &count.to_string(), &at_once.to_string()]).stdin(Stdio::null());
        command.env("TRUTH", &self.truth).env("PROPAGATE", "none").kill_on_drop(true);
        command.stderr(Stdio::piped());
        let output = tokio::time::timeout(LONG_DEADLINE, command.output()).await;
        let output = output.context("the users' questions are not answered")??;
        let said = String::from_utf8_lossy(&output.stderr);
        let servers: Vec<_> = self.processes.iter().map(|server| server.said.text()).collect();
        ensure!(output.status.success(), "{said}\n{}", servers.join("\n"));
        Ok(())
    }

    /// Waits until the agent follows the requests of each process that has asked the model so far.
    ///
    /// # Errors
    /// When it does not.
    pub async fn followed(&self, agent: &Agent) -> Result<()> {
        for pid in asking(&read(&self.truth)?) {
            let told = format!("process {pid} is traced: its requests are followed");
            agent.log().wait_for(&told, DEADLINE, |log| log.contains(&told)).await?;
        }
        Ok(())
    }

    /// The true tree of the requests whose names begin with `prefix`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn truth(&self, prefix: &str) -> Result<Truth> {
        let hops = read(&self.truth)?;
        let pids = asking(&hops);
        Truth::new(hops, pids, prefix)
    }

    /// Ends it, as an init system does: what it does for requests that it answered is done by then.
    ///
    /// # Errors
    /// When it has ended before, or does not end.
    pub async fn stop(&mut self) -> Result<()> {
        for process in self.processes.drain(..) {
            process.stop().await?;
        }
        Ok(())
    }
}

/// The server's processes that have asked the model.
fn asking(hops: &[Hop]) -> BTreeSet<u32> {
    hops.iter().filter(|hop| hop.service == "server" && hop.end == End::Out).map(|hop| hop.pid).collect()
}

/// Configurations of php-fpm and nginx, and the port on which that listens.
fn configure(folder: &Folder, application: &Path) -> Result<(String, String, u16)> {
    let free = TcpListener::bind("127.0.0.1:0")?;
    let port = free.local_addr()?.port();
    let (here, application) = (folder.path().display(), application.display());
    let pool = format!(
        "[global]\nerror_log = /dev/stderr\n\
         [www]\nuser = root\ngroup = root\nlisten = {here}/php.sock\n\
         pm = static\npm.max_children = 8\nclear_env = no\n"
    );
    let nginx = format!(
        "daemon off;\nuser root;\nworker_processes 1;\npid {here}/nginx.pid;\nerror_log stderr notice;\n\
         events {{}}\n\
         http {{\n  access_log off;\n  client_body_temp_path {here}/body;\n  proxy_temp_path {here}/proxy;\n\
         \x20 fastcgi_temp_path {here}/fastcgi;\n  uwsgi_temp_path {here}/uwsgi;\n  scgi_temp_path {here}/scgi;\n\
         \x20 server {{\n    listen 127.0.0.1:{port};\n    location / {{\n      include /etc/nginx/fastcgi_params;\n\
         \x20     fastcgi_param SCRIPT_FILENAME {application}/index.php;\n      fastcgi_pass unix:{here}/php.sock;\n\
         \x20   }}\n  }}\n}}\n"
    );
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok::<_, anyhow::Error>(path.display().to_string())
    };
    Ok((write("php.conf", pool)?, write("nginx.conf", nginx)?, port))
}
