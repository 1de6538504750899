//! Columns of secrets in tables of Markdown and of comma-separated values.

use std::ops::Range;

use super::alphabet::{run, run_back, steps};
use super::name::{self, Strength};
use super::scan::Scan;
use super::value;

/// Bytes of a header's line before and behind a name.
const HEADER_MAX_BYTES: usize = 256;
/// Bytes of a row, and how many are looked at.
const ROW_MAX_BYTES: usize = 1024;
const ROWS_MAX: usize = 256;

/// The values below a name at `name`, when that is a whole cell of a table's first line. Each line is looked at once.
pub(super) fn find(scan: &mut Scan<'_>, name: &Range<usize>) {
    if name.start < scan.table_end {
        return;
    }
    let Some(sign) = sign(scan, name) else { return };
    let bytes = scan.bytes;
    let before = bytes.get(name.start.saturating_sub(HEADER_MAX_BYTES)..name.start).unwrap_or_default();
    let begin = name.start - run_back(before, |byte| byte != b'\n');
    let Some(header) = line(scan.text, begin) else {
        // Too long for a header's: the next names are not worth a look.
        scan.table_end = name.start + ROW_MAX_BYTES / 2;
        return;
    };
    let mut at = header.end;
    scan.table_end = at;
    let Some(names) = scan.text.get(header) else { return };
    let cells = names.split(sign).count();
    let secret: Vec<(usize, Strength)> = names
        .split(sign)
        .enumerate()
        .map(|(column, cell)| (column, name::strength(trimmed(cell))))
        .filter(|(_, strength)| *strength > Strength::Weak)
        .collect();
    if cells < 2 || sign != '|' && !begin_of(names, sign).split(sign).all(is_header) {
        return;
    }
    for row in 0..ROWS_MAX {
        let Some(range) = line(scan.text, at) else { break };
        let Some(text) = scan.text.get(range.clone()) else { break };
        let is_rule =
            sign == '|' && text.contains("--") && text.bytes().all(|byte| b"|-: \r\n".contains(&byte));
        if text.split(sign).count() != cells || sign == '|' && row == 0 && !is_rule {
            break;
        }
        steps::add(2 * text.len());
        let mut cell_at = range.start;
        for (column, cell) in text.split(sign).enumerate() {
            let told = trimmed(cell);
            let strength = secret.iter().find(|(secret, _)| *secret == column).map(|(_, strength)| *strength);
            let is_secret = match strength {
                Some(Strength::Password) => !value::is_word(told),
                Some(_) => value::is_no_word(told),
                None => false,
            };
            if is_secret && !is_rule && !value::is_placeholder(told) {
                let begin = cell_at + (cell.len() - cell.trim_start_matches(is_margin).len());
                scan.add(begin..begin + told.len(), "assigned-password");
            }
            cell_at += cell.len() + sign.len_utf8();
        }
        at = range.end;
        scan.table_end = at;
    }
}

/// What parts the cells, of which the name is one.
fn sign(scan: &Scan<'_>, name: &Range<usize>) -> Option<char> {
    const MARGIN_MAX_BYTES: usize = 16;
    let before = scan.bytes.get(name.start.saturating_sub(MARGIN_MAX_BYTES)..name.start)?;
    let margin = run_back(before, |byte| is_margin(char::from(byte)));
    let before = before.len().checked_sub(margin + 1).and_then(|at| before.get(at)).copied();
    let after = scan.bytes.get(name.end..)?;
    let after = after.get(..after.len().min(MARGIN_MAX_BYTES))?;
    let after = after.get(run(after, |byte| is_margin(char::from(byte)))..)?.first().copied();
    let is_edge = |byte: Option<u8>| matches!(byte, None | Some(b'\n' | b'\r'));
    [b'|', b',', b';', b'\t'].into_iter().find_map(|sign| {
        let is_sign = |byte: Option<u8>| byte == Some(sign);
        let is_cell =
            is_sign(before) && (is_sign(after) || is_edge(after)) || is_edge(before) && is_sign(after);
        is_cell.then_some(char::from(sign))
    })
}

/// The line that begins at a place, its end included; `None` at the text's end, and when it is longer than is looked at.
fn line(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = text.as_bytes().get(at..)?;
    let length = run(rest.get(..rest.len().min(ROW_MAX_BYTES))?, |byte| byte != b'\n');
    let end = (at + length + 1).min(text.len());
    (length > 0 && length < ROW_MAX_BYTES).then_some(at..end)
}

/// The first line without what stands before it there: `users: name,password`.
fn begin_of(names: &str, sign: char) -> &str {
    let first = names.split(sign).next().unwrap_or_default();
    let lead = first.rfind([':', '>', '[', '(', '"', '=', '“']).unwrap_or_default();
    names.get(lead..).unwrap_or(names).trim_start_matches(|c: char| !c.is_alphanumeric())
}

fn is_header(cell: &str) -> bool {
    let name = trimmed(cell);
    !name.is_empty()
        && !cell.starts_with(' ')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_- .".contains(&byte))
}

const fn is_margin(c: char) -> bool {
    matches!(c, ' ' | '"' | '\'' | '`' | '*' | '\r')
}

fn trimmed(cell: &str) -> &str {
    cell.trim_matches(|c| is_margin(c) || c == '\n')
}
