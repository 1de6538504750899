//! The price list that the agent is built with.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::command::check;
use crate::python;

/// Where it goes, with its licence and what it is tested against.
const FILES: [&str; 3] =
    ["agent/src/price/list.json", "agent/src/price/LICENSE", "agent/src/price/tests/bills.jsonl"];

/// Writes the list anew from the newest genai-prices of the Python package index. What changed is to be read before it
/// is kept, and the expected costs of `tests/exchanges` may change with it.
///
/// # Errors
/// If the package cannot be had, or has something that the agent's list has no words for.
pub(crate) fn refresh(root: &Path) -> Result<()> {
    let python = python::environment(root)?;
    let packages = root.join("target/prices");
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", "--target"]);
    check(install.arg(&packages).arg("genai-prices"))?;
    let mut write = Command::new(&python);
    write.env("PYTHONPATH", &packages).arg(root.join("xtask/prices.py"));
    check(write.args(FILES.map(|file| root.join(file))))?;
    println!(
        "written: {}; read `git diff`, then `UPDATE_EXCHANGES=1 cargo test -p spanwire exchanges`",
        FILES[0]
    );
    Ok(())
}
