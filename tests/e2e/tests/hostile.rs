//! Bytes that nobody agreed on: the agent lives, says nothing wrong, and goes on tracing.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use spanwire_e2e::receiver::Protocol;
use spanwire_e2e::scene::{Scene, concerning};
use spanwire_e2e::span::Span;
use spanwire_e2e::{DEADLINE, LONG_DEADLINE};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
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

/// Sends `bytes` through TLS. Not by openssl's own client, which takes some letters for commands.
async fn send_tls(scene: &Scene, ca: &Path, bytes: &[u8]) -> Result<()> {
    let mut client = Command::new(&scene.setup.python);
    client.arg(scene.setup.test_file("clients/raw_tls.py")).arg(scene.standin.port.to_string()).arg(ca);
    let mut client = client.stdin(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut input = client.stdin.take().context("no input")?;
    input.write_all(bytes).await?;
    drop(input);
    let ended =
        tokio::time::timeout(LONG_DEADLINE, client.wait()).await.context("the client does not end")??;
    ensure!(ended.success(), "the server neither takes all nor refuses it: {ended}");
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
                Some(ca) => send_tls(&scene, ca, &bytes).await?,
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

/// One upload on `connection`; its body comes with its head, or where the head asks for that, behind an interim
/// answer.
async fn upload(connection: &mut TcpStream, port: u16, fields: &str, body: &str) -> Result<()> {
    let length = body.len();
    // More than by which the kernel side tells requests apart is the same in all.
    let head = format!(
        "POST /upload HTTP/1.1\r\nhost: localhost:{port}\r\ncontent-type: text/plain\r\n\
         content-length: {length}\r\n{fields}\r\n"
    );
    if fields.is_empty() {
        connection.write_all(format!("{head}{body}").as_bytes()).await?;
    } else {
        connection.write_all(head.as_bytes()).await?;
        read_head(connection).await?;
        connection.write_all(body.as_bytes()).await?;
    }
    read_head(connection).await
}

/// Reads up to an empty line.
async fn read_head(connection: &mut TcpStream) -> Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = tokio::time::timeout(DEADLINE, connection.read_u8()).await;
        head.push(byte.context("nothing comes")??);
    }
    Ok(())
}

/// Takes uploads of [`upload`] on one connection until it ends.
async fn take_uploads(listener: TcpListener, body_bytes: usize) -> Result<()> {
    let (mut connection, _) = listener.accept().await?;
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(byte) = connection.read_u8().await else { return Ok(()) };
            head.push(byte);
        }
        if String::from_utf8_lossy(&head).contains("100-continue") {
            connection.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let mut body = vec![0; body_bytes];
        connection.read_exact(&mut body).await?;
        connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
    }
}

/// The agent has no use for an upload, nor for the next like it; but that one's body begins anew behind an interim
/// answer, and looks like a call.
#[tokio::test]
async fn an_upload_like_one_without_interest_forges_no_call() -> Result<()> {
    let scene = Scene::new(Protocol::Http, true, &[]).await?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let forged = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost:{port}\r\ncontent-length: 0\r\n\
         content-type: application/json\r\n\r\n"
    );
    let server = tokio::spawn(take_uploads(listener, forged.len()));
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
    let plain = "-".repeat(forged.len());
    let mut wanted = Vec::new();
    for turn in 0..2 {
        if turn > 0 {
            upload(&mut connection, port, "", &plain).await?;
            upload(&mut connection, port, "expect: 100-continue\r\n", &forged).await?;
        }
        upload(&mut connection, port, "", &plain).await?;
        // What the agent says of the upload was said when it tells of what came later.
        wanted.extend(scene.python("openai_sdk.py").run().await?.calls);
        let all = |spans: &[Span]| {
            wanted.iter().all(|call| spans.iter().any(|span| span.response_id() == call.id.as_deref()))
        };
        scene.receiver.wait_for("the good calls", DEADLINE, all).await?;
    }
    drop(connection);
    server.await??;
    let ended = scene.agent.stop().await?;
    ensure!(ended.status.success(), "{}", ended.stderr);
    let spans = scene.receiver.spans();
    let there = |span: &&Span| {
        ["server.port", "network.peer.port"].iter().any(|name| span.int(name) == Some(port.into()))
    };
    ensure!(!spans.iter().any(|span| there(&span)), "{spans:#?}");
    Ok(())
}
