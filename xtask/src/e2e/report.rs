//! What is said of the tests that were run.

use std::time::Duration;

use super::Test;
use super::process::Attempt;

/// How many lines of a failure are shown; the rest is in its folder.
const LINES: usize = 40;
/// How many of the slowest tests are shown.
const SLOWEST: usize = 10;

/// A test, and what came of it.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) test: Test,
    pub(super) first: Attempt,
    /// Run once more, by itself, because it failed.
    pub(super) again: Option<Attempt>,
}

impl Outcome {
    /// Whether it failed whenever it was run.
    pub(super) fn failed(&self) -> bool {
        self.last().failure.is_some()
    }

    fn last(&self) -> &Attempt {
        self.again.as_ref().unwrap_or(&self.first)
    }
}

/// What is said when a test has ended.
pub(super) fn line(test: &Test, attempt: &Attempt, again: bool) -> String {
    let word = if attempt.failure.is_some() { "FAILED" } else { "ok" };
    let again = if again { " (again, alone)" } else { "" };
    format!("{word:<6} {:>5.1} s  {}{again}", attempt.took.as_secs_f64(), test.id)
}

/// The end of a run that took `total`: what was slow, what is flaky, what failed and why.
pub(super) fn report(outcomes: &[Outcome], total: Duration) -> String {
    let mut text = String::new();
    let mut slowest: Vec<&Outcome> = outcomes.iter().collect();
    slowest.sort_by_key(|outcome| std::cmp::Reverse(outcome.first.took));
    if slowest.len() > 1 {
        text.push_str("\nThe slowest:\n");
    }
    for outcome in slowest.iter().take(SLOWEST).filter(|_| slowest.len() > 1) {
        text.push_str(&format!("{:>7.1} s  {}\n", outcome.first.took.as_secs_f64(), outcome.test.id));
    }
    let (mut passed, mut flaky, mut failed) = (0_usize, 0_usize, 0_usize);
    for outcome in outcomes {
        match &outcome.again {
            None => passed += 1,
            Some(again) if again.failure.is_none() => {
                flaky += 1;
                let failure = outcome.first.failure.as_deref().unwrap_or_default().trim_end();
                let (first, again) = (outcome.first.folder.display(), again.folder.display());
                let id = &outcome.test.id;
                text.push_str(&format!("\nFLAKY {id}\n{failure}\n  failed: {first}\n  passed: {again}\n"));
            }
            Some(_) => failed += 1,
        }
    }
    for outcome in outcomes {
        if let Some(failure) = &outcome.last().failure {
            let folder = outcome.last().folder.display();
            text.push_str(&format!("\nFAILED {}\n{}\n  {folder}\n", outcome.test.id, failure.trim_end()));
        }
    }
    let total = total.as_secs_f64();
    text.push_str(&format!("\n{passed} passed, {flaky} flaky, {failed} failed in {total:.0} s\n"));
    text
}

/// What a test that failed says of it: the last `Error:` of a test that returns one, or the last panic, in
/// the output of Rust's test harness. None when it says neither.
pub(super) fn error_text(output: &str) -> Option<String> {
    // The harness writes `test NAME ... ` and leaves the line to the test.
    let of_test = |line| match str::strip_prefix(line, "test ").and_then(|rest| rest.split_once(" ... ")) {
        Some((_, said)) => said,
        None => line,
    };
    let lines: Vec<&str> = output.lines().map(of_test).collect();
    let begins = |line: &&str| {
        // `thread 'name' (12) panicked at file:1:2:`
        line.starts_with("Error: ") || (line.starts_with("thread '") && line.contains(" panicked at "))
    };
    let rest = lines.get(lines.iter().rposition(begins)?..)?;
    let ends = |line: &&&str| ["FAILED", "failures:", "stack backtrace:"].contains(*line);
    let is_hint = |line: &&str| line.starts_with("note: run with `RUST_BACKTRACE=");
    let own: Vec<&str> = rest.iter().take_while(|line| !ends(line)).copied().collect();
    Some(shortened(&own.into_iter().filter(|line| !is_hint(line)).collect::<Vec<_>>()))
}

/// The end of an output that says nothing of an error.
pub(super) fn tail(output: &str) -> String {
    let lines: Vec<&str> = output.trim_end().lines().collect();
    let begin = lines.len().saturating_sub(LINES);
    lines.get(begin..).unwrap_or_default().join("\n")
}

