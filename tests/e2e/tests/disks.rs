//! What becomes of the audit, and of tracing, when a disk fills up, stands still or fails.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use spanwire_e2e::DEADLINE;
use spanwire_e2e::audit::Audit;
use spanwire_e2e::disk::Disk;
use spanwire_e2e::scene::Scene;

fn folder_of(audit: &Audit) -> Result<PathBuf> {
    Ok(audit.path().parent().context("a folder")?.to_owned())
}

fn counter(status: &Value, name: &str) -> u64 {
    status.pointer("/counters").and_then(|counters| counters.get(name)).and_then(Value::as_u64).unwrap_or(0)
}

#[tokio::test]
async fn a_full_disk_holds_up_nothing_and_loses_nothing_that_fits_in_memory() -> Result<()> {
    let audit = Audit::new()?;
    let folder = folder_of(&audit)?;
    let _disk = Disk::in_memory(&folder, "2m")?;
    let path = audit.text();
    let scene = Scene::plain(&["--audit", &path]).await?;
    scene.curl("gpt-4o-mini").run().await?;
    audit.wait_for(1).await?;
    // All that is left.
    let ballast = folder.join("ballast");
    let mut size = 4 << 20;
    let mut bytes = Vec::new();
    while size >= 512 {
        let more = [bytes.clone(), vec![b'x'; size]].concat();
        if fs::write(&ballast, &more).is_ok() {
            bytes = more;
        } else {
            size /= 2;
        }
    }
    for _ in 0..3 {
        scene.curl("gpt-4o-mini").run().await?;
    }
    let refused = |status: &Value| counter(status, "audit_failures") > 0;
    let status = scene.agent.status_when("a refused record", DEADLINE, refused).await?;
    ensure!(counter(&status, "audit_dropped_queue_full") == 0, "{status:#}");
    // Spans go out meanwhile.
    scene.receiver.wait_for("4 spans", DEADLINE, |spans| spans.len() >= 4).await?;
    fs::remove_file(&ballast)?;
    audit.wait_for(4).await?;
    let outcome = scene.finish(4).await?;
    ensure!(outcome.agent.stderr.contains("disk of the audit store is full"), "{}", outcome.agent.stderr);
    let (is_whole, text) = audit.verify().await?;
    ensure!(is_whole, "{text}");
    Ok(())
}

#[tokio::test]
async fn a_disk_that_stands_still_holds_up_nothing() -> Result<()> {
    let audit = Audit::new()?;
    let disk = Disk::in_file(&folder_of(&audit)?)?;
    let path = audit.text();
    let scene = Scene::plain(&["--audit", &path]).await?;
    scene.curl("gpt-4o-mini").run().await?;
    audit.wait_for(1).await?;
    let frozen = disk.freeze()?;
    for _ in 0..3 {
        scene.curl("gpt-4o-mini").run().await?;
    }
    // Spans go out meanwhile, and the agent answers.
    scene.receiver.wait_for("4 spans", DEADLINE, |spans| spans.len() >= 4).await?;
    let status = scene.agent.status_when("an answer", DEADLINE, |_| true).await?;
    assert_eq!(counter(&status, "audit_dropped_queue_full"), 0);
    drop(frozen);
    audit.wait_for(4).await?;
    scene.finish(4).await?;
    let (is_whole, text) = audit.verify().await?;
    ensure!(is_whole, "{text}");
    Ok(())
}

#[tokio::test]
async fn a_disk_that_fails_holds_up_nothing_and_what_is_lost_is_said() -> Result<()> {
    let audit = Audit::new()?;
    let disk = Disk::in_file(&folder_of(&audit)?)?;
    let path = audit.text();
    let scene = Scene::plain(&["--audit", &path]).await?;
    scene.curl("gpt-4o-mini").run().await?;
    audit.wait_for(1).await?;
    disk.fail()?;
    for _ in 0..3 {
        scene.curl("gpt-4o-mini").run().await?;
    }
    let refused = |status: &Value| counter(status, "audit_failures") > 0;
    scene.agent.status_when("a refused record", DEADLINE, refused).await?;
    // The agent ends in time, and says how many records it could not write.
    let outcome = scene.finish(4).await?;
    assert_eq!(outcome.agent.losses().get("audit_dropped_shutdown"), Some(&3), "{}", outcome.agent.stderr);
    Ok(())
}
