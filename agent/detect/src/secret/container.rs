//! Objects, lists and blocks under a name that says that secrets are within: `"secrets": {"smtp": "…"}`.

use super::alphabet::{run, run_back, steps};
use super::name::Strength;
use super::random::is_random;
use super::scan::Scan;
use super::separator;
use super::value;
use super::vendor::Mix;

/// Bytes of what is within that are looked at.
const WINDOW_MAX_BYTES: usize = 2048;
/// Bytes of a value that has a name of its own, and of one that has none, if they do not look random.
const NAMED_MIN_BYTES: usize = 10;
const LISTED_MIN_BYTES: usize = 8;

/// The texts in quotes between the bracket at `at` and the one that closes it.
pub(super) fn brackets(scan: &mut Scan<'_>, at: usize, strength: Strength) {
    let Some(window) = window(scan, at) else { return };
    let is_list = window.starts_with('[');
    let bytes = window.as_bytes();
    let (mut depth, mut end) = (0_usize, 0);
    while let Some(byte) = bytes.get(end) {
        end += 1;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => break,
            b'}' | b']' => depth -= 1,
            b'"' | b'\'' => {
                let rest = bytes.get(end..).unwrap_or_default();
                let length = run(rest, |other| other != *byte && other != b'\n');
                let after = window.get(end + length + 1..).unwrap_or_default();
                let is_name =
                    after.get(separator::spaces(after)..).is_some_and(|it| it.starts_with([':', '=']));
                let found = window.get(end..end + length).unwrap_or_default();
                if !is_name && is_secret(found, strength, is_list) {
                    scan.add(at + end..at + end + length, "assigned-secret");
                }
                end += length + 1;
            }
            _ => {}
        }
    }
    steps::add(end);
    scan.container_end = at + end.min(window.len());
}

/// The values in the lines behind `at` that stand further in than the line of the name at `name`, as in YAML.
pub(super) fn block(scan: &mut Scan<'_>, name: usize, at: usize, strength: Strength) {
    const INDENT_MAX_BYTES: usize = 64;
    let rest = scan.rest(at);
    let end = separator::spaces(rest);
    let end = end + separator::line_end(rest.get(end..).unwrap_or_default());
    let before = scan.bytes.get(name.saturating_sub(INDENT_MAX_BYTES)..name).unwrap_or_default();
    let line = before.get(before.len() - run_back(before, |byte| byte != b'\n')..).unwrap_or_default();
    let own = run(line, |byte| byte == b' ');
    if !rest.get(..end).is_some_and(|line| line.ends_with('\n')) {
        return;
    }
    let Some(window) = window(scan, at + end) else { return };
    let mut begin = at + end;
    for line in window.split_inclusive('\n') {
        let indent = run(line.as_bytes(), |byte| byte == b' ');
        if indent <= own && !line.trim().is_empty() {
            break;
        }
        let told = line.trim_end().trim_start_matches([' ', '-']);
        let is_list = !told.contains(": ");
        let told = told.split_once(": ").map_or(told, |(_, value)| value);
        let told = told.trim_matches(['"', '\'', ' ']);
        if is_secret(told, strength, is_list)
            && let Some(place) = line.rfind(told)
        {
            scan.add(begin + place..begin + place + told.len(), "assigned-secret");
        }
        begin += line.len();
    }
    scan.container_end = begin;
}

/// What is within, of what was not looked at before.
fn window<'t>(scan: &Scan<'t>, at: usize) -> Option<&'t str> {
    let rest = scan.rest(at);
    let window = rest.get(..rest.floor_char_boundary(rest.len().min(WINDOW_MAX_BYTES)))?;
    (at >= scan.container_end && !window.is_empty()).then_some(window)
}

fn is_secret(found: &str, strength: Strength, is_list: bool) -> bool {
    if found.is_empty() || found.contains([' ', '/']) && !is_random(found) || value::is_placeholder(found) {
        return false;
    }
    is_random(found)
        || strength > Strength::Weak
            && if is_list {
                found.len() >= LISTED_MIN_BYTES && value::is_no_word(found)
            } else {
                found.len() >= NAMED_MIN_BYTES && Mix::of(found.as_bytes()).has_all()
            }
}
