//! JSON documents (RFC 8259) in their own bytes, so that what is replaced in one leaves the rest as it was written.

use std::ops::Range;

use crate::skip;

/// Arrays and objects within one another.
const DEPTH_MAX: usize = 256;

/// A piece of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// The content of the name of a member.
    Name(Range<usize>),
    /// The content of a string.
    String(Range<usize>),
    Number(Range<usize>),
    /// `true`, `false` and `null`.
    Word,
    /// An object or an array begins here.
    Open {
        at: usize,
        is_object: bool,
    },
    /// It ends in front of this.
    Close {
        end: usize,
    },
}

/// Whether a text is an object or an array, as a whole.
pub(crate) fn is_document(text: &str) -> bool {
    let inner = text.trim_ascii();
    let bounds = (inner.bytes().next(), inner.bytes().next_back());
    matches!(bounds, (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']'))) && is_value(text)
}

/// Whether a text is a value of JSON, as a whole.
pub(crate) fn is_value(text: &str) -> bool {
    let mut tokens = Tokens::new(text);
    while tokens.next().is_some() {}
    tokens.state == State::End
}

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Value,
    ValueOrClose,
    Name,
    NameOrClose,
    CommaOrClose,
    /// Nothing, and all was well.
    End,
    Broken,
}

/// The pieces of a document in order; ends early where it is none.
pub(crate) struct Tokens<'t> {
    text: &'t [u8],
    at: usize,
    /// Of each array or object that is open, whether it is an object.
    open: Vec<bool>,
    state: State,
}

impl<'t> Tokens<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text: text.as_bytes(), at: 0, open: Vec::new(), state: State::Value }
    }

    /// Passes what has just opened; the end of it.
    pub(crate) fn pass(&mut self) -> usize {
        let outside = self.open.len().saturating_sub(1);
        while let Some(token) = self.next() {
            if let Token::Close { end } = token
                && self.open.len() == outside
            {
                return end;
            }
        }
        self.at
    }

    fn blank(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.get(self.at)?;
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    fn step(&mut self) -> Option<Token> {
        let mut byte = self.blank()?;
        if self.state == State::CommaOrClose && byte == b',' {
            self.at += 1;
            self.state = if self.open.last() == Some(&true) { State::Name } else { State::Value };
            byte = self.blank()?;
        }
        match (self.state, byte) {
            (State::ValueOrClose | State::NameOrClose | State::CommaOrClose, b'}' | b']') => {
                if self.open.pop()? != (byte == b'}') {
                    return None;
                }
                self.at += 1;
                self.after_value();
                Some(Token::Close { end: self.at })
            }
            (State::Name | State::NameOrClose, b'"') => {
                let name = self.string()?;
                if self.blank()? != b':' {
                    return None;
                }
                self.at += 1;
                self.state = State::Value;
                Some(Token::Name(name))
            }
            (State::Value | State::ValueOrClose, _) => self.value(byte),
            _ => None,
        }
    }

    fn value(&mut self, byte: u8) -> Option<Token> {
        let at = self.at;
        let token = match byte {
            b'{' | b'[' => {
                if self.open.len() >= DEPTH_MAX {
                    return None;
                }
                let is_object = byte == b'{';
                self.open.push(is_object);
                self.at += 1;
                self.state = if is_object { State::NameOrClose } else { State::ValueOrClose };
                return Some(Token::Open { at, is_object });
            }
            b'"' => Token::String(self.string()?),
            b't' => self.word(b"true")?,
            b'f' => self.word(b"false")?,
            b'n' => self.word(b"null")?,
            b'-' | b'0'..=b'9' => {
                self.at += number(self.text.get(at..)?)?;
                Token::Number(at..self.at)
            }
            _ => return None,
        };
        self.after_value();
        Some(token)
    }

    fn after_value(&mut self) {
        self.state = if self.open.is_empty() { State::End } else { State::CommaOrClose };
    }

    fn word(&mut self, word: &[u8]) -> Option<Token> {
        let is_here = self.text.get(self.at..)?.starts_with(word);
        self.at += word.len();
        is_here.then_some(Token::Word)
    }

    /// The content of the string that begins here.
    fn string(&mut self) -> Option<Range<usize>> {
        let begin = self.at + 1;
        let mut at = begin;
        loop {
            // Most strings are short, and have no escapes.
            at = skip::find(self.text, at, |byte| (byte == b'"') | (byte == b'\\'))?;
            if self.text.get(at) == Some(&b'"') {
                self.at = at + 1;
                return Some(begin..at);
            }
            at += 2;
        }
    }
}

