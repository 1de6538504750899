//! Panics: neither traffic nor the kernel's data may be able to stop the agent.

use super::Finding;
use super::source::{Source, is_word};

const FORBIDDEN: &[&str] = &[".unwrap()", ".expect(", "panic!", "todo!", "unimplemented!"];

/// Checks the agent and the BPF programs, tests excepted.
pub(super) fn check(source: &Source<'_>) -> Vec<Finding> {
    if !source.path.starts_with("agent/src/") && !source.path.starts_with("ebpf/") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for forbidden in FORBIDDEN {
        for (offset, _) in source.code.match_indices(forbidden) {
            let before = source.code.get(..offset).and_then(|text| text.chars().next_back());
            let is_part = !forbidden.starts_with('.') && before.is_some_and(is_word);
            if !is_part && !source.is_test(offset) {
                let message = format!(
                    "`{forbidden}` can stop the agent; return an error, or count what cannot be and go on"
                );
                findings.push(source.finding(offset, message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&Source::new(path, text)).into_iter().map(|f| f.line).collect()
    }

    #[test]
    fn each_way_to_panic_is_found() {
        let text = "a.unwrap();\nb.expect(\"\");\npanic!();\ntodo!();\nunimplemented!()\n";
        let mut found = lines("agent/src/x.rs", text);
        found.sort_unstable();
        assert_eq!(found, [1, 2, 3, 4, 5]);
        assert_eq!(lines("ebpf/src/main.rs", "fn f() { a.unwrap() }"), [1]);
    }

    #[test]
    fn what_looks_alike_is_left() {
        let text = "a.unwrap_or(1); a.expect_err(x); // panic!\nlet s = \"todo!\"; dont_panic!();";
        assert_eq!(lines("agent/src/x.rs", text), [] as [usize; 0]);
        assert_eq!(
            lines("agent/src/x.rs", "#[cfg(test)]\nmod tests { fn f() { a.unwrap() } }"),
            [] as [usize; 0]
        );
        assert_eq!(lines("agent/src/x/tests.rs", "a.unwrap();"), [] as [usize; 0]);
        assert_eq!(lines("xtask/src/main.rs", "a.unwrap();"), [] as [usize; 0]);
    }
}
