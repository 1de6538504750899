//! Checks of the source tree that no compiler makes. Each rule is one file; each finding says where
//! it is and how to mend it.

mod imports;
mod kernel;
mod length;
mod names;
mod panics;
mod source;
mod unsafety;

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use source::Source;

/// One breach of a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    /// Counted from 1.
    line: usize,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// What is not of the source tree, wherever it stands.
const SKIPPED_DIRECTORIES: &[&str] = &[".git", "target", "__pycache__", "node_modules"];

/// Checks every text file below `root` and prints what it finds.
///
/// # Errors
/// If there is a finding, or a file cannot be read.
pub(crate) fn tidy(root: &Path) -> Result<()> {
    let mut files = Vec::new();
    collect(root, "", &mut files)?;
    let mut findings: Vec<_> = files.iter().flat_map(|(path, text)| check(path, text)).collect();
    findings.extend(length::stale_exceptions(&files));
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("tidy: {} to mend", findings.len());
    }
    println!("tidy: {} files in order", files.len());
    Ok(())
}

/// Applies every rule to one file.
fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = names::check(path, text);
    if path.ends_with(".rs") {
        let source = Source::new(path, text);
        for rule in [imports::check, length::check, panics::check, unsafety::check, kernel::check] {
            findings.extend(rule(&source));
        }
    }
    findings
}

/// Reads the text files of the directory `relative` to `root`, with their paths relative to `root`.
fn collect(root: &Path, relative: &str, files: &mut Vec<(String, String)>) -> Result<()> {
    let directory = root.join(relative);
    let entries = fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let (name, kind) = (entry.file_name().to_string_lossy().into_owned(), entry.file_type()?);
        let path = if relative.is_empty() { name.clone() } else { format!("{relative}/{name}") };
        if SKIPPED_DIRECTORIES.contains(&name.as_str()) {
            // A worktree's `.git` is a file, and names a place on this machine.
        } else if kind.is_dir() {
            collect(root, &path, files)?;
        } else if kind.is_file()
            && let Ok(text) = String::from_utf8(fs::read(entry.path())?)
        {
            files.push((path, text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_like_a_compilers() {
        let finding = Finding { path: "a/b.rs".into(), line: 7, message: "no; do this".into() };
        assert_eq!(finding.to_string(), "a/b.rs:7: no; do this");
    }

    #[test]
    fn every_rule_is_applied() {
        let text = "use aya::Ebpf;\nuse crate::export::X;\nfn f() { unsafe { g().unwrap() } }\n";
        let lines: Vec<_> = check("agent/src/redact/mod.rs", text).into_iter().map(|f| f.line).collect();
        assert_eq!(lines, [2, 3, 3, 1]);
        assert_eq!(check("agent/src/redact/mod.rs", &"//\n".repeat(401)).len(), 1);
        assert_eq!(check("README.md", "use aya::Ebpf;"), []);
    }
}
