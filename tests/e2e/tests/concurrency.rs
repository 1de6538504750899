//! Many connections at once: each exchange whole, and tied to its own connection.

use anyhow::{Result, ensure};
use spanwire_e2e::client::Client;
use spanwire_e2e::coverage::{Answers, HTTP_1_1, OPENSSL_3, Row};
use spanwire_e2e::scene::Scene;

/// The agent under test is built without optimisation, and slower than its clients: with it the default
/// is enough.
const ROOMY: &[&str] = &["--ring-size", "64MiB"];

async fn whole(scene: Scene, client: Client, count: usize) -> Result<()> {
    let done = client.run().await?;
    ensure!(done.calls.len() == count, "the client made {} calls", done.calls.len());
    let outcome = scene.finish(count).await?;
    outcome.compare(&done.calls)?;
    ensure!(outcome.agent.stderr.contains("nothing lost"), "{}", outcome.agent.stderr);
    Ok(())
}

async fn recorded(program: &str, scene: Scene, client: Client) -> Result<()> {
    whole(scene, client, 10_000).await?;
    Row { program, tls: OPENSSL_3, protocol: HTTP_1_1 }.write(Answers::Whole, 10_000, 10_000)
}

#[tokio::test]
async fn fifty_connections_of_one_event_loop() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let client = scene.python("aiohttp_many.py").args(["--threads", "50"]).count(200);
    recorded("aiohttp, 50 connections at once (Python)", scene, client).await
}

#[tokio::test]
async fn fifty_connections_of_fifty_threads() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let client = scene.python("threads_many.py").args(["--threads", "50"]).count(200);
    recorded("http.client, 50 threads (Python)", scene, client).await
}

#[tokio::test]
async fn large_bodies_of_several_threads() -> Result<()> {
    for bytes in ["60000", "200000", "1000000"] {
        let scene = Scene::tls(ROOMY).await?;
        let client =
            scene.python("threads_many.py").args(["--threads", "8", "--prompt-bytes", bytes]).count(10);
        whole(scene, client, 80).await?;
    }
    Ok(())
}
