//! Many calls on connections that are kept, and large bodies.

use std::time::Instant;

use anyhow::{Result, ensure};
use spanwire_e2e::client::Client;
use spanwire_e2e::scene::Scene;

use crate::figure::Figure;

/// Connections at once, and calls of each.
const CONNECTIONS: usize = 50;
const EACH: usize = 200;

async fn run(what: String, scene: Scene, client: Client) -> Result<Figure> {
    let began = Instant::now();
    let done = client.run().await?;
    let took = began.elapsed();
    ensure!(done.calls.iter().all(|call| call.error.is_none()), "{what}: the client met an error");
    Figure::of(what, scene, &done.calls, took).await
}

/// Ten thousand of threads, and of an event loop.
pub(crate) async fn many() -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (script, what) in [
        ("threads_many.py", "50 threads (http.client, TLS)"),
        ("aiohttp_many.py", "one event loop, 50 connections (aiohttp, TLS)"),
    ] {
        let scene = Scene::tls(&[]).await?;
        let client = scene.python(script).args(["--threads", &CONNECTIONS.to_string()]).count(EACH);
        figures.push(run(what.to_owned(), scene, client).await?);
    }
    Ok(figures)
}

/// Prompts that fill the ring many times over.
pub(crate) async fn large() -> Result<Vec<Figure>> {
    const THREADS: usize = 8;
    const CALLS: usize = 10;
    let mut figures = Vec::new();
    for bytes in [60_000, 200_000, 1_000_000] {
        let scene = Scene::tls(&["--body-limit", "4MiB"]).await?;
        let client = scene.python("threads_many.py").count(CALLS);
        let client = client.args(["--threads", &THREADS.to_string(), "--prompt-bytes", &bytes.to_string()]);
        figures.push(run(format!("8 threads, prompts of {bytes} bytes (TLS)"), scene, client).await?);
    }
    // With the settings that nobody changed: what real clients send and get at the most.
    const PICTURES: &str = "16777216";
    for (script, what, arguments) in [
        (
            "openai_sdk.py",
            "4 threads, 16 MiB of pictures (openai)",
            &["--threads", "4", "--image-bytes", PICTURES][..],
        ),
        ("httpx_client.py", "16 MiB of pictures (httpx)", &["--image-bytes", PICTURES]),
        ("aiohttp_client.py", "16 MiB of pictures (aiohttp)", &["--image-bytes", PICTURES]),
        (
            "openai_sdk.py",
            "4 threads, streams of 16 MiB (openai)",
            &["--threads", "4", "--stream", "--model", "standin-16m"],
        ),
        (
            "openai_sdk.py",
            "4 threads, answers of 2.8 MB (openai)",
            &["--threads", "4", "--model", "standin-2800k"],
        ),
        (
            "openai_sdk.py",
            "4 threads, the same in gzip (openai)",
            &["--threads", "4", "--model", "standin-2800k-gzip"],
        ),
    ] {
        let scene = Scene::tls(&[]).await?;
        let client = scene.python(script).args(arguments).count(5);
        figures.push(run(format!("{what} (TLS)"), scene, client).await?);
    }
    Ok(figures)
}
