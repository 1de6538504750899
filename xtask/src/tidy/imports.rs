//! Import direction: data flows one way through the agent, and so do its imports.

use super::Finding;
use super::source::{Source, is_word};

/// The stages in the order of the flow. A stage imports only from those above it here.
const STAGES: &[&str] = &[
    "attach",
    "binary",
    "discovery",
    "bpf",
    "event",
    "stream",
    "protocol",
    "exchange",
    "call",
    "provider",
    "price",
    "correlate",
    "redact",
    "health",
    "export",
];
/// What every module may import, and what imports from no other: vocabularies, settings, counters
/// and helpers.
const SHARED: &[&str] = &["event", "value", "call", "config", "telemetry", "percent"];
/// What stands outside the flow and may import anything.
const OUTSIDE: &[&str] = &["main", "lib", "run", "pipeline", "cli", "preflight", "demo", "audit", "service"];

/// Checks each mention of `crate::` and each chain of `super::` that reaches the crate's root.
///
/// Tests are free: they may drive a stage with what comes before or look at it with what comes after.
pub(super) fn check(source: &Source<'_>) -> Vec<Finding> {
    let Some(inside) = source.path.strip_prefix("agent/src/").and_then(|path| path.strip_suffix(".rs"))
    else {
        return Vec::new();
    };
    let Some(room) = inside.split('/').next() else { return Vec::new() };
    if OUTSIDE.contains(&room) {
        return Vec::new();
    }
    if !STAGES.contains(&room) && !SHARED.contains(&room) {
        let message =
            format!("the module `{room}` has no place in the flow; give it one in xtask/src/tidy/imports.rs");
        return vec![source.finding(0, message)];
    }
    let depth = inside.strip_suffix("/mod").unwrap_or(inside).split('/').count();
    let mut findings = Vec::new();
    for (offset, mentioned) in mentions(source, depth) {
        if !source.is_test(offset)
            && let Some(complaint) = complaint(room, mentioned)
        {
            findings.push(source.finding(offset, complaint));
        }
    }
    findings
}

/// Why `room` may not import `mentioned`, if so.
fn complaint(room: &str, mentioned: &str) -> Option<String> {
    if room == mentioned || SHARED.contains(&mentioned) {
        return None;
    }
    let place = |name: &str| STAGES.iter().position(|stage| *stage == name);
    match place(mentioned) {
        _ if SHARED.contains(&room) => Some(format!(
            "`{room}` is imported by all, so it may not import `{mentioned}`; move what it needs to a shared module"
        )),
        Some(there) if place(room).is_some_and(|here| there < here) => None,
        Some(_) => Some(format!(
            "`{room}` may not import `{mentioned}`, which is downstream of it; pass the value along, or let \
             `pipeline` join the two"
        )),
        None if OUTSIDE.contains(&mentioned) => Some(format!(
            "`{room}` may not import `{mentioned}`, which stands above the flow; pass in what it needs"
        )),
        None => Some(format!(
            "`crate::{mentioned}` has no place in the flow; give it one in xtask/src/tidy/imports.rs"
        )),
    }
}

/// The modules at the crate's root that the file mentions, with where it does.
fn mentions<'s>(source: &'s Source<'_>, depth: usize) -> Vec<(usize, &'s str)> {
    let mut found = Vec::new();
    for offset in source.words("crate") {
        found.extend(after(&source.code, offset + "crate".len()));
    }
    for offset in source.words("super") {
        let before = source.code.get(..offset).unwrap_or_default();
        if before.ends_with("::") {
            continue;
        }
        let chain = source.code.get(offset..).unwrap_or_default();
        let tail = chain.trim_start_matches("super::");
        let levels = (chain.len() - tail.len()) / "super::".len();
        if levels == depth + source.nesting(offset) {
            found.extend(after(&source.code, source.code.len() - tail.len() - "::".len()));
        }
    }
    found
}

