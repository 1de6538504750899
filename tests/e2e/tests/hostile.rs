//! Bytes that nobody agreed on: the agent lives, says nothing wrong, and goes on tracing.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::DEADLINE;
use spanwire_e2e::receiver::Protocol;
use spanwire_e2e::scene::{Scene, concerning};
use spanwire_e2e::span::Span;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;

/// Openings of requests that end badly, or are none.
fn garbage() -> Vec<Vec<u8>> {
    let mut noise: u32 = 0x2545_f491;
    let mut random = || {
        noise ^= noise << 13;
        noise ^= noise >> 17;
        noise ^= noise << 5;
        noise.to_le_bytes()[0]
    };
    let post = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n";
    vec![
        (0..70_000).map(|_| random()).collect(),
        vec![0; 5000],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x04\x09\xff\xff\xff\xff\xff".to_vec(),
        format!("{post}content-length: 99999999999999999999999\r\n\r\n{{").into_bytes(),
        format!("{post}content-length: -1\r\n\r\n").into_bytes(),
        format!("{post}transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n{{").into_bytes(),
        format!("{post}x: {}\r\n\r\n", "y".repeat(200_000)).into_bytes(),
        format!("{post}{}\r\n", "a: b\r\n".repeat(5000)).into_bytes(),
        format!("{post}content-length: 60000\r\n\r\n{}", "[".repeat(60_000)).into_bytes(),
        format!("POST /v1/chat/completions?{} HTTP/1.1\r\n\r\n", "%".repeat(4000)).into_bytes(),
        b"\x16\x03\x01\xff\xff\x01\x00\xff\xff\xff".to_vec(),
    ]
}

/// Sends `bytes` as they are, and reads until the server has had enough.
async fn send_plain(port: u16, bytes: &[u8]) -> Result<()> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
    // The server may refuse all of it.
    let _ = socket.write_all(bytes).await;
    let _ = socket.shutdown().await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(DEADLINE, socket.read_to_end(&mut answer)).await;
    drop(read.context("the stand-in keeps the connection")?);
    Ok(())
}

/// Sends `bytes` through TLS by openssl's own client.
async fn send_tls(port: u16, ca: &Path, bytes: &[u8]) -> Result<()> {
    let mut client = Command::new("openssl")
        .args(["s_client", "-quiet", "-no_ign_eof", "-servername", "localhost", "-connect"])
        .arg(format!("127.0.0.1:{port}"))
        .arg("-CAfile")
        .arg(ca)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut input = client.stdin.take().context("no input")?;
    let _ = input.write_all(bytes).await;
    drop(input);
    tokio::time::timeout(DEADLINE, client.wait()).await.context("openssl does not end")??;
    Ok(())
}

#[tokio::test]
async fn garbage_does_no_harm() -> Result<()> {
    for plain in [false, true] {
        let scene = Scene::new(Protocol::Http, plain, &[]).await?;
        let port = scene.standin.port;
        let before = scene.python("openai_sdk.py").run().await?;
        for bytes in garbage() {
            match scene.standin.ca() {
                Some(ca) => send_tls(port, ca, &bytes).await?,
                None => send_plain(port, &bytes).await?,
            }
        }
        let after = scene.python("openai_sdk.py").count(5).run().await?;

        let wanted: Vec<_> = [before.calls, after.calls].concat();
        let seen = |id: Option<&str>, spans: &[Span]| {
            concerning(&scene.standin, spans).filter(|span| span.response_id() == id).count()
        };
        let all = |spans: &[Span]| wanted.iter().all(|call| seen(call.id.as_deref(), spans) == 1);
        let waited = scene.receiver.wait_for("the good calls", DEADLINE, all).await;
        let ended = scene.agent.stop().await?;
        waited.with_context(|| ended.stderr.clone())?;
        ensure!(ended.status.success(), "{}: {}", ended.status, ended.stderr);
        ensure!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
        // Garbage may become a span of a broken or unreadable call, but never one that claims an answer.
        for span in concerning(&scene.standin, &scene.receiver.spans()) {
            let unread = span.notes().contains(&"the exchange could not be read to its end");
            ensure!(span.response_id().is_some() || span.failed() || unread, "{span:#?}");
        }
    }
    Ok(())
}
