//! Where in a file the agent's probes are, and where everybody else's are.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use spanwire::binary::{Image, Role, analyse};

/// A place for a probe.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// Bytes from the file's begin.
    pub(crate) offset: u64,
    pub(crate) at_return: bool,
}

/// A file with TLS code.
#[derive(Clone, Debug)]
pub(crate) struct Sites {
    pub(crate) file: PathBuf,
    /// Entry and return of the exported functions.
    pub(crate) exported: Vec<Site>,
    /// Where the agent probes calls that move plaintext.
    pub(crate) chosen: Vec<Site>,
    /// The chosen sites in words.
    pub(crate) described: String,
}

impl Sites {
    /// Looks where they are.
    pub(crate) fn of(file: &Path) -> Result<Self> {
        let open = || File::open(file).with_context(|| format!("cannot open {}", file.display()));
        let image = Image::open(open()?)?;
        let mut exported = Vec::new();
        for (name, function) in image.functions(&["SSL_read", "SSL_write"])? {
            let offset = image.offset_of(function.address).with_context(|| format!("{name} is no code"))?;
            exported.extend([false, true].map(|at_return| Site { offset, at_return }));
        }
        let (mut chosen, mut described) = (Vec::new(), Vec::new());
        for site in analyse(&image)?.iter().flat_map(|code| &code.sites) {
            let at_return = match site.role {
                Role::Begin(..) => false,
                Role::Return => true,
                _ => continue,
            };
            chosen.push(Site { offset: site.offset, at_return });
            if !at_return {
                described.push(format!("{} at {:#x} ({})", site.function, site.offset, site.class.name()));
            }
        }
        if exported.is_empty() || chosen.is_empty() {
            bail!("{} holds no TLS code that is known", file.display());
        }
        Ok(Self { file: file.to_owned(), exported, chosen, described: described.join(", ") })
    }
}

/// The libssl that a program loads, by what its process has mapped.
pub(crate) fn mapped_libssl(pid: u32) -> Result<PathBuf> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let paths = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
    let path =
        paths.into_iter().find(|path| path.rsplit('/').next().is_some_and(|n| n.starts_with("libssl")));
    Ok(path.context("the program has no libssl mapped")?.into())
}