/// These lines without their middle if there are too many: an error has its context first and its cause last.
fn shortened(lines: &[&str]) -> String {
    let half = LINES / 2;
    let Some(left_out) = lines.len().checked_sub(LINES).filter(|count| *count > 0) else {
        return lines.join("\n").trim_end().to_owned();
    };
    let (head, rest) = lines.split_at(half);
    let (_, end) = rest.split_at(left_out);
    format!("{}\n… {left_out} lines …\n{}", head.join("\n"), end.join("\n").trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn attempt(folder: &str, tenths: u64, failure: Option<&str>) -> Attempt {
        let failure = failure.map(str::to_owned);
        Attempt { folder: PathBuf::from(folder), took: Duration::from_millis(tenths * 100), failure }
    }

    fn outcome(name: &str, first: Attempt, again: Option<Attempt>) -> Outcome {
        let test = Test { id: format!("calls::{name}"), executable: PathBuf::new() };
        Outcome { test, first, again }
    }

    #[test]
    fn a_returned_error_is_found_with_its_causes() {
        let output = "\nrunning 1 test\ntest calls ... Error: the client's own\nError: no span\n\nCaused by:\n    nothing came\n\
                      FAILED\n\nfailures:\n\nfailures:\n    calls\n";
        let expected = "Error: no span\n\nCaused by:\n    nothing came";
        assert_eq!(error_text(output).as_deref(), Some(expected));
        let output = output.replace("Error: the client's own\n", "");
        assert_eq!(error_text(&output).as_deref(), Some(expected));
    }

    #[test]
    fn a_panic_is_found_without_the_hint() {
        let output = "running 1 test\ntest tools ... \nthread 'main' (12) panicked at tests/e2e/tests/calls.rs:9:5:\n\
                      assertion `left == right` failed\n  left: 1\n right: 2\n\
                      note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n\
                      stack backtrace:\n   0: core\nFAILED\n\
                      \nfailures:\n    tools\n";
        let said = error_text(output).unwrap_or_default();
        assert!(said.starts_with("thread 'main'") && said.contains(" right: 2"), "{said}");
        assert!(!said.contains("RUST_BACKTRACE") && !said.contains("core"), "{said}");
        assert_eq!(error_text("running 1 test\nKilled\n"), None);
    }

    #[test]
    fn a_long_error_keeps_both_ends() {
        let middle: String = (0..100).map(|line| format!("line {line}\n")).collect();
        let said = error_text(&format!("Error: first\n{middle}last\nfailures:\n")).unwrap_or_default();
        assert!(said.starts_with("Error: first\nline 0\n") && said.ends_with("\nline 99\nlast"), "{said}");
        assert_eq!(said.lines().count(), LINES + 1);
        assert!(said.contains("\n… 62 lines …\n"), "{said}");
        assert_eq!(tail(&middle).lines().count(), LINES);
    }

    #[test]
    fn the_report_has_the_slow_the_flaky_and_the_failed() {
        let outcomes = [
            outcome("curl", attempt("/e/curl", 12, None), None),
            outcome("tools", attempt("/e/tools", 34, Some("1")), Some(attempt("/e/tools.again", 1, None))),
            outcome("wget", attempt("/e/wget", 5, Some("2")), Some(attempt("/e/wget.again", 1, Some("3\n")))),
        ];
        let expected = "\nThe slowest:\n    3.4 s  calls::tools\n    1.2 s  calls::curl\n    0.5 s  calls::wget\n\
                        \nFLAKY calls::tools\n1\n  failed: /e/tools\n  passed: /e/tools.again\n\
                        \nFAILED calls::wget\n3\n  /e/wget.again\n\
                        \n1 passed, 1 flaky, 1 failed in 7 s\n";
        assert_eq!(report(&outcomes, Duration::from_secs(7)), expected);
        assert_eq!(outcomes.iter().filter(|outcome| outcome.failed()).count(), 1);
    }

    #[test]
    fn each_test_has_a_line() {
        let outcome = outcome("curl", attempt("/e/curl", 12, None), None);
        assert_eq!(line(&outcome.test, &outcome.first, false), "ok       1.2 s  calls::curl");
        let failed = attempt("/e/curl", 1234, Some("no"));
        assert_eq!(line(&outcome.test, &failed, true), "FAILED 123.4 s  calls::curl (again, alone)");
    }
}
