//! The TLS code of one file, analysed once.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::Arc;

use tracing::{debug, warn};

use crate::binary::{Image, Role, Site, TlsCode, analyse};
use crate::bpf::Point;
use crate::discovery::libraries::Library;
use crate::telemetry::Counters;

/// A file's TLS code.
pub(super) struct Code {
    file: File,
    pub(super) path: PathBuf,
    found: Vec<TlsCode>,
}

impl Code {
    fn sites(&self) -> impl Iterator<Item = &Site> {
        self.found.iter().flat_map(|code| &code.sites)
    }

    /// A path that leads the kernel to the very file that was analysed.
    pub(super) fn handle(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }

    /// The places for probes on sites of these roles.
    pub(super) fn points(&self, wanted: impl Fn(Role) -> bool) -> Vec<Point> {
        self.sites().filter(|site| wanted(site.role)).map(Point::from).collect()
    }
}

/// Looks for TLS code; a file that cannot be analysed has none.
pub(super) fn code_of(library: Library, counters: &Counters) -> Option<Arc<Code>> {
    let Library { file, path, named, .. } = library;
    let analysed =
        file.try_clone().map_err(Into::into).and_then(Image::open).and_then(|image| analyse(&image));
    match analysed {
        Ok(found) if found.is_empty() => {
            if named {
                counters.libraries_refused.increment();
                warn!(
                    "{} holds no TLS code that is known; programs that use it are not seen",
                    path.display()
                );
            }
            None
        }
        Ok(found) => Some(Arc::new(Code { file, path, found })),
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
