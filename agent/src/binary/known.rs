//! What was found in a file before: the same library lies on a host many times over, once in each
//! container image.
//!
//! A build-id is a claim, and anybody can write one. An analysis is taken over only for a file that
//! agrees in build-id, size and owner, that its owner alone can write, whose code is loaded from the same
//! places, and that has the same bytes round every site: so no probe can come to sit on an instruction
//! that was not looked at. That nothing was found is never taken over: a file without TLS code could hide
//! that of another.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, PoisonError};

use super::image::{Image, Refusal, Segment};
use super::{BuildId, Site, TlsCode, analyse};

/// Analyses that are remembered; beyond it all are forgotten. A host has some ten builds of TLS code.
const BUILDS: usize = 1024;

/// Bytes before and behind a site's offset that must agree.
const BEFORE: u64 = 64;
const BEHIND: u64 = 64;

/// Bits of a file's mode by which others than its owner may write it.
const OTHERS_WRITE: u32 = 0o022;

/// What was found in a file.
#[derive(Debug)]
pub struct Analysis {
    found: Vec<TlsCode>,
    /// What another file must agree in.
    code: Vec<Segment>,
    surroundings: Vec<(u64, Vec<u8>)>,
}

impl Analysis {
    fn of(image: &Image) -> Result<Self, Refusal> {
        let found = analyse(image)?;
        let mut analysis = Self { found, code: image.code.clone(), surroundings: Vec::new() };
        let size = image.metadata()?.len();
        for site in analysis.sites() {
            let start = site.offset.saturating_sub(BEFORE);
            let end = site.offset.saturating_add(BEHIND).min(size);
            let length = usize::try_from(end.saturating_sub(start)).unwrap_or(0);
            let bytes = image.bytes(start, length)?;
            analysis.surroundings.push((start, bytes));
        }
        Ok(analysis)
    }

    /// The TLS code, by whose it is.
    #[must_use]
    pub fn found(&self) -> &[TlsCode] {
        &self.found
    }

    /// All places for probes.
    pub fn sites(&self) -> impl Iterator<Item = Site> + use<> {
        let sites: Vec<Site> = self.found.iter().flat_map(|code| &code.sites).copied().collect();
        sites.into_iter()
    }

    /// Whether another file has the same code at every site.
    fn holds_for(&self, image: &Image) -> bool {
        let same = |(start, bytes): &(u64, Vec<u8>)| {
            image.bytes(*start, bytes.len()).is_ok_and(|there| there == *bytes)
        };
        self.code == image.code && self.surroundings.iter().all(same)
    }
}

/// How often a file is read anew that changes while it is read. A change of its name or of its rights
/// counts as one, too.
const AGAIN: usize = 1;

/// What reading a file tells, if it stays the same meanwhile.
fn unchanged<T>(image: &Image, mut read: impl FnMut() -> Result<T, Refusal>) -> Result<T, Refusal> {
    let state = || -> io::Result<[i64; 5]> {
        let metadata = image.metadata()?;
        let size = i64::try_from(metadata.len()).unwrap_or(i64::MAX);
        Ok([size, metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()])
    };
    for _ in 0..=AGAIN {
        let before = state()?;
        let told = read();
        if state()? == before {
            return told;
        }
    }
    Err(Refusal::Changed)
}

/// By what files are taken for copies of one another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Build {
    id: BuildId,
    bytes: u64,
    owner: u32,
}

impl Build {
    fn of(image: &Image) -> io::Result<Option<Self>> {
        let metadata = image.metadata()?;
        let trusted = metadata.mode() & OTHERS_WRITE == 0;
        let build = |id| Self { id, bytes: metadata.len(), owner: metadata.uid() };
        Ok(image.build_id().filter(|_| trusted).map(build))
    }
}

/// Analyses by build-id; shared between threads.
#[derive(Debug, Default)]
pub struct Known(Mutex<HashMap<Build, Arc<Analysis>>>);

impl Known {
    /// What a file holds, and whether that was known from a copy of it.
    ///
    /// # Errors
    /// As [`analyse`].
    pub fn analyse(&self, image: &Image) -> Result<(Arc<Analysis>, bool), Refusal> {
        let build = Build::of(image)?;
        if let Some(analysis) = build.as_ref().and_then(|build| self.get(build))
            && analysis.holds_for(image)
        {
            return Ok((analysis, true));
        }
        let analysis = Arc::new(unchanged(image, || Analysis::of(image))?);
        if let Some(build) = build.filter(|_| analysis.sites().next().is_some()) {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= BUILDS {
                known.clear();
            }
            known.insert(build, Arc::clone(&analysis));
        }
        Ok((analysis, false))
    }

    fn get(&self, build: &Build) -> Option<Arc<Analysis>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(build).cloned()
    }
}

#[cfg(test)]
#[path = "known/tests.rs"]
mod tests;
