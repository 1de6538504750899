//! The command line: verdicts, refusals with their mends, and the terminal view.

use std::process::{Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::agent::{Agent, command, finished};
use spanwire_e2e::client::{CANARY, Client, KEY};
use spanwire_e2e::door::Doorkeeper;
use spanwire_e2e::folder::Folder;
use spanwire_e2e::scene::Scene;
use spanwire_e2e::standin::StandIn;
use spanwire_e2e::transcript::Transcript;
use spanwire_e2e::{DEADLINE, Setup};
use tokio::process::Command;

fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn check_finds_this_host_able() -> Result<()> {
    let output = finished(command(&Setup::find()?).arg("check")).await?;
    let (verdict, errors) = text(&output);
    ensure!(output.status.code() == Some(0), "{}\n{verdict}\n{errors}", output.status);
    for subject in ["privileges", "uprobes", "BTF"] {
        let line = verdict.lines().find(|line| line.contains(subject));
        ensure!(line.is_some_and(|line| line.starts_with("ok")), "{subject}: {line:?} in\n{verdict}");
    }
    ensure!(!verdict.lines().any(|line| line.starts_with("missing")), "{verdict}");
    Ok(())
}

#[tokio::test]
async fn an_unknown_setting_is_refused_and_an_unknown_variable_warned_of() -> Result<()> {
    let setup = Setup::find()?;
    let folder = Folder::new()?;
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, "body-limit: 2MiB\notlp-endpont: http://localhost:4318\n")?;
    let from_file = finished(command(&setup).args(["run", "--config"]).arg(&file)).await?;
    let (_, errors) = text(&from_file);
    assert_eq!(from_file.status.code(), Some(2), "{errors}");
    ensure!(errors.contains("otlp-endpont") && errors.contains("'otlp-endpoint'"), "{errors}");
    ensure!(errors.lines().count() == 1, "one line was expected: {errors}");
    // Kubernetes makes such a variable for a Service called spanwire.
    let mut traced = command(&setup);
    traced.args(["run", "--", "true"]).env("SPANWIRE_PORT", "tcp://10.0.0.1:80");
    let output = finished(&mut traced).await?;
    let (_, errors) = text(&output);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    ensure!(errors.contains("SPANWIRE_PORT") && !errors.contains("10.0.0.1"), "{errors}");
    Ok(())
}

#[tokio::test]
async fn without_privileges_the_mend_is_named() -> Result<()> {
    const NOBODY: &str = "65534";
    let setup = Setup::find()?;
    // A copy that nobody may run: the build's own folder may be closed to other users.
    let folder = Folder::new()?;
    let agent = folder.path().join("spanwire");
    std::fs::copy(&setup.agent, &agent)?;
    for action in ["check", "run"] {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--inh-caps=-all"]);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("SPANWIRE_CONFIG", "/dev/null");
        let output = finished(command.arg(&agent).arg(action).kill_on_drop(true)).await?;
        let (verdict, errors) = text(&output);
        let said = format!("{verdict}{errors}");
        assert_eq!(output.status.code(), Some(3), "{action}: {said}");
        let mend = |line: &str| line.contains("privileges") && line.contains("run as root");
        ensure!(said.lines().any(mend), "{action} names no mend: {said}");
    }
    Ok(())
}

#[tokio::test]
async fn the_terminal_view_shows_calls_and_their_tree() -> Result<()> {
    let setup = Setup::find()?;
    let mut standin = StandIn::asking(&setup, false).await?;
    let agent = Agent::showing(&setup, &[]).await?;
    let _door = Doorkeeper::start(&mut standin, Some(agent.log()));
    let client = Client::python(&setup, "openai_sdk.py", &standin).model("standin-view").count(2);
    client.service("view-test").run().await?;
    let log = standin.log(2).await?;
    ensure!(log.len() == 2, "{log:?}");

    // Thousands are set apart; the stand-in's answers have at most 2,003 tokens.
    let written = |tokens: i64| match tokens {
        0..1000 => tokens.to_string(),
        _ => format!("{},{:03}", tokens / 1000, tokens % 1000),
    };
    let count = |view: &str, input, output| {
        let tokens = format!("{}→{}", written(input), written(output));
        view.lines().filter(|line| line.contains("chat standin-view") && line.contains(&tokens)).count()
    };
    // Each call has its line, and its place in the tree that follows the process's end.
    let complete = |view: &str| {
        log.iter().all(|served| count(view, served.input_tokens, served.output_tokens) == 2)
            && view.matches("view-test").count() >= 3
    };
    let view = agent.view().wait_for("lines and a tree", DEADLINE, complete).await?;
    ensure!(!view.contains('\u{1b}'), "colours, though this is no terminal:\n{view}");
    let ended = agent.stop().await?;
    ensure!(ended.status.success(), "{}", ended.stderr);
    ensure!(!ended.stdout.contains(KEY) && !ended.stdout.contains(CANARY), "{}", ended.stdout);
    Ok(())
}

