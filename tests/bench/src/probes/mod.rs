//! `bench probes`: what a TLS call costs more when it is traced.

pub(crate) mod libssl;
pub(crate) mod node;
pub(crate) mod stream;

use anyhow::Result;

use crate::bench::Bench;
use crate::stats::Bound;

/// Measures; prints tables.
pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Bound>> {
    let mut bounds = libssl::measure(bench).await?;
    bounds.extend(node::measure(bench).await?);
    bounds.extend(stream::measure(bench).await?);
    Ok(bounds)
}

/// Which hooks are there while a program is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hooks {
    None,
    /// Empty programs at entry and return of the exported functions.
    EmptyExported,
    /// Empty programs where the agent has its own.
    EmptyChosen,
    Agent,
}

impl Hooks {
    const ALL: [Self; 4] = [Self::None, Self::EmptyExported, Self::EmptyChosen, Self::Agent];

    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::EmptyExported => "empty, at the exported functions' entry and return",
            Self::EmptyChosen => "empty, at the agent's sites",
            Self::Agent => "spanwire, traced",
        }
    }
}
