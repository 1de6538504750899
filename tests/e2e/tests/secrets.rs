//! Secrets in every place that a request, an answer and a program have: what leaves the agent has none of them, whatever
//! mode it is in, and in `redacted` it has all the rest.

#![allow(clippy::print_stdout, reason = "how much was searched, for whoever reads")]

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use spanwire_e2e::DEADLINE;
use spanwire_e2e::agent::Agent;
use spanwire_e2e::client::{CANARY, Client};
use spanwire_e2e::folder::Folder;
use spanwire_e2e::receiver::{Protocol, Receiver};
use spanwire_e2e::scene::Scene;
use spanwire_e2e::secrets::{CREDENTIALS, PERSONAL, Search, Secret, secret};
use spanwire_e2e::standin::StandIn;
use spanwire_e2e::{Setup, span::Span};

/// Places of messages and what belongs to them: their words leave with content, and with nothing else.
const SAID: [&str; 20] = [
    "message-plain",
    "message-base64",
    "message-url",
    "message-escaped",
    "message-part",
    "system",
    "instructions",
    "response-input",
    "tool-arguments",
    "tool-result",
    "tool-description",
    "tool-schema",
    "answer-whole",
    "answer-streamed",
    "answer-tool",
    "answer-tool-streamed",
    "error",
    "vector-query",
    // These have no words of their own.
    "data-url",
    "image",
];

/// Other places of requests.
const NAMED: [&str; 36] = [
    "message-name",
    "image-url",
    "call-id",
    "called-name",
    "tool-arguments-key",
    "tool-name",
    "tool-schema-key",
    "model",
    "user",
    "metadata",
    "metadata-key",
    "stop",
    "prompt-cache-key",
    "safety-identifier",
    "conversation",
    "prompt-id",
    "prompt-variable",
    "response-metadata",
    "header-authorization",
    "header-x-api-key",
    "header-cookie",
    "header-custom",
    "header-user-agent",
    "tracestate",
    "baggage",
    "host",
    "path",
    "path-escaped",
    "query",
    "query-name",
    "user-info",
    "user-info-password",
    "vector-key",
    "vector-filter",
    "vector-id",
    "vector-collection",
];

/// Places of the program itself.
const OUTSIDE: [&str; 5] = ["service-name", "resource-value", "resource-key", "command-line", "environment"];

/// Places that say nothing in words.
const WORDLESS: [&str; 2] = ["data-url", "image"];

/// Requests of one client.
const CALLS: usize = 14;

type Plan = BTreeMap<&'static str, Secret>;

fn plan(class: &str) -> Plan {
    let places = SAID.into_iter().chain(NAMED).chain(OUTSIDE);
    places.enumerate().map(|(number, place)| (place, secret(class, number))).collect()
}

/// For `OTEL_RESOURCE_ATTRIBUTES`, which is percent-encoded.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

fn client(setup: &Setup, standin: &StandIn, folder: &Folder, class: &str, plan: &Plan) -> Result<Client> {
    let text = |place: &str| plan.get(place).map(|secret| secret.text.clone()).context("no such place");
    let places: BTreeMap<_, _> = plan.iter().map(|(place, secret)| (*place, &secret.text)).collect();
    let file = folder.path().join(format!("{class}.json"));
    let words = json!({"canary": CANARY, "class": class, "places": places, "outside": OUTSIDE});
    std::fs::write(&file, words.to_string())?;
    let attributes = format!(
        "team={},{}=x,deployment.environment.name=test",
        encoded(&text("resource-value")?),
        encoded(&text("resource-key")?)
    );
    Ok(Client::python(setup, "secrets_everywhere.py", standin)
        .args(["--plan".as_ref(), file.as_os_str()])
        .args([text("command-line")?])
        .service(&format!("desk {}", text("service-name")?))
        .env("OTEL_RESOURCE_ATTRIBUTES", attributes)
        .env("SOME_SETTING", text("environment")?))
}

/// What left the agent.
struct Left {
    /// By where it went.
    bytes: BTreeMap<&'static str, Vec<u8>>,
    spans: Vec<Span>,
}

/// Has all clients make their calls, half of them through TLS, and collects every byte that leaves.
async fn left(
    mode: &str,
    plans: &BTreeMap<&'static str, Plan>,
    half: usize,
    protocol: Protocol,
) -> Result<Left> {
    let setup = Setup::find()?;
    let receiver = Receiver::start(protocol).await?;
    let standin = StandIn::asking(&setup, false).await?;
    let plain = StandIn::start(&setup, true).await?;
    let output = ["--output", "both", "--log", "trace"];
    let content = ["--content", mode, "--content-as", "both"];
    let agent = Agent::measuring(&setup, &receiver, &[&output[..], &content].concat()).await?;
    let scene = Scene::of(setup, receiver, standin, agent);
    let folder = Folder::new()?;
    for (number, (class, plan)) in plans.iter().enumerate() {
        let standin = if number % 2 == half { &scene.standin } else { &plain };
        client(&scene.setup, standin, &folder, class, plan)?.run().await.context(*class)?;
    }
    let Scene { receiver, standin, agent, .. } = scene;
    let (of_tls, of_plain) = (plans.len().div_ceil(2), plans.len() / 2);
    let (of_tls, of_plain) = if half == 0 { (of_tls, of_plain) } else { (of_plain, of_tls) };
    standin.log(CALLS * of_tls).await?;
    plain.log(CALLS * of_plain).await?;
    let is_there = |_: &serde_json::Value| true;
    let status = agent.status_when("anything", DEADLINE, is_there).await?.to_string();
    let stats = agent.stats_when("anything", DEADLINE, is_there).await?.to_string();
    let table = agent.status_text().await?;
    // It delivers what it has when it stops.
    let ended = agent.stop().await?;
    ensure!(ended.status.success(), "{}", ended.stderr);
    let bytes = BTreeMap::from([
        ("OTLP", receiver.bytes()),
        ("standard output", ended.stdout.into_bytes()),
        ("log", ended.stderr.into_bytes()),
        ("status", [status, table].concat().into_bytes()),
        ("stats", stats.into_bytes()),
    ]);
    Ok(Left { bytes, spans: receiver.spans() })
}

