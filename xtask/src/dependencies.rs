//! What the crates that are compiled in may be: under licences that the project takes, and not withdrawn.
//!
//! Advisories are not looked up: RustSec's database comes by git from a host that builds need not reach. With `cargo-deny` or
//! `cargo-audit` and a network, `cargo deny check advisories` or `cargo audit` do that; this check asks the copy of the
//! registry's index that cargo keeps whether a version was yanked, as authors do with those that have a hole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::iter::Peekable;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::command::{cargo, output};

/// Licences of which one must do for each crate (CONTRIBUTING.md), by their names in SPDX's list.
const TAKEN: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// For what the agent is built: what other systems take is not looked at.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/// What `cargo tree` says of each crate: name and version, a tab, licence.
const FORMAT: &str = "{p}\t{l}";

/// A crate as `cargo tree` tells of it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// Of this workspace.
    is_own: bool,
}

impl Package {
    /// Reads a line in [`FORMAT`]: `name v1.2.3 (proc-macro)`, or `name v1.2.3 (/its/folder)`.
    fn read(line: &str) -> Option<Self> {
        let (package, license) = line.split_once('\t')?;
        let mut words = package.splitn(3, ' ');
        let (name, version, rest) = (words.next()?, words.next()?, words.next().unwrap_or_default());
        // A crate whose branch was shown before has an asterisk.
        let license = license.trim_end_matches(" (*)").trim();
        Some(Self {
            name: name.to_owned(),
            version: version.strip_prefix('v')?.to_owned(),
            license: Some(license.to_owned()).filter(|license| !license.is_empty()),
            is_own: rest.contains("(/"),
        })
    }
}

/// Checks all crates that are compiled for Linux, those of tests and tasks included. (`cargo metadata` has more: what features
/// ask for that only other systems' crates switch on.)
///
/// # Errors
/// When one has a licence that is not taken, or was yanked; the message names each.
pub(crate) fn check(root: &Path) -> Result<()> {
    let mut command = cargo(root);
    command.args(["tree", "--workspace", "--locked", "--prefix", "none", "--format", FORMAT]);
    for target in TARGETS {
        command.args(["--target", target]);
    }
    let text = output(&mut command).context("`cargo tree --locked` fails: is Cargo.lock up to date?")?;
    let packages: BTreeSet<_> = text.lines().filter_map(Package::read).collect();
    ensure!(packages.len() > 100, "`cargo tree` says something new: {text}");
    let mut complaints: Vec<String> = packages.iter().filter_map(licence).collect();
    let index = Index::find();
    let mut unknown = 0;
    for package in packages.iter().filter(|package| !package.is_own) {
        match index.is_yanked(&package.name, &package.version) {
            Some(true) => complaints.push(format!(
                "{} {} was yanked by its authors; `cargo update --package {0}`",
                package.name, package.version
            )),
            Some(false) => {}
            None => unknown += 1,
        }
    }
    if !complaints.is_empty() {
        bail!("{}", complaints.join("\n"));
    }
    println!("dependencies: {} crates, all under licences that are taken", packages.len());
    if unknown > 0 {
        println!(
            "dependencies: whether {unknown} of them were yanked is not known: cargo has no index of them"
        );
    }
    let twice = twice(&packages);
    if !twice.is_empty() {
        println!("dependencies: in more than one version: {}", twice.join(", "));
    }
    println!(
        "dependencies: advisories are not looked up; `cargo deny check advisories` does, with a network"
    );
    Ok(())
}

/// What is wrong with a crate's licence.
fn licence(package: &Package) -> Option<String> {
    let Package { name, version, license, .. } = package;
    let Some(license) = license else {
        return Some(format!("{name} {version} names no licence"));
    };
    match is_taken(license) {
        Some(true) => None,
        Some(false) => {
            Some(format!("{name} {version} is under {license}, which is not taken (CONTRIBUTING.md)"))
        }
        None => Some(format!("{name} {version}: its licence is no SPDX expression: {license}")),
    }
}

/// Whether an expression of SPDX licences (annex D of its specification) can be met by those that are taken; None for what
/// is none. A stroke means OR, as it did before there were expressions.
fn is_taken(expression: &str) -> Option<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    let taken = any(&mut words)?;
    words.next().is_none().then_some(taken)
}

fn any<'a>(words: &mut Peekable<impl Iterator<Item = &'a str>>) -> Option<bool> {
    let mut taken = all(words)?;
    while words.next_if_eq(&"OR").is_some() {
        taken |= all(words)?;
    }
    Some(taken)
}

fn all<'a>(words: &mut Peekable<impl Iterator<Item = &'a str>>) -> Option<bool> {
    let mut taken = one(words)?;
    while words.next_if_eq(&"AND").is_some() {
        taken &= one(words)?;
    }
    Some(taken)
}

fn one<'a>(words: &mut Peekable<impl Iterator<Item = &'a str>>) -> Option<bool> {
    match words.next()? {
        "(" => {
            // As deep as a manifest has brackets.
            let taken = any(words)?;
            words.next_if_eq(&")").map(|_| taken)
        }
        ")" | "AND" | "OR" | "WITH" => None,
        name if words.next_if_eq(&"WITH").is_some() => {
            let exception = words.next()?;
            Some(TAKEN.contains(&format!("{name} WITH {exception}").as_str()))
        }
        name => Some(TAKEN.contains(&name)),
    }
}

