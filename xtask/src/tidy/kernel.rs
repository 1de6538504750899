//! aya: only the agent's `bpf` module talks to the kernel, so that all else is tested without it.

use super::Finding;
use super::source::Source;
use super::unsafety::is_below;

const CRATES: &[&str] = &["aya", "aya_log", "aya_obj"];
const ROOMS: &[&str] = &["agent/src/bpf", "ebpf", "tests"];

/// Checks every path that begins with one of aya's crates.
pub(super) fn check(source: &Source<'_>) -> Vec<Finding> {
    if ROOMS.iter().any(|room| is_below(source.path, room)) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for name in CRATES {
        for offset in source.words(name) {
            let before = source.code.get(..offset).unwrap_or_default();
            let after = source.code.get(offset + name.len()..).unwrap_or_default();
            let is_path = after.starts_with("::") && !before.ends_with("::");
            if is_path || before.ends_with("use ") || before.ends_with("extern crate ") {
                let message =
                    format!("`{name}` may be used only in agent/src/bpf; give that module a function for it");
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
    const NONE: [usize; 0] = [];

    #[test]
    fn aya_has_its_rooms() {
        assert_eq!(lines("agent/src/preflight.rs", "use x;\nuse aya::Ebpf;"), [2]);
        assert_eq!(lines("agent/src/preflight.rs", "fn f(_: ::aya::Ebpf, _: aya_log::X) {}"), [1]);
        assert_eq!(lines("agent/src/preflight.rs", "use aya as kernel;"), [1]);
        assert_eq!(lines("agent/src/bpf/object.rs", "use aya::Ebpf;"), NONE);
        assert_eq!(lines("tests/e2e/src/lib.rs", "use aya::Ebpf;"), NONE);
        assert_eq!(lines("xtask/src/main.rs", "self::aya::check(); // aya::Ebpf\nlet aya = 1;"), NONE);
    }
}
