//! The Python environments of the tests' and the demo's clients.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::apt::{self, Package, Sign};
use crate::command::{check, find, output};

/// Prints whether the `ssl` module brought a shared libssl into the process. Interpreters that carry
/// their TLS inside are a case of their own, which the tests do not mean to test by chance.
const HAS_SHARED_LIBSSL: &str =
    "import ssl; print(any('libssl' in line for line in open('/proc/self/maps')))";
const DEBIAN_PYTHON: &str = "/usr/bin/python3";

/// Returns the absolute path of a Python that has what `tests/requirements.txt` names, under
/// `target/venv`. Made anew only when that file's content changed.
///
/// # Errors
/// If there is no suitable Python, or the packages cannot be installed.
pub(crate) fn environment(root: &Path) -> Result<PathBuf> {
    install(root, "tests/requirements.txt", "target/venv")
}

/// The same of `tests/requirements-openai2.txt`, under `target/venv-openai2`: what does not go together
/// with the newest of OpenAI's SDKs. `tests/exchanges/record.py` finds it there.
///
/// # Errors
/// As [`environment`].
pub(crate) fn openai2(root: &Path) -> Result<PathBuf> {
    install(root, "tests/requirements-openai2.txt", "target/venv-openai2")
}

fn install(root: &Path, requirements: &str, directory: &str) -> Result<PathBuf> {
    let file = root.join(requirements);
    let wanted = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let environment = root.join(directory);
    let python = environment.join("bin/python");
    let stamp = environment.join("requirements.installed");
    // A Python that was upgraded or removed beneath the environment leaves it without its packages.
    let works = || output(Command::new(&python).args(["-c", "import pip, ssl"])).is_some();
    if fs::read_to_string(&stamp).ok().as_ref() == Some(&wanted) && works() {
        return Ok(python);
    }
    println!("Python: installing {requirements} to {directory} (the clients that are traced)");
    create(&environment)?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    check(install.arg(&file))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}

/// Makes an empty environment, with the Python of `PATH` or else Debian's.
fn create(directory: &Path) -> Result<()> {
    apt::ensure(&[Package { name: "python3", sign: Sign::Program("python3") }], "running Python")?;
    let venv = |python: &Path| {
        let mut command = Command::new(python);
        command.args(["-m", "venv", "--clear"]).arg(directory);
        command
    };
    if let Some(python) = find("python3")
        && has_shared_libssl(&python)
        && output(&mut venv(&python)).is_some()
    {
        return Ok(());
    }
    let python = Path::new(DEBIAN_PYTHON);
    if output(&mut venv(python)).is_none() {
        apt::install(&["python3", "python3-venv"], "making a Python environment")?;
        check(&mut venv(python))?;
    }
    if !has_shared_libssl(python) {
        bail!("neither the python3 of PATH nor {DEBIAN_PYTHON} links a shared libssl");
    }
    Ok(())
}

fn has_shared_libssl(python: &Path) -> bool {
    output(Command::new(python).args(["-c", HAS_SHARED_LIBSSL])).as_deref() == Some("True")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_python_has_no_libssl() {
        assert!(!has_shared_libssl(Path::new("/bin/true")));
        assert!(!has_shared_libssl(Path::new("/no/such/python")));
    }
}
