//! `spanwire demo`: the agent at work on real SDKs and a stand-in for their vendors, for a newcomer to see.
//! Nothing leaves this host.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context, ensure};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tracing::info;

use crate::config::Config;
use crate::run::command::of_children;
use crate::run::{Agent, Duty, StartError};
use crate::telemetry::Counters;

/// Answers as the vendors do, by their names.
const VENDORS: &str = include_str!("vendors.py");
/// The service that is traced. It knows nothing of that.
const CLIENT: &str = include_str!("client.py");
/// Its name: what `service.name` will be.
const CLIENT_NAME: &str = "weather_assistant.py";
/// Who asks it, and the name.
const USER: &str = include_str!("user.py");
const USER_NAME: &str = "user.py";

/// What the stand-in says when it is ready.
#[derive(Deserialize)]
struct Ready {
    port: u16,
    ca: PathBuf,
}

/// What the program says when it is ready.
#[derive(Deserialize)]
struct Serves {
    port: u16,
}

/// A folder of the demo's own, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("spanwire-demo-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Self(path))
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.0.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left in the folder for temporary files is removed by the host.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs the example under the agent and shows its spans.
///
/// # Errors
/// [`StartError`] when the host cannot trace; another error when the example cannot run.
pub async fn run(python: &Path, config: &Config, counters: Arc<Counters>) -> Result<(), StartError> {
    needs(python).await?;
    let folder = Folder::new()?;
    let mut vendors = vendors(python, &folder)?;
    let line = first_line(
        &mut vendors,
        "the vendors' stand-in",
        "it needs the `openssl` command to make a certificate",
    );
    let ready: Ready =
        serde_json::from_str(&line.await?).context("the vendors' stand-in did not say where it is")?;
    // The example, and nothing else of this host.
    let agent = Agent::start(&of_children(config.clone()), counters)?.with(Duty::Programs);
    let (stop, stopped) = oneshot::channel::<()>();
    let tracing = tokio::spawn(agent.trace(async {
        // A dropped sender means the same.
        let _ = stopped.await;
    }));
    let played = play(python, &folder, &ready).await;
    drop(stop);
    tracing.await.context("the agent failed")??;
    // It is ours, and it is killed with its handle if this fails.
    let _ = vendors.kill().await;
    Ok(played?)
}

/// Checks what the example needs, before anything is started.
async fn needs(python: &Path) -> anyhow::Result<()> {
    let found = Command::new(python)
        .args(["-c", "import anthropic, openai"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await
        .with_context(|| {
            format!("the demo needs Python, and {} does not run; name one with --python", python.display())
        })?;
    ensure!(
        found.success(),
        "the demo needs the packages `openai` and `anthropic`, and {} has not both: install them (pip install openai \
         anthropic), name a Python that has them with --python, or use `cargo xtask run --demo`, which brings its own",
        python.display()
    );
    Ok(())
}

fn vendors(python: &Path, folder: &Folder) -> anyhow::Result<Child> {
    let script = folder.write("vendors.py", VENDORS)?;
    Command::new(python)
        .arg(script)
        .arg("--dir")
        .arg(&folder.0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("the vendors' stand-in does not start")
}

/// The first line that a program says.
async fn first_line(child: &mut Child, name: &str, why_not: &str) -> anyhow::Result<String> {
    let out = child.stdout.take().with_context(|| format!("{name} has no output"))?;
    let line = BufReader::new(out).lines().next_line().await?;
    line.with_context(|| format!("{name} ended at once; {why_not}"))
}

async fn play(python: &Path, folder: &Folder, ready: &Ready) -> anyhow::Result<()> {
    let script = folder.write(CLIENT_NAME, CLIENT)?;
    info!(
        "running {CLIENT_NAME}, which {USER_NAME} asks: vendors' SDKs, unmodified; a stand-in on this host answers in the \
         vendors' place"
    );
    let here = format!("http://127.0.0.1:{}", ready.port);
    let mut service = Command::new(python)
        .arg(script)
        .env("HTTPS_PROXY", &here)
        .env("https_proxy", &here)
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1")
        .env_remove("OPENAI_BASE_URL")
        .env_remove("ANTHROPIC_BASE_URL")
        .env("OPENAI_API_KEY", "sk-demo-not-a-key")
        .env("ANTHROPIC_API_KEY", "sk-ant-demo-not-a-key")
        .env("GEMINI_API_KEY", "demo-not-a-key")
        .env("QDRANT_URL", &here)
        .env("SSL_CERT_FILE", &ready.ca)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("the example does not start")?;
    let line = first_line(&mut service, "the example", "its message stands above").await?;
    let serves: Serves = serde_json::from_str(&line).context("the example did not say where it is")?;
    let script = folder.write(USER_NAME, USER)?;
    let status = Command::new(python)
        .arg(script)
        .arg(format!("http://127.0.0.1:{}", serves.port))
        .env("no_proxy", "127.0.0.1")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .context("the example's user does not start")?;
    ensure!(status.success(), "the example failed ({status}); its message stands above");
    service.kill().await.context("the example does not end")
}
