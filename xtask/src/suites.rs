//! Packages of any release of the archive that this machine installs from, unpacked under `target/`
//! and never installed. Each release has a private apt there; its sources are this machine's own with
//! the release's name put in, so that mirrors, proxies and keys stay what the machine has set up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::command::{check, output};

/// Which packages come with those that are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// None.
    Alone,
    /// Those that they depend on directly: what a metapackage stands for.
    Direct,
    /// All that they need, down to the C library: for programs that shall run apart from this machine's.
    #[allow(dead_code, reason = "for the clients of other releases")]
    All,
    /// All that they need and this machine does not have. Of this machine's own release only.
    Missing,
}

/// What is wanted of one release.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// The release's codename, such as `bullseye`; [`own`] has this machine's.
    pub(crate) release: &'a str,
    pub(crate) packages: &'a [&'a str],
    pub(crate) reach: Reach,
}

/// Unpacks packages to `target/NAME`, unless the same ones are there already: then nothing is asked of
/// the network. Returns the folder and the packages' files, by their names with versions.
///
/// # Errors
/// If apt does not find the packages, or they cannot be fetched or unpacked.
pub(crate) fn unpack(root: &Path, name: &str, wanted: Wanted<'_>) -> Result<(PathBuf, Vec<String>)> {
    let folder = root.join("target").join(name);
    // Not by `with_extension`: a name may have a version's point in it.
    let beside = |ending: &str| root.join("target").join(format!("{name}.{ending}"));
    let stamp = beside("unpacked");
    let request = format!("{wanted:?}");
    if let Ok(told) = fs::read_to_string(&stamp)
        && let Some(files) = told.strip_prefix(&request)
    {
        return Ok((folder, files.split_whitespace().map(str::to_owned).collect()));
    }
    println!("apt: fetching {} of {} to target/{name}", wanted.packages.join(" "), wanted.release);
    let apt = Apt::open(root, wanted.release)?;
    let packages = apt.resolve(wanted)?;
    let fetched = beside("debs");
    for old in [&folder, &fetched] {
        if old.exists() {
            fs::remove_dir_all(old).with_context(|| format!("cannot remove {}", old.display()))?;
        }
        fs::create_dir_all(old).with_context(|| format!("cannot make {}", old.display()))?;
    }
    check(
        apt.command("apt-get").current_dir(&fetched).args(["download", "--quiet", "--quiet"]).args(packages),
    )?;
    let mut files = Vec::new();
    for entry in fs::read_dir(&fetched)? {
        let file = entry?.path();
        check(Command::new("dpkg-deb").arg("--extract").arg(&file).arg(&folder))?;
        files.push(file.file_stem().unwrap_or_default().to_string_lossy().into_owned());
    }
    fs::remove_dir_all(&fetched)?;
    files.sort();
    fs::write(&stamp, format!("{request}\n{}\n", files.join("\n")))?;
    Ok((folder, files))
}

/// The codename of this machine's release.
///
/// # Errors
/// If this is no Debian, or one that does not say which.
pub(crate) fn own() -> Result<String> {
    let text = fs::read_to_string("/etc/os-release").context("cannot read /etc/os-release")?;
    let codename = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    Ok(codename.context("/etc/os-release names no release")?.trim_matches('"').to_owned())
}

/// A private apt for one release.
struct Apt {
    options: Vec<String>,
}

impl Apt {
    /// Reads the release's lists.
    fn open(root: &Path, release: &str) -> Result<Self> {
        let directory = root.join("target/apt").join(release);
        let sources = directory.join("sources");
        for part in ["sources", "lists/partial", "archives/partial"] {
            fs::create_dir_all(directory.join(part))?;
        }
        let mut found = false;
        for (name, text) in configured()? {
            if let Some(text) = renamed(&name, &text, &own()?, release) {
                fs::write(sources.join(name), text)?;
                found = true;
            }
        }
        if !found {
            bail!("this machine's apt sources name no archive of {}; add Debian's own", own()?);
        }
        fs::write(directory.join("status"), "")?;
        let set = |option: &str, part: &str| format!("{option}={}", directory.join(part).display());
        let options = vec![
            "Dir::Etc::sourcelist=/dev/null".to_owned(),
            set("Dir::Etc::sourceparts", "sources"),
            set("Dir::State::lists", "lists"),
            set("Dir::State::status", "status"),
            set("Dir::Cache", ""),
            "Acquire::Languages=none".to_owned(),
            // The user that apt fetches as may not be let in here.
            "APT::Sandbox::User=root".to_owned(),
        ];
        let apt = Self { options };
        check(apt.command("apt-get").args(["update", "--quiet", "--quiet"]))?;
        Ok(apt)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for option in &self.options {
            command.args(["-o", option]);
        }
        command
    }

