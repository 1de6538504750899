//! Where a process comes from, for the audit: whom it runs as, who had logged in, what started it, and exactly which program
//! it is. All of it is read as the process is described, since a parent may be gone soon after.

use std::fs::File;

use serde::{Deserialize, Serialize};

use super::Procfs;
use crate::binary::Image;

/// Processes that are named above one.
const PARENTS_MAX: usize = 16;
/// Arguments that are kept, and bytes of each: enough to tell what was started.
const ARGUMENTS_MAX: usize = 64;
const ARGUMENT_MAX_BYTES: usize = 128;
/// Stands for what is left out.
const LEFT_OUT: &str = "…";

/// `loginuid` of a process that nobody's login began (audit(7), `AUDIT_UID_UNSET`).
const NOBODY: u32 = u32::MAX;
/// Clock ticks a second in `/proc` (`USER_HZ`, 100 on every processor that Linux has had since Alpha).
const TICKS: u64 = 100;

/// Where a process comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// The effective user.
    pub user: Option<User>,
    /// Who logged in, whatever the user was changed to since: the kernel's login uid.
    pub login: Option<User>,
    /// When it began, in microseconds since 1970.
    pub started_us: Option<i64>,
    /// The build id of its executable, hexadecimal. It is the file's own claim.
    pub build_id: Option<String>,
    /// Its command line: words alone, with `…` in the place of arguments that may be text.
    pub command: String,
    /// What started it, the nearest first: `name (pid)`. At most 16.
    pub parents: Vec<String>,
}

/// A user of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The number.
    pub id: u32,
    /// The name that the host's list gives it; none in containers, which have lists of their own.
    pub name: Option<String>,
}

impl Procfs {
    /// Reads it; what cannot be read is left out.
    pub(super) fn lineage(&self, pid: u32, arguments: &[String], is_contained: bool) -> Lineage {
        let user = |id| User { id, name: self.user_name(id).filter(|_| !is_contained) };
        let login = self.file(pid, "loginuid").and_then(|file| file.trim().parse().ok());
        let ticks = self.start_ticks(pid);
        let started =
            ticks.and_then(|ticks| self.boot_time()?.checked_add(ticks.checked_mul(1_000_000 / TICKS)?));
        let image = File::open(self.path(pid, "exe")).ok().and_then(|file| Image::open(file).ok());
        Lineage {
            user: self.effective_user(pid).map(user),
            login: login.filter(|login| *login != NOBODY).map(|id| User { id, name: self.user_name(id) }),
            started_us: started.and_then(|started| i64::try_from(started).ok()),
            build_id: image.and_then(|image| image.build_id()).map(|id| id.to_string()),
            command: command_line(arguments),
            parents: self.parents(pid),
        }
    }

    /// The processes above this one, as long as they are there.
    fn parents(&self, pid: u32) -> Vec<String> {
        let mut parents = Vec::new();
        let mut child = pid;
        while parents.len() < PARENTS_MAX {
            let Some(parent) = self.parent(child).filter(|parent| *parent != 0) else { break };
            let name = self.file(parent, "comm").unwrap_or_default();
            parents.push(format!("{} ({parent})", name.trim_end()));
            child = parent;
        }
        parents
    }
}

/// The arguments, those that may be words to a model left out: prompts and bodies of requests stand on command lines, too, and
/// what is said is recorded nowhere but as the operator's content policy has it. What is one plain word is kept: names of programs,
/// options, paths, addresses.
fn command_line(arguments: &[String]) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,~".contains(&byte) || byte >= 0x80;
    let shown = |argument: &String| {
        let is_word = argument.len() <= ARGUMENT_MAX_BYTES && argument.bytes().all(is_plain);
        if is_word { argument.clone() } else { LEFT_OUT.to_owned() }
    };
    let mut words: Vec<_> = arguments.iter().take(ARGUMENTS_MAX).map(shown).collect();
    if arguments.len() > ARGUMENTS_MAX {
        words.push(LEFT_OUT.to_owned());
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    fn words_are_kept_and_texts_are_not() {
        let line = |arguments: &[&str]| {
            command_line(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
        };
        for (arguments, expected) in [
            (vec![], ""),
            (vec!["/usr/bin/env", "A=b", "--url=http://x:1/a?b"], "/usr/bin/env A=b …"),
            (vec!["claude", "-p", "write me a poem", "--model", "opus"], "claude -p … --model opus"),
            (vec!["curl", "-d", r#"{"messages":[]}"#, "größe"], "curl -d … größe"),
        ] {
            assert_eq!(line(&arguments), expected);
        }
        assert_eq!(line(&[&"x".repeat(ARGUMENT_MAX_BYTES + 1)]), LEFT_OUT);
        let many = line(&["x"; 100]);
        assert!(many.ends_with(" …") && many.len() < 200, "{many}");
    }

    #[test]
    fn this_process_has_a_lineage() {
        let procfs =
            Procfs::new(PathBuf::from("/proc")).with_passwd(Path::new("/etc/passwd")).with_lineage(true);
        let process = procfs.read(std::process::id(), None);
        let lineage = process.lineage.unwrap();
        assert_eq!(lineage.user.as_ref().map(|user| user.id), Some(rustix::process::geteuid().as_raw()));
        assert!(lineage.command.contains("spanwire"), "{}", lineage.command);
        assert!(!lineage.parents.is_empty());
        let parent = rustix::process::getppid().unwrap().as_raw_nonzero();
        assert!(lineage.parents.first().unwrap().ends_with(&format!("({parent})")), "{:?}", lineage.parents);
        let began = std::time::Duration::from_micros(u64::try_from(lineage.started_us.unwrap()).unwrap());
        let age = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH + began);
        let age = age.map_or_else(|early| -early.duration().as_secs_f64(), |age| age.as_secs_f64());
        // As `btime` is: in whole seconds.
        assert!((-2.0..86_400.0).contains(&age), "{age}");
        assert!(
            Procfs::new(PathBuf::from("/proc")).read(std::process::id(), None).lineage.is_none(),
            "not asked for"
        );
    }

    #[test]
    fn a_process_that_is_gone_has_none_of_it() {
        let procfs = Procfs::new(PathBuf::from("/proc/self/fdinfo"));
        assert_eq!(procfs.lineage(7, &[], false), Lineage::default());
    }
}
