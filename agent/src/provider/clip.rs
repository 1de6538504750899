//! JSON as it comes, kept within a bound: long data is shortened where it stands, and what is kept is a document by itself,
//! wherever the body ends.

use memchr::memchr2;
use zeroize::Zeroizing;

use crate::call::content::cut_mark;

/// Lists and objects within one another; what is deeper ends what is kept.
pub(super) const DEPTH_MAX: usize = 128;

/// Bytes that are kept of data in base64, and that tell that it is some.
pub(super) const DATA_BYTES: usize = 1024;
/// So many of these may be something else, as `data:image/png;base64,` is.
const PREFIX_BYTES: usize = 64;

/// Keeps one document.
#[derive(Default)]
pub(super) struct Clipper {
    kept: Zeroizing<Vec<u8>>,
    at: At,
    /// Of each level: it is an object.
    levels: Vec<bool>,
    /// The next string is a member's name.
    expects_name: bool,
    /// How much of what is kept is complete but for the ends of so many levels.
    whole: (usize, usize),
    /// Where the string under way begins in what is kept, behind its quotation mark.
    string: usize,
    /// Something in the string under way is no base64.
    is_text: bool,
    /// Bytes of the string under way that are not kept.
    dropped: u64,
    /// So many of the last of these are padding, which stands for nothing where the string is data.
    padding: u64,
    /// Something is not kept.
    is_cut: bool,
}

/// Where in the document the next byte stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Begin,
    Structure,
    Scalar,
    String {
        is_name: bool,
        escaped: bool,
    },
    /// All of it came.
    End,
    /// What came is more than is kept, or no JSON.
    Over,
}

