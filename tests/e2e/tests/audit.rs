//! The audit: what is recorded of calls, and that nothing of it can be changed unseen.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use serde_json::Value;
use spanwire_e2e::Setup;
use spanwire_e2e::agent::{Agent, command, finished};
use spanwire_e2e::audit::Audit;
use spanwire_e2e::client::{CANARY, Client, KEY};
use spanwire_e2e::receiver::{Protocol, Receiver};
use spanwire_e2e::scene::{Scene, concerning};
use spanwire_e2e::standin::StandIn;

fn of<'a>(record: &'a Value, pointer: &str) -> &'a str {
    record.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn each_call_is_recorded_with_who_made_it_and_none_can_be_changed_unseen() -> Result<()> {
    let audit = Audit::new()?;
    let path = audit.text();
    let scene = Scene::plain(&["--audit", &path, "--approved-endpoints", "api.openai.com"]).await?;
    let python = scene.python("openai_sdk.py").count(2).run().await?;
    scene.curl("standin-500").run().await?;
    let outcome = scene.finish(3).await?;
    let (is_whole, text) = audit.verify().await?;
    ensure!(is_whole, "{text}");
    let records = audit.records(&[]).await?;
    let ids = |records: &[Value]| -> BTreeSet<String> {
        records.iter().map(|record| format!("{} {}", of(record, "/trace"), of(record, "/span"))).collect()
    };
    let of_spans = outcome.spans.iter().map(|span| &span.raw);
    let expected = of_spans.map(|raw| format!("{} {}", hex(&raw.trace_id), hex(&raw.span_id)));
    assert_eq!(ids(&records), expected.collect::<BTreeSet<_>>());
    for record in &records {
        let span = outcome.spans.iter().find(|span| hex(&span.raw.span_id) == of(record, "/span"));
        let span = span.context("it has a span")?;
        assert_eq!(record.pointer("/actor/user/name"), Some(&"root".into()), "{record:#}");
        assert_eq!(record.pointer("/input_tokens").and_then(Value::as_i64), span.tokens().0);
        assert_eq!(record.pointer("/bytes/sent").and_then(Value::as_i64), span.int("http.request.body.size"));
        assert_eq!(of(record, "/model"), span.text("gen_ai.response.model").unwrap_or("standin-500"));
        assert_eq!(of(record, "/approval"), "unapproved");
        assert_eq!(span.text("spanwire.endpoint.approval"), Some("unapproved"));
        ensure!(record.pointer("/actor/parents/0").is_some(), "{record:#}");
    }
    let of_python: Vec<_> =
        records.iter().filter(|one| one.pointer("/actor/pid") == Some(&python.pid.into())).collect();
    assert_eq!(of_python.len(), 2);
    for record in of_python {
        ensure!(of(record, "/actor/command").contains("openai_sdk.py"), "{record:#}");
        ensure!(of(record, "/actor/executable").contains("python"), "{record:#}");
    }
    assert_eq!(audit.records(&["--errors", "--executable", "curl"]).await?.len(), 1);
    assert_eq!(audit.ask(&["--model", "none"]).await?.status.code(), Some(4));
    for file in [audit.path(), audit.path().with_extension("db-wal")] {
        let bytes = fs::read(&file).unwrap_or_default();
        for secret in [KEY, CANARY] {
            ensure!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
        }
    }
    // A bit of the model's name, in the file.
    let mut bytes = fs::read(audit.path())?;
    let name = b"\"model\":\"gpt-4o-mini";
    let at = bytes.windows(name.len()).position(|window| window == name).context("a record is in it")?;
    let byte = bytes.get_mut(at + name.len() - 1).context("there")?;
    *byte ^= 1;
    fs::write(audit.path(), bytes)?;
    let (is_whole, text) = audit.verify().await?;
    ensure!(!is_whole && text.contains(" was changed"), "{text}");
    Ok(())
}

