//! What a guest is to run, and all that this needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::console::PROGRAMS as PROGRAMS_STEP;
use super::image::Image;
use crate::command::{check, find, output};
use crate::e2e::Built;
use crate::suites::{self, Reach, Wanted};

/// Files of `tests/e2e/tests` whose tests meet the kernel in ways of their own.
const TESTS: [&str; 3] = ["kernels", "privilege", "sockets"];

/// Packages that the tests' clients import.
const PYTHON_PACKAGES: [&str; 15] = [
    "aiohappyeyeballs",
    "aiohttp",
    "aiosignal",
    "attr",
    "attrs",
    "certifi",
    "charset_normalizer",
    "frozenlist",
    "idna",
    "multidict",
    "propcache",
    "requests",
    "typing_extensions.py",
    "urllib3",
    "yarl",
];

/// Where the tests' own programs are in the guest.
const PROGRAMS: &str = "/vm/programs";

/// Makes the file system that every guest begins with; returns its file.
///
/// # Errors
/// When something is not here.
pub(super) fn archive(root: &Path, built: &Built, python: &Path) -> Result<PathBuf> {
    let folder = root.join("target/vm/programs");
    fs::create_dir_all(&folder)?;
    let mut image = Image::default();
    let mut steps = vec![format!("{PROGRAMS_STEP} {PROGRAMS}/spanwire check --programs\n")];
    add_stripped(&mut image, &built.agent, &folder, "spanwire")?;
    add_stripped(&mut image, &built.tests, &folder, "e2e")?;
    for file in TESTS {
        steps.push(format!("{file} {PROGRAMS}/e2e {file}:: --test-threads=1 ${{SKIP:+--skip $SKIP}}\n"));
    }
    add_python(&mut image, python)?;
    for program in ["curl", "openssl", "setpriv"] {
        image.program(&find(program).with_context(|| format!("no {program} here"))?)?;
    }
    for file in ["/etc/ssl/openssl.cnf", "/etc/ssl/certs/ca-certificates.crt", "/usr/lib/ssl/openssl.cnf"] {
        image.file(Path::new(file))?;
    }
    image.folder(&root.join("tests/clients"))?;
    image.folder(&root.join("tests/standin"))?;
    let own = suites::own()?;
    let wanted = Wanted { release: &own, packages: &["busybox-static"], reach: Reach::Alone };
    let (busybox, _) = suites::unpack(root, "vm/busybox", wanted)?;
    image.file_at("/bin/busybox", busybox.join("bin/busybox"));
    image.text("/init", include_str!("init.sh"), true);
    image.text("/vm/steps", &steps.concat(), false);
    let environment = format!(
        "export SPANWIRE_BIN={PROGRAMS}/spanwire SPANWIRE_PYTHON={} SPANWIRE_ROOT={} RUST_LIB_BACKTRACE=0\n",
        python.display(),
        root.display()
    );
    image.text("/vm/environment", &environment, false);
    image.text("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n", false);
    image.text("/etc/passwd", "root:x:0:0:root:/tmp:/bin/sh\n", false);
    let archive = root.join("target/vm/guest.cpio");
    image.write(&archive)?;
    Ok(archive)
}

/// A program without what only a debugger reads, which is most of it.
fn add_stripped(image: &mut Image, file: &Path, folder: &Path, name: &str) -> Result<()> {
    let stripped = folder.join(name);
    check(Command::new("strip").arg("-o").arg(&stripped).arg(file))?;
    image.libraries_of(&stripped)?;
    image.file_at(Path::new(PROGRAMS).join(name), stripped);
    Ok(())
}

/// An interpreter with its library and the packages of its environment that tests import.
fn add_python(image: &mut Image, python: &Path) -> Result<()> {
    let ask = "import sys, sysconfig; p = sysconfig.get_path; \
               print(sys._base_executable, p('stdlib'), p('purelib'), sys.prefix, sep='\\n')";
    let said =
        output(Command::new(python).args(["-c", ask])).context("the Python of the tests does not run")?;
    let [executable, library, packages, prefix] = said.lines().collect::<Vec<_>>()[..] else {
        bail!("Python said {said}");
    };
    image.program(python)?;
    image.program(Path::new(executable))?;
    image.folder(Path::new(library))?;
    image.file(&Path::new(prefix).join("pyvenv.cfg"))?;
    for name in PYTHON_PACKAGES {
        let path = Path::new(packages).join(name);
        if path.is_dir() {
            image.folder(&path)?;
        } else if path.is_file() {
            image.file(&path)?;
        }
    }
    Ok(())
}
