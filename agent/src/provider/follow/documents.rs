//! A body that no label and no field cut: it is one document, or several one after the other.
//!
//! Lines of JSON come as `application/json` or without a label, and a stream may be one list whose elements are
//! its events. Nothing of a body is held but what is wanted of the document under way.

use super::super::json::{Document, Ending, Reader, Shape};

/// One body.
pub(super) struct Documents {
    reader: Reader,
    /// The elements of a list are the documents.
    splits_lists: bool,
    at: At,
    in_list: bool,
    /// There are more than one, or may be: each is handed on by itself.
    several: bool,
    /// Bytes that may still be read of the document under way.
    left: u64,
    limit_bytes: u64,
    over: bool,
    /// When the first was whole.
    whole_ns: u64,
}

/// Where in the body the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Begin,
    Document,
    /// Behind the first document, which may be the only one.
    First,
    /// Behind one of several.
    Between,
    /// Behind a gap or what is no JSON: up to a line that begins with a brace. Strings have no line ends, and
    /// of what is indented only documents begin at a line's begin.
    Astray {
        after_line_end: bool,
    },
    Over,
}

/// What came by itself.
pub(super) enum Found<'a> {
    /// A document, and when its last byte came.
    Document(&'a Document, u64),
    /// Something that was none, or not all of one.
    Damaged(u64),
}

