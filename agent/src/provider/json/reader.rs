//! The reader: RFC 8259 in pieces that may end anywhere, also within a character or an escape.

use super::digest::Digests;
use super::outline::Outline;
use super::shape::{DIGEST, ROOT, Shape};
use super::token::{NUMBER_MAX_BYTES, scalar};
use super::tree::{Added, DEPTH_MAX, Document, Kind, Level, Spare};
use super::{Json, LIST_MAX};
use fold::Fold;
use state::State;

mod end;
mod fold;
mod state;
mod text;

/// Bytes of text, and values, that are kept of one document.
pub(super) const KEPT_MAX_BYTES: usize = 256 * 1024;
const KEPT_MAX_VALUES: usize = 16 * 1024;

/// Reads one document, and holds what is wanted of it so far.
#[derive(Debug)]
pub(in crate::provider) struct Reader {
    shape: &'static Shape,
    state: State,
    levels: Vec<Level>,
    /// The token under way, as far as it is of use.
    token: Vec<u8>,
    /// How many bytes of the string under way are kept at most.
    token_max: usize,
    /// The string under way has this many bytes so far.
    string_bytes: u64,
    /// So many of these are but part of escapes.
    escape_bytes: u64,
    /// And so many `=` stand at its end.
    padding: u8,
    root: Json,
    begun: bool,
    kept_bytes: usize,
    kept_values: usize,
    overflowed: bool,
    /// The outline of the list or object under way that only its outline is wanted of.
    outline: Option<Outline>,
    digests: Digests,
    /// The conversation whose messages the document has.
    fold: Option<Box<Fold>>,
    /// What the bytes behind a gap may be: outside a string, or inside one.
    behind: Option<Box<[Reader; 2]>>,
    spare: Spare,
}

impl Reader {
    pub(in crate::provider) fn new(shape: &'static Shape) -> Self {
        Self {
            shape,
            state: State::Value { or_end: false },
            levels: Vec::new(),
            token: Vec::new(),
            token_max: 0,
            string_bytes: 0,
            escape_bytes: 0,
            padding: 0,
            root: Json::Null,
            begun: false,
            kept_bytes: 0,
            kept_values: 0,
            overflowed: false,
            outline: None,
            digests: Digests::default(),
            fold: None,
            behind: None,
            spare: Spare::default(),
        }
    }

    /// Reads a whole document.
    pub(in crate::provider) fn read(shape: &'static Shape, document: &[u8]) -> Document {
        Self::new(shape).read_next(document)
    }

    /// Reads the begin of a document, and keeps of a string that goes on what there is of it.
    pub(in crate::provider) fn read_begin(shape: &'static Shape, begin: &[u8]) -> Document {
        let mut reader = Self::new(shape);
        reader.push(begin);
        reader.cut_string();
        reader.take()
    }

    /// Reads a further whole document. What a reader that finished had allocated serves the next one.
    pub(in crate::provider) fn read_next(&mut self, document: &[u8]) -> Document {
        self.push(document);
        self.take()
    }

    /// The document is over, and a further one may begin.
    pub(in crate::provider) fn take(&mut self) -> Document {
        let read = self.end();
        self.reset();
        read
    }

    /// As new, but for what is allocated.
    fn reset(&mut self) {
        self.state = State::Value { or_end: false };
        self.levels.clear();
        self.root = Json::Null;
        (self.begun, self.overflowed) = (false, false);
        (self.kept_bytes, self.kept_values) = (0, 0);
        (self.behind, self.outline) = (None, None);
        self.digests.drop_all();
        self.fold = None;
    }

    /// Takes a document back that nobody needs any more: what it had allocated serves the next one.
    pub(in crate::provider) fn recycle(&mut self, document: Document) {
        self.spare.take_back(document.root);
    }

    /// About how many bytes of memory are held for what was wanted and has come.
    pub(in crate::provider) fn held_bytes(&self) -> usize {
        let behind =
            self.behind.iter().flat_map(|readers| readers.iter()).map(Self::held_bytes).sum::<usize>();
        self.kept_bytes
            + self.kept_values * size_of::<(&str, Json)>()
            + self.token.capacity()
            + self.levels.capacity() * size_of::<Level>()
            + self.spare.held_bytes()
            + self.outline.as_ref().map_or(0, Outline::held_bytes)
            + self.digests.held_bytes()
            + self.fold.as_ref().map_or(0, |fold| fold.held_bytes())
            + behind
    }

