//! `spanwire demo`: the agent at work on real SDKs and a stand-in for their vendors, for a newcomer to see.
//! Nothing leaves this host.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tracing::info;

use crate::config::Config;
use crate::run::command::of_children;
use crate::run::{Agent, StartError};
use crate::telemetry::Counters;

/// Answers as the vendors do, by their names.
const VENDORS: &str = include_str!("vendors.py");
/// The program that is traced. It knows nothing of that.
const CLIENT: &str = include_str!("client.py");
/// Its name: what `service.name` will be.
const CLIENT_NAME: &str = "weather_assistant.py";

/// What the stand-in says when it is ready.
#[derive(Deserialize)]
struct Ready {
    port: u16,
    ca: PathBuf,
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
    let ready = ready(&mut vendors).await?;
    // The example, and nothing else of this host.
    let agent = Agent::start(&of_children(config.clone()), counters)?;
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

async fn ready(vendors: &mut Child) -> anyhow::Result<Ready> {
    let out = vendors.stdout.take().context("the vendors' stand-in has no output")?;
    let Some(line) = BufReader::new(out).lines().next_line().await? else {
        bail!("the vendors' stand-in ended at once; it needs the `openssl` command to make a certificate");
    };
    serde_json::from_str(&line).context("the vendors' stand-in did not say where it is")
}

async fn play(python: &Path, folder: &Folder, ready: &Ready) -> anyhow::Result<()> {
    let script = folder.write(CLIENT_NAME, CLIENT)?;
    info!(
        "running {CLIENT_NAME}: vendors' SDKs, unmodified; a stand-in on this host answers in the vendors' place"
    );
    let here = format!("http://127.0.0.1:{}", ready.port);
    let status = Command::new(python)
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
        .kill_on_drop(true)
        .status()
        .await
        .context("the example does not start")?;
    ensure!(status.success(), "the example failed ({status}); its message stands above");
    Ok(())
}