/// What is found of these classes, as lines.
fn leaks(left: &Left, plans: &BTreeMap<&'static str, Plan>, classes: &[&str]) -> Result<Vec<String>> {
    let planted = plans.iter().filter(|(class, _)| classes.contains(class));
    let planted = planted.flat_map(|(class, plan)| {
        // The address of a server may be one of a network.
        let plan = plan.iter().filter(move |(place, _)| (*class, **place) != ("ip", "host"));
        plan.map(move |(place, secret)| (format!("{class} in {place}"), secret.value.as_str()))
    });
    let search = Search::new(planted)?;
    let found = left.bytes.iter().flat_map(|(way, bytes)| {
        search.find(bytes).into_iter().map(move |(name, around)| format!("{name} left by {way}: {around:?}"))
    });
    Ok(found.collect())
}

async fn nothing_leaks(mode: &str, half: usize, protocol: Protocol) -> Result<()> {
    let classes = CREDENTIALS.into_iter().chain(PERSONAL);
    let plans: BTreeMap<&'static str, Plan> = classes.map(|class| (class, plan(class))).collect();
    let left = left(mode, &plans, half, protocol).await?;
    let hidden: Vec<_> =
        CREDENTIALS.into_iter().chain(PERSONAL.into_iter().filter(|_| mode != "full")).collect();
    let found = leaks(&left, &plans, &hidden)?;
    let (places, bytes) =
        (SAID.len() + NAMED.len() + OUTSIDE.len(), left.bytes.values().map(Vec::len).sum::<usize>());
    println!(
        "{mode}: {} classes in {places} places, {} spans, {bytes} bytes searched",
        plans.len(),
        left.spans.len()
    );
    ensure!(found.is_empty(), "{} leaks:\n{}", found.len(), found.join("\n"));

    // All calls were seen, in all forms, and what was found was counted.
    let said = left.bytes.get("OTLP").context("no OTLP")?;
    let has = |text: &str| memchr::memmem::find(said, text.as_bytes()).is_some();
    let services =
        left.spans.iter().filter(|span| span.service().is_some_and(|name| name.starts_with("desk "))).count();
    ensure!(services >= plans.len() * CALLS, "{services} spans of {} calls", plans.len() * CALLS);
    ensure!(has("spanwire.redacted.credentials"), "nothing was counted");
    ensure!(has("gen_ai.client.operation.duration"), "no metrics came");
    for (class, plan) in &plans {
        for place in SAID.iter().filter(|place| !WORDLESS.contains(place)) {
            let words = format!("{CANARY} {place}: the {class} is ");
            match mode {
                "off" | "metadata" => ensure!(!has(&words), "{words} left"),
                "redacted" => ensure!(has(&format!("{words}[")) || has(&words), "{words} is missing"),
                _ if PERSONAL.contains(class) && *place == "message-plain" => {
                    let secret = plan.get(place).context("no such place")?;
                    ensure!(has(&format!("{words}{}", secret.text)), "{words} is not what was said");
                }
                _ => ensure!(has(&words), "{words} is missing"),
            }
        }
    }
    let words =
        left.bytes.iter().filter(|(_, bytes)| memchr::memmem::find(bytes, CANARY.as_bytes()).is_some());
    let ways: Vec<_> = words.map(|(way, _)| *way).collect();
    let expected: &[&str] = if matches!(mode, "off" | "metadata") { &[] } else { &["OTLP"] };
    ensure!(ways == expected, "what was said left by {ways:?}");
    Ok(())
}

#[tokio::test]
async fn off() -> Result<()> {
    nothing_leaks("off", 0, Protocol::Http).await
}

#[tokio::test]
async fn metadata() -> Result<()> {
    nothing_leaks("metadata", 1, Protocol::Grpc).await
}

#[tokio::test]
async fn redacted() -> Result<()> {
    nothing_leaks("redacted", 0, Protocol::Http).await
}

#[tokio::test]
async fn redacted_where_the_others_speak_tls() -> Result<()> {
    nothing_leaks("redacted", 1, Protocol::Grpc).await
}

#[tokio::test]
async fn full() -> Result<()> {
    nothing_leaks("full", 0, Protocol::Grpc).await
}
