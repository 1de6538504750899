//! Programs that were never seen before, make one call and are gone.

use std::time::Instant;

use anyhow::{Result, ensure};
use spanwire_e2e::receiver::Protocol;
use spanwire_e2e::scene::Scene;
use spanwire_e2e::starts::{Original, start_copies};

use crate::figure::Figure;

const STARTS: usize = 100;
/// Programs that run side by side.
const TOGETHER: usize = 10;

pub(crate) async fn run() -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (original, name) in
        [(Original::OneSecond, "Python for a second"), (Original::Curl, "curl, some 10 ms")]
    {
        for plain in [false, true] {
            let scene = Scene::open(Protocol::Http, plain, &[]).await?;
            let began = Instant::now();
            let calls = start_copies(&scene, &original, STARTS, TOGETHER).await?;
            let took = began.elapsed();
            ensure!(calls.len() == STARTS, "{} calls were made", calls.len());
            let over = if plain { "plain" } else { "TLS" };
            figures.push(Figure::of(format!("new programs, {name} ({over})"), scene, &calls, took).await?);
        }
    }
    Ok(figures)
}
