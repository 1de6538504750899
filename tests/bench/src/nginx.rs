//! nginx as the host's server, which no provider's client is: a small file over TLS and without; an
//! answer like a provider's; and a receiver of spans that throws them away.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use spanwire_e2e::folder::Folder;
use spanwire_e2e::receiver::free_port;
use spanwire_e2e::transcript::Transcript;
use spanwire_e2e::{DEADLINE, Setup};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// Bytes of filling that a parameter of nginx's configuration holds.
const PIECE: usize = 1024;
/// Bytes of the file.
const FILE_BYTES: usize = 612;

/// A running nginx, stopped with this value.
#[derive(Debug)]
pub(crate) struct Nginx {
    process: Child,
    plain: u16,
    tls: u16,
    folder: Folder,
}

impl Nginx {
    /// Starts one with two workers, on two free ports of loopback. Its answers to calls have
    /// `answer_bytes` bytes.
    pub(crate) async fn start(answer_bytes: usize) -> Result<Self> {
        let folder = Folder::new()?;
        let path = folder.path();
        let (plain, tls) = (free_port().await?, free_port().await?);
        certificate(&folder).await?;
        std::fs::create_dir(path.join("files"))?;
        // The workers are of another user.
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        std::fs::write(path.join("files/small.html"), "x".repeat(FILE_BYTES))?;
        std::fs::write(path.join("nginx.conf"), configuration(path, plain, tls, answer_bytes))?;
        let mut command = Command::new(program());
        command.arg("-e").arg(path.join("error.log")).arg("-c").arg(path.join("nginx.conf"));
        command.stdin(Stdio::null()).kill_on_drop(true);
        let process = command.spawn().context("nginx does not start")?;
        let mut nginx = Self { process, plain, tls, folder };
        nginx.wait().await?;
        Ok(nginx)
    }

    async fn wait(&mut self) -> Result<()> {
        let listens = async {
            while TcpStream::connect(("127.0.0.1", self.tls)).await.is_err() {
                if self.process.try_wait()?.is_some() {
                    bail!("it ended");
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            Ok(())
        };
        let listens = tokio::time::timeout(DEADLINE, listens).await;
        let log = std::fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default();
        listens.map_err(Into::into).flatten().with_context(|| format!("nginx does not listen:\n{log}"))
    }

    /// Where a path is served.
    pub(crate) fn url(&self, tls: bool, path: &str) -> String {
        let (scheme, port) = if tls { ("https", self.tls) } else { ("http", self.plain) };
        format!("{scheme}://localhost:{port}{path}")
    }

    /// Where it speaks HTTP without TLS.
    pub(crate) fn plain_port(&self) -> u16 {
        self.plain
    }

    /// Its first process.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.process.id().context("nginx ended by itself")
    }

    /// What an agent exports to when nobody looks at the spans.
    pub(crate) fn sink(&self) -> String {
        format!("http://127.0.0.1:{}", self.plain)
    }

    /// The CA that clients must trust: its own certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// Stops it, and waits until it is gone.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let pid = self.process.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        kill_process(pid.context("nginx ended by itself")?, Signal::TERM)?;
        tokio::time::timeout(DEADLINE, self.process.wait()).await.context("nginx does not end")??;
        Ok(())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Killed, the first process would leave its workers behind; told to stop, it takes them along.
        if let Some(pid) = self.process.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)) {
            let _ = kill_process(pid, Signal::TERM);
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    }
}

/// Not always in `PATH`.
fn program() -> &'static str {
    if std::path::Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" }
}

async fn certificate(folder: &Folder) -> Result<()> {
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    command.args(["-keyout", "key.pem", "-out", "certificate.pem", "-days", "2", "-subj", "/CN=localhost"]);
    command.args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]);
    let output = command.current_dir(folder.path()).output().await.context("openssl does not start")?;
    anyhow::ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn configuration(folder: &std::path::Path, plain: u16, tls: u16, answer_bytes: usize) -> String {
    let folder = folder.display();
    let begin = r#"{"id":"chatcmpl-bench","object":"chat.completion","created":1760000000,"model":"gpt-4o-mini","usage":{"prompt_tokens":9,"completion_tokens":7,"total_tokens":16},"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":""#;
    let end = r#""}}]}"#;
    // A parameter may not be longer than 4,096 bytes.
    let around = begin.len() + end.len();
    let whole = answer_bytes.saturating_sub(around) / PIECE;
    let filled = around + whole * PIECE;
    let answer = format!(
        "{begin}{}{}{end}",
        "${piece}".repeat(whole),
        "x".repeat(answer_bytes.saturating_sub(filled))
    );
    let piece = "x".repeat(PIECE);
    format!(
        "daemon off;
worker_processes 2;
worker_rlimit_nofile 32768;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_body_buffer_size 1m;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{plain} backlog=4096;
        listen 127.0.0.1:{tls} ssl backlog=4096;
        ssl_certificate {folder}/certificate.pem;
        ssl_certificate_key {folder}/key.pem;
        root {folder}/files;
        set $piece {piece};
        location = /v1/chat/completions {{ default_type application/json; return 200 '{answer}'; }}
        location = /v1/traces {{ default_type application/x-protobuf; return 200 ''; }}
    }}
}}
"
    )
}

/// A program for the Python of the tests.
pub(crate) fn python(setup: &Setup, script: PathBuf) -> Command {
    let mut command = Command::new(&setup.python);
    command.arg(script).env_remove("OTEL_SERVICE_NAME").stdin(Stdio::null()).stdout(Stdio::piped());
    command.kill_on_drop(true);
    command
}

/// What a child process writes to its output.
pub(crate) fn output_of(child: &mut Child, name: &str) -> Result<Transcript> {
    Ok(Transcript::of(name, child.stdout.take().context("no output")?))
}
