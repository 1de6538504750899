//! Weaviate's queries in GraphQL (spec of October 2021): which class is asked, and how. Only what a search is about is taken
//! from the text, and nothing of it stays.

use crate::provider::json::Outline;

#[cfg(test)]
mod tests;
mod texts;

pub(in crate::provider) use texts::query_texts;

/// Levels of a value; deeper ones are no query that can be understood.
const DEPTH_MAX: usize = 16;
/// Elements of a list, or members of an object, that are looked at.
const ITEMS_MAX: usize = 64;
/// Classes of one query.
const CLASSES_MAX: usize = 64;

/// Arguments that say what to look for, by which a search is named.
const SEARCHES: [&str; 12] = [
    "nearVector",
    "nearText",
    "nearObject",
    "nearImage",
    "nearAudio",
    "nearVideo",
    "nearDepth",
    "nearThermal",
    "nearIMU",
    "hybrid",
    "bm25",
    "ask",
];

/// What a query asks of a class.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Selection<'a> {
    pub(super) class: &'a str,
    /// It is asked for sums over its objects only.
    pub(super) aggregates: bool,
    /// The argument that says what to look for; none where objects are only listed.
    pub(super) search: Option<&'static str>,
    pub(super) limit: Option<u64>,
    pub(super) tenant: Option<&'a str>,
    pub(super) filter: Option<String>,
    /// How far a match may be, as a distance or a certainty.
    pub(super) threshold: Option<f64>,
    /// Numbers of each vector that it searches with.
    pub(super) vectors: Vec<u64>,
    pub(super) with_properties: bool,
    pub(super) with_vectors: bool,
}

/// What a query asks, class by class; `None` where it is none of Weaviate's, and as far as it goes where it is cut.
pub(super) fn read(query: &str) -> Option<Vec<Selection<'_>>> {
    let mut parser = Parser { tokens: Tokens(query), ahead: None };
    let aggregates = parser.begin()?;
    let mut found = Vec::new();
    while let Some(mut selection) = parser.class() {
        selection.aggregates = aggregates;
        found.push(selection);
        if found.len() >= CLASSES_MAX || parser.is_over() {
            break;
        }
    }
    let is_class = |one: &Selection<'_>| one.class.starts_with(|first: char| first.is_ascii_uppercase());
    (!found.is_empty() && found.iter().all(is_class)).then_some(found)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token<'a> {
    Sign(u8),
    Name(&'a str),
    Number(f64),
    /// As it is written.
    Text(&'a str),
}

/// What is left of a text.
struct Tokens<'a>(&'a str);

impl<'a> Tokens<'a> {
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.0.split_at_checked(bytes).unwrap_or((self.0, ""));
        self.0 = rest;
        taken
    }

    /// A string up to its end, which may be a block's; `None` where that does not come.
    fn text(&mut self) -> Option<&'a str> {
        if self.0.starts_with("\"\"\"") {
            self.take(3);
            let end = self.0.find("\"\"\"")?;
            let text = self.take(end);
            self.take(3);
            return Some(text);
        }
        self.take(1);
        let mut is_escaped = false;
        let end = self.0.bytes().position(|byte| {
            let ends = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            ends
        });
        let text = self.take(end?);
        self.take(1);
        Some(text)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            self.0 =
                self.0.trim_start_matches(|one: char| one.is_whitespace() || one == ',' || one == '\u{feff}');
            if !self.0.starts_with('#') {
                break;
            }
            let line = self.0.find('\n').unwrap_or(self.0.len());
            self.take(line);
        }
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let end = |goes_on: &dyn Fn(u8) -> bool| {
            self.0.bytes().position(|byte| !goes_on(byte)).unwrap_or(self.0.len())
        };
        match *self.0.as_bytes().first()? {
            b'"' => self.text().map(Token::Text),
            b'-' | b'0'..=b'9' => {
                let end = end(&|byte| is_word(byte) || b"+-.".contains(&byte));
                self.take(end).parse().ok().map(Token::Number)
            }
            first if is_word(first) => {
                let end = end(&is_word);
                Some(Token::Name(self.take(end)))
            }
            sign => {
                let first = self.0.chars().next()?;
                self.take(first.len_utf8());
                Some(Token::Sign(sign))
            }
        }
    }
}

