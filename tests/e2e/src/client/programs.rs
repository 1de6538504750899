//! How each program is told whom to ask, and for what.

use std::path::Path;

use anyhow::Result;
use serde_json::json;
use tokio::process::Command;

use super::{CANARY, Client, KEY};
use crate::standin::StandIn;
use crate::{Setup, native_client, npm_file};

impl Client {
    /// A program of `tests/clients`, by its file's name.
    #[must_use]
    pub fn python(setup: &Setup, script: &str, standin: &StandIn) -> Self {
        Self::python_at(&setup.python, setup, script, standin)
    }

    /// A program of `tests/clients`, run by another interpreter.
    #[must_use]
    pub fn python_at(interpreter: &Path, setup: &Setup, script: &str, standin: &StandIn) -> Self {
        let mut command = Command::new(interpreter);
        command.arg(setup.test_file(Path::new("clients").join(script)));
        command.args(["--base-url", &standin.base_url()]).env("OPENAI_API_KEY", KEY);
        if let Some(ca) = standin.ca() {
            command.env("SSL_CERT_FILE", ca).env("REQUESTS_CA_BUNDLE", ca);
        }
        Self::new(command, false)
    }

    /// `tests/clients/openai.mjs`, run by `runtime`, which takes `arguments` before the script.
    #[must_use]
    pub fn javascript(setup: &Setup, runtime: &Path, arguments: &[&str], standin: &StandIn) -> Self {
        let mut command = Command::new(runtime);
        command.args(arguments).arg(setup.test_file("clients/openai.mjs"));
        command.args(["--base-url", &standin.base_url()]).env("OPENAI_API_KEY", KEY);
        if let Some(ca) = standin.ca() {
            command.env("NODE_EXTRA_CA_CERTS", ca).env("DENO_CERT", ca);
        }
        Self::new(command, false)
    }

    /// `tests/clients/openai.mjs` in Bun, of `tests/package.json`.
    ///
    /// # Errors
    /// When it is not there.
    pub fn bun(setup: &Setup, standin: &StandIn) -> Result<Self> {
        let bun = npm_file("@oven/bun-linux-x64/bin/bun")?;
        Ok(Self::javascript(setup, &bun, &[], standin))
    }

    /// `tests/clients/openai.mjs` in Deno, of `tests/package.json`.
    ///
    /// # Errors
    /// When it is not there.
    pub fn deno(setup: &Setup, standin: &StandIn) -> Result<Self> {
        let deno = npm_file("@deno/linux-x64-glibc/deno")?;
        let client = Self::javascript(setup, &deno, &["run", "--allow-all", "--no-config"], standin);
        Ok(client.env("DENO_NO_UPDATE_CHECK", "1"))
    }

    /// A program that `cargo xtask test` has built: see [`native_client`].
    ///
    /// # Errors
    /// When it is not there.
    pub fn native(name: &str, standin: &StandIn) -> Result<Self> {
        Ok(Self::native_at(&native_client(name)?, standin, &standin.base_url()))
    }

    /// A copy of such a program, which asks at an address of one's choice.
    #[must_use]
    pub fn native_at(executable: &Path, standin: &StandIn, base_url: &str) -> Self {
        let mut command = Command::new(executable);
        command.args(["--base-url", base_url]).env("OPENAI_API_KEY", KEY);
        if let Some(ca) = standin.ca() {
            command.env("SSL_CERT_FILE", ca);
        }
        Self::new(command, false)
    }

    /// Java's own HTTP client, which asks a provider by the name `host`; `hosts` is a file that says that
    /// this is the stand-in.
    #[must_use]
    pub fn java(setup: &Setup, host: &str, hosts: &Path, standin: &StandIn) -> Self {
        let mut command = Command::new("java");
        command.arg(format!("-Djdk.net.hosts.file={}", hosts.display()));
        // The stand-in's certificate is not that host's.
        command.arg("-Djdk.internal.httpclient.disableHostnameVerification=true");
        command.arg(setup.test_file("clients/Client.java"));
        command
            .arg(format!("https://{host}:{}/v1", standin.port))
            .args(standin.ca())
            .env("OPENAI_API_KEY", KEY);
        Self::new(command, false)
    }

    /// curl, which asks `model` once.
    #[must_use]
    pub fn curl(standin: &StandIn, model: &str) -> Self {
        Self::curl_at(Path::new("curl"), standin, model)
    }

    /// A curl of one's own.
    #[must_use]
    pub fn curl_at(executable: &Path, standin: &StandIn, model: &str) -> Self {
        Self::curl_by(executable, standin, &standin.base_url(), model)
    }

    /// A curl of one's own that asks at another address.
    #[must_use]
    pub fn curl_by(executable: &Path, standin: &StandIn, base_url: &str, model: &str) -> Self {
        Self::curl_asking(executable, standin, base_url, &request(model, false))
    }

    /// curl, which asks `model` once for a stream.
    #[must_use]
    pub fn curl_streaming(standin: &StandIn, model: &str) -> Self {
        Self::curl_asking(Path::new("curl"), standin, &standin.base_url(), &request(model, true))
    }

    fn curl_asking(executable: &Path, standin: &StandIn, base_url: &str, request: &str) -> Self {
        let mut command = Command::new(executable);
        command.args(["--silent", "--show-error", "--data-binary", request]);
        command.args(["--header", "content-type: application/json"]);
        command.arg("--header").arg(format!("authorization: Bearer {KEY}"));
        if let Some(ca) = standin.ca() {
            command.arg("--cacert").arg(ca);
        }
        command.arg(format!("{base_url}/chat/completions"));
        Self::new(command, true)
    }

    /// wget, which asks `model` once, for a whole answer or a stream.
    #[must_use]
    pub fn wget(standin: &StandIn, model: &str, stream: bool) -> Self {
        let mut command = Command::new("wget");
        command.args(["--quiet", "--output-document=-", "--header=content-type: application/json"]);
        command.arg(format!("--header=authorization: Bearer {KEY}"));
        command.arg(format!("--post-data={}", request(model, stream)));
        if let Some(ca) = standin.ca() {
            command.arg("--ca-certificate").arg(ca);
        }
        command.arg(format!("{}/chat/completions", standin.base_url()));
        Self::new(command, true)
    }
}

/// A chat request's body.
fn request(model: &str, stream: bool) -> String {
    let messages = json!([{"role": "user", "content": CANARY}]);
    let body = if stream {
        let options = json!({"include_usage": true});
        json!({"model": model, "messages": messages, "stream": true, "stream_options": options})
    } else {
        json!({"model": model, "messages": messages})
    };
    body.to_string()
}
