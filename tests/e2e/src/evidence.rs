//! What a test leaves for whoever asks why it failed: files in the folder that `SPANWIRE_TEST_FOLDER` names,
//! written as things happen. Without that variable nothing is written; a file that cannot be written is no
//! reason for a test to fail.

use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long an agent may take to tell its counters.
const PATIENCE: Duration = Duration::from_secs(2);

/// One file, or nothing.
#[derive(Debug)]
pub(crate) struct Evidence(Option<File>);

impl Evidence {
    /// A new file `NAME-N.ENDING`, with the first N that is free; other characters than letters and digits
    /// of the name become hyphens.
    pub(crate) fn new(name: &str, ending: &str) -> Self {
        let folder = std::env::var_os("SPANWIRE_TEST_FOLDER");
        Self(folder.and_then(|folder| create(Path::new(&folder), name, ending)))
    }

    /// Adds `bytes` at once.
    pub(crate) fn add(&self, bytes: &[u8]) {
        if let Some(mut file) = self.0.as_ref() {
            let _ = file.write_all(bytes);
        }
    }

    /// Adds a value in readable form.
    pub(crate) fn show(&self, value: &impl fmt::Debug) {
        if let Some(mut file) = self.0.as_ref() {
            let _ = file.write_all(format!("{value:#?}\n").as_bytes());
        }
    }
}

fn create(folder: &Path, name: &str, ending: &str) -> Option<File> {
    let name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    // A process that the test starts may write to the same folder.
    (1..1000).find_map(|number| File::create_new(folder.join(format!("{name}-{number}.{ending}"))).ok())
}

/// Writes what the agent of this executable says at this socket to `counters-N.json`. Blocks until it has
/// answered, or for [`PATIENCE`].
pub(crate) fn counters(executable: &Path, socket: &Path) {
    let Evidence(Some(file)) = Evidence::new("counters", "json") else { return };
    let mut command = Command::new(executable);
    command.args(["status", "--json", "--socket"]).arg(socket);
    command.stdin(Stdio::null()).stdout(file).stderr(Stdio::null());
    let Ok(mut status) = command.spawn() else { return };
    let began = Instant::now();
    while began.elapsed() < PATIENCE && matches!(status.try_wait(), Ok(None)) {
        std::thread::sleep(Duration::from_millis(5));
    }
    // It may have ended.
    let _ = status.kill();
    let _ = status.wait();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Folder;
    use anyhow::{Context as _, Result};

    #[test]
    fn each_has_a_file_of_its_own_with_what_was_added() -> Result<()> {
        let folder = Folder::new()?;
        for name in ["agent's log", "agent's log", "spans"] {
            let evidence = Evidence(Some(create(folder.path(), name, "log").context("no file")?));
            evidence.add(b"one\n");
            evidence.show(&Some(2));
        }
        for file in ["agent-s-log-1.log", "agent-s-log-2.log", "spans-1.log"] {
            let text = std::fs::read_to_string(folder.path().join(file))?;
            assert_eq!(text, "one\nSome(\n    2,\n)\n", "{file}");
        }
        Ok(())
    }

    #[test]
    fn what_cannot_be_written_is_left() {
        assert!(create(Path::new("/no/such/folder"), "spans", "txt").is_none());
        Evidence(None).add(b"nothing");
    }
}
