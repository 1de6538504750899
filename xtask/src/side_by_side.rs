//! The page of what others say of the same calls.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::command::check;
use crate::python;

/// Brings `docs/side-by-side.md` in line with what `tests/exchanges/side_by_side.py` finds.
///
/// # Errors
/// If one of the others says what spanwire does not and nobody says why, or if the page was not in line; then it is now, and
/// waits to be committed.
pub(crate) fn write(root: &Path) -> Result<()> {
    let python = python::openai2(root)?;
    let path = root.join("docs/side-by-side.md");
    let read = || fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()));
    let told = read().unwrap_or_default();
    check(Command::new(python).arg(root.join("tests/exchanges/side_by_side.py")))?;
    if told != read()? {
        bail!("docs/side-by-side.md did not say what was found; it does now: look at it and commit it");
    }
    println!("docs/side-by-side.md says what was found");
    Ok(())
}