/// Crates that are there in several versions.
fn twice(packages: &BTreeSet<Package>) -> Vec<String> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        versions.entry(&package.name).or_default().push(&package.version);
    }
    let several = versions.into_iter().filter(|(_, versions)| versions.len() > 1);
    several.map(|(name, versions)| format!("{name} {}", versions.join(" and "))).collect()
}

/// Copies of the registries' indexes that cargo keeps: a file for each crate, in which JSON objects, one for each version, stand
/// between zero bytes (`src/cargo/sources/registry/index/cache.rs` of cargo).
struct Index(Vec<PathBuf>);

impl Index {
    fn find() -> Self {
        let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
        let entries = home.and_then(|home| fs::read_dir(home.join("registry/index")).ok());
        Self(entries.into_iter().flatten().flatten().map(|entry| entry.path().join(".cache")).collect())
    }

    /// None where no copy knows.
    fn is_yanked(&self, name: &str, version: &str) -> Option<bool> {
        self.0.iter().find_map(|index| is_yanked(&fs::read(index.join(place(name))).ok()?, version))
    }
}

fn is_yanked(cached: &[u8], version: &str) -> Option<bool> {
    cached.split(|byte| *byte == 0).find_map(|part| {
        let value: Value = serde_json::from_slice(part).ok()?;
        (value.get("vers")?.as_str()? == version).then(|| value.get("yanked") == Some(&Value::Bool(true)))
    })
}

/// Where an index has a crate (The Cargo Book, "Index files").
fn place(name: &str) -> String {
    let name = name.to_lowercase();
    match (name.len(), name.get(..1), name.get(..2), name.get(2..4)) {
        (1, ..) => format!("1/{name}"),
        (2, ..) => format!("2/{name}"),
        (3, Some(first), ..) => format!("3/{first}/{name}"),
        (_, _, Some(first), Some(second)) => format!("{first}/{second}/{name}"),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_met_or_not() {
        for (expression, expected) in [
            ("MIT", Some(true)),
            ("MIT OR Apache-2.0", Some(true)),
            ("MIT/Apache-2.0", Some(true)),
            ("GPL-3.0-only", Some(false)),
            ("MIT OR GPL-2.0-only", Some(true)),
            ("MIT AND GPL-2.0-only", Some(false)),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", Some(true)),
            ("MIT OR Apache-2.0 AND MPL-2.0", Some(true)),
            ("(MIT OR Apache-2.0) AND MPL-2.0", Some(false)),
            ("Apache-2.0 WITH LLVM-exception", Some(true)),
            ("GPL-2.0-only WITH Classpath-exception-2.0", Some(false)),
            ("MIT Apache-2.0", None),
            ("(MIT", None),
            ("MIT)", None),
            ("OR MIT", None),
            ("MIT OR", None),
            ("", None),
        ] {
            assert_eq!(is_taken(expression), expected, "{expression}");
        }
    }

    #[test]
    fn lines_of_the_tree_are_read() {
        let read = |line| {
            Package::read(line)
                .map(|package| (package.name, package.version, package.license, package.is_own))
        };
        let of = |name: &str, license: Option<&str>, is_own| {
            Some((name.to_owned(), "1.2.3".to_owned(), license.map(str::to_owned), is_own))
        };
        assert_eq!(read("a v1.2.3\tMIT OR Apache-2.0 (*)"), of("a", Some("MIT OR Apache-2.0"), false));
        assert_eq!(read("b v1.2.3 (proc-macro)\tMIT"), of("b", Some("MIT"), false));
        assert_eq!(read("c v1.2.3 (/a b/c)\tMIT"), of("c", Some("MIT"), true));
        assert_eq!(read("d v1.2.3\t"), of("d", None, false));
        assert_eq!(read(""), None);
    }

    #[test]
    fn a_crate_with_another_licence_is_named_with_it() {
        let package = |license: Option<&str>| Package {
            name: "leaven".to_owned(),
            version: "1.2.3".to_owned(),
            license: license.map(str::to_owned),
            is_own: false,
        };
        assert_eq!(licence(&package(Some("ISC"))), None);
        for (license, words) in
            [(Some("AGPL-3.0-only"), "leaven 1.2.3 is under AGPL-3.0-only"), (None, "no licence")]
        {
            assert!(licence(&package(license)).is_some_and(|complaint| complaint.contains(words)));
        }
    }

    #[test]
    fn yanked_versions_are_told_by_the_index() {
        let cached = b"\x03\x02\0\0\0etag\0 1.0.0\0{\"vers\":\"1.0.0\",\"yanked\":true}\x001.0.1\0{\"vers\":\"1.0.1\",\"yanked\":false}\0";
        for (version, expected) in [("1.0.0", Some(true)), ("1.0.1", Some(false)), ("2.0.0", None)] {
            assert_eq!(is_yanked(cached, version), expected, "{version}");
        }
        for (name, expected) in [
            ("a", "1/a"),
            ("io", "2/io"),
            ("log", "3/l/log"),
            ("Tokio", "to/ki/tokio"),
            ("aes-x", "ae/s-/aes-x"),
        ] {
            assert_eq!(place(name), expected);
        }
    }
}