/// A value of an argument.
#[derive(Clone, Debug, PartialEq)]
enum Value<'a> {
    Number(f64),
    /// A text, or the name of something.
    Word(&'a str),
    /// How many elements, and those of the first that are no numbers.
    List(u64, Vec<Value<'a>>),
    Object(Vec<(&'a str, Value<'a>)>),
}

struct Parser<'a> {
    tokens: Tokens<'a>,
    ahead: Option<Token<'a>>,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
        self.ahead.take().or_else(|| self.tokens.next())
    }

    fn peek(&mut self) -> Option<Token<'a>> {
        self.ahead = self.next();
        self.ahead
    }

    fn skips(&mut self, sign: u8) -> bool {
        let is_there = self.peek() == Some(Token::Sign(sign));
        if is_there {
            self.ahead = None;
        }
        is_there
    }

    /// Up to the classes of a query; whether it aggregates.
    fn begin(&mut self) -> Option<bool> {
        if self.peek() == Some(Token::Name("query")) {
            let mut depth = 0_u32;
            while self.peek()? != Token::Sign(b'{') || depth > 0 {
                match self.next()? {
                    Token::Sign(b'(') => depth += 1,
                    Token::Sign(b')') => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
        }
        let words = [self.next()?, self.next()?, self.next()?];
        match words {
            [Token::Sign(b'{'), Token::Name("Get"), Token::Sign(b'{')] => Some(false),
            [Token::Sign(b'{'), Token::Name("Aggregate"), Token::Sign(b'{')] => Some(true),
            _ => None,
        }
    }

    fn is_over(&mut self) -> bool {
        matches!(self.peek(), None | Some(Token::Sign(b'}')))
    }

    /// A class with all that is asked of it, or of a cut query what there is of it.
    fn class(&mut self) -> Option<Selection<'a>> {
        let Token::Name(mut class) = self.next()? else { return None };
        if self.skips(b':') {
            // The other was an alias.
            let Token::Name(name) = self.next()? else { return None };
            class = name;
        }
        let mut selection = Selection { class, ..Selection::default() };
        if !matches!(self.peek(), None | Some(Token::Sign(b'(' | b'{'))) {
            return None;
        }
        if self.skips(b'(') {
            while let Some(Token::Name(name)) = self.next() {
                self.skips(b':');
                let Some(value) = self.value(0) else {
                    selection.name(name);
                    return Some(selection);
                };
                selection.argument(name, &value);
            }
        }
        if self.skips(b'{') {
            self.fields(&mut selection);
        }
        Some(selection)
    }

    /// What is wanted of each object, up to the end of that.
    fn fields(&mut self, selection: &mut Selection<'a>) {
        let (mut depth, mut parentheses) = (1_u32, 0_u32);
        let mut is_additional = false;
        while let Some(token) = self.next() {
            match token {
                Token::Sign(b'(') => parentheses += 1,
                Token::Sign(b')') => parentheses = parentheses.saturating_sub(1),
                _ if parentheses > 0 => {}
                Token::Sign(b'{') => depth += 1,
                Token::Sign(b'}') => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return;
                    }
                }
                Token::Name(name) if depth == 1 => {
                    is_additional = name == "_additional";
                    selection.with_properties |= !is_additional;
                }
                Token::Name("vector" | "vectors") if depth == 2 && is_additional => {
                    selection.with_vectors = true
                }
                _ => {}
            }
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value<'a>> {
        if depth >= DEPTH_MAX {
            return None;
        }
        match self.next()? {
            Token::Number(number) => Some(Value::Number(number)),
            Token::Name(word) | Token::Text(word) => Some(Value::Word(word)),
            // A variable.
            Token::Sign(b'$') => self.value(depth + 1),
            Token::Sign(b'[') => {
                let (mut count, mut items) = (0, Vec::new());
                while !self.skips(b']') {
                    let item = self.value(depth + 1)?;
                    count += 1;
                    if !matches!(item, Value::Number(_)) && items.len() < ITEMS_MAX {
                        items.push(item);
                    }
                }
                Some(Value::List(count, items))
            }
            Token::Sign(b'{') => {
                let mut members = Vec::new();
                while !self.skips(b'}') {
                    let (Token::Name(name) | Token::Text(name)) = self.next()? else { return None };
                    if !self.skips(b':') {
                        return None;
                    }
                    let value = self.value(depth + 1)?;
                    if members.len() < ITEMS_MAX {
                        members.push((name, value));
                    }
                }
                Some(Value::Object(members))
            }
            Token::Sign(_) => None,
        }
    }
}

