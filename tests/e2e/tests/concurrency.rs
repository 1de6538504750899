//! Many connections at once: each exchange whole, and tied to its own connection. All that is moved in one
//! scene finds room in the ring, so that nothing is lost even if the agent never comes to read in between: how
//! many calls a second it keeps up with is for `cargo xtask soak` to tell.

use anyhow::{Result, ensure};
use spanwire_e2e::client::Client;
use spanwire_e2e::scene::Scene;

/// Holds the bodies of all threads.
const ROOMY: &[&str] = &["--ring-size", "64MiB", "--body-limit", "4MiB"];

async fn whole(scene: Scene, client: Client, count: usize) -> Result<()> {
    let done = client.run().await?;
    ensure!(done.calls.len() == count, "the client made {} calls", done.calls.len());
    let outcome = scene.finish(count).await?;
    outcome.compare(&done.calls)?;
    ensure!(outcome.agent.stderr.contains("nothing lost"), "{}", outcome.agent.stderr);
    Ok(())
}

#[tokio::test]
async fn fifty_connections_of_one_event_loop() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let client = scene.python("aiohttp_many.py").args(["--threads", "50"]).count(4);
    whole(scene, client, 200).await
}

#[tokio::test]
async fn fifty_connections_of_fifty_threads() -> Result<()> {
    let scene = Scene::tls(&[]).await?;
    let client = scene.python("threads_many.py").args(["--threads", "50"]).count(4);
    whole(scene, client, 200).await
}

#[tokio::test]
async fn large_bodies_of_several_threads() -> Result<()> {
    for (bytes, count) in [("60000", 4), ("200000", 2), ("1000000", 1)] {
        let scene = Scene::tls(ROOMY).await?;
        let client =
            scene.python("threads_many.py").args(["--threads", "8", "--prompt-bytes", bytes]).count(count);
        whole(scene, client, 8 * count).await?;
    }
    Ok(())
}