/// One command is traced with what it starts, from its first call on, and nothing else is.
#[tokio::test]
async fn run_traces_one_command() -> Result<()> {
    const SCRIPT: &str = "\"$@\" --model standin-first && \"$@\" --model standin-second; exit 7";
    let setup = Setup::find()?;
    let mut standin = StandIn::asking(&setup, false).await?;
    let door = Doorkeeper::start(&mut standin, None).context("it asks")?;
    let neighbour = Client::python(&setup, "httpx_client.py", &standin).model("standin-other").count(100_000);
    let neighbour = neighbour.start()?;
    neighbour.calls(1).await?;
    let client = Client::python(&setup, "openai_sdk.py", &standin);
    let mut traced = command(&setup);
    traced.args(["run", "--", "sh", "-c", SCRIPT, "sh"]).args(client.words()).envs(client.environment());
    let mut agent = traced.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let view = Transcript::of("agent's view", agent.stdout.take().context("no output")?);
    let log = Transcript::of("agent's log", agent.stderr.take().context("no log")?);
    door.follow(&log);
    let (said, errors) = (view.wait_for_end(DEADLINE).await?, log.wait_for_end(DEADLINE).await?);
    let status = agent.wait().await?;
    neighbour.kill().await?;
    ensure!(status.code() == Some(7), "{status}: {said}{errors}");
    for (model, seen) in [("standin-first", true), ("standin-second", true), ("standin-other", false)] {
        ensure!(said.contains(&format!("chat {model}")) == seen, "{model}: {said}{errors}");
    }
    ensure!(errors.contains("stopped; 2 calls, nothing lost"), "{errors}");
    Ok(())
}

#[tokio::test]
async fn a_command_that_is_not_there_ends_as_in_a_shell() -> Result<()> {
    let output = finished(command(&Setup::find()?).args(["run", "--", "no-such-program"])).await?;
    let (_, errors) = text(&output);
    ensure!(output.status.code() == Some(127) && errors.contains("cannot start no-such-program"), "{errors}");
    let output = finished(command(&Setup::find()?).args(["run", "--include", "user=no-such-user"])).await?;
    let (_, errors) = text(&output);
    ensure!(output.status.code() == Some(1) && errors.contains("user=no-such-user"), "{errors}");
    Ok(())
}

#[tokio::test]
async fn the_probes_log_only_when_asked() -> Result<()> {
    const CALLS: &[&str] = &["--tls", "calls"];
    const TOLD: &[&str] = &["--tls", "calls", "--probe-log", "debug"];
    for (arguments, expected) in [(CALLS, false), (TOLD, true)] {
        let scene = Scene::tls(arguments).await?;
        scene.curl("gpt-4o-mini").run().await?;
        let outcome = scene.finish(1).await?;
        let said = outcome.agent.stderr.contains("bpf: first bytes of TLS session");
        ensure!(said == expected, "{arguments:?}: {}", outcome.agent.stderr);
    }
    Ok(())
}

/// A user's request as one tree across processes: vendors' SDKs behind a proxy, a vector store, a run with two tools, a stream, a
/// refusal that is tried again, and the costs at the root.
#[tokio::test]
async fn the_demo_shows_all_that_its_example_does() -> Result<()> {
    let setup = Setup::find()?;
    let output = finished(command(&setup).arg("demo").arg("--python").arg(&setup.python)).await?;
    let (shown, errors) = text(&output);
    ensure!(output.status.success(), "{}\n{shown}\n{errors}", output.status);
    let mut lines: Vec<_> = shown
        .lines()
        .filter(|line| line.contains(":") && line.contains("  ") && !line.contains("─ "))
        .collect();
    // Of programs that begin to take part the first request is not always seen, nor on a busy host the second.
    let sees_user = shown.contains("user (pid ");
    lines.retain(|line| !line.contains("GET /ready") && !line.contains("  user  "));
    for words in [
        &["embeddings", "api.openai.com", "$"][..],
        &["upsert travel", "127.0.0.1"],
        &["weather_assistant     weather_assistant", "9→?", "$"],
        &["embeddings", "api.openai.com", "$"],
        &["query travel", "127.0.0.1"],
        &["chat gpt-4o-mini", "tool_calls", "412→37 (256)", "$"],
        &["chat gpt-4o-mini", "stop", "478→11 (256)", "$"],
        &["chat claude-sonnet-4-5", "overloaded_error"],
        &["chat claude-sonnet-4-5", "stop", "2,366→96 (2,048)", "$"],
        &["generate_content", "stop", "21→144", "$"],
        &["execute_tool get_weather"],
        &["execute_tool find_events"],
        &["invoke_agent", "890→48", "$"],
        &["weather_assistant     POST /ask", "200"],
    ] {
        let found = lines.iter().position(|line| words.iter().all(|word| line.contains(word)));
        lines.remove(found.with_context(|| format!("{words:?} in\n{shown}\n{errors}"))?);
    }
    ensure!(lines.is_empty(), "{lines:?}");
    let of_trace =
        |tree: &&str| tree.contains(": 7 calls, 3,286→288 tokens, $") && tree.contains(", 1 error");
    let tree = shown.split("\ntrace ").find(of_trace).with_context(|| format!("the tree in\n{shown}"))?;
    let drawn = tree.lines().filter_map(|line| line.split_once("─ "));
    let drawn: Vec<_> = drawn.map(|(branch, node)| (branch.chars().count() / 3, node)).collect();
    let expected = [
        (0, "user (pid "),
        (1, "POST /ask  200"),
        (2, "weather_assistant (pid "),
        (3, "embeddings "),
        (3, "query travel"),
        (3, "invoke_agent  -  890→48"),
        (4, "chat gpt-4o-mini  tool_calls"),
        (4, "execute_tool "),
        (4, "execute_tool "),
        (4, "chat gpt-4o-mini  stop"),
        (3, "chat claude-sonnet-4-5  overloaded_error"),
        (3, "chat claude-sonnet-4-5  stop"),
        (3, "generate_content"),
    ];
    let above = if sees_user { 0 } else { 2 };
    let expected: Vec<_> = expected.iter().skip(above).map(|(depth, node)| (depth - above, *node)).collect();
    let is_same =
        drawn.iter().zip(&expected).all(|(drawn, known)| drawn.0 == known.0 && drawn.1.starts_with(known.1));
    ensure!(is_same && drawn.len() == expected.len(), "{drawn:?} in\n{shown}");
    Ok(())
}
