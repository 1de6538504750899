//! What the kernel side is told of the operator's rules: those about process trees, users and cgroups it
//! can look at by itself, so that nothing of a process out of scope ever reaches the agent.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::iter;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use spanwire_abi::scope;
use thiserror::Error;

use super::admission::Trees;
use super::libraries::processes;
use crate::attach::Membership;
use crate::config::{Pattern, Rule};

/// The inode of the cgroup namespace that a host begins with (include/linux/proc_ns.h,
/// `PROC_CGROUP_INIT_INO`): only there do paths begin at the root that the kernel side counts from.
const FIRST_CGROUP_NAMESPACE: u64 = 0xeffffffb;

/// Why a rule cannot be followed.
#[derive(Debug, Error)]
pub enum RuleError {
    /// A name that is nobody's.
    #[error(
        "the rule user={0} names nobody: /etc/passwd has no such user; give a number to mean one without a name"
    )]
    User(String),
    /// A process that is not there.
    #[error("the rule tree={0} names no process: it has ended, or its id is that of another PID namespace")]
    Tree(u32),
    /// More than the kernel side has room for.
    #[error("more than {max} rules about {0}", max = scope::RULES)]
    TooMany(&'static str),
}

/// Replaces the names of users by their numbers.
///
/// # Errors
/// When a name is nobody's.
pub fn by_number(rules: Vec<Rule>, passwd: &Path) -> Result<Vec<Rule>, RuleError> {
    let number = |name: &str| {
        let users = fs::read_to_string(passwd).unwrap_or_default();
        let mut lines = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let line = lines.find(|line| line.first() == Some(&name));
        line.and_then(|line| line.get(2)?.parse::<u32>().ok())
    };
    let resolved = |rule| match rule {
        Rule::User(name) if name.parse::<u32>().is_err() => match number(&name) {
            Some(number) => Ok(Rule::User(number.to_string())),
            None => Err(RuleError::User(name)),
        },
        rule => Ok(rule),
    };
    rules.into_iter().map(resolved).collect()
}

/// Rules, as the kernel side reads them: with bits of [`spanwire_abi::scope`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelRules {
    /// Who is meant by no rule of inclusion here is out of scope.
    pub is_closed: bool,
    /// No rule about processes is left to the agent.
    pub is_complete: bool,
    /// Roots of process trees.
    pub trees: BTreeMap<u32, u32>,
    /// Users, by number.
    pub users: BTreeMap<u32, u32>,
    /// Cgroups of version 2, by the id that they have in the kernel.
    pub cgroups: BTreeMap<u64, u32>,
    /// Bit N: one of these cgroups is N levels below the root.
    pub levels: u32,
}

impl KernelRules {
    /// Those of the rules that the kernel side can look at; `own` is the agent's process in `procfs`.
    ///
    /// # Errors
    /// When there are too many.
    pub fn of(include: &[Rule], exclude: &[Rule], procfs: &Path) -> Result<Self, RuleError> {
        let mut rules = Self::default();
        let mount = mount_of_cgroups(procfs);
        let mut left = [0, 0];
        for ((given, bit), left) in
            [(include, scope::INCLUDED), (exclude, scope::EXCLUDED)].into_iter().zip(&mut left)
        {
            for rule in given.iter().filter(|rule| !rule.is_of_connections()) {
                if !rules.take(rule, bit, mount.as_deref()) {
                    *left += 1;
                }
            }
        }
        let [left_of_inclusion, left_of_exclusion] = left;
        rules.is_closed = left_of_inclusion == 0 && include.iter().any(|rule| !rule.is_of_connections());
        rules.is_complete = left_of_inclusion + left_of_exclusion == 0;
        for (count, what) in [(rules.users.len(), "users"), (rules.cgroups.len(), "cgroups")] {
            if count > scope::RULES as usize {
                return Err(RuleError::TooMany(what));
            }
        }
        Ok(rules)
    }

