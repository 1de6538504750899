//! What a kernel may do to TLS: libraries that call sockets themselves and one that encrypts into memory,
//! in processes that begin after the agent, all in one scene. `cargo xtask vm-test` runs this on other
//! kernels, where to start an agent takes long.

use anyhow::{Result, ensure};
use spanwire_e2e::scene::Scene;

#[tokio::test]
async fn every_kind_of_tls_client() -> Result<()> {
    const COUNT: usize = 3;
    let scripts = ["requests_client.py", "aiohttp_client.py"];
    let scene = Scene::tls(&[]).await?;
    let chat = format!("{}/chat/completions", scene.standin.base_url());
    // Two calls on one connection.
    scene.curl("gpt-4o-mini").args([&chat]).run().await?;
    let mut calls = Vec::new();
    for script in scripts {
        let done = scene.python(script).count(COUNT).run().await?;
        ensure!(done.calls.len() == COUNT, "{script}: {:?}", done.calls);
        calls.extend(done.calls);
    }
    let outcome = scene.finish(2 + scripts.len() * COUNT).await?;
    outcome.compare(&calls)?;
    for span in &outcome.spans {
        ensure!(span.notes().is_empty(), "something was not seen: {span:#?}");
        ensure!(span.text("url.scheme") == Some("https"), "{span:#?}");
        let (port, peer) = (span.int("network.local.port"), span.int("network.peer.port"));
        ensure!(port.is_some() && peer == Some(i64::from(outcome.standin.port)), "{port:?} to {peer:?}");
    }
    ensure!(outcome.agent.stderr.contains("nothing lost"), "{}", outcome.agent.stderr);
    Ok(())
}
