//! What vendors' SDKs say to models and hear of them leaves as it was said, but for what the policy hides: by the
//! programs' own account of it.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use spanwire_e2e::Setup;
use spanwire_e2e::agent::Agent;
use spanwire_e2e::folder::Folder;
use spanwire_e2e::receiver::{Protocol, Receiver};
use spanwire_e2e::said::{Call, Truth, Vendors, compare, compare_part, in_attributes, in_event};
use spanwire_e2e::span::Span;

/// A dialogue in a scene of its own: what was truly said, its calls' spans, and every byte that left.
async fn talk(arguments: &[&str], dialogue: &[&str]) -> Result<(Truth, Vec<Span>, Vec<u8>)> {
    let setup = Setup::find()?;
    let receiver = Receiver::start(Protocol::Http).await?;
    let agent = Agent::start(&setup, &receiver, arguments).await?;
    let vendors = Vendors::start(&setup).await?;
    let truth = vendors.talk(&setup, "desk", dialogue).await?;
    let spans = truth.spans(&receiver).await;
    let ended = agent.stop().await?;
    ensure!(ended.status.success(), "{}: {}", ended.status, ended.stderr);
    let spans = spans.with_context(|| ended.stderr.clone())?;
    Ok((truth, spans, [receiver.bytes(), ended.stderr.into_bytes()].concat()))
}

/// Compares each call with its span, and says of all that differ.
fn all(
    calls: &[Call],
    spans: &[Span],
    told: fn(&Span, &Call) -> Result<Vec<Value>>,
    compare: fn(&Call, &[Value]) -> Result<()>,
) -> Result<()> {
    let one = |(call, span): (&Call, &Span)| told(span, call).and_then(|told| compare(call, &told));
    let faults: Vec<_> = calls.iter().zip(spans).filter_map(|pair| one(pair).err()).collect();
    let faults: Vec<_> = faults.iter().map(|fault| format!("{fault:#}")).collect();
    ensure!(faults.is_empty(), "{} of {} calls:\n{}", faults.len(), calls.len(), faults.join("\n"));
    Ok(())
}

#[tokio::test]
async fn redacted_messages_are_those_that_were_sent() -> Result<()> {
    let (truth, spans, bytes) = talk(&["--content", "redacted"], &[]).await?;
    ensure!(truth.calls.len() == 24, "six APIs, whole and streamed, two calls each: {}", truth.calls.len());
    all(&truth.redacted(), &spans, in_attributes, compare)?;
    truth.is_not_in(&bytes, true)?;
    for span in &spans {
        assert_eq!(span.text("spanwire.content"), Some("redacted"));
        for (name, at_least) in [("spanwire.redacted.email", 3), ("spanwire.redacted.card", 1)] {
            ensure!(span.int(name).is_some_and(|count| count >= at_least), "{name}: {span:#?}");
        }
        ensure!(span.raw.events.is_empty(), "{span:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn full_messages_are_attributes_and_events() -> Result<()> {
    let (truth, spans, bytes) = talk(&["--content", "full", "--content-as", "both"], &[]).await?;
    all(&truth.full(), &spans, in_attributes, compare)?;
    all(&truth.full(), &spans, in_event, compare)?;
    truth.is_not_in(&bytes, false)
}

#[tokio::test]
async fn messages_are_events() -> Result<()> {
    let (truth, spans, bytes) =
        talk(&["--content", "redacted", "--content-as", "events"], &["anthropic_messages"]).await?;
    all(&truth.redacted(), &spans, in_event, compare)?;
    truth.is_not_in(&bytes, true)?;
    for (span, call) in spans.iter().zip(&truth.calls) {
        ensure!(call.places().iter().all(|(name, _)| !span.attributes.has(name)), "{span:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn long_messages_are_cut() -> Result<()> {
    let arguments = ["--content", "redacted", "--content-limit", "1KiB"];
    let (truth, spans, bytes) = talk(&arguments, &["--pad", "2000"]).await?;
    all(&truth.redacted(), &spans, in_attributes, compare_part)?;
    truth.is_not_in(&bytes, true)?;
    for span in &spans {
        ensure!(span.attributes.flag("spanwire.content.cut") == Some(true), "{span:#?}");
    }
    Ok(())
}

/// What is not said of a call where tools' results and instructions are off, and of tools no more than the names.
fn without(call: &Call) -> Call {
    let names = |tool: &Value| json!({"type": tool["type"], "name": tool["name"]});
    let parts = |message: &Value| -> Vec<Value> {
        let parts = message["parts"].as_array().into_iter().flatten();
        parts.filter(|part| part["type"] != "tool_call_response").cloned().collect()
    };
    let said = |message: &Value| match parts(message) {
        parts if parts.is_empty() || message["role"] == "system" => None,
        parts => {
            let mut message = message.as_object().cloned().unwrap_or_default();
            message.insert("parts".to_owned(), parts.into());
            Some(Value::Object(message))
        }
    };
    let each = |value: &Value| value.as_array().cloned().unwrap_or_default();
    Call {
        model: call.model.clone(),
        system: json!([]),
        input: each(&call.input).iter().filter_map(said).collect(),
        output: call.output.clone(),
        tools: each(&call.tools).iter().map(names).collect(),
    }
}

#[tokio::test]
async fn a_policy_holds_for_its_service() -> Result<()> {
    const POLICY: &str = "content:
  - {service: 'shop*', kind: [tool-results, system-instructions], mode: off}
  - {service: 'shop*', kind: tool-definitions, mode: metadata}
";
    let setup = Setup::find()?;
    let folder = Folder::new()?;
    let policy = folder.path().join("policy.yaml");
    std::fs::write(&policy, POLICY)?;
    let receiver = Receiver::start(Protocol::Http).await?;
    let policy = policy.to_str().context("a path")?;
    let agent =
        Agent::start(&setup, &receiver, &["--content", "redacted", "--content-policy", policy]).await?;
    let vendors = Vendors::start(&setup).await?;
    let apis = ["openai_chat", "anthropic_messages"];
    for service in ["desk", "shop-one"] {
        let before = receiver.spans().len();
        let truth = vendors.talk(&setup, service, &apis).await?;
        let spans = receiver
            .wait_for(service, spanwire_e2e::DEADLINE, |spans| spans.len() >= before + truth.calls.len())
            .await?;
        let of = |call: &Call| {
            let model = Some(call.model.as_str());
            let mut new = spans.iter().skip(before);
            new.rfind(|span| span.text("gen_ai.request.model") == model).cloned().context("no span")
        };
        let spans = truth.calls.iter().map(of).collect::<Result<Vec<_>>>()?;
        ensure!(spans.iter().all(|span| span.service() == Some(service)), "{spans:#?}");
        let redacted = truth.redacted();
        let expected = if service == "desk" { redacted } else { redacted.iter().map(without).collect() };
        all(&expected, &spans, in_attributes, compare).with_context(|| service.to_owned())?;
    }
    let ended = agent.stop().await?;
    ensure!(ended.status.success(), "{}: {}", ended.status, ended.stderr);
    Ok(())
}