/// The length of the number that a text begins with (section 6), leading zeros allowed; `None` when it is none, as an
/// address of four parts.
fn number(text: &[u8]) -> Option<usize> {
    let digits = |at: usize| {
        text.get(at..)?
            .iter()
            .position(|byte| !byte.is_ascii_digit())
            .or(Some(text.len() - at))
            .filter(|it| *it > 0)
    };
    let sign = |at: usize, signs: &[u8]| usize::from(text.get(at).is_some_and(|byte| signs.contains(byte)));
    let mut at = sign(0, b"-");
    at += digits(at)?;
    if text.get(at) == Some(&b'.') {
        at += 1 + digits(at + 1)?;
    }
    if sign(at, b"eE") == 1 {
        at += 1 + sign(at + 1, b"+-");
        at += digits(at)?;
    }
    (sign(at, b"+-.eE") == 0).then_some(at)
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        if matches!(self.state, State::End | State::Broken) {
            if self.blank().is_some() {
                self.state = State::Broken;
            }
            return None;
        }
        let token = self.step();
        if token.is_none() {
            self.state = State::Broken;
        }
        token
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn documents_are_told() {
        for (text, expected) in [
            ("{}", true),
            (" [ ] ", true),
            (r#"{"a":1,"b":[true,false,null,-1.5e3,"\"x\\"],"c":{}}"#, true),
            ("[1,2", false),
            ("[1}", false),
            ("[1,]", false),
            (r#"{"a"}"#, false),
            (r#"{"a":}"#, false),
            (r#"{"a":1,}"#, false),
            (r#"{a:1}"#, false),
            ("{} {}", false),
            ("[INFO] ready [x]", false),
            ("[203.0.113.77]", false),
            ("[2024-01-31]", false),
            ("[-0.5e+7, 007, 1E3]", true),
            (r#""a""#, false),
            ("1", false),
            ("", false),
        ] {
            assert_eq!(is_document(text), expected, "{text}");
        }
        assert!(is_value("1") && is_value(r#" "a" "#) && !is_value("1 2") && !is_value(""));
        assert!(is_document(&("[".repeat(DEPTH_MAX) + &"]".repeat(DEPTH_MAX))));
        assert!(!is_document(&("[".repeat(DEPTH_MAX + 1) + &"]".repeat(DEPTH_MAX + 1))));
    }

    #[test]
    fn pieces_are_where_they_stand() {
        let text = r#"{"a": [1, "b"], "c": true}"#;
        let tokens: Vec<_> = Tokens::new(text).collect();
        assert_eq!(
            tokens,
            [
                Token::Open { at: 0, is_object: true },
                Token::Name(2..3),
                Token::Open { at: 6, is_object: false },
                Token::Number(7..8),
                Token::String(11..12),
                Token::Close { end: 14 },
                Token::Name(17..18),
                Token::Word,
                Token::Close { end: 26 },
            ]
        );
    }

    #[test]
    fn a_value_can_be_passed() {
        let mut tokens = Tokens::new(r#"[[1,[2]],3]"#);
        let _ = (tokens.next(), tokens.next());
        assert_eq!(tokens.pass(), 8);
        assert_eq!(tokens.next(), Some(Token::Number(9..10)));
    }

    proptest! {
        #[test]
        fn what_serde_takes_is_a_document(text in r#"([\[\]{}:, ]|"a\\"?|"|1|true|null){0,12}"#) {
            if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
                prop_assert!(is_value(&text));
            }
            let _ = is_document(&text);
        }
    }
}
