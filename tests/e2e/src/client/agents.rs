//! Coding agents, which are told by their own configuration whom to ask. They print prose: what they received is
//! in the stand-in's log alone.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result};
use serde_json::json;
use tokio::process::Command;

use super::{CANARY, Client, KEY};
use crate::npm_file;
use crate::standin::StandIn;

/// Calls none of the tools that it is offered, which would go on for ever.
const MODEL: &str = "standin-text";

/// Where nobody listens: what they would ask of the world at their start fails at once.
const NOWHERE: &str = "http://127.0.0.1:9";

impl Client {
    /// opencode, of `tests/package.json`, which makes one call, with a stream; its configuration is written to `home`.
    ///
    /// # Errors
    /// When it is not there, or `home` cannot be written.
    pub fn opencode(home: &Path, standin: &StandIn) -> Result<Self> {
        let program = npm_file("opencode-linux-x64/bin/opencode")?;
        let options = json!({"baseURL": standin.base_url(), "apiKey": KEY});
        let provider = json!({
            "npm": "@ai-sdk/openai-compatible",
            "options": options,
            "models": {MODEL: {"name": MODEL}},
        });
        let configuration = json!({
            "autoupdate": false,
            "share": "disabled",
            "model": format!("standin/{MODEL}"),
            "small_model": format!("standin/{MODEL}"),
            "provider": {"standin": provider},
        });
        let file = home.join("opencode.json");
        std::fs::write(&file, configuration.to_string()).context("its configuration")?;
        // Without a title it asks for one.
        let mut client = Self::agent(&program, home, standin, &["run", "--title", "a test", CANARY]);
        for name in ["AUTOUPDATE", "DEFAULT_PLUGINS", "LSP_DOWNLOAD", "MODELS_FETCH"] {
            client = client.env(&format!("OPENCODE_DISABLE_{name}"), "1");
        }
        Ok(client.env("OPENCODE_CONFIG", file))
    }

    /// Codex, of `tests/package.json`, which makes one call of the responses API; its configuration is written to
    /// `home`.
    ///
    /// # Errors
    /// When it is not there, or `home` cannot be written.
    pub fn codex(home: &Path, standin: &StandIn) -> Result<Self> {
        let program = npm_file("@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex")?;
        let configuration = format!(
            "model = \"{MODEL}\"\nmodel_provider = \"standin\"\n\
             [features]\nplugins = false\napps = false\n\
             [model_providers.standin]\nname = \"standin\"\nbase_url = \"{}\"\nenv_key = \"OPENAI_API_KEY\"\n\
             wire_api = \"responses\"\nsupports_websockets = false\n\
             request_max_retries = 0\nstream_max_retries = 0\n",
            standin.base_url()
        );
        std::fs::write(home.join("config.toml"), configuration).context("its configuration")?;
        let client = Self::agent(&program, home, standin, &["exec", "--skip-git-repo-check", CANARY]);
        Ok(client.env("CODEX_HOME", home))
    }

    /// A program that sees nothing of its user, and says what it has to say to the test's own output.
    fn agent(program: &Path, home: &Path, standin: &StandIn, arguments: &[&str]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" \"$@\" >&2"]).arg(program).args(arguments).current_dir(home);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home);
        command.env("HTTPS_PROXY", NOWHERE).env("HTTP_PROXY", NOWHERE).env("NO_PROXY", "localhost");
        command.env("OPENAI_API_KEY", KEY).stderr(Stdio::inherit());
        if let Some(ca) = standin.ca() {
            command.env("NODE_EXTRA_CA_CERTS", ca).env("SSL_CERT_FILE", ca);
        }
        Self::new(command, false)
    }
}