/// The first names of the paths that follow at `offset`: of `::a::b`, `a`; of `::{a::b, c}`, `a` and
/// `c`. Names that begin in upper case are the root's own items or macros, not modules.
fn after(code: &str, offset: usize) -> Vec<(usize, &str)> {
    let Some(path) = code.get(offset..).and_then(|rest| rest.strip_prefix("::")) else { return Vec::new() };
    let base = code.len() - path.len();
    let mut starts = Vec::new();
    if path.starts_with('{') {
        let mut depth = 0_usize;
        for (at, c) in path.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if depth == 1 && matches!(c, '{' | ',') {
                starts.push(at + 1);
            }
        }
    } else {
        starts.push(0);
    }
    starts
        .into_iter()
        .filter_map(|start| {
            let name = path.get(start..)?.trim_start();
            let at = base + path.get(start..)?.len() - name.len() + start;
            let name = name.get(..name.find(|c| !is_word(c)).unwrap_or(name.len()))?;
            name.starts_with(|c: char| c.is_lowercase() || c == '_').then_some((at, name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<(usize, String)> {
        check(&Source::new(path, text)).into_iter().map(|f| (f.line, f.message)).collect()
    }

    fn lines(path: &str, text: &str) -> Vec<usize> {
        found(path, text).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn upstream_and_shared_are_allowed() {
        let text = "use crate::event::Role;\nuse crate::{call::Value, stream, telemetry};\nuse crate::protocol::x;\n";
        assert_eq!(found("agent/src/protocol/http1/mod.rs", text), []);
    }

    #[test]
    fn downstream_is_refused_in_every_spelling() {
        let path = "agent/src/stream/assembler.rs";
        assert_eq!(lines(path, "\nuse crate::export::Sink;"), [2]);
        assert_eq!(lines(path, "use crate::{\n    event::Role,\n    redact::{Redacted, x},\n};"), [3]);
        assert_eq!(lines(path, "fn f(x: crate::correlate::Span) {}"), [1]);
        assert_eq!(lines(path, "use super::super::redact::Redacted;"), [1]);
        assert_eq!(lines(path, "mod m {\n use super::super::super::redact::Redacted;\n}"), [2]);
        assert_eq!(lines("agent/src/stream/mod.rs", "use super::redact::Redacted;"), [1]);
    }

    #[test]
    fn neighbours_comments_and_tests_are_not_imports() {
        let path = "agent/src/stream/assembler.rs";
        assert_eq!(found(path, "use super::redact::Sibling; // crate::export\n/// [`crate::export`]\n"), []);
        assert_eq!(found(path, "#[cfg(test)]\nmod tests { use crate::export::Sink; }"), []);
        assert_eq!(found("agent/src/stream/assembler/tests.rs", "use crate::export::Sink;"), []);
        assert_eq!(found("agent/src/stream/mod.rs", "pub(crate) fn f(x: crate::Error) {}"), []);
    }

    #[test]
    fn shared_modules_import_only_each_other() {
        assert_eq!(found("agent/src/telemetry.rs", "use crate::config::Log;"), []);
        assert_eq!(lines("agent/src/call.rs", "use crate::exchange::Exchange;"), [1]);
    }

    #[test]
    fn what_is_outside_imports_all_and_is_imported_by_none() {
        assert_eq!(found("agent/src/pipeline/mod.rs", "use crate::{export, bpf};"), []);
        assert_eq!(lines("agent/src/export/otlp.rs", "use crate::pipeline::X;"), [1]);
    }

    #[test]
    fn a_new_room_needs_a_place() {
        assert_eq!(lines("agent/src/cellar/mod.rs", "fn f() {}"), [1]);
        assert_eq!(lines("agent/src/export/mod.rs", "use crate::cellar::X;"), [1]);
        assert_eq!(found("xtask/src/cellar.rs", "use crate::run;"), []);
    }
}
