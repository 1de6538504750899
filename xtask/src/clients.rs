//! The clients that are traced and that no package has ready: built from `tests/clients/go` and
//! `tests/clients/rust`, static where they can be, and stripped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::apt::{self, Package, Sign};
use crate::command::{check, without_outer_build};

/// What compiles and links the C code of TLS libraries. OpenSSL is Debian's, whose static libraries come ready.
const PACKAGES: &[Package] = &[
    Package { name: "gcc", sign: Sign::Program("cc") },
    Package { name: "libc6-dev", sign: Sign::File("/usr/include/stdio.h") },
    Package { name: "libssl-dev", sign: Sign::File("/usr/include/openssl/ssl.h") },
];
/// Programs of `tests/clients/rust`, each with the feature that it needs.
const REQWEST: [(&str, &str); 3] =
    [("reqwest-aws-lc", "aws-lc"), ("reqwest-ring", "ring"), ("reqwest-openssl", "openssl")];
/// The programs of `tests/clients/go`, each with its package.
const GO: [(&str, &str); 2] = [("go-client", "."), ("go-service", "./service")];

/// Returns the absolute path of a folder that has all of them: `target/clients`. Each part is built anew only
/// when its sources changed; what it took to build it does not stay.
///
/// # Errors
/// If something cannot be had or does not compile.
pub(crate) fn native(root: &Path, python: &Path) -> Result<PathBuf> {
    let folder = root.join("target/clients");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    part(root, "go", &["go.mod", "main.go", "service/main.go", "requirements.txt"], |from, workshop| {
        go(from, workshop, &folder, python)
    })?;
    part(root, "rust", &["Cargo.toml", "Cargo.lock", "src/main.rs"], |from, workshop| {
        reqwest(from, workshop, &folder)
    })?;
    Ok(folder)
}

/// Builds what `sources` of `tests/clients/NAME` make, in a folder that is removed afterwards.
fn part(
    root: &Path,
    name: &str,
    sources: &[&str],
    build: impl FnOnce(&Path, &Path) -> Result<()>,
) -> Result<()> {
    let from = root.join("tests/clients").join(name);
    let mut wanted = String::new();
    for source in sources {
        let path = from.join(source);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        wanted.push_str(&text);
    }
    let stamp = root.join("target/clients").join(format!("{name}.built"));
    if fs::read_to_string(&stamp).ok().as_ref() == Some(&wanted) {
        return Ok(());
    }
    println!("clients: building tests/clients/{name} to target/clients (programs that are traced)");
    let began = Instant::now();
    let workshop = root.join("target/clients").join(format!("{name}.build"));
    if workshop.exists() {
        // Of a run that was killed.
        fs::remove_dir_all(&workshop).with_context(|| format!("cannot remove {}", workshop.display()))?;
    }
    fs::create_dir_all(&workshop).with_context(|| format!("cannot make {}", workshop.display()))?;
    build(&from, &workshop)?;
    fs::remove_dir_all(&workshop).with_context(|| format!("cannot remove {}", workshop.display()))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    println!("clients: tests/clients/{name} took {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// Debian's Go is years old; a package of PyPI has the current one.
fn go(from: &Path, workshop: &Path, to: &Path, python: &Path) -> Result<()> {
    let toolchain = workshop.join("toolchain");
    let mut install = Command::new(python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]);
    install.arg("--target").arg(&toolchain).arg("--requirement").arg(from.join("requirements.txt"));
    check(&mut install)?;
    for (program, package) in GO {
        let mut build = Command::new(toolchain.join("go/bin/go"));
        build.args(["build", "-trimpath", "-ldflags", "-s -w", "-o"]).arg(to.join(program)).arg(package);
        build.env_remove("GOROOT").env_remove("GOFLAGS");
        build.envs([
            ("CGO_ENABLED", "0"),
            ("GOTOOLCHAIN", "local"),
            ("GOENV", "off"),
            ("GOTELEMETRY", "off"),
        ]);
        build.env("GOCACHE", workshop.join("cache")).env("GOPATH", workshop.join("path"));
        check(build.current_dir(from))?;
    }
    Ok(())
}

fn reqwest(from: &Path, workshop: &Path, to: &Path) -> Result<()> {
    apt::ensure(PACKAGES, "building clients that are traced")?;
    for (program, feature) in REQWEST {
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        without_outer_build(&mut build).env("CARGO_INCREMENTAL", "0");
        // Told where they are, since pkg-config would link the system's libraries as shared ones.
        let libraries = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
        build.env("OPENSSL_LIB_DIR", libraries).env("OPENSSL_INCLUDE_DIR", "/usr/include");
        build.env("OPENSSL_STATIC", "1");
        build.args(["build", "--quiet", "--release", "--locked", "--features", feature, "--bin", program]);
        check(build.arg("--target-dir").arg(workshop).current_dir(from))?;
        let built = workshop.join("release").join(program);
        fs::copy(&built, to.join(program)).with_context(|| format!("cannot copy {}", built.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn a_part_is_built_once_and_again_when_its_sources_changed() {
        let root = std::env::temp_dir().join(format!("xtask-clients-{}", std::process::id()));
        let sources = root.join("tests/clients/c");
        fs::create_dir_all(&sources).unwrap();
        fs::create_dir_all(root.join("target/clients")).unwrap();
        let mut built = 0;
        for (text, times) in [("1", 1), ("1", 1), ("2", 2)] {
            fs::write(sources.join("main.c"), text).unwrap();
            part(&root, "c", &["main.c"], |from, workshop| {
                built += 1;
                assert!(from == sources && workshop.is_dir());
                Ok(())
            })
            .unwrap();
            assert_eq!(built, times);
        }
        assert!(!root.join("target/clients/c.build").exists());
        fs::remove_dir_all(root).unwrap();
    }
}
