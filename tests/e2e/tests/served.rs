//! What is seen of servers from their first request on.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use spanwire_e2e::agent::{Agent, finished};
use spanwire_e2e::folder::Folder;
use spanwire_e2e::receiver::{Protocol, Receiver};
use spanwire_e2e::services::{LISTENING, Server};
use spanwire_e2e::span::Span;
use spanwire_e2e::standin::StandIn;
use spanwire_e2e::{DEADLINE, Setup};
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

async fn proxy(setup: &Setup, standin: &StandIn) -> Result<Server> {
    let mut command = Command::new(&setup.python);
    command.args(["-m", "uvicorn", "--host", "127.0.0.1", "--port", "0", "--app-dir"]);
    command.arg(setup.test_file("services")).arg("proxy:app");
    command.env("LLM_URL", standin.base_url().replace("/v1", ""));
    Server::start(command, true, "running on http://").await
}

/// A gateway, which nobody has changed, between a client and a model: one tree of three calls, of which the middle one is
/// what it serves.
#[tokio::test]
async fn what_a_gateway_serves_stands_between_its_caller_and_the_model() -> Result<()> {
    let setup = Setup::find()?;
    let receiver = Receiver::start(Protocol::Http).await?;
    let standin = StandIn::start(&setup, true).await?;
    let agent = Agent::start(&setup, &receiver, &[]).await?;
    let server = proxy(&setup, &standin).await?;
    let url = format!("{}/v1/chat/completions", server.url);
    let ask = |more: &str| {
        format!(r#"{{"model":"gpt-4o-mini","messages":[{{"role":"user","content":"prompt-canary"}}]{more}}}"#)
    };
    // Its first call makes it take part.
    post(&url, &ask(""), &[]).await?;
    let told = format!("process {} is traced: its requests are followed", server.pid);
    agent.log().wait_for(&told, DEADLINE, |log| log.contains(&told)).await?;
    let stream = r#","stream":true,"stream_options":{"include_usage":true}"#;
    let tools = r#","tools":[{"type":"function","function":{"name":"get_weather"}}]"#;
    for more in ["", stream, tools] {
        post(&url, &ask(more), &[]).await?;
    }
    let orders = format!(r#"{{"note":"{}"}}"#, "prompt-canary ".repeat(4096));
    post(&format!("{}/orders", server.url), &orders, &[]).await?;
    let pid = i64::from(server.pid);
    server.stop().await?;
    let log = standin.log(4).await?;
    let ended = agent.stop().await?;
    ensure!(ended.status.success() && ended.losses().is_empty(), "{}", ended.stderr);
    let spans = receiver.spans();
    for served in log.iter().skip(1) {
        let of = |kind, own: bool| {
            let fits = |span: &&Span| {
                let is_own = span.resource.int("process.pid") == Some(pid);
                is(span, kind) && is_own == own && span.response_id() == Some(&*served.id)
            };
            spans.iter().find(fits).with_context(|| format!("{kind:?} {own} of {served:#?}: {spans:#?}"))
        };
        let (asked, middle, call) =
            (of(SpanKind::Client, false)?, of(SpanKind::Server, true)?, of(SpanKind::Client, true)?);
        ensure!(middle.raw.parent_span_id == asked.raw.span_id, "{asked:#?} {middle:#?}");
        // One that wants a tool is a part of an agent's run.
        let is_of_agent = served.finish_reason == "tool_calls";
        ensure!(is_of_agent || call.raw.parent_span_id == middle.raw.span_id, "{middle:#?} {call:#?}");
        ensure!(middle.raw.name == "chat gpt-4o-mini" && middle.notes().is_empty(), "{middle:#?}");
        for span in [asked, middle, call] {
            ensure!(span.raw.trace_id == asked.raw.trace_id, "{span:#?}");
            ensure!(span.tokens() == (Some(served.input_tokens), Some(served.output_tokens)), "{span:#?}");
            ensure!(
                span.attributes.texts("gen_ai.response.finish_reasons") == [&*served.finish_reason],
                "{span:#?}"
            );
            ensure!(span.attributes.has("gen_ai.response.time_to_first_chunk") == served.stream, "{span:#?}");
        }
        ensure!(middle.text("http.request.method") == Some("POST"), "{middle:#?}");
        ensure!(middle.attributes.int("http.response.status_code") == Some(200), "{middle:#?}");
        ensure!(!middle.attributes.has("gen_ai.cost.total"), "{middle:#?}");
    }
    let other = spans.iter().find(|span| span.text("url.path") == Some("/orders"));
    let other = other.with_context(|| format!("{spans:#?}"))?;
    ensure!(
        is(other, SpanKind::Server) && other.raw.name == "POST" && other.notes().is_empty(),
        "{other:#?}"
    );
    Ok(())
}
