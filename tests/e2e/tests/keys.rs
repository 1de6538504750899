//! Programs that carry TLS code of their own, most of them stripped, and TLS in all its forms: what is read by the
//! keys of connections.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use aya::maps::{HashMap, Map, MapData, loaded_maps};
use rustix::io::ioctl_fionread;
use spanwire_e2e::DEADLINE;
use spanwire_e2e::client::Client;
use spanwire_e2e::coverage::{
    Answers, BORINGSSL, GO, HTTP_1_1, OPENSSL_IN_WHEEL, OPENSSL_STRIPPED, RUSTLS_AWS_LC, RUSTLS_RING, Row,
};
use spanwire_e2e::folder::Folder;
use spanwire_e2e::scene::{Outcome, Scene, compare, concerning, traced};
use spanwire_e2e::span::Span;
use spanwire_e2e::standin::Agreed;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// Connections that a client has at once, and calls of each.
const TOGETHER: usize = 4;
const EACH: usize = 3;

/// Where the calls of a library could be probed, too.
const BY_KEYS: &[&str] = &["--tls", "keys"];

/// Runs one client, for whole answers and for streams.
async fn seen(program: &str, tls: &str, client: impl Fn(&Scene) -> Result<Client>) -> Result<()> {
    let row = Row { program, tls, protocol: HTTP_1_1 };
    for stream in [&[][..], &["--stream"]] {
        let scene = Scene::tls(&[]).await?;
        let client = client(&scene)?.args(["--threads", &TOGETHER.to_string()]).args(stream).count(EACH);
        let (outcome, _) = row.measured(scene, client, TOGETHER * EACH).await?;
        nothing_lost(&outcome)?;
    }
    Ok(())
}

async fn native(program: &str, tls: &str, name: &str) -> Result<()> {
    seen(program, tls, |scene| Client::native(name, &scene.standin)).await
}

fn nothing_lost(outcome: &Outcome) -> Result<()> {
    ensure!(outcome.agent.stderr.contains("nothing lost"), "{}", outcome.agent.stderr);
    Ok(())
}

fn agreed(outcome: &Outcome) -> Result<Vec<&Agreed>> {
    outcome.log.iter().map(|served| served.tls.as_ref().context("a call without TLS")).collect()
}

#[tokio::test]
async fn bun() -> Result<()> {
    let client = |scene: &Scene| Client::bun(&scene.setup, &scene.standin);
    seen("openai (JavaScript, Bun)", BORINGSSL, client).await
}

#[tokio::test]
async fn deno() -> Result<()> {
    let client = |scene: &Scene| Client::deno(&scene.setup, &scene.standin);
    seen("openai (JavaScript, Deno)", RUSTLS_AWS_LC, client).await
}

#[tokio::test]
async fn go() -> Result<()> {
    native("net/http (Go)", GO, "go-client").await
}

#[tokio::test]
async fn reqwest_on_aws_lc() -> Result<()> {
    native("reqwest (Rust)", RUSTLS_AWS_LC, "reqwest-aws-lc").await
}

#[tokio::test]
async fn reqwest_on_ring() -> Result<()> {
    native("reqwest (Rust)", RUSTLS_RING, "reqwest-ring").await
}

#[tokio::test]
async fn reqwest_on_openssl() -> Result<()> {
    native("reqwest (Rust)", OPENSSL_STRIPPED, "reqwest-openssl").await
}

#[tokio::test]
async fn pycurl() -> Result<()> {
    seen("pycurl (Python)", OPENSSL_IN_WHEEL, |scene| Ok(scene.python("pycurl_client.py"))).await
}

/// NSS expands keys in functions for one size each.
#[tokio::test]
async fn libcurl_on_nss() -> Result<()> {
    for stream in [&[][..], &["--stream"]] {
        for cipher in ["AES128", "AES256"] {
            let form = ["--tls", "1.3", "--cipher", cipher];
            let scene = Scene::tls_of(&form, BY_KEYS).await?;
            let client =
                scene.python("libcurl.py").env("LIBCURL", "libcurl-nss.so.4").args(stream).by_steps();
            let mut client = client.start()?;
            for _ in 0..EACH {
                client.step().await?;
            }
            let done = client.end(DEADLINE).await?;
            let outcome = scene.finish(EACH).await?;
            ensure!(done.calls.len() == EACH, "{done:?}");
            for served in &outcome.log {
                let span = outcome.spans.iter().find(|span| span.response_id() == Some(&served.id));
                compare(span.context("a call without a span")?, served)?;
            }
            nothing_lost(&outcome)?;
        }
    }
    Ok(())
}

