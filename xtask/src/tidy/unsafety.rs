//! Unsafe code: where it may stand, and that each use says why it is sound.

use super::Finding;
use super::source::Source;

const ROOMS: &[&str] = &["agent/src/bpf", "ebpf/src"];

/// Checks every use of the `unsafe` keyword.
pub(super) fn check(source: &Source<'_>) -> Vec<Finding> {
    let allowed = ROOMS.iter().any(|room| is_below(source.path, room));
    let mut findings = Vec::new();
    for offset in source.words("unsafe") {
        if !allowed {
            let message = format!("`unsafe` may stand only in {}; move it there", ROOMS.join(" and "));
            findings.push(source.finding(offset, message));
        } else if needs_reason(source, offset) && !has_reason(source, offset) {
            let message = "say in a `// SAFETY:` comment above (for a function, under `# Safety` in its \
                           documentation) why this is sound";
            findings.push(source.finding(offset, message.to_owned()));
        }
    }
    findings
}

/// Whether `path` is the file or in the directory of the module `room`.
pub(super) fn is_below(path: &str, room: &str) -> bool {
    path.strip_prefix(room).is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}

/// Whether `unsafe` at `offset` opens a block, an implementation or a function. The others only
/// declare: `unsafe extern`, `#[unsafe(no_mangle)]`, the type `unsafe fn(…)`.
fn needs_reason(source: &Source<'_>, offset: usize) -> bool {
    let after = source.code.get(offset + "unsafe".len()..).unwrap_or_default().trim_start();
    let named_function = |rest: &str| !rest.trim_start().starts_with('(');
    after.starts_with('{')
        || after.starts_with("impl")
        || after.strip_prefix("fn").is_some_and(named_function)
}

/// Whether a reason stands on the line of `offset` or above it, with nothing between but the rest of
/// the statement, attributes and comments.
fn has_reason(source: &Source<'_>, offset: usize) -> bool {
    let line = source.line(offset);
    let code: Vec<&str> = source.code.lines().take(line).collect();
    let above = source.lines.iter().zip(&code).rev();
    for (distance, (text, code)) in above.enumerate() {
        let is_comment = code.trim().is_empty() && !text.trim().is_empty();
        let ends_another = code.trim_end().ends_with([';', '{', '}', ',']) || text.trim().is_empty();
        if distance > 0 && !is_comment && ends_another && !code.trim_start().starts_with("#[") {
            return false;
        }
        if text.contains("SAFETY:") || text.contains("# Safety") {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&Source::new(path, text)).into_iter().map(|f| f.line).collect()
    }
    const NONE: [usize; 0] = [];

    #[test]
    fn unsafe_has_its_rooms() {
        let text = "// SAFETY: none.\nunsafe { f() }";
        assert_eq!(lines("agent/src/stream/mod.rs", text), [2]);
        assert_eq!(lines("agent/src/bpf_like.rs", text), [2]);
        assert_eq!(lines("agent/src/bpf/ring.rs", text), NONE);
        assert_eq!(lines("agent/src/bpf.rs", text), NONE);
        assert_eq!(lines("xtask/src/main.rs", "#![deny(unsafe_code)] // unsafe\nlet s = \"unsafe\";"), NONE);
    }

    #[test]
    fn each_use_has_a_reason() {
        let path = "ebpf/src/main.rs";
        assert_eq!(lines(path, "fn f() {\n    unsafe { g() }\n}"), [2]);
        assert_eq!(lines(path, "// SAFETY: for g.\ng();\nunsafe { h() };"), [3]);
        assert_eq!(lines(path, "// SAFETY: long.\n\nunsafe impl Pod for X {}"), [3]);
        assert_eq!(lines(path, "// SAFETY: valid,\n// for the call.\nlet x =\n    unsafe { g() };"), NONE);
        assert_eq!(lines(path, "unsafe { g() } // SAFETY: valid."), NONE);
        assert_eq!(lines(path, "/// # Safety\n/// `p` is valid.\n#[inline]\npub unsafe fn f() {}"), NONE);
        assert_eq!(lines(path, "// SAFETY: plain data.\nunsafe impl Pod for X {}"), NONE);
    }

    #[test]
    fn declarations_need_none() {
        let text = "#[unsafe(no_mangle)]\nfn f(g: unsafe fn(u32)) {}\nunsafe extern \"C\" {}";
        assert_eq!(lines("ebpf/src/main.rs", text), NONE);
    }
}
