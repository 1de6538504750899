//! Vendors' own SDKs, unmodified, against stand-ins that answer as the vendors do: each span says what the recorded
//! exchange beside the stand-in says (`tests/exchanges`).

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::agent::Agent;
use spanwire_e2e::receiver::{Protocol, Receiver};
use spanwire_e2e::span::Span;
use spanwire_e2e::transcript::Transcript;
use spanwire_e2e::{DEADLINE, LONG_DEADLINE, Setup};
use tokio::process::{Child, Command};

type Said = BTreeMap<String, serde_json::Value>;

/// What depends on the run: where the stand-in listens, how long it took, and the call's place among others.
const OF_THE_RUN: [&str; 8] = [
    "server.port",
    "url.scheme",
    "network.",
    "gen_ai.response.time_to_first_chunk",
    "spanwire.link.method",
    "spanwire.conversation.id",
    "spanwire.retry",
    "spanwire.agent.",
];

fn of_the_run(name: &str) -> bool {
    OF_THE_RUN.iter().any(|begin| name.starts_with(begin))
}

/// What depends on the day: of prices it is compared only whether there is one.
fn timeless(name: String, value: serde_json::Value) -> (String, serde_json::Value) {
    let is_price = name.starts_with("gen_ai.cost.") && value.is_number();
    (name, if is_price { "a price".into() } else { value })
}

/// What spans of a family must say, in no order.
fn expected(folder: &Path) -> Result<Vec<Said>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let said: Said = serde_json::from_slice(&std::fs::read(&path)?)?;
            let said = said.into_iter().filter(|(name, _)| !of_the_run(name));
            all.push(said.map(|(name, value)| timeless(name, value)).collect());
        }
    }
    Ok(all)
}

fn said(span: &Span) -> Said {
    let status = if span.failed() { "Error" } else { "Unset" };
    let facts = [("span", span.raw.name.as_str()), ("status", status)];
    let facts = facts.map(|(name, value)| (name.to_owned(), value.into()));
    let attributes = span.attributes.json().into_iter().filter(|(name, _)| !of_the_run(name));
    attributes.chain(facts).map(|(name, value)| timeless(name, value)).collect()
}

/// Whether a span says what is expected. Beyond it, it may know a collection by name: of a store that names them once, by
/// an exchange before.
fn agree(expected: &Said, said: &Said) -> bool {
    const LEARNED: [&str; 2] = ["db.collection.name", "gen_ai.data_source.id"];
    let learned = |name: &str| LEARNED.contains(&name) && !expected.contains_key(name);
    let knows_more = said.keys().any(|name| learned(name));
    let rest = |name: &str| !(learned(name) || knows_more && name == "span");
    let expected = expected.iter().filter(|(name, _)| rest(name));
    expected.eq(said.iter().filter(|(name, _)| rest(name)))
}

/// A family's stand-in, and its port.
async fn standin(setup: &Setup, family: &str) -> Result<(Child, u16)> {
    let mut command = Command::new(&setup.python);
    command.arg(setup.test_file("exchanges/record.py")).arg(family).arg("--serve");
    let mut process = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let told = Transcript::of("stand-in", process.stdout.take().context("no output")?);
    let port = told.wait_for("its port", DEADLINE, |text| text.ends_with('\n')).await?;
    Ok((process, port.trim().parse()?))
}

#[tokio::test]
async fn every_recorded_exchange_is_seen_as_it_is_expected() -> Result<()> {
    let setup = Setup::find()?;
    let receiver = Receiver::start(Protocol::Http).await?;
    let agent = Agent::start(&setup, &receiver, &[]).await?;
    let mut families = Vec::new();
    for entry in std::fs::read_dir(setup.test_file("exchanges"))? {
        let path = entry?.path();
        families.extend(path.is_dir().then_some(path));
    }
    families.sort();
    let mut faults = Vec::new();
    for folder in &families {
        if let Err(error) = family(&setup, &receiver, folder).await {
            faults.push(format!("{}: {error:#}", folder.display()));
        }
    }
    let ended = agent.stop().await?;
    ensure!(ended.status.success(), "{}: {}", ended.status, ended.stderr);
    ensure!(faults.is_empty(), "{}\nthe agent's log:\n{}", faults.join("\n"), ended.stderr);
    Ok(())
}

async fn family(setup: &Setup, receiver: &Receiver, folder: &Path) -> Result<()> {
    let name = folder.file_name().and_then(|name| name.to_str()).context("a family's name")?;
    if name.starts_with("__") {
        return Ok(());
    }
    // A stand-in may have the port of one before it.
    let before = receiver.spans().len();
    let (_standin, port) = standin(setup, name).await?;
    let mut client = Command::new(&setup.python);
    client.arg(setup.test_file("exchanges/record.py")).args([name, "--call", &port.to_string()]);
    client.stdin(Stdio::null()).kill_on_drop(true);
    let done =
        tokio::time::timeout(LONG_DEADLINE, client.output()).await.context("the SDK does not end")??;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    let expected = expected(folder)?;
    ensure!(!expected.is_empty(), "no recorded exchanges");
    let here = |span: &&Span| span.int("server.port") == Some(i64::from(port));
    let found = |spans: &[Span]| -> Vec<Said> { spans.iter().skip(before).filter(here).map(said).collect() };
    let missing = |found: &[Said]| -> Vec<Said> {
        expected.iter().filter(|known| !found.iter().any(|said| agree(known, said))).cloned().collect()
    };
    let waited = receiver.wait_for(name, DEADLINE, |spans| missing(&found(spans)).is_empty()).await;
    // An SDK may ask the same again on its way to the next exchange.
    let found = found(&receiver.spans());
    let missing = missing(&found);
    let others: Vec<_> =
        found.iter().filter(|said| !expected.iter().any(|known| agree(known, said))).collect();
    ensure!(
        missing.is_empty() && others.is_empty(),
        "{} spans are missing: {missing:#?}\n{} are others: {others:#?}",
        missing.len(),
        others.len()
    );
    waited.map(drop)
}