/// A coding agent that is built with Bun.
#[tokio::test]
async fn opencode() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let home = Folder::new()?;
    let done = Client::opencode(home.path(), &scene.standin)?.run().await?;
    let outcome = scene.finish(1).await?;
    let span = outcome.only()?;
    compare(span, outcome.log.first().context("one was served")?)?;
    ensure!(span.resource.int("process.pid") == Some(done.pid.into()), "of another process: {span:#?}");
    nothing_lost(&outcome)?;
    Row { program: "opencode", tls: BORINGSSL, protocol: HTTP_1_1 }.write(Answers::Streamed, 1, 1)
}

/// A program with three libraries of which one speaks TLS, by the responses API. Which of them it is does not show.
#[tokio::test]
async fn codex() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let home = Folder::new()?;
    Client::codex(home.path(), &scene.standin)?.run().await?;
    let outcome = scene.finish(1).await?;
    let span = outcome.only()?;
    compare(span, outcome.log.first().context("one was served")?)?;
    ensure!(span.text("openai.api.type") == Some("responses"), "{span:#?}");
    nothing_lost(&outcome)
}

/// One version with one cipher, whole and streamed, by Python and by curl.
async fn spoken(version: &str, cipher: &str) -> Result<()> {
    let form = ["--tls", version, "--cipher", cipher];
    for stream in [false, true] {
        let told = || format!("{form:?}, stream: {stream}");
        let scene = Scene::tls_of(&form, BY_KEYS).await?;
        let python = scene.python("requests_client.py").args(stream.then_some("--stream")).count(3);
        let (outcome, _) = traced(scene, python, 3).await.with_context(told)?;
        nothing_lost(&outcome)?;
        for agreed in agreed(&outcome)? {
            ensure!(agreed.version == format!("TLSv{version}"), "{agreed:?}");
        }

        let scene = Scene::tls_of(&form, BY_KEYS).await?;
        let curl = if stream {
            Client::curl_streaming(&scene.standin, "gpt-4o-mini")
        } else {
            scene.curl("gpt-4o-mini")
        };
        let (outcome, _) = traced(scene, curl, 1).await.with_context(told)?;
        nothing_lost(&outcome)?;
    }
    Ok(())
}

#[tokio::test]
async fn aes_in_tls_1_2() -> Result<()> {
    spoken("1.2", "AES128").await?;
    spoken("1.2", "AES256").await
}

#[tokio::test]
async fn aes_in_tls_1_3() -> Result<()> {
    spoken("1.3", "AES128").await?;
    spoken("1.3", "AES256").await
}

/// A cipher suite that keys alone do not read: a process that has used it twice is read at its library's calls.
#[tokio::test]
async fn what_keys_do_not_read_is_read_at_calls() -> Result<()> {
    const UNREAD: usize = 2;
    const READ: usize = 2;
    for version in ["1.2", "1.3"] {
        let form = ["--tls", version, "--cipher", "CHACHA20"];
        let scene = Scene::tls_of(&form, &["--log", "debug"]).await?;
        let mut client = scene.python("steps.py").env("FRESH", "1").by_steps().start()?;
        for _ in 0..UNREAD {
            client.step().await?;
        }
        let words = format!("process {}: its TLS is read at its library's calls", client.pid());
        scene.agent.log().wait_for("its probes", DEADLINE, |log| log.contains(&words)).await?;
        for _ in 0..READ {
            client.step().await?;
        }
        client.end(DEADLINE).await?;
        let Scene { receiver, standin, agent, .. } = scene;
        let log = standin.log(UNREAD + READ).await?;
        let waited =
            receiver.wait_for("spans", DEADLINE, |spans| concerning(&standin, spans).count() >= READ).await;
        let ended = agent.stop().await?;
        waited.with_context(|| ended.stderr.clone())?;
        let spans = receiver.spans();
        let ids: Vec<_> = concerning(&standin, &spans).filter_map(Span::response_id).collect();
        let read: Vec<_> = log.iter().skip(UNREAD).map(|served| served.id.as_str()).collect();
        // The probes may be there in time for the request that showed the need of them.
        ensure!(ids.ends_with(&read), "{ids:?}, and not all of {read:?}");
        ensure!(ended.stderr.contains("2 TLS connections with a cipher suite"), "{}", ended.stderr);
    }
    Ok(())
}

/// In the table of processes: it asks a provider (`spanwire_abi::process`).
const ASKS: u32 = 32;