    /// Takes a rule; false for one that the kernel side cannot look at.
    fn take(&mut self, rule: &Rule, bit: u32, mount: Option<&Path>) -> bool {
        match rule {
            Rule::Tree(pid) => *self.trees.entry(*pid).or_default() |= bit,
            Rule::User(user) => match user.parse() {
                Ok(user) => *self.users.entry(user).or_default() |= bit,
                Err(_) => return false,
            },
            Rule::Cgroup(pattern) => match mount.and_then(|mount| cgroup(mount, pattern)) {
                Some((id, level)) => {
                    *self.cgroups.entry(id).or_default() |= bit;
                    self.levels |= 1 << level;
                }
                None => return false,
            },
            _ => return false,
        }
        true
    }

    /// Whether there are any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.trees.is_empty() && self.users.is_empty() && self.cgroups.is_empty()
    }
}

/// Id and level of a cgroup, if it is there and a single one: its id is its folder's inode number
/// (include/linux/cgroup.h, `cgroup_id`).
fn cgroup(mount: &Path, pattern: &Pattern) -> Option<(u64, u32)> {
    let path = pattern.literal()?.trim_matches('/');
    let level = u32::try_from(path.split('/').filter(|part| !part.is_empty()).count()).ok()?;
    let folder = fs::metadata(mount.join(path)).ok().filter(fs::Metadata::is_dir)?;
    (level < scope::CGROUP_LEVELS).then_some((folder.ino(), level))
}

/// Where the hierarchy of version 2 is mounted, if its root is the host's.
fn mount_of_cgroups(procfs: &Path) -> Option<PathBuf> {
    let own = procfs.join("self");
    if fs::metadata(own.join("ns/cgroup")).ok()?.ino() != FIRST_CGROUP_NAMESPACE {
        return None;
    }
    mount_in(&fs::read_to_string(own.join("mountinfo")).ok()?)
}

/// As proc(5) describes `mountinfo`: root and mount point are the fourth and fifth field, the type of the
/// file system is the first behind the hyphen.
fn mount_in(mountinfo: &str) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        let mut fields = place.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        (root == "/" && kind.starts_with("cgroup2 ")).then(|| PathBuf::from(point))
    })
}

/// Makes members of the processes of trees that are there already; those that they fork from now on
/// become members by themselves, if `add`, which says that a process is a member by these bits, takes
/// effect at once.
///
/// # Errors
/// When a root is not there, or `add` fails.
pub fn plant<E: From<RuleError>>(
    roots: &BTreeMap<u32, u32>,
    procfs: &Path,
    mut add: impl FnMut(u32, u32) -> Result<(), E>,
) -> Result<(), E> {
    for (root, bits) in roots {
        if parent(procfs, *root).is_err() {
            return Err(RuleError::Tree(*root).into());
        }
        add(*root, *bits)?;
        let mut members = BTreeSet::from([*root]);
        // What was forked by one that was no member yet shows when all are looked at once more.
        loop {
            let found: Vec<u32> = processes(procfs)
                .filter(|pid| !members.contains(pid))
                .filter(|pid| parent(procfs, *pid).is_ok_and(|parent| members.contains(&parent)))
                .collect();
            if found.is_empty() {
                break;
            }
            for pid in found {
                add(pid, *bits)?;
                members.insert(pid);
            }
        }
    }
    Ok(())
}

/// Levels of parents that are walked up at the most.
const GENERATIONS: usize = 64;

/// Says whether a process is the root of one of these trees, or has one among its parents that are alive.
///
/// # Errors
/// When a root is not there.
pub fn lineage(rules: &[Rule], procfs: PathBuf) -> Result<Trees, RuleError> {
    let root = |rule: &Rule| if let Rule::Tree(pid) = rule { Some(*pid) } else { None };
    let roots: BTreeSet<u32> = rules.iter().filter_map(root).collect();
    if let Some(root) = roots.iter().find(|root| parent(&procfs, **root).is_err()) {
        return Err(RuleError::Tree(*root));
    }
    Ok(Arc::new(move |pid| {
        let parent = |pid: &u32| parent(&procfs, *pid).ok().filter(|_| !roots.is_empty());
        let mut line = iter::successors(Some(pid), parent).take(GENERATIONS);
        Membership { included: line.any(|pid| roots.contains(&pid)), excluded: false }
    }))
}

