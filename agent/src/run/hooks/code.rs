//! The TLS code of one file.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use tracing::{debug, warn};

use super::super::status::{FileReport, SiteReport};
use crate::binary::{Analysis, Image, Known, Role, Stack};
use crate::bpf::Point;
use crate::discovery::libraries::{Handle, Library, Patient};
use crate::telemetry::Counters;

/// How long the thread that holds the probes waits for one file. What takes longer is left to the
/// analyser.
pub(super) const AT_ONCE: Duration = Duration::from_secs(1);
/// Threads that read for it.
const READERS: usize = 8;

/// Reads files for the thread that holds the probes, as soon as that would.
pub(super) static AT_HAND: LazyLock<Patient> = LazyLock::new(|| Patient::new(READERS, super::hurry));

/// A file's TLS code.
#[derive(Debug)]
pub(super) struct Code {
    handle: Arc<Handle>,
    pub(super) path: PathBuf,
    analysis: Arc<Analysis>,
}

impl Code {
    /// A path that leads the kernel to the very file that was analysed.
    pub(super) fn handle(&self) -> PathBuf {
        self.handle.path()
    }

    /// What it is, for the operator.
    pub(super) fn report(&self) -> FileReport {
        FileReport {
            path: self.path.display().to_string(),
            stacks: self.stacks().map(str::to_owned).collect(),
            sites: self
                .analysis
                .sites()
                .map(|site| SiteReport {
                    function: site.function.to_owned(),
                    offset: site.offset,
                    class: site.class.name().to_owned(),
                })
                .collect(),
        }
    }

    /// Whose TLS code it holds.
    pub(super) fn stacks(&self) -> impl Iterator<Item = &'static str> {
        self.analysis.found().iter().map(|code| code.stack.name())
    }

    /// The places for probes on sites of these roles.
    pub(super) fn points(&self, wanted: impl Fn(Role) -> bool) -> Vec<Point> {
        self.analysis.sites().filter(|site| wanted(site.role)).map(|site| Point::from(&site)).collect()
    }
}

/// Looks for TLS code; a file that cannot be analysed has none. One of which no answer comes within
/// `limit` is given back: who serves its file system may be slow, or mean.
pub(super) fn code_of(
    library: Library,
    (patient, limit): (&Patient, Duration),
    known: &Arc<Known>,
    counters: &Counters,
) -> Result<Option<Arc<Code>>, Library> {
    let began = Instant::now();
    let (handle, known) = (Arc::clone(&library.handle), Arc::clone(known));
    let look = move || known.analyse(&Image::open(handle.open()?)?);
    let Ok(analysed) = patient.run(limit, look) else { return Err(library) };
    let Library { handle, path, named, .. } = library;
    let code = match analysed {
        Ok((analysis, _)) if analysis.sites().next().is_none() => {
            counters.files_analysed.increment();
            // AES is expanded for much besides TLS.
            for code in analysis.found().iter().filter(|code| code.stack != Stack::KeyExpansion) {
                counters.libraries_refused.increment();
                warn!(
                    "{} holds TLS code of {} that is laid out in no known way; what programs say over it is \
                     not seen",
                    path.display(),
                    code.stack.name()
                );
            }
            if named {
                counters.libraries_refused.increment();
                warn!(
                    "{} holds no TLS code that is known; programs that use it are not seen",
                    path.display()
                );
            }
            None
        }
        Ok((analysis, from_copy)) => {
            let counter = if from_copy { &counters.files_known_by_copy } else { &counters.files_analysed };
            counter.increment();
            let unknown: usize = analysis.found().iter().map(|code| code.unknown).sum();
            debug!(
                "{} holds TLS code{}, {unknown} places of it laid out in no known way; that took {:?}",
                path.display(),
                if from_copy { ", as a copy of it did" } else { "" },
                began.elapsed()
            );
            Some(Arc::new(Code { handle, path, analysis }))
        }
        Err(error) => {
            debug!("{} is not analysed: {error}", path.display());
            if named {
                counters.libraries_refused.increment();
                warn!("{} is not analysed: {error}; programs that use it are not seen", path.display());
            }
            None
        }
    };
    Ok(code)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::path::Path;

    use super::*;
    use crate::discovery::libraries::Root;
    use crate::discovery::libraries::silent::Silent;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn a_file_of_which_no_answer_comes_is_given_back() {
        let folder = std::env::temp_dir().join(format!("spanwire-mute-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let Some(silent) = Silent::with_files(folder.clone()) else { return };
        let root = Root::of(Path::new("/proc"), std::process::id()).unwrap();
        let (known, counters) = (Arc::default(), Counters::default());
        let look = |patient: &Patient, limit| {
            let library = Library::below(&root, folder.join("libssl.so.3")).unwrap();
            code_of(library, (patient, limit), &known, &counters)
        };
        let patient = Patient::new(2, || {});
        for _ in 0..3 {
            // The third time both threads are held up already.
            assert_eq!(look(&patient, SHORT).unwrap_err().path, folder.join("libssl.so.3"));
        }
        // Others are read meanwhile.
        let own = Library::at("/proc/self/exe".into()).unwrap();
        assert!(code_of(own, (&Patient::new(1, || {}), LONG), &known, &counters).is_ok());
        // A file that is none is refused, not given back.
        let mem = Library::at("/proc/self/mem".into()).unwrap();
        assert!(code_of(mem, (&Patient::new(1, || {}), LONG), &known, &counters).unwrap().is_none());
        // Nobody answers any more: the threads come back.
        drop(silent);
        while patient.run(LONG, || ()).is_err() {
            std::thread::yield_now();
        }
        std::fs::remove_dir(&folder).unwrap();
    }
}
