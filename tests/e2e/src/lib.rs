//! What the end-to-end tests are made of: the real agent, real clients, a provider that logs what it
//! truly sent, and a real OTLP receiver. Everything waits for events; times are only upper bounds.

pub mod agent;
pub mod audit;
pub mod client;
pub mod container;
pub mod coverage;
pub mod did;
pub mod disk;
pub mod door;
mod evidence;
pub mod folder;
pub mod receiver;
pub mod said;
pub mod scene;
pub mod secrets;
pub mod servers;
pub mod services;
pub mod span;
pub mod standin;
pub mod starts;
pub mod transcript;
pub mod tree;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// How long anything may take before a test gives up on it. Nothing is asserted about times below it;
/// the guests of `cargo xtask vm-test` are emulated, and slow.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// How long a client with many calls may take.
pub const LONG_DEADLINE: Duration = Duration::from_secs(600);

/// What `cargo xtask test` found or made for the tests.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The agent's executable.
    pub agent: PathBuf,
    /// A Python that has the packages of `tests/requirements.txt`.
    pub python: PathBuf,
    /// The repository.
    pub root: PathBuf,
}

impl Setup {
    /// Reads `SPANWIRE_BIN`, `SPANWIRE_PYTHON` and `SPANWIRE_ROOT`.
    ///
    /// # Errors
    /// When one is not set, or this process is not root's: nothing is skipped in silence.
    pub fn find() -> Result<Self> {
        ensure!(
            rustix::process::geteuid().is_root(),
            "the end-to-end tests load BPF programs and need root: start them with `cargo xtask test`"
        );
        Ok(Self {
            agent: variable("SPANWIRE_BIN")?.into(),
            python: variable("SPANWIRE_PYTHON")?.into(),
            root: variable("SPANWIRE_ROOT")?.into(),
        })
    }

    /// A file of `tests/`.
    #[must_use]
    pub fn test_file(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join("tests").join(path)
    }
}

/// A file of a package of `tests/package.json`, by its path below `node_modules`.
///
/// # Errors
/// When `SPANWIRE_NPM` is not set, or there is no such file.
pub fn npm_file(path: impl AsRef<Path>) -> Result<PathBuf> {
    let file = PathBuf::from(variable("SPANWIRE_NPM")?).join("node_modules").join(path);
    ensure!(file.exists(), "no {}: start the end-to-end tests with `cargo xtask test`", file.display());
    Ok(file)
}

/// A client that `cargo xtask test` has built from `tests/clients/go` or `tests/clients/rust`, by its name.
///
/// # Errors
/// When `SPANWIRE_CLIENTS` is not set, or there is no such file.
pub fn native_client(name: &str) -> Result<PathBuf> {
    let file = PathBuf::from(variable("SPANWIRE_CLIENTS")?).join(name);
    ensure!(file.exists(), "no {}: start the end-to-end tests with `cargo xtask test`", file.display());
    Ok(file)
}

fn variable(name: &str) -> Result<OsString> {
    std::env::var_os(name).with_context(|| {
        format!("{name} is not set: start the end-to-end tests with `cargo xtask test`, which sets it")
    })
}
