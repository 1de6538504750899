//! Threads that need little: what writes the audit, and what answers monitoring systems.

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use anyhow::Context as _;

use super::confinement::Confinement;
use super::{Hardening, capabilities, confinement, on_a_thread};
use crate::config::Audit;

impl Hardening {
    /// Starts what writes the audit, on a thread that writes files in its folder alone and connects nowhere; so do the threads
    /// that it starts. The folder is made, if it is missing.
    ///
    /// # Errors
    /// When there can be no thread, or as `start` says.
    pub(in crate::run) fn store<T: Send, E: Send + Into<anyhow::Error>>(
        &mut self,
        audit: &Audit,
        start: impl FnOnce() -> Result<T, E> + Send,
    ) -> anyhow::Result<T> {
        if !self.is_on {
            return start().map_err(Into::into);
        }
        let key = audit.key_path();
        let mut folders: Vec<_> = audit.store.parent().into_iter().chain(key.parent()).collect();
        folders.dedup();
        for folder in &folders {
            make(folder)?;
        }
        let (confined, started) = on_a_thread(|| {
            let confined = confinement::confine_but_for(&folders, Some(&BTreeSet::new()));
            let kept = capabilities::keep(capabilities::EXPORTING);
            ((confined, kept), start())
        })?;
        let (confined, kept) = confined;
        self.kept_by("write the audit", kept);
        match confined {
            Ok(Confinement::By(_)) => {
                let folder = audit.store.parent().unwrap_or(Path::new("/"));
                self.told
                    .push(format!("the thread that writes the audit writes in {} alone", folder.display()));
            }
            Ok(Confinement::None) => {}
            Err(error) => self.warn(format!("the thread that writes the audit may write all files: {error}")),
        }
        started.map_err(Into::into)
    }

    /// Starts what answers monitoring systems, on a thread that may use what is open already and nothing else; so do the threads
    /// that it starts.
    ///
    /// # Errors
    /// When there can be no thread, or as `start` says.
    pub(in crate::run) fn serve<T: Send>(
        &mut self,
        start: impl FnOnce() -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<T> {
        if !self.is_on {
            return start();
        }
        let (enclosed, kept, started) = on_a_thread(|| {
            let enclosed = confinement::enclose();
            (enclosed, capabilities::keep(capabilities::EXPORTING), start())
        })?;
        match enclosed {
            Ok(Confinement::By(_)) => {
                self.told.push("the thread that answers monitoring systems opens no files".to_owned());
            }
            // Said of those that export.
            Ok(Confinement::None) => {}
            Err(error) => {
                self.warn(format!("the thread that answers monitoring systems may open files: {error}"));
            }
        }
        self.kept_by("answer monitoring systems", kept);
        started
    }
}

/// Makes a folder for this user alone, and those above it, where they are missing: rules are about what is there.
///
/// # Errors
/// As the file system says.
pub(super) fn make(folder: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("cannot make the folder {}", folder.display()))
}