    /// Nothing more is wanted: the document is over, or is none.
    pub(in crate::provider) fn is_over(&self) -> bool {
        matches!(self.state, State::Done | State::Failed)
    }

    /// The document is over, and right.
    pub(in crate::provider) fn is_whole(&self) -> bool {
        self.state == State::Done
    }

    /// Takes the next bytes.
    pub(in crate::provider) fn push(&mut self, bytes: &[u8]) {
        let behind = self.push_one(bytes);
        if self.state == State::Done && !behind.trim_ascii_start().is_empty() {
            self.state = State::Failed;
        }
    }

    /// Takes the next bytes up to the document's end, or what makes it none, and gives back those behind it.
    pub(in crate::provider) fn push_one<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if let Some(behind) = &mut self.behind {
            behind.iter_mut().for_each(|reader| reader.push(bytes));
            return &[];
        }
        let mut rest = bytes;
        if !self.begun {
            // A byte order mark is no JSON, and forgiven by most.
            rest = rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(rest);
        }
        while let Some((byte, behind)) = rest.split_first() {
            match self.state {
                State::Done | State::Failed => return rest,
                State::String { is_key, escaped } => rest = self.string(rest, is_key, escaped),
                State::Scalar => {
                    let goes_on =
                        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
                    let end = rest.iter().position(|byte| !goes_on(byte));
                    let (scalar, behind) = rest.split_at(end.unwrap_or(rest.len()));
                    keep(&mut self.token, scalar, NUMBER_MAX_BYTES + 1);
                    rest = behind;
                    if end.is_some() {
                        self.end_scalar();
                    }
                }
                _ => {
                    rest = behind;
                    if !byte.is_ascii_whitespace() {
                        self.begun = true;
                        self.structure(*byte);
                    }
                }
            }
        }
        rest
    }

    fn structure(&mut self, byte: u8) {
        // By the byte first: it tells most.
        match (byte, self.state) {
            (b'"', State::Value { .. } | State::Anything) => self.begin_string(false),
            (b'"', State::Key { .. }) => self.begin_string(true),
            (b':', State::Colon | State::Anything) => self.state = State::Value { or_end: false },
            (b':', State::Perhaps) => {
                let key = std::mem::take(&mut self.token);
                self.name(&key);
                self.state = State::Value { or_end: false };
            }
            (b',', State::CommaOrEnd | State::Anything | State::Perhaps | State::Surfaced) => {
                self.state = match self.levels.last().map(|level| level.kind) {
                    Some(Kind::Object) => State::Key { or_end: false },
                    Some(Kind::List) => State::Value { or_end: false },
                    Some(Kind::Unknown) => State::Anything,
                    None => State::Failed,
                };
            }
            (b'{', State::Value { .. } | State::Anything) => self.open(Kind::Object),
            (b'[', State::Value { .. } | State::Anything) => self.open(Kind::List),
            (b']', State::Value { or_end: true }) | (b'}', State::Key { or_end: true }) => self.close(),
            (b'}' | b']', State::CommaOrEnd | State::Anything | State::Perhaps | State::Surfaced) => {
                self.close_with(byte);
            }
            (b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z', State::Value { .. } | State::Anything) => {
                self.token.clear();
                self.token.push(byte);
                self.state = State::Scalar;
            }
            _ => self.state = State::Failed,
        }
    }

    fn close_with(&mut self, byte: u8) {
        match (self.levels.last_mut(), byte) {
            (Some(Level { kind: Kind::Object, .. }), b'}') | (Some(Level { kind: Kind::List, .. }), b']') => {
                self.close();
            }
            (Some(floor @ Level { kind: Kind::Unknown, .. }), _) => {
                // Only the last of these levels is the document: the members of the others were not its own.
                let level = std::mem::replace(floor, Level::floor());
                self.root = if byte == b'}' { level.value } else { Json::Null };
                self.state = State::Surfaced;
            }
            _ => self.state = State::Failed,
        }
    }

    /// Where in the shape the next value stands.
    fn target(&self) -> Option<usize> {
        match self.levels.last() {
            None => Some(ROOT),
            // Elements past those that are kept are skipped, and take no room from what comes behind the list.
            Some(Level { value: Json::List { items, .. }, .. })
                if items.len() >= LIST_MAX && !self.is_folding() =>
            {
                None
            }
            Some(Level { kind: Kind::List, node, .. }) => self.shape.element((*node)?),
            Some(Level { member, .. }) => *member,
        }
    }

    /// The same, for a number or a literal.
    fn scalar_target(&self) -> Option<usize> {
        self.target().filter(|node| self.shape.keeps_scalars(*node))
    }

    fn open(&mut self, kind: Kind) {
        if self.levels.len() >= DEPTH_MAX {
            self.state = State::Failed;
            return;
        }
        let value = match kind {
            Kind::List => Json::List { items: self.spare.lists.pop().unwrap_or_default(), count: Some(0) },
            Kind::Object | Kind::Unknown => Json::Object(self.spare.objects.pop().unwrap_or_default()),
        };
        let mut node = self.target();
        if let Some(outline) = &mut self.outline {
            outline.open(kind == Kind::List);
        } else if let Some(names) = node.and_then(|node| self.shape.outline(node)) {
            self.outline = Some(Outline::begin(kind == Kind::List, names));
            node = None;
        }
        let is_list = kind == Kind::List;
        self.digests.open(is_list, node.is_some_and(|node| self.shape.is_digested(node, is_list)));
        self.levels.push(Level { kind, node, member: None, value });
        if is_list && node.is_some_and(|node| self.shape.is_dialogue(node)) {
            self.begin_fold();
        }
        self.state = match kind {
            Kind::List => State::Value { or_end: true },
            Kind::Object | Kind::Unknown => State::Key { or_end: true },
        };
    }

    fn close(&mut self) {
        self.end_fold();
        let Some(level) = self.levels.pop() else { return };
        let digest = self.digests.close();
        let outline = self.outline.as_mut().map(|outline| {
            outline.close();
            outline.is_open()
        });
        match outline {
            None => {
                let value = level.node.map(|node| self.with_digest(node, level.value, digest));
                self.attach(value);
            }
            Some(true) => self.attach(None),
            Some(false) => {
                let text = self.outline.take().map(Outline::into_text).unwrap_or_default();
                self.kept_bytes += text.len();
                let fits = self.kept_bytes <= KEPT_MAX_BYTES;
                self.overflowed |= !fits;
                let bytes = text.len() as u64;
                self.attach(fits.then_some(Json::Text { text, bytes, padding: 0, cut: false }));
            }
        }
    }

    /// What is kept of a list or an object that stands here.
    fn with_digest(&self, node: usize, value: Json, digest: Option<u64>) -> Json {
        match (value, digest) {
            (value, Some(digest)) if self.shape.is_digested(node, value.is_list()) => match value {
                Json::Object(mut members) if !self.shape.is_leaf(node) => {
                    members.push((DIGEST, Json::Digest(digest)));
                    Json::Object(members)
                }
                _ => Json::Digest(digest),
            },
            (value, _) => value,
        }
    }

    /// A value is whole; `None` for one that is not wanted.
    fn attach(&mut self, value: Option<Json>) {
        self.state = State::CommaOrEnd;
        let value = if self.is_folding() { self.fold(value) } else { value };
        let room = self.kept_values < KEPT_MAX_VALUES;
        let Some(level) = self.levels.last_mut() else {
            self.state = State::Done;
            self.root = value.unwrap_or_default();
            return;
        };
        match level.add(value, self.shape, room) {
            Added::Kept => self.kept_values += 1,
            Added::NoRoom => self.overflowed = true,
            Added::Unwanted => {}
        }
    }

    fn end_scalar(&mut self) {
        let behind_gap = matches!(self.levels.last(), Some(Level { kind: Kind::Unknown, member: None, .. }));
        match scalar(&self.token) {
            Some(value) => {
                if let Some(outline) = &mut self.outline {
                    outline.value(None);
                }
                let target = self.scalar_target();
                let is_digested = target.is_some_and(|node| self.shape.is_digested(node, false));
                let digest = self.digests.scalar(&self.token, is_digested);
                let digest = digest.filter(|_| is_digested && value != Json::Null);
                let value = target.map(|_| digest.map_or(value, Json::Digest));
                self.attach(value);
            }
            // The end of something that began in the gap.
            None if behind_gap => self.state = State::CommaOrEnd,
            None => self.state = State::Failed,
        }
    }
}

fn keep(token: &mut Vec<u8>, bytes: &[u8], max: usize) {
    let room = max.saturating_sub(token.len());
    token.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
}