impl<'a> Selection<'a> {
    fn name(&mut self, argument: &str) {
        let known = SEARCHES.into_iter().find(|known| *known == argument);
        self.search = self.search.or(known);
    }

    fn argument(&mut self, name: &str, value: &Value<'a>) {
        self.name(name);
        match (name, value) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the guard admits 0 to 2^32"
            )]
            ("limit", Value::Number(limit)) if (0.0..=4_294_967_296.0).contains(limit) => {
                self.limit = Some(*limit as u64);
            }
            ("tenant", Value::Word(tenant)) => self.tenant = Some(tenant),
            ("where", Value::Object(_)) => {
                let mut outline = Outline::begin(false, "path,operator");
                value.outline_members(&mut outline);
                outline.close();
                self.filter = Some(outline.into_text());
            }
            (name, value) if SEARCHES.contains(&name) => {
                self.threshold =
                    value.number("distance").or_else(|| value.number("certainty")).or(self.threshold);
                value.vectors(&mut self.vectors);
            }
            _ => {}
        }
    }
}

impl Value<'_> {
    fn number(&self, name: &str) -> Option<f64> {
        let Self::Object(members) = self else { return None };
        members.iter().find_map(|(known, value)| match value {
            Self::Number(number) if *known == name => Some(*number),
            _ => None,
        })
    }

    /// Vectors in members that have some: one, or one for each target, or several for one.
    fn vectors(&self, found: &mut Vec<u64>) {
        let Self::Object(members) = self else { return };
        for (name, value) in members {
            match *name {
                "vector" | "vectorPerTarget" => value.lists(found),
                "searches" | "nearVector" => value.vectors(found),
                _ => {}
            }
        }
    }

    fn lists(&self, found: &mut Vec<u64>) {
        match self {
            Self::List(count, items) if items.is_empty() && *count > 0 && found.len() < ITEMS_MAX => {
                found.push(*count);
            }
            Self::List(_, items) => items.iter().for_each(|item| item.lists(found)),
            Self::Object(members) => members.iter().for_each(|(_, value)| value.lists(found)),
            _ => {}
        }
    }

    fn outline(&self, to: &mut Outline) {
        match self {
            Self::Number(_) => to.value(None),
            Self::Word(word) => to.value(Some(word.as_bytes())),
            Self::List(count, items) => {
                to.open(true);
                items.iter().for_each(|item| item.outline(to));
                if *count > items.len() as u64 {
                    to.value(None);
                }
                to.close();
            }
            Self::Object(_) => {
                to.open(false);
                self.outline_members(to);
                to.close();
            }
        }
    }

    fn outline_members(&self, to: &mut Outline) {
        let Self::Object(members) = self else { return };
        for (name, value) in members {
            to.name(name.as_bytes());
            value.outline(to);
        }
    }
}
