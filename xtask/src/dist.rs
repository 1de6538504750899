//! What is handed out: one static executable with the BPF programs in it, its manual, what shells complete, its bill of
//! materials and checksums.
//!
//! Two builds of one commit by one toolchain are the same, byte for byte, wherever they stand: paths are taken out of what
//! is compiled, and times are the commit's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::command::{cargo, check, output, without_outer_build};
use crate::{apt, ebpf};

/// What the executable runs on.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Its name in file names.
const PLATFORM: &str = "linux-x86_64";

/// The version of cargo-cyclonedx that is installed to write the bill of materials.
const CYCLONEDX: &str = "0.5.9";

/// Files that go along as they are, and the folders that they go to.
const BESIDE: &[(&str, &str)] = &[
    ("LICENSE", ""),
    ("CHANGELOG.md", ""),
    ("SECURITY.md", ""),
    ("deploy/spanwire.yaml", ""),
    ("deploy/spanwire.service", ""),
];

/// Builds all of it to `target/dist`, and says what is there.
///
/// # Errors
/// When something cannot be installed, built or written, or the executable needs a library.
pub(crate) fn dist(root: &Path) -> Result<()> {
    ebpf::build(root)?;
    let executable = build(root)?;
    let (out, name) = (root.join("target/dist"), format!("spanwire-{}-{PLATFORM}", version(root)?));
    let folder = out.join(&name);
    let _absent = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    copy(&executable, &folder.join("spanwire"))?;
    for (file, to) in BESIDE {
        let file = root.join(file);
        let name = file.file_name().context("a file has a name")?;
        copy(&file, &folder.join(to).join(name))?;
    }
    check(Command::new(&executable).arg("documents").arg(&folder))?;
    bill(root, &folder.join("spanwire.cdx.json"))?;
    let archive = out.join(format!("{name}.tar.gz"));
    pack(root, &folder, &archive)?;
    sums(&out, &[&archive])?;
    let size = fs::metadata(folder.join("spanwire"))?.len();
    println!("target/dist/{name}.tar.gz; the executable has {} KiB", size / 1024);
    Ok(())
}

/// Compiles the agent without anything that it would look for on another host.
fn build(root: &Path) -> Result<PathBuf> {
    // A directory of its own: flags of its own would evict what `cargo build` made.
    let directory = root.join("target/dist/build");
    let remapped = remapped(root)?;
    let mut flags = vec!["-Ctarget-feature=+crt-static".to_owned(), "-Cstrip=symbols".to_owned()];
    flags.extend(remapped.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())));
    let c_flags: Vec<_> =
        remapped.iter().map(|(from, to)| format!("-ffile-prefix-map={}={to}", from.display())).collect();
    let mut build = cargo(root);
    without_outer_build(&mut build);
    build.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f")).env("CFLAGS", c_flags.join(" "));
    build.args(["build", "--release", "--locked", "--package", "spanwire", "--bin", "spanwire"]);
    check(build.args(["--target", TARGET, "--target-dir"]).arg(&directory))?;
    let executable = directory.join(TARGET).join("release/spanwire");
    // `ldd` fails for what is not linked to anything.
    let linked = output(Command::new("ldd").arg(&executable)).unwrap_or_default();
    ensure!(!linked.contains("=>"), "the executable is not static:\n{linked}");
    Ok(executable)
}

/// Paths that what is compiled would tell, and what it tells in their place.
pub(crate) fn remapped(root: &Path) -> Result<Vec<(PathBuf, &'static str)>> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    Ok(vec![
        (home.context("neither CARGO_HOME nor HOME says where crates are")?, "/cargo"),
        (root.to_owned(), "/spanwire"),
    ])
}

fn version(root: &Path) -> Result<String> {
    let id = output(cargo(root).args(["pkgid", "--package", "spanwire"])).context("`cargo pkgid` fails")?;
    Ok(id.rsplit(['#', '@']).next().context("`cargo pkgid` names no version")?.to_owned())
}

/// When the commit was made, in seconds since 1970: the time of everything (reproducible-builds.org).
fn epoch(root: &Path) -> Result<String> {
    if let Ok(epoch) = std::env::var("SOURCE_DATE_EPOCH") {
        return Ok(epoch);
    }
    output(Command::new("git").current_dir(root).args(["log", "-1", "--format=%ct"]))
        .context("no commit says of when this is: set SOURCE_DATE_EPOCH")
}

/// All crates that are compiled in, with versions and licences (CycloneDX).
fn bill(root: &Path, to: &Path) -> Result<()> {
    let tools = root.join("target/tools");
    let program = tools.join("bin/cargo-cyclonedx");
    if !program.exists() {
        println!("installing cargo-cyclonedx {CYCLONEDX} to target/tools (it writes the bill of materials)");
        let mut install = cargo(root);
        let package = format!("cargo-cyclonedx@{CYCLONEDX}");
        check(
            without_outer_build(&mut install)
                .args(["install", "--quiet", "--locked", &package, "--root"])
                .arg(&tools),
        )?;
    }
    let mut write = Command::new(&program);
    write.current_dir(root).env("SOURCE_DATE_EPOCH", epoch(root)?);
    write.args([
        "cyclonedx",
        "--quiet",
        "--format",
        "json",
        "--spec-version",
        "1.5",
        "--describe",
        "binaries",
    ]);
    check(write.args(["--target", TARGET, "--manifest-path", "agent/Cargo.toml"]))?;
    let text = fs::read_to_string(root.join("agent/spanwire_bin.cdx.json")).context("no bill was written")?;
    // It names the crates of this workspace by where they stand.
    let text = text.replace(&format!("file://{}", root.display()), "file:///spanwire");
    fs::write(to, text).with_context(|| format!("cannot write {}", to.display()))?;
    // It writes beside each member's manifest, whichever is asked for.
    let git = ["ls-files", "--others", "-z", "--", "*_bin.cdx.json"];
    let written = output(Command::new("git").current_dir(root).args(git)).unwrap_or_default();
    for file in written.split('\0').filter(|file| !file.is_empty()) {
        fs::remove_file(root.join(file)).with_context(|| format!("cannot remove {file}"))?;
    }
    Ok(())
}

/// An archive that does not tell who made it when.
fn pack(root: &Path, folder: &Path, archive: &Path) -> Result<()> {
    apt::ensure(&[apt::Package { name: "tar", sign: apt::Sign::Program("tar") }], "the archive")?;
    let (above, name) = (folder.parent().context("a folder above")?, folder.file_name().context("a name")?);
    let mut tar = Command::new("tar");
    tar.args([
        "--create",
        "--sort=name",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--mode=go=rX,u+rw,a-s",
    ]);
    tar.arg(format!("--mtime=@{}", epoch(root)?)).args(["--use-compress-program", "gzip -9 -n"]);
    check(tar.arg("--file").arg(archive).arg("--directory").arg(above).arg(name))
}

/// Writes the SHA-256 of each, as `sha256sum --check` reads it.
fn sums(out: &Path, files: &[&Path]) -> Result<()> {
    let names = files.iter().filter_map(|file| file.file_name());
    let text = output(Command::new("sha256sum").current_dir(out).args(names)).context("sha256sum fails")?;
    fs::write(out.join("SHA256SUMS"), text + "\n").context("cannot write the checksums")
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}