impl Clipper {
    /// Takes the next bytes, keeps `max_bytes` at the most in all, and gives back those behind the document's end.
    pub(super) fn push<'a>(&mut self, bytes: &'a [u8], max_bytes: usize) -> &'a [u8] {
        let mut rest = bytes;
        while let Some((byte, behind)) = rest.split_first() {
            match self.at {
                At::End => return rest,
                At::Over => return &[],
                At::String { is_name, escaped } => rest = self.string(rest, (is_name, escaped), max_bytes),
                At::Begin if byte.is_ascii_whitespace() || *byte >= 0x80 => rest = behind,
                At::Begin if !matches!(byte, b'{' | b'[') => self.give_up(),
                At::Begin | At::Structure | At::Scalar => {
                    rest = behind;
                    if self.kept.len() >= max_bytes {
                        self.give_up();
                    } else if !byte.is_ascii_whitespace() {
                        self.structure(*byte);
                    } else if self.at == At::Scalar {
                        self.end_value();
                    }
                }
            }
        }
        rest
    }

    fn structure(&mut self, byte: u8) {
        if self.at == At::Scalar && matches!(byte, b',' | b']' | b'}') {
            self.end_value();
        }
        self.kept.push(byte);
        match byte {
            b'{' | b'[' if self.levels.len() < DEPTH_MAX => {
                self.levels.push(byte == b'{');
                self.expects_name = byte == b'{';
                self.at = At::Structure;
                self.whole = (self.kept.len(), self.levels.len());
            }
            b'}' | b']' if self.levels.last() == Some(&(byte == b'}')) => {
                self.levels.pop();
                self.end_value();
                if self.levels.is_empty() {
                    self.at = At::End;
                }
            }
            b',' => self.expects_name = self.levels.last() == Some(&true),
            b':' => self.expects_name = false,
            b'"' => {
                self.at = At::String { is_name: self.expects_name, escaped: false };
                (self.string, self.is_text, self.dropped) = (self.kept.len(), false, 0);
                self.padding = 0;
            }
            b'{' | b'[' | b'}' | b']' => self.give_up(),
            _ => self.at = At::Scalar,
        }
    }

    /// A value is complete.
    fn end_value(&mut self) {
        self.at = At::Structure;
        self.whole = (self.kept.len(), self.levels.len());
    }

    /// Nothing more is kept.
    fn give_up(&mut self) {
        (self.at, self.is_cut) = (At::Over, true);
    }

    /// Takes what is of the string under way; what is behind it.
    fn string<'a>(&mut self, rest: &'a [u8], (is_name, escaped): (bool, bool), max_bytes: usize) -> &'a [u8] {
        let end = if escaped { Some(1) } else { memchr2(b'"', b'\\', rest) };
        let (text, behind) = rest.split_at(end.unwrap_or(rest.len()).min(rest.len()));
        self.text(text, max_bytes);
        if escaped {
            self.at = At::String { is_name, escaped: false };
            return behind;
        }
        let Some((byte, behind)) = behind.split_first() else { return behind };
        if *byte == b'\\' {
            self.at = At::String { is_name, escaped: true };
            self.text(b"\\", max_bytes);
            return behind;
        }
        let is_over = self.kept.len() >= max_bytes;
        if is_name {
            if self.dropped > 0 {
                self.give_up();
                return behind;
            }
            self.kept.push(b'"');
            self.at = At::Structure;
        } else {
            self.close_string(true);
            if is_over {
                self.give_up();
            }
        }
        behind
    }

    /// Keeps what may be kept of a string's text.
    fn text(&mut self, text: &[u8], max_bytes: usize) {
        let so_far = self.kept.len() - self.string;
        if self.dropped == 0 && !self.is_text {
            let behind = text.get(PREFIX_BYTES.saturating_sub(so_far)..).unwrap_or_default();
            let is_data = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_=\\".contains(byte);
            let looked_at = behind.len().min(DATA_BYTES.saturating_sub(so_far));
            self.is_text = !behind.get(..looked_at).unwrap_or_default().iter().all(is_data);
        }
        let most = if self.is_text { usize::MAX } else { DATA_BYTES.saturating_sub(so_far) };
        let room = max_bytes.saturating_sub(self.kept.len()).min(most);
        let room = if self.dropped > 0 { 0 } else { room };
        let (kept, dropped) = text.split_at(text.len().min(room));
        self.kept.extend_from_slice(kept);
        self.dropped += dropped.len() as u64;
        let padding = dropped.iter().rev().take_while(|byte| **byte == b'=').count();
        let goes_on = padding == dropped.len();
        self.padding = padding as u64 + if goes_on { self.padding } else { 0 };
        self.is_cut |= !dropped.is_empty();
    }

    /// Ends the string under way, with a mark where something of it is missing.
    fn close_string(&mut self, is_ended: bool) {
        if self.dropped > 0 || !is_ended {
            self.trim_string();
            // How much of it never came is not known.
            let padding = if self.is_text { 0 } else { self.padding };
            let mark = cut_mark(if is_ended { self.dropped.saturating_sub(padding) } else { 0 });
            self.kept.extend_from_slice(mark.as_bytes());
        }
        self.kept.push(b'"');
        self.end_value();
    }

    /// Takes off what is no whole character at the end of the string under way.
    fn trim_string(&mut self) {
        /// Bytes of the longest escape, of a surrogate pair.
        const ESCAPE_MAX_BYTES: usize = 12;
        let end = self.kept.len();
        if let Err(error) = std::str::from_utf8(self.kept.get(self.string..).unwrap_or_default())
            && error.error_len().is_none()
        {
            self.kept.truncate(self.string + error.valid_up_to());
        }
        for _ in 0..ESCAPE_MAX_BYTES {
            let text = self.kept.get(self.string..).unwrap_or_default();
            let quoted = [b"\"", text, b"\""].concat();
            // What is wrong elsewhere is not mended here.
            if text.is_empty() || serde_json::from_slice::<String>(&quoted).is_ok() {
                break;
            }
            self.kept.pop();
        }
        self.dropped += (end - self.kept.len()) as u64;
    }

    /// About how many bytes of memory are held.
    pub(super) fn held_bytes(&self) -> usize {
        self.kept.capacity() + self.levels.capacity()
    }

    /// The document is over.
    pub(super) fn is_whole(&self) -> bool {
        self.at == At::End
    }

    /// Bytes are missing: what comes behind is not kept.
    pub(super) fn gap(&mut self) {
        if self.at != At::End {
            self.end_here();
            self.give_up();
        }
    }

    fn end_here(&mut self) {
        match self.at {
            At::String { is_name: false, .. } => self.close_string(false),
            _ => self.kept.truncate(self.whole.0),
        }
    }

    /// What is kept, as a document; empty when nothing is. And whether something that came is missing.
    pub(super) fn finish(mut self) -> (Zeroizing<Vec<u8>>, bool) {
        if self.at == At::End {
            return (self.kept, self.is_cut);
        }
        let has_begun = self.at != At::Begin;
        self.end_here();
        self.levels.truncate(self.whole.1);
        while let Some(is_object) = self.levels.pop() {
            self.kept.push(if is_object { b'}' } else { b']' });
        }
        (self.kept, self.is_cut || has_begun)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn clip(body: &str, size: usize, max_bytes: usize) -> (String, bool) {
        let mut clipper = Clipper::default();
        for piece in body.as_bytes().chunks(size.max(1)) {
            clipper.push(piece, max_bytes);
        }
        let (kept, is_cut) = clipper.finish();
        (String::from_utf8(kept.to_vec()).unwrap(), is_cut)
    }

    #[test]
    fn a_document_is_kept_as_it_is() {
        for body in [r#"{"a":"b\"\\","c":[1,true,null,{"d":{}}]}"#, "[]", r#"{"":""}"#] {
            for size in 1..9 {
                assert_eq!(clip(body, size, 1 << 16), (body.to_owned(), false), "{body}");
            }
        }
        assert_eq!(
            clip(" \u{feff}{ \"a\" : 1.5e3 , \"b\" : [ 2 ] }", 3, 99),
            (r#"{"a":1.5e3,"b":[2]}"#.to_owned(), false)
        );
    }

    #[test]
    fn what_is_cut_is_a_document_all_the_same() {
        for (body, expected) in [
            (r#"{"a":"wor"#, r#"{"a":"wor…[cut]"}"#),
            (r#"{"a":"w\u00e"#, r#"{"a":"w…[cut]"}"#),
            (r#"{"a":"w\ud83d\ude0"#, r#"{"a":"w…[cut]"}"#),
            (r#"{"a":1,"b"#, r#"{"a":1}"#),
            (r#"{"a":1,"b":"#, r#"{"a":1}"#),
            (r#"{"a":[1,2"#, r#"{"a":[1]}"#),
            (r#"{"a":[1,{"#, r#"{"a":[1,{}]}"#),
            (r#"{"a":[1,{}]"#, r#"{"a":[1,{}]}"#),
            ("{", "{}"),
            ("", ""),
            ("no", ""),
            ("[}", "[]"),
        ] {
            let (kept, is_cut) = clip(body, 2, 1 << 16);
            assert_eq!((kept.as_str(), is_cut), (expected, !body.is_empty()), "{body}");
        }
    }

    #[test]
    fn data_is_shortened_and_texts_are_not() {
        let data = "aB3/".repeat(1000);
        let (kept, is_cut) =
            clip(&format!(r#"{{"url":"data:image/png;base64,{data}","n":1}}"#), 100, 1 << 16);
        let kept: Value = serde_json::from_str(&kept).unwrap();
        let url = kept["url"].as_str().unwrap();
        assert!(url.starts_with("data:image/png;base64,aB3/") && url.ends_with("…[2998 bytes cut]"), "{url}");
        assert!(is_cut && kept["n"] == 1);
        for (end, missing) in [("==", 976), ("=", 976), ("=x", 978)] {
            for size in [1, 7, 5000] {
                let (kept, _) = clip(&format!(r#"["{}{end}"]"#, "aB3/".repeat(500)), size, 1 << 16);
                assert!(kept.ends_with(&format!("…[{missing} bytes cut]\"]")), "{kept}");
            }
        }
        let text = "two words ".repeat(1000);
        let (kept, is_cut) = clip(&format!(r#"["{text}"]"#), 100, 1 << 16);
        assert_eq!((kept, is_cut), (format!(r#"["{text}"]"#), false));
    }

    #[test]
    fn behind_a_gap_nothing_is_kept() {
        let mut clipper = Clipper::default();
        clipper.push(br#"{"a":"b"#, 99);
        clipper.gap();
        clipper.push(br#"c","d":1}"#, 99);
        let (kept, is_cut) = clipper.finish();
        assert_eq!((std::str::from_utf8(&kept).unwrap(), is_cut), (r#"{"a":"b…[cut]"}"#, true));
    }

    #[test]
    fn what_follows_a_document_is_given_back() {
        let mut clipper = Clipper::default();
        assert_eq!(clipper.push(b"{\"a\":1}\n{\"b\"", 99), b"\n{\"b\"");
        assert!(clipper.is_whole());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(Into::into),
            "[\\PC\n\"\\\\]{0,9}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::btree_map("[a-c\n]{0,2}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_kept_is_bounded_and_json(value in value(), size in 1_usize..20, max_bytes in 2_usize..200, end in 0_usize..200) {
            let body = serde_json::to_vec(&vec![value.clone()]).unwrap();
            let cut = &body[..end.min(body.len())];
            let mut clipper = Clipper::default();
            cut.chunks(size).for_each(|piece| { clipper.push(piece, max_bytes); });
            let (kept, is_cut) = clipper.finish();
            prop_assert!(kept.len() <= max_bytes + 32 + DEPTH_MAX, "{}", kept.len());
            if !cut.is_empty() {
                let parsed = serde_json::from_slice::<Value>(&kept);
                prop_assert!(parsed.is_ok(), "{:?} of {:?}", String::from_utf8_lossy(&kept), String::from_utf8_lossy(cut));
                prop_assert!(is_cut || parsed.ok() == Some(Value::Array(vec![value])));
            }
        }

        #[test]
        fn anything_is_survived(body in prop::collection::vec(prop::sample::select(b"{}[]\",:\\u0aZ \xff".to_vec()), 0..60), max_bytes in 0_usize..40) {
            let mut clipper = Clipper::default();
            clipper.push(&body, max_bytes);
            let (kept, _) = clipper.finish();
            prop_assert!(kept.len() <= max_bytes + 32 + DEPTH_MAX);
        }
    }
}