impl Documents {
    /// A body of which at most so many bytes are read, of each document where there are several.
    pub(super) fn new(shape: &'static Shape, limit_bytes: u64, splits_lists: bool) -> Self {
        Self {
            reader: Reader::new(shape),
            splits_lists,
            at: At::Begin,
            in_list: false,
            several: false,
            left: limit_bytes,
            limit_bytes,
            over: false,
            whole_ns: 0,
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.reader.held_bytes()
    }

    /// Takes the next bytes; hands on a document that is whole as soon as it is one of several.
    pub(super) fn push(&mut self, bytes: &[u8], time_ns: u64, sink: &mut impl FnMut(Found<'_>)) {
        let mut rest = bytes;
        loop {
            match self.at {
                At::Begin | At::Between | At::First => {
                    let text = rest.trim_ascii_start();
                    let Some((first, behind)) = text.split_first() else { return };
                    rest = match (self.at, first) {
                        (At::Begin, b'[') if self.splits_lists => {
                            (self.in_list, self.several, self.at) = (true, true, At::Between);
                            behind
                        }
                        (At::Between, b',') if self.in_list => behind,
                        (At::Between, b']') if self.in_list => {
                            self.at = At::Over;
                            return;
                        }
                        (At::First, b'{') => {
                            self.several = true;
                            self.hand_on(self.whole_ns, sink);
                            text
                        }
                        (At::First, _) => {
                            // No JSON follows: then what came was none, either.
                            self.reader.push(text);
                            self.at = At::Over;
                            return;
                        }
                        _ => {
                            self.at = At::Document;
                            text
                        }
                    };
                }
                At::Document => {
                    let allowed = rest.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                    let (text, beyond) = rest.split_at(allowed);
                    let behind = self.reader.push_one(text);
                    let used = text.len() - behind.len();
                    self.left -= used as u64;
                    rest = rest.get(used..).unwrap_or_default();
                    if !self.reader.is_over() {
                        if !beyond.is_empty() {
                            (self.over, self.at) = (true, At::Over);
                        }
                        return;
                    }
                    if self.several {
                        self.hand_on(time_ns, sink);
                    } else if self.reader.is_whole() {
                        (self.at, self.whole_ns) = (At::First, time_ns);
                    } else {
                        self.at = At::Over;
                        return;
                    }
                }
                At::Astray { after_line_end } => match rest.split_first() {
                    None => return,
                    Some((b'{', _)) if after_line_end => self.at = At::Between,
                    Some(_) => {
                        let end = rest.iter().position(|byte| *byte == b'\n');
                        self.at = At::Astray { after_line_end: end.is_some() };
                        rest = end.and_then(|end| rest.get(end + 1..)).unwrap_or_default();
                    }
                },
                At::Over => return,
            }
        }
    }

    /// Bytes are missing here.
    pub(super) fn gap(&mut self, time_ns: u64, sink: &mut impl FnMut(Found<'_>)) {
        if self.several && self.at != At::Over {
            self.reader.take();
            self.at = At::Astray { after_line_end: false };
            sink(Found::Damaged(time_ns));
        } else if self.at != At::Over {
            self.reader.gap();
            self.at = At::Document;
        }
    }

    /// The body is over: hands back the document if it is one, whole or not. What is under way of one of several is
    /// handed on.
    pub(super) fn finish(&mut self, time_ns: u64, sink: &mut impl FnMut(Found<'_>)) -> Option<Document> {
        let document = self.reader.take();
        if !self.several {
            return Some(document);
        }
        if document.ending != Ending::Empty {
            sink(Found::Damaged(time_ns));
        }
        None
    }

    /// A document is longer than what is read of one.
    pub(super) fn is_over_limit(&self) -> bool {
        self.over
    }

    fn hand_on(&mut self, time_ns: u64, sink: &mut impl FnMut(Found<'_>)) {
        let document = self.reader.take();
        self.left = self.limit_bytes;
        if document.ending == Ending::Whole {
            sink(Found::Document(&document, time_ns));
            self.at = At::Between;
        } else {
            sink(Found::Damaged(time_ns));
            self.at = At::Astray { after_line_end: false };
        }
        self.reader.recycle(document);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    static SHAPE: LazyLock<Shape> = LazyLock::new(|| Shape::new(&[("a", 0), ("b.a", 0)]));

    enum Input<'a> {
        Data(&'a str),
        Gap,
    }
    use Input::{Data, Gap};

    /// What was handed on, each `a` with when it was whole, and whether the body is one document.
    fn read(inputs: &[Input<'_>], splits_lists: bool) -> (String, Option<Ending>) {
        let (mut documents, mut found) = (Documents::new(&SHAPE, 64, splits_lists), String::new());
        let mut sink = |one: Found<'_>| match one {
            Found::Document(document, at) => {
                found += &format!("{}@{at} ", document.root.get("a").count().unwrap_or(0));
            }
            Found::Damaged(at) => found += &format!("!@{at} "),
        };
        for (at, input) in (1..).zip(inputs) {
            match input {
                Data(text) => documents.push(text.as_bytes(), at, &mut sink),
                Gap => documents.gap(at, &mut sink),
            }
        }
        let last = documents.finish(9, &mut sink);
        (found.trim_end().to_owned(), last.map(|document| document.ending))
    }

    #[test]
    fn documents_are_told_apart() {
        for (inputs, splits, expected, ending) in [
            (&[Data(r#"{"a":1}"#)][..], false, "", Some(Ending::Whole)),
            (&[Data(r#"{"a":"#), Data("1}"), Data("\r\n ")], false, "", Some(Ending::Whole)),
            (&[Data(r#"{"a":"#)], false, "", Some(Ending::Cut)),
            (&[Data(r#"{"a":1}<html>"#)], false, "", Some(Ending::Invalid)),
            (&[Data("{\"a\":1}\n"), Data("{\"a\":2}\n"), Data("{\"a\":3}")], false, "1@1 2@2 3@3", None),
            (&[Data("{\"a\":1}{\"a\":"), Data("2}")], false, "1@1 2@2", None),
            (&[Data("{\"a\":1}\n{\"a\":")], false, "1@1 !@9", None),
            (&[Data("{\"a\":1}\n{\"a\":2}\noh\n{\"a\":3}\n")], false, "1@1 2@1 !@1 3@1", None),
            (&[Data("{\"a\":1}\n{\"a\":2}\n{"), Gap, Data("}\n{\"a\":3}\n")], false, "1@1 2@1 !@2 3@3", None),
            (&[Data(r#"[{"a":1}]"#)], false, "", Some(Ending::Whole)),
            (&[Data("[]")], true, "", None),
            (&[Data("[{\"a\":1}\n"), Data(",\r\n{\"a\":2}"), Data("]\n")], true, "1@1 2@2", None),
            (&[Data("[{\"b\":[{\"a\":7}],\"a\":1},"), Data("{\"a\":2}")], true, "1@1 2@2", None),
            (&[Data("[{\"a\":1},{\"a\""), Gap, Data(":2}\n,\r\n{\"a\":3}\n]")], true, "1@1 !@2 3@3", None),
            (&[Data("[{\"a\":1},{\"a\":")], true, "1@1 !@9", None),
            (&[Data("[1,{\"a\":2}]")], true, "0@1 2@1", None),
            (&[Data(r#"{"a":1}"#)], true, "", Some(Ending::Whole)),
            (&[], true, "", Some(Ending::Empty)),
        ] {
            let text: Vec<_> =
                inputs.iter().map(|one| if let Data(text) = one { text } else { "-" }).collect();
            assert_eq!(read(inputs, splits), (expected.to_owned(), ending), "{text:?}");
        }
    }

    #[test]
    fn each_document_is_read_only_so_far() {
        let long = format!(r#"{{"x":"{}","a":1}}"#, "y".repeat(80));
        let mut documents = Documents::new(&SHAPE, 64, false);
        documents.push(long.as_bytes(), 1, &mut |_| {});
        assert!(documents.is_over_limit());
        let mut documents = Documents::new(&SHAPE, 64, false);
        for _ in 0..100 {
            documents.push(b"{\"a\":1}\n", 1, &mut |_| {});
        }
        assert!(!documents.is_over_limit());
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_documents(text in r#"([\[\],\n{}1x "]|\{"a":[12]\}){0,12}"#, size in 1_usize..9, splits: bool) {
            let read = |pieces: Vec<&[u8]>| {
                let (mut documents, mut found) = (Documents::new(&SHAPE, 64, splits), Vec::new());
                let mut sink = |one: Found<'_>| found.push(match one {
                    Found::Document(document, _) => Some(document.clone()),
                    Found::Damaged(_) => None,
                });
                pieces.into_iter().for_each(|piece| documents.push(piece, 1, &mut sink));
                let last = documents.finish(1, &mut sink);
                (found, last)
            };
            prop_assert_eq!(read(vec![text.as_bytes()]), read(text.as_bytes().chunks(size).collect()));
        }
    }
}
