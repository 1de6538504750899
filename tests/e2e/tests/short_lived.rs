//! Programs that were never seen before, make one call and are gone.

#![allow(clippy::print_stdout, reason = "the figures are of interest also where the test passes")]

use anyhow::{Result, ensure};
use spanwire_e2e::scene::Scene;
use spanwire_e2e::starts::{Original, seen, start_copies};

const STARTS: usize = 100;
/// Of these. Meant are 99; on a busy machine one more may be missed by chance, and this is no measurement:
/// `cargo xtask bench starts` is.
const ENOUGH: usize = 97;
/// Programs that run side by side.
const TOGETHER: usize = 10;

/// Starts copies, and wants at least so many of them seen.
async fn at_least(wanted: usize, scene: Scene, original: Original, over: &str) -> Result<()> {
    let calls = start_copies(&scene, &original, STARTS, TOGETHER).await?;
    ensure!(calls.len() == STARTS, "{} calls were made", calls.len());
    let seen = seen(scene, &calls).await?;
    println!("{seen} of {STARTS} new programs were seen: {original:?} over {over}");
    ensure!(seen >= wanted, "only {seen} of {STARTS}: {original:?} over {over}");
    Ok(())
}

#[tokio::test]
async fn one_second_over_tls() -> Result<()> {
    at_least(ENOUGH, Scene::tls(&[]).await?, Original::OneSecond, "TLS").await
}

#[tokio::test]
async fn one_second_in_plain_text() -> Result<()> {
    at_least(ENOUGH, Scene::plain(&[]).await?, Original::OneSecond, "plain HTTP").await
}

/// curl lives for some 10 ms. Nothing is asserted of it but that most are seen: the figure is what
/// matters.
#[tokio::test]
async fn curl_copies() -> Result<()> {
    at_least(STARTS / 2, Scene::tls(&[]).await?, Original::Curl, "TLS").await?;
    at_least(STARTS / 2, Scene::plain(&[]).await?, Original::Curl, "plain HTTP").await
}
