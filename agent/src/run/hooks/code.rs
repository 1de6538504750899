//! The TLS code of one file.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tracing::{debug, warn};

use super::super::status::{FileReport, SiteReport};
use crate::binary::{Analysis, Image, Known, Role};
use crate::bpf::Point;
use crate::discovery::libraries::Library;
use crate::telemetry::Counters;

/// A file's TLS code.
pub(super) struct Code {
    file: File,
    pub(super) path: PathBuf,
    analysis: Arc<Analysis>,
}

impl Code {
    /// A path that leads the kernel to the very file that was analysed.
    pub(super) fn handle(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }

    /// What it is, for the operator.
    pub(super) fn report(&self) -> FileReport {
        FileReport {
            path: self.path.display().to_string(),
            stacks: self.analysis.found().iter().map(|code| code.stack.name().to_owned()).collect(),
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

    /// The places for probes on sites of these roles.
    pub(super) fn points(&self, wanted: impl Fn(Role) -> bool) -> Vec<Point> {
        self.analysis.sites().filter(|site| wanted(site.role)).map(|site| Point::from(&site)).collect()
    }
}

/// Looks for TLS code; a file that cannot be analysed has none.
pub(super) fn code_of(library: Library, known: &Known, counters: &Counters) -> Option<Arc<Code>> {
    let Library { file, path, named, .. } = library;
    let began = Instant::now();
    let analysed =
        file.try_clone().map_err(Into::into).and_then(Image::open).and_then(|image| known.analyse(&image));
    match analysed {
        Ok((analysis, _)) if analysis.sites().next().is_none() => {
            counters.files_analysed.increment();
            for code in analysis.found() {
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
            debug!(
                "{} holds TLS code{}; that took {:?}",
                path.display(),
                if from_copy { ", as a copy of it did" } else { "" },
                began.elapsed()
            );
            Some(Arc::new(Code { file, path, analysis }))
        }
        Err(error) => {
            debug!("{} is not analysed: {error}", path.display());
            if named {
                counters.libraries_refused.increment();
                warn!("{} is not analysed: {error}; programs that use it are not seen", path.display());
            }
            None
        }
    }
}