/// A process's parent: the second field behind its name in `/proc/PID/stat` (proc(5)), which may have
/// any characters in it.
fn parent(procfs: &Path, pid: u32) -> io::Result<u32> {
    let stat = fs::read(procfs.join(pid.to_string()).join("stat"))?;
    let stat = String::from_utf8_lossy(&stat);
    let behind = stat.rsplit_once(')').map(|(_, behind)| behind).unwrap_or_default();
    let parent = behind.split_ascii_whitespace().nth(1).and_then(|parent| parent.parse().ok());
    parent.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::config::Rules;

    fn rules(text: &str) -> Vec<Rule> {
        text.parse::<Rules>().unwrap().0
    }

    fn kernel(include: &str, exclude: &str) -> KernelRules {
        KernelRules::of(&rules(include), &rules(exclude), Path::new("/proc")).unwrap()
    }

    #[test]
    fn rules_that_the_kernel_looks_at_leave_none_to_the_agent() {
        for (include, exclude, is_closed, is_complete) in [
            ("", "", false, true),
            ("tree=1", "", true, true),
            ("tree=1,user=0", "tree=7", true, true),
            ("tree=1,process=curl", "", false, false),
            ("tree=1", "executable=/usr/bin/curl", true, false),
            ("", "user=0", false, true),
            ("port=443", "", false, true),
            ("tree=1,port=443", "", true, true),
            ("cgroup=/no/such/cgroup", "", false, false),
            ("cgroup=/*", "", false, false),
        ] {
            let rules = kernel(include, exclude);
            assert_eq!(
                (rules.is_closed, rules.is_complete),
                (is_closed, is_complete),
                "{include:?} {exclude:?}"
            );
        }
        let both = kernel("tree=7,user=3", "tree=7");
        assert_eq!(both.trees, BTreeMap::from([(7, scope::INCLUDED | scope::EXCLUDED)]));
        assert_eq!(both.users, BTreeMap::from([(3, scope::INCLUDED)]));
        assert!(kernel("", "").is_empty() && !both.is_empty());
    }

    #[test]
    fn users_have_numbers() {
        let file = std::env::temp_dir().join(format!("spanwire-passwd-{}", std::process::id()));
        fs::write(&file, "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/:/bin/false\n").unwrap();
        assert_eq!(
            by_number(rules("user=web,user=1000,tree=3"), &file).unwrap(),
            rules("user=33,user=1000,tree=3")
        );
        let error = by_number(rules("user=nobody-here"), &file).unwrap_err();
        assert!(error.to_string().contains("user=nobody-here"), "{error}");
        fs::remove_file(file).unwrap();
    }

    #[test]
    fn the_hierarchy_of_version_2_is_found() {
        let of = |text| mount_in(text);
        assert_eq!(
            of("32 24 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"),
            Some("/sys/fs/cgroup/unified".into())
        );
        assert_eq!(
            of("32 24 0:28 /a /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n33 24 0:29 / /b rw - cgroup cgroup rw"),
            None
        );
    }

    #[test]
    fn a_tree_is_a_process_and_what_it_started() {
        let own = std::process::id();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let mut members = BTreeMap::new();
        let add = |pid, bits| {
            members.insert(pid, bits);
            Ok::<_, RuleError>(())
        };
        plant(&BTreeMap::from([(own, 1)]), Path::new("/proc"), add).unwrap();
        for (rules, expected) in [
            (rules(&format!("user=0,tree={own}")), true),
            (rules(&format!("tree={}", child.id())), false),
            (rules("user=0"), false),
        ] {
            let of = lineage(&rules, "/proc".into()).unwrap();
            assert_eq!(of(own).included, expected, "{rules:?}");
            let has_child = rules.iter().any(|rule| matches!(rule, Rule::Tree(_)));
            assert_eq!(of(child.id()).included, has_child, "{rules:?}");
        }
        assert!(lineage(&rules("tree=4194305"), "/proc".into()).is_err());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(members.get(&own), Some(&1));
        assert_eq!(members.get(&child.id()), Some(&1));
        assert_eq!(members.get(&1), None);
        let none = plant(&BTreeMap::from([(u32::MAX, 1)]), Path::new("/proc"), |_, _| Ok::<_, RuleError>(()));
        assert!(none.unwrap_err().to_string().contains("names no process"));
    }
}