    /// The names of all packages that are wanted.
    fn resolve(&self, wanted: Wanted<'_>) -> Result<Vec<String>> {
        let mut command = match wanted.reach {
            Reach::Alone => return Ok(wanted.packages.iter().map(|name| (*name).to_owned()).collect()),
            Reach::Direct => self.command("apt-cache"),
            Reach::All => self.command("apt-get"),
            // The machine's own apt knows what it has.
            Reach::Missing => Command::new("apt-get"),
        };
        if wanted.reach == Reach::Direct {
            command.arg("depends");
        } else {
            command.args(["install", "--simulate", "--no-install-recommends"]);
        }
        let text = output(command.args(wanted.packages)).with_context(|| {
            format!("{} has no {}: run `apt-get update`", wanted.release, wanted.packages.join(" "))
        })?;
        let mark = if wanted.reach == Reach::Direct { "Depends:" } else { "Inst" };
        let named = text.lines().filter_map(|line| line.trim().strip_prefix(mark)?.split_whitespace().next());
        let mut names: Vec<String> = named.map(str::to_owned).collect();
        if wanted.reach == Reach::Direct {
            names.extend(wanted.packages.iter().map(|name| (*name).to_owned()));
        }
        Ok(names)
    }
}

/// The machine's sources: name and text of each file (sources.list(5)).
fn configured() -> Result<Vec<(String, String)>> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        files.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
    }
    let is_source =
        |path: &&PathBuf| path.extension().is_some_and(|kind| kind == "list" || kind == "sources");
    let read = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?))
    };
    files.iter().filter(is_source).filter(|path| path.exists()).map(read).collect()
}

/// The part of a sources file that is about the release `own`, for `release` instead; `None` when there
/// is no such part. Its updates and security fixes stay out: neighbouring releases may have none here.
fn renamed(name: &str, text: &str, own: &str, release: &str) -> Option<String> {
    let is_comment = |line: &&str| line.starts_with('#');
    let parts: Vec<String> = if name.ends_with(".sources") {
        let stanzas: Vec<Vec<&str>> = text
            .lines()
            .filter(|line| !is_comment(line))
            .collect::<Vec<_>>()
            .split(|line| line.trim().is_empty())
            .map(<[&str]>::to_vec)
            .collect();
        let rename = |stanza: Vec<&str>| {
            let mut has = false;
            let lines: Vec<String> = stanza
                .iter()
                .map(|line| match line.strip_prefix("Suites:") {
                    Some(suites) if suites.split_whitespace().any(|suite| suite == own) => {
                        has = true;
                        format!("Suites: {release}")
                    }
                    _ => (*line).to_owned(),
                })
                .collect();
            has.then(|| lines.join("\n") + "\n")
        };
        stanzas.into_iter().filter_map(rename).collect()
    } else {
        let rename = |line: &str| {
            let line = line.trim();
            let has = line.starts_with("deb ") && line.split_whitespace().any(|word| word == own);
            let word = |word| if word == own { release } else { word };
            has.then(|| line.split_whitespace().map(word).collect::<Vec<_>>().join(" ") + "\n")
        };
        text.lines().filter_map(rename).collect()
    };
    (!parts.is_empty()).then(|| parts.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stanza_of_the_own_release_is_renamed() {
        let text = "# a note\nTypes: deb\nURIs: mirror/debian\nSuites: bookworm bookworm-updates\n\n\
                    Types: deb\nURIs: mirror/security\nSuites: bookworm-security\n";
        assert_eq!(
            renamed("debian.sources", text, "bookworm", "trixie").as_deref(),
            Some("Types: deb\nURIs: mirror/debian\nSuites: trixie\n")
        );
        assert_eq!(renamed("debian.sources", text, "sid", "trixie"), None);
    }

    #[test]
    fn a_line_of_the_own_release_is_renamed() {
        let text = "# deb mirror/other bookworm main\ndeb [signed-by=/key] mirror/debian bookworm main\n\
                    deb-src mirror/debian bookworm main\ndeb mirror/security bookworm-security main\n";
        assert_eq!(
            renamed("sources.list", text, "bookworm", "bullseye").as_deref(),
            Some("deb [signed-by=/key] mirror/debian bullseye main\n")
        );
    }
}
