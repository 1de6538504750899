//! What is seen of servers from their first request on.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use spanwire_e2e::Setup;
use spanwire_e2e::agent::{Agent, finished};
use spanwire_e2e::folder::Folder;
use spanwire_e2e::receiver::{Protocol, Receiver};
use spanwire_e2e::services::{LISTENING, Server};
use spanwire_e2e::span::Span;
use spanwire_e2e::standin::StandIn;
use tokio::process::Command;

/// A server of tools, under gunicorn; as a script of this name, which is its process's, too.
const GUNICORN: &str = "from gunicorn.app.wsgiapp import run; run()";

fn script(setup: &Setup, folder: &Folder, name: &str, code: &str) -> Result<std::path::PathBuf> {
    let path = folder.path().join(name);
    std::fs::write(&path, format!("#!{}\n{code}\n", setup.python.display()))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

async fn tools(setup: &Setup, program: &Path, standin: &StandIn, truth: &Folder) -> Result<Server> {
    let mut command = Command::new(program);
    command.args(["--no-control-socket", "--bind", "127.0.0.1:0", "--workers", "1", "--chdir"]);
    command.arg(setup.test_file("services")).arg("tools:app");
    command.env("TRUTH", truth.path()).env("PROPAGATE", "none");
    command.env("LLM_URL", standin.base_url().replace("/v1", ""));
    Server::start(command, true, LISTENING).await
}

async fn post(url: &str, body: &str, more: &[&str]) -> Result<String> {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--fail", "--data-binary", body, url]).args(more);
    let output = finished(command.args(["--header", "content-type: application/json"])).await?;
    ensure!(output.status.success(), "{output:?}");
    Ok(String::from_utf8(output.stdout)?)
}

fn is(span: &Span, kind: SpanKind) -> bool {
    span.raw.kind == kind as i32
}

/// A rule names it by what it is called, whether it begins before the agent or after it.
#[tokio::test]
async fn the_first_request_of_a_process_that_a_rule_names() -> Result<()> {
    for runs_already in [false, true] {
        let setup = Setup::find()?;
        let receiver = Receiver::start(Protocol::Http).await?;
        let standin = StandIn::start(&setup, true).await?;
        let folder = Folder::new()?;
        let name = format!("srv-{}", std::process::id());
        let program = script(&setup, &folder, &name, GUNICORN)?;
        let before =
            if runs_already { Some(tools(&setup, &program, &standin, &folder).await?) } else { None };
        let rule = format!("process={name}");
        let agent = Agent::start(&setup, &receiver, &["--services-from-start", &rule]).await?;
        let server = match before {
            Some(server) => server,
            None => tools(&setup, &program, &standin, &folder).await?,
        };
        let url = format!("{}/tools/describe", server.url);
        post(&url, r#"{"city":"Lisbon"}"#, &["--header", "x-request-ref: r1"]).await?;
        server.stop().await?;
        let ended = agent.stop().await?;
        ensure!(ended.status.success(), "{}", ended.stderr);
        let spans = receiver.spans();
        let of = |kind| spans.iter().find(|span| is(span, kind)).with_context(|| format!("{spans:#?}"));
        let (served, call) = (of(SpanKind::Server)?, of(SpanKind::Client)?);
        ensure!(
            served.text("url.path") == Some("/tools/describe") && served.raw.name == "POST",
            "{served:#?}"
        );
        ensure!(served.raw.parent_span_id.is_empty(), "{served:#?}");
        ensure!(call.raw.name == "chat standin-script-slow", "{call:#?}");
        ensure!(call.raw.parent_span_id == served.raw.span_id, "{spans:#?}");
        ensure!(call.raw.trace_id == served.raw.trace_id && spans.len() == 2, "{spans:#?}");
    }
    Ok(())
}
