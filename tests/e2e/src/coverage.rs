//! What was captured of which program, as the tests measured it: rows of the table in
//! `docs/coverage.md`, which `cargo xtask test` writes from the files that are left here.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::client::{Client, Done, Received};
use crate::scene::{Outcome, Scene, traced};
use crate::variable;

/// No TLS.
pub const NO_TLS: &str = "none";
/// The system's, or one that a package carries.
pub const OPENSSL_3: &str = "OpenSSL 3, shared library";
/// The one before OpenSSL 3.
pub const OPENSSL_1_1: &str = "OpenSSL 1.1, shared library";
/// Node's own.
pub const OPENSSL_IN_PROGRAM: &str = "OpenSSL 3, in the program, symbols kept";
/// That of a static program without symbols.
pub const OPENSSL_STRIPPED: &str = "OpenSSL 3, in the program, stripped";
/// What a package of PyPI brings.
pub const OPENSSL_IN_WHEEL: &str = "OpenSSL 3, in a wheel";
/// Bun's, and that of what is built with it.
pub const BORINGSSL: &str = "BoringSSL, in the program, stripped";
/// rustls's default.
pub const RUSTLS_AWS_LC: &str = "rustls with aws-lc-rs, in the program, stripped";
/// rustls's other.
pub const RUSTLS_RING: &str = "rustls with ring, in the program, stripped";
/// Go's own.
pub const GO: &str = "Go crypto/tls, in the program, stripped";
/// The system's.
pub const GNUTLS: &str = "GnuTLS, shared library";
/// The system's.
pub const NSS: &str = "NSS, shared library";
/// Java's own, in Java.
pub const JSSE: &str = "JSSE, in Java";
/// HTTP/1.1 (RFC 9112).
pub const HTTP_1_1: &str = "HTTP/1.1";

/// One line of the table. It has nothing that differs from machine to machine.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// What made the calls, and through which library.
    pub program: &'a str,
    /// Whose TLS code it uses, and where that is.
    pub tls: &'a str,
    /// How it asks.
    pub protocol: &'a str,
}

/// How answers came, which is a column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// In one piece.
    Whole,
    /// As a stream of events.
    Streamed,
    /// Unread: the conversation was seen from outside only, and reported as such.
    Unseen,
}

impl Answers {
    fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Streamed => "streamed",
            Self::Unseen => "unseen",
        }
    }
}

impl Row<'_> {
    /// Runs one client in a scene of its own, compares every one of its `count` calls, and records that.
    ///
    /// # Errors
    /// At the first difference, or when the row cannot be written.
    pub async fn measured(&self, scene: Scene, client: Client, count: usize) -> Result<(Outcome, Done)> {
        let (outcome, done) = traced(scene, client, count).await?;
        self.compared(&outcome, done.calls.len())?;
        Ok((outcome, done))
    }

    /// Compares span, log and the client's own account of every call, and records how many of the
    /// requests that the stand-in served are told truly.
    ///
    /// # Errors
    /// At the first difference, or when the row cannot be written.
    pub fn record(&self, outcome: &Outcome, calls: &[Received]) -> Result<()> {
        outcome.compare(calls)?;
        self.compared(outcome, calls.len())
    }

    fn compared(&self, outcome: &Outcome, captured: usize) -> Result<()> {
        let streamed = outcome.log.first().context("nothing was served")?.stream;
        ensure!(outcome.log.iter().all(|served| served.stream == streamed), "answers of both kinds");
        let answers = if streamed { Answers::Streamed } else { Answers::Whole };
        self.write(answers, captured, outcome.log.len())
    }

    /// Records that of `made` calls, `captured` were found to be told truly, by a comparison that the
    /// caller made. The numbers must be the same in every run.
    ///
    /// # Errors
    /// When the row cannot be written.
    pub fn write(&self, answers: Answers, captured: usize, made: usize) -> Result<()> {
        let folder = PathBuf::from(variable("SPANWIRE_ROOT")?).join("target/coverage");
        self.write_to(&folder, answers, captured, made)
    }

    fn write_to(&self, folder: &Path, answers: Answers, captured: usize, made: usize) -> Result<()> {
        let Self { program, tls, protocol } = self;
        let row = json!({
            "program": program,
            "tls": tls,
            "protocol": protocol,
            "answers": answers.name(),
            "captured": captured,
            "made": made,
        });
        let name: String = [program, tls, protocol, answers.name()]
            .join(" ")
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
            .collect();
        let file = folder.join(format!("{name}.json"));
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        std::fs::write(&file, row.to_string()).with_context(|| format!("cannot write {}", file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Folder;

    #[test]
    fn a_row_has_a_file_of_its_own() -> Result<()> {
        let folder = Folder::new()?;
        let row = Row { program: "curl (a/b)", tls: NO_TLS, protocol: HTTP_1_1 };
        row.write_to(folder.path(), Answers::Whole, 1, 2)?;
        row.write_to(folder.path(), Answers::Streamed, 3, 3)?;
        row.write_to(folder.path(), Answers::Whole, 2, 2)?;
        let files = std::fs::read_dir(folder.path())?.count();
        ensure!(files == 2, "{files} files");
        let text = std::fs::read_to_string(folder.path().join("curl--a-b--none-http-1-1-whole.json"))?;
        ensure!(text.contains(r#""captured":2"#), "{text}");
        Ok(())
    }
}
