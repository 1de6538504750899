//! `spanwire demo`: the agent at work on a real SDK and a stand-in provider, for a newcomer to see.
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

/// The provider that the end-to-end tests use as well.
const PROVIDER: &str = include_str!("../../../tests/standin/provider.py");
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
    let mut provider = provider(python, &folder)?;
    let ready = ready(&mut provider).await?;
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
    let _ = provider.kill().await;
    Ok(played?)
}

/// Checks what the example needs, before anything is started.
async fn needs(python: &Path) -> anyhow::Result<()> {
    let found = Command::new(python)
        .args(["-c", "import openai"])
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
        "the demo needs the `openai` package, and {} has none: install it (pip install openai), name a Python that \
         has it with --python, or use `cargo xtask run --demo`, which brings its own",
        python.display()
    );
    Ok(())
}

fn provider(python: &Path, folder: &Folder) -> anyhow::Result<Child> {
    let script = folder.write("provider.py", PROVIDER)?;
    Command::new(python)
        .arg(script)
        .arg("--dir")
        .arg(&folder.0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("the stand-in provider does not start")
}

async fn ready(provider: &mut Child) -> anyhow::Result<Ready> {
    let out = provider.stdout.take().context("the stand-in provider has no output")?;
    let Some(line) = BufReader::new(out).lines().next_line().await? else {
        bail!("the stand-in provider ended at once; it needs the `openssl` command to make a certificate");
    };
    serde_json::from_str(&line).context("the stand-in provider did not say where it is")
}

async fn play(python: &Path, folder: &Folder, ready: &Ready) -> anyhow::Result<()> {
    let script = folder.write(CLIENT_NAME, CLIENT)?;
    info!("running {CLIENT_NAME}: the openai SDK, unmodified, against a stand-in on this host");
    let status = Command::new(python)
        .arg(script)
        .env("OPENAI_BASE_URL", format!("https://localhost:{}/v1", ready.port))
        .env("OPENAI_API_KEY", "sk-demo-not-a-key")
        .env("SSL_CERT_FILE", &ready.ca)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .context("the example does not start")?;
    ensure!(status.success(), "the example failed ({status}); its message stands above");
    Ok(())
}
