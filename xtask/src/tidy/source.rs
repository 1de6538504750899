//! A Rust file, with its comments and literals told apart from its code.

use super::Finding;

/// A Rust source file, prepared for the rules.
pub(super) struct Source<'a> {
    /// Relative to the repository, with `/`.
    pub(super) path: &'a str,
    /// The file as it stands.
    pub(super) lines: Vec<&'a str>,
    /// The same without comments and the content of literals, each replaced by as many spaces, so
    /// that lines and columns are those of the file.
    pub(super) code: String,
    /// Inline modules: where their bodies begin and end in `code`, and whether they are tests.
    modules: Vec<Module>,
}

struct Module {
    start: usize,
    end: usize,
    is_test: bool,
}

impl<'a> Source<'a> {
    pub(super) fn new(path: &'a str, text: &'a str) -> Self {
        let code = blank(text);
        let modules = inline_modules(&code);
        Self { path, lines: text.lines().collect(), code, modules }
    }

    /// Whether the code at `offset` is compiled for tests alone, by its place or its module.
    pub(super) fn is_test(&self, offset: usize) -> bool {
        let in_test_file = self.path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches"));
        in_test_file || self.modules.iter().any(|m| m.is_test && (m.start..m.end).contains(&offset))
    }

    /// In how many inline modules the code at `offset` stands.
    pub(super) fn nesting(&self, offset: usize) -> usize {
        self.modules.iter().filter(|m| (m.start..m.end).contains(&offset)).count()
    }

    /// Offsets in `code` at which `word` stands as a whole word.
    pub(super) fn words<'s>(&'s self, word: &'s str) -> impl Iterator<Item = usize> + 's {
        self.code.match_indices(word).map(|(offset, _)| offset).filter(move |&offset| {
            let before = self.code.get(..offset).and_then(|text| text.chars().next_back());
            let after = self.code.get(offset + word.len()..).and_then(|text| text.chars().next());
            !before.is_some_and(is_word) && !after.is_some_and(is_word)
        })
    }

    /// The line of `offset`, counted from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.code.bytes().take(offset).filter(|&b| b == b'\n').count() + 1
    }

    pub(super) fn finding(&self, offset: usize, message: String) -> Finding {
        Finding { path: self.path.to_owned(), line: self.line(offset), message }
    }
}

/// Whether `c` may be part of an identifier.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Replaces comments and the content of literals by spaces, byte by byte.
fn blank(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after_word = code.chars().next_back().is_some_and(is_word);
        let skipped = comment(rest)
            .or_else(|| if after_word { None } else { raw_string(rest) })
            .or_else(|| literal(rest));
        let (taken, is_code) = skipped.map_or((first.len_utf8(), true), |length| (length, false));
        let (piece, next) = rest.split_at(taken);
        if is_code {
            code.push_str(piece);
        } else {
            code.extend(piece.bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }));
        }
        rest = next;
    }
    code
}

/// The length of the comment that `text` begins with. Block comments nest.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    text.strip_prefix("/*")?;
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let step = if rest.starts_with("/*") {
            depth += 1;
            2
        } else if rest.starts_with("*/") {
            depth -= 1;
            2
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
        at += step;
        if depth == 0 {
            break;
        }
    }
    Some(at)
}

/// The length of the raw string (`r"…"`, `br#"…"#`) that `text` begins with.
fn raw_string(text: &str) -> Option<usize> {
    let body =
        text.strip_prefix("br").or_else(|| text.strip_prefix("cr")).or_else(|| text.strip_prefix('r'))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let content = body.get(hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = content.find(&end).map_or(content.len(), |at| at + end.len());
    Some(text.len() - content.len() + length)
}

/// The length of the string or character that `text` begins with. A lifetime is neither.
fn literal(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    if quote == '\'' {
        let mut following = text.chars().skip(1);
        let first = following.next()?;
        if first != '\\' && following.next() != Some('\'') {
            return None;
        }
    }
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    Some(text.len())
}

/// Finds `mod name { … }` in code without comments and literals.
fn inline_modules(code: &str) -> Vec<Module> {
    let mut modules = Vec::new();
    for (at, _) in code.match_indices("mod ") {
        let before = code.get(..at).unwrap_or_default();
        let after = code.get(at + "mod ".len()..).unwrap_or_default();
        let body = after.trim_start_matches(is_word).trim_start();
        if before.chars().next_back().is_some_and(is_word) || !body.starts_with('{') {
            continue;
        }
        let start = code.len() - body.len();
        let end = start + block_length(body);
        // Attributes stand between the last item and the module.
        let head = before.rsplit([';', '}', '{']).next().unwrap_or_default();
        modules.push(Module { start, end, is_test: head.contains("#[cfg(test)]") });
    }
    modules
}

/// The length of the block that `code` begins with.
fn block_length(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, b) in code.bytes().enumerate() {
        match b {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_in_place() {
        for (text, code) in [
            ("a // b\nc", "a     \nc"),
            ("a /* /* */ b */ c", "a               c"),
            (r#"f("x\"y") + 1"#, "f(      ) + 1"),
            ("r#\"a\"b\"# c", "         c"),
            ("('\"', '\\'', 'x')", "(   ,     ,    )"),
            ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
            ("\"é\" x", "     x"),
            ("bar\"x\" y", "bar    y"),
            ("\"never closed", "             "),
        ] {
            assert_eq!(blank(text), code, "{text}");
        }
    }

    #[test]
    fn test_modules_are_recognised() {
        let text =
            "fn f() { a }\n#[cfg(test)]\n#[allow(x)]\nmod tests { mod inner { b } }\nmod plain { c }\n";
        let source = Source::new("agent/src/x.rs", text);
        let at = |needle: &str| text.find(needle).unwrap();
        assert_eq!([at("a }"), at("b }"), at("c }")].map(|o| source.is_test(o)), [false, true, false]);
        assert_eq!([at("a }"), at("b }"), at("c }")].map(|o| source.nesting(o)), [0, 2, 1]);
        assert_eq!(source.line(at("c }")), 5);
        assert!(Source::new("agent/src/x/tests.rs", "a").is_test(0));
        assert!(!Source::new("agent/src/x/latests.rs", "a").is_test(0));
    }
}