/// This table of each agent that runs, by process id.
fn tables<V: aya::Pod>(name: &str) -> Vec<HashMap<MapData, u32, V>> {
    let named = loaded_maps().filter_map(Result::ok).filter(|map| map.name_as_str() == Some(name));
    named
        .filter_map(|map| HashMap::try_from(Map::LruHashMap(MapData::from_id(map.id()).ok()?)).ok())
        .collect()
}

/// A session of a process that asks a provider changes its keys when its handshake is long over.
#[tokio::test]
async fn late_changes_of_keys_are_followed() -> Result<()> {
    const CALLS: usize = 3;
    let scene = Scene::tls_of(&["--tls", "1.3"], BY_KEYS).await?;
    let mut client = Command::new("openssl");
    // Without this switch it takes no commands.
    client.args(["s_client", "-quiet", "-no_ign_eof", "-servername", "localhost", "-connect"]);
    client
        .arg(format!("127.0.0.1:{}", scene.standin.port))
        .arg("-CAfile")
        .arg(scene.standin.ca().context("TLS")?);
    client.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let mut client = client.spawn()?;
    let pid = client.id().context("it runs")?;
    let mut input = client.stdin.take().context("no input")?;
    let body = r#"{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "prompt-canary"}]}"#;
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json";
    let request = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    for call in 1..=CALLS {
        input.write_all(request.as_bytes()).await?;
        scene.standin.log(call).await?;
        if call > 1 {
            continue;
        }
        let known = |table: &HashMap<MapData, u32, u32>| table.get(&pid, 0).unwrap_or(ASKS);
        let asks = || tables("PROCESSES").iter().all(|table| known(table) & ASKS != 0);
        until("it is known to ask a provider", asks).await?;
        // As if its handshake were long over.
        for mut table in tables::<u64>("GREETINGS") {
            if table.get(&pid, 0).is_ok() {
                table.insert(pid, 1, 0)?;
            }
        }
        // New keys for both directions, before what follows.
        input.write_all(b"K\n").await?;
        until("it has read this", || ioctl_fionread(&input).is_ok_and(|bytes| bytes == 0)).await?;
    }
    drop(input);
    tokio::time::timeout(DEADLINE, client.wait()).await.context("openssl does not end")??;
    let outcome = scene.finish(CALLS).await?;
    for served in &outcome.log {
        let span = outcome.spans.iter().find(|span| span.response_id() == Some(&served.id));
        compare(span.context("a call without a span")?, served)?;
    }
    nothing_lost(&outcome)
}

/// Waits for what nobody tells of.
async fn until(what: &str, is_so: impl Fn() -> bool) -> Result<()> {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.with_context(|| what.to_owned())
}

/// Each call but the first resumes the session of the one before, on a connection of its own.
async fn resumed(client: impl Fn(&Scene) -> Result<Client>) -> Result<()> {
    const CALLS: usize = 4;
    for version in ["1.2", "1.3"] {
        for stream in [&[][..], &["--stream"]] {
            let scene = Scene::tls_of(&["--tls", version], BY_KEYS).await?;
            let client = client(&scene)?.args(stream).count(CALLS);
            let (outcome, _) = traced(scene, client, CALLS).await?;
            nothing_lost(&outcome)?;
            let resumed = agreed(&outcome)?.into_iter().filter(|agreed| agreed.resumed).count();
            ensure!(resumed == CALLS - 1, "{resumed} of {CALLS} were resumed");
        }
    }
    Ok(())
}

#[tokio::test]
async fn resumed_by_python() -> Result<()> {
    resumed(|scene| Ok(scene.python("resuming.py"))).await
}

#[tokio::test]
async fn resumed_by_go() -> Result<()> {
    resumed(|scene| Ok(Client::native("go-client", &scene.standin)?.args(["--resume"]))).await
}

async fn fifty(client: impl Fn(&Scene) -> Result<Client>) -> Result<()> {
    const CONNECTIONS: usize = 50;
    let scene = Scene::tls(BY_KEYS).await?;
    let client = client(&scene)?.args(["--threads", &CONNECTIONS.to_string()]).count(EACH);
    let (outcome, _) = traced(scene, client, CONNECTIONS * EACH).await?;
    nothing_lost(&outcome)
}

#[tokio::test]
async fn fifty_connections_at_once_of_go() -> Result<()> {
    fifty(|scene| Client::native("go-client", &scene.standin)).await
}

#[tokio::test]
async fn fifty_connections_at_once_of_python() -> Result<()> {
    fifty(|scene| Ok(scene.python("threads_many.py"))).await
}
