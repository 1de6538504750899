//! The end-to-end tests: built, listed, and each run in a process and a folder of its own, so that one that
//! crashes or hangs takes no other with it, and what it left tells why.

mod leftovers;
mod process;
mod report;

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::command::workspace;
use leftovers::Guard;
pub(crate) use leftovers::sweep;
use report::Outcome;

/// The target of cargo that has all of them (`tests/e2e/tests/main.rs`).
const TESTS: &str = "e2e";

/// How many tests run at a time when nothing is said.
pub(crate) const JOBS: usize = 2;

/// Tests, or files of them, that never run beside others, since they wish something of the whole host: the next
/// process id.
const ALONE: &[&str] = &["identity::a_pid_and_an_address_that_were_anothers"];

/// What was built.
pub(crate) struct Built {
    /// The agent's executable.
    pub(crate) agent: PathBuf,
    /// The executable of the end-to-end tests.
    pub(crate) tests: PathBuf,
}

/// One test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Test {
    /// `file::test`, as the executable names it.
    id: String,
    executable: PathBuf,
}

impl Test {
    /// The file that it stands in, without its ending.
    fn file(&self) -> &str {
        self.id.split_once("::").map_or("", |(file, _)| file)
    }
}

/// A line of what cargo says with `--message-format json` (the Cargo Book, "External tools").
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// Compiles the agent and the tests, with the agent's BPF programs compiled.
///
/// # Errors
/// If one does not compile.
pub(crate) fn build(root: &Path) -> Result<Built> {
    let mut build = workspace(root, "build");
    build.args(["--quiet", "--bin", "spanwire", "--test", TESTS]);
    build.args(["--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
    let said = build.output().context("cannot start cargo")?;
    if !said.status.success() {
        bail!("the agent or the end-to-end tests do not compile");
    }
    built(&String::from_utf8_lossy(&said.stdout))
}

/// What cargo says that it built.
fn built(messages: &str) -> Result<Built> {
    let (mut agent, mut tests) = (None, None);
    for line in messages.lines() {
        let message = serde_json::from_str(line).with_context(|| format!("cargo said {line}"))?;
        let Message { executable: Some(executable), target: Some(target) } = message else { continue };
        match target.kind.first().map(String::as_str) {
            Some("bin") if target.name == "spanwire" => agent = Some(executable),
            Some("test") if target.name == TESTS => tests = Some(executable),
            _ => {}
        }
    }
    let agent = agent.context("cargo built no agent")?;
    Ok(Built { agent, tests: tests.context("cargo built no end-to-end tests")? })
}

impl Built {
    /// Asks the executable for its tests.
    ///
    /// # Errors
    /// If it does not answer.
    pub(crate) fn list(&self) -> Result<Vec<Test>> {
        let said = Command::new(&self.tests).args(["--list", "--format", "terse"]).output()?;
        if !said.status.success() {
            bail!("{} does not list its tests: {}", self.tests.display(), said.status);
        }
        Ok(listed(&self.tests, &String::from_utf8_lossy(&said.stdout)))
    }
}

fn listed(executable: &Path, said: &str) -> Vec<Test> {
    let test = |id: &str| Test { id: id.to_owned(), executable: executable.to_owned() };
    said.lines().filter_map(|line| line.strip_suffix(": test")).map(test).collect()
}

/// Those of `tests` that have one of `names` in their `file::test`; all when there are no names.
///
/// # Errors
/// If there are none.
pub(crate) fn choose(tests: Vec<Test>, names: &[String]) -> Result<Vec<Test>> {
    let is_meant = |test: &Test| match names {
        [] => true,
        names => names.iter().any(|name| test.id.contains(name)),
    };
    let chosen: Vec<Test> = tests.into_iter().filter(is_meant).collect();
    if chosen.is_empty() {
        bail!("no end-to-end test has {} in its name `file::test`", names.join(" or "));
    }
    Ok(chosen)
}

/// Waits for nobody: makes this the one run of this checkout, until the file is closed.
///
/// # Errors
/// If there is another.
pub(crate) fn lock(root: &Path) -> Result<File> {
    let path = root.join("target/e2e.lock");
    let file = File::options().create(true).append(true).open(&path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("another run of the end-to-end tests of this checkout is not over: wait until it is")
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

/// Runs all of `tests`, `jobs` at a time, and those that fail once more by themselves. Prints a line for each
/// and a report. Returns how many failed twice. `lock` is let go when nothing of them runs any more.
///
/// # Errors
/// If a test cannot be started.
pub(crate) fn run(
    root: &Path,
    lock: File,
    tests: Vec<Test>,
    jobs: usize,
    whole: bool,
    environment: &[(&'static str, OsString)],
) -> Result<usize> {
    let began = Instant::now();
    let folder = root.join("target/e2e");
    let guard = Guard::start(&folder, lock)?;
    if whole && folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    println!("==> end-to-end tests: {}; what each leaves is in target/e2e/FILE/TEST", tests.len());
    let run = |test: &Test, again: bool| {
        let ending = if again { ".again" } else { "" };
        let folder = folder.join(format!("{}{ending}", test.id.replace("::", "/")));
        let attempt = process::run(test, &folder, environment)?;
        println!("{}", report::line(test, &attempt, again));
        Ok(attempt)
    };
    let (alone, together) = tests.into_iter().partition(is_alone);
    let mut outcomes = side_by_side(together, jobs, |test| run(test, false))?;
    outcomes.extend(side_by_side(alone, 1, |test| run(test, false))?);
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.first.failure.is_some()) {
        outcome.again = Some(run(&outcome.test, true)?);
    }
    guard.end()?;
    print!("{}", report::report(&outcomes, began.elapsed()));
    Ok(outcomes.iter().filter(|outcome| outcome.failed()).count())
}

fn is_alone(test: &Test) -> bool {
    ALONE.iter().any(|name| *name == test.file() || *name == test.id)
}

/// Does all of `tests` by `jobs` threads, and returns their outcomes in the order of their ends.
fn side_by_side(
    tests: Vec<Test>,
    jobs: usize,
    run: impl Fn(&Test) -> Result<process::Attempt> + Sync,
) -> Result<Vec<Outcome>> {
    let waiting = Mutex::new(VecDeque::from(tests));
    let done = Mutex::new(Vec::new());
    let work = || {
        // Not in the loop's head, which would hold the lock while the test runs.
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        while let Some(test) = next() {
            let outcome = run(&test).map(|first| Outcome { test, first, again: None });
            done.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(work);
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::process::Attempt;
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    fn tests() -> Vec<Test> {
        let said =
            "calls::curl: test\ncalls::tools: test\n\ncalls::noise: benchmark\nload::curl_many: test\n";
        listed(Path::new("/t/e2e-1"), said)
    }

    #[test]
    fn tests_are_read_from_a_terse_list() {
        let ids: Vec<_> = tests().into_iter().map(|test| test.id).collect();
        assert_eq!(ids, ["calls::curl", "calls::tools", "load::curl_many"]);
    }

    #[test]
    fn names_choose_among_files_and_tests() {
        let choose = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            choose(tests(), &names).map(|tests| tests.into_iter().map(|test| test.id).collect::<Vec<_>>())
        };
        assert_eq!(choose(&[]).unwrap().len(), 3);
        assert_eq!(choose(&["calls::"]).unwrap(), ["calls::curl", "calls::tools"]);
        assert_eq!(choose(&["curl", "load"]).unwrap(), ["calls::curl", "load::curl_many"]);
        assert!(choose(&["wget", "tool::"]).unwrap_err().to_string().contains("wget or tool::"));
    }

    #[test]
    fn executables_are_read_from_cargos_messages() {
        let artifact = |kind: &str, name: &str, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","target":{{"kind":["{kind}"],"name":"{name}"}},
                    "executable":{executable}}}"#
            )
            .replace('\n', "")
        };
        let messages = [
            artifact("bin", "spanwire", r#""/t/spanwire""#),
            artifact("lib", "spanwire", "null"),
            artifact("test", "other", r#""/t/other-1""#),
            artifact("test", "e2e", r#""/t/e2e-1""#),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ];
        let built = built(&messages.join("\n")).unwrap();
        assert_eq!(
            (built.agent.as_path(), built.tests.as_path()),
            (Path::new("/t/spanwire"), Path::new("/t/e2e-1"))
        );
        assert!(super::built("{}").is_err());
        assert!(super::built(&messages[..3].join("\n")).is_err());
    }

    #[test]
    fn some_tests_run_by_themselves() {
        let mut tests = tests();
        let id = "identity::a_pid_and_an_address_that_were_anothers";
        tests.extend(listed(Path::new("/t/e2e-1"), &format!("{id}: test\n")));
        let alone: Vec<_> = tests.into_iter().filter(is_alone).map(|test| test.id).collect();
        assert_eq!(alone, [id]);
    }

    #[test]
    fn all_run_and_no_more_at_a_time_than_asked() {
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let many = std::iter::repeat_n(tests(), 8).flatten().collect();
        let outcomes = side_by_side(many, 2, |_| {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(2));
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(Attempt::default())
        });
        assert_eq!(outcomes.unwrap().len(), 24);
        assert!(most.into_inner() <= 2);
    }
}