#[tokio::test]
async fn sampling_leaves_the_audit_whole_and_keeps_traces_with_errors_whole() -> Result<()> {
    let audit = Audit::new()?;
    let path = audit.text();
    let sampling = ["--audit", &path, "--traces-sampler", "always_off", "--keep-errors", "on"];
    let scene = Scene::plain(&sampling).await?;
    let good = scene.python("openai_sdk.py").count(3).run().await?;
    let bad = scene.python("openai_sdk.py").model("standin-500").count(2).run().await?;
    audit.wait_for(5).await?;
    let Scene { receiver, standin, agent, .. } = scene;
    let ended = agent.stop().await?;
    ensure!(ended.status.success(), "{}", ended.stderr);
    let spans = receiver.spans();
    let of = |pid: u32| spans.iter().filter(move |span| span.resource.int("process.pid") == Some(pid.into()));
    ensure!(of(good.pid).count() == 0, "not sampled: {spans:#?}");
    let calls: Vec<_> = concerning(&standin, &spans).collect();
    ensure!(calls.len() == 2 && calls.iter().all(|span| span.failed()), "two failed: {spans:#?}");
    // The calls, and the run of the program that they have in common.
    ensure!(of(bad.pid).count() == 3, "{spans:#?}");
    for call in calls {
        let mut above = of(bad.pid).filter(|span| span.raw.span_id == call.raw.parent_span_id);
        ensure!(above.next().is_some_and(|span| span.raw.trace_id == call.raw.trace_id), "{spans:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn calls_that_nobody_approved_are_log_records_whatever_is_sampled() -> Result<()> {
    let setup = Setup::find()?;
    let receiver = Receiver::start(Protocol::Http).await?;
    let standin = StandIn::asking(&setup, true).await?;
    let wanted = ["--audit-events", "on", "--approved-endpoints", "api.openai.com"];
    let sampling = ["--traces-sampler", "always_off"];
    let agent = Agent::logging(&setup, &receiver, &[&wanted[..], &sampling].concat()).await?;
    let scene = Scene::of(setup, receiver, standin, agent);
    scene.curl("gpt-4o-mini").run().await?;
    scene.standin.log(1).await?;
    let Scene { receiver, standin, agent, .. } = scene;
    let ended = agent.stop().await?;
    ensure!(ended.status.success(), "{}", ended.stderr);
    let port = AnyValue::IntValue(standin.port.into());
    let of_standin = |record: &LogRecord| {
        let mut values = record.attributes.iter().filter(|pair| pair.key == "server.port");
        values.any(|pair| pair.value.as_ref().is_some_and(|value| value.value.as_ref() == Some(&port)))
    };
    let records: Vec<_> = receiver.logs().into_iter().filter(of_standin).collect();
    ensure!(records.len() == 1, "{records:#?}");
    for record in records {
        assert_eq!(
            (record.event_name.as_str(), record.severity_number),
            ("spanwire.audit.unapproved_call", 13)
        );
        ensure!(record.trace_id.len() == 16 && record.span_id.len() == 8, "{record:#?}");
    }
    let spans = receiver.spans();
    assert_eq!(concerning(&standin, &spans).count(), 0, "none is sampled");
    Ok(())
}

#[tokio::test]
async fn a_killed_agent_leaves_what_it_wrote_and_the_next_goes_on() -> Result<()> {
    let audit = Audit::new()?;
    let path = audit.text();
    let scene = Scene::plain(&["--audit", &path]).await?;
    for _ in 0..3 {
        scene.curl("gpt-4o-mini").run().await?;
    }
    audit.wait_for(3).await?;
    // A second agent is not let in.
    let mut second = command(&Setup::find()?);
    second.args(["run", "--status-socket", "none", "--output", "console", "--audit", &path]);
    let second = finished(&mut second).await?;
    let said = String::from_utf8_lossy(&second.stderr);
    ensure!(second.status.code() == Some(1) && said.contains("in use by another agent"), "{said}");
    let Scene { setup, receiver, standin, agent, .. } = scene;
    agent.kill().await?;
    let (is_whole, text) = audit.verify().await?;
    ensure!(is_whole && audit.records(&[]).await?.len() == 3, "{text}");
    let agent = Agent::start(&setup, &receiver, &["--audit", &path]).await?;
    Client::curl(&standin, "gpt-4o-mini").run().await?;
    audit.wait_for(4).await?;
    agent.stop().await?;
    let (is_whole, text) = audit.verify().await?;
    ensure!(is_whole, "{text}");
    Ok(())
}

#[tokio::test]
async fn a_damaged_audit_is_kept_and_a_new_one_begun() -> Result<()> {
    let audit = Audit::new()?;
    let folder = audit.path().parent().context("a folder")?.to_owned();
    fs::create_dir(&folder)?;
    fs::write(audit.path(), "this is no audit, but it may be evidence\n".repeat(200))?;
    fs::set_permissions(audit.path(), std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let path = audit.text();
    let scene = Scene::plain(&["--audit", &path]).await?;
    scene.curl("gpt-4o-mini").run().await?;
    let outcome = scene.finish(1).await?;
    assert_eq!(outcome.agent.losses().get("audit_set_aside"), Some(&1), "{}", outcome.agent.stderr);
    assert_eq!(audit.records(&[]).await?.len(), 1);
    let notes = audit.records(&["--notes"]).await?;
    ensure!(notes.iter().any(|note| of(note, "/event") == "store_set_aside"), "{notes:#?}");
    let names = fs::read_dir(&folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let aside: Vec<_> = names.filter(|name| name.starts_with("audit.db.damaged-")).collect();
    let [aside] = aside.as_slice() else { anyhow::bail!("{aside:?}") };
    ensure!(fs::read_to_string(folder.join(aside))?.starts_with("this is no audit"));
    ensure!(audit.verify().await?.0);
    Ok(())
}

/// What cannot be read is recorded from the outside.
#[tokio::test]
async fn a_connection_that_cannot_be_read_is_recorded() -> Result<()> {
    const HOST: &str = "api.openai.com";
    let audit = Audit::new()?;
    let path = audit.text();
    let arguments = ["--audit", path.as_str(), "--approved-endpoints", HOST];
    let scene = Scene::open(Protocol::Http, false, &arguments).await?;
    let hosts = audit.folder().join("hosts");
    fs::write(&hosts, format!("127.0.0.1 {HOST}\n"))?;
    let done = Client::java(&scene.setup, HOST, &hosts, &scene.standin).run().await?;
    let records = audit.wait_for(1).await?;
    scene.agent.stop().await?;
    let record = records.first().context("one")?;
    assert_eq!((of(record, "/kind"), of(record, "/peer/name")), ("unread", HOST), "{record:#}");
    assert_eq!(of(record, "/approval"), "approved");
    assert_eq!(record.pointer("/actor/pid"), Some(&done.pid.into()));
    for bytes in ["/bytes/sent", "/bytes/received"] {
        ensure!(record.pointer(bytes).and_then(Value::as_u64) > Some(300), "{record:#}");
    }
    let endpoints = audit.records(&["endpoints"]).await;
    ensure!(endpoints.is_ok_and(|endpoints| endpoints.len() == 1));
    Ok(())
}
