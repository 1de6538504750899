//! Digests: what a value says in 64 bits, whatever it looks like on the wire.
//!
//! White space, escapes and the order of an object's members do not matter, nor in which pieces it came. Digests have a
//! key that is drawn when the process starts ([`hasher`]): they can be compared, and tell nothing to anybody who reads them
//! elsewhere.

use std::sync::LazyLock;

mod hasher;
mod said;
#[cfg(test)]
mod tests;
mod text;

use hasher::Hasher;
pub(in crate::provider) use said::Said;
use text::Text;

/// The name of members that are left out: marks of what a cache is to keep, which move on from turn to turn.
static LEFT_OUT: LazyLock<u64> = LazyLock::new(|| of_text("cache_control"));

/// Begins what no text begins with.
const NO_TEXT: u8 = 0xff;

/// The digest of a string that says this.
pub(in crate::provider) fn of_text(text: &str) -> u64 {
    let mut said = Said::default();
    said.write(text.as_bytes());
    said.finish()
}

/// The digest of several digests in their order, as a thing of such a kind.
pub(in crate::provider) fn of_parts(kind: u8, parts: &[u64]) -> u64 {
    let mut hasher = Hasher::default();
    hasher.write(&[NO_TEXT, kind]);
    parts.iter().for_each(|part| hasher.write_number(*part));
    hasher.finish()
}

/// Digests of values under way, for a reader: nothing as long as none is wanted.
#[derive(Debug, Default)]
pub(super) struct Digests {
    under_way: Option<Box<UnderWay>>,
    /// Something is missing here: no digest is right.
    pub(super) is_off: bool,
}

#[derive(Debug, Default)]
struct UnderWay {
    /// Lists and objects from the outermost wanted one on: they are the reader's innermost levels.
    levels: Vec<Level>,
    /// The string under way, if it counts.
    text: Option<Text>,
}

#[derive(Debug)]
enum Level {
    List(Hasher),
    Object {
        /// Members add up: their order does not matter.
        sum: u64,
        /// The name of the member whose value is next.
        name: u64,
    },
}

impl Digests {
    pub(super) fn is_active(&self) -> bool {
        self.under_way.as_ref().is_some_and(|under_way| !under_way.levels.is_empty())
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.under_way
            .as_ref()
            .map_or(0, |under_way| size_of::<UnderWay>() + under_way.levels.capacity() * size_of::<Level>())
    }

    /// What is under way will not be whole.
    pub(super) fn drop_all(&mut self) {
        if let Some(under_way) = &mut self.under_way {
            under_way.levels.clear();
            under_way.text = None;
        }
    }

    /// What is under way, if what begins is wanted, or part of something that is.
    fn part_of(&mut self, wanted: bool) -> Option<&mut UnderWay> {
        let counts = !self.is_off && (wanted || self.is_active());
        counts.then(|| &mut **self.under_way.get_or_insert_default())
    }

    /// A list or an object begins.
    pub(super) fn open(&mut self, is_list: bool, wanted: bool) {
        let Some(under_way) = self.part_of(wanted) else { return };
        under_way.levels.push(if is_list {
            let mut hasher = Hasher::default();
            hasher.write(&[NO_TEXT, b'[']);
            Level::List(hasher)
        } else {
            Level::Object { sum: 0, name: 0 }
        });
    }

    /// The innermost list or object is whole.
    pub(super) fn close(&mut self) -> Option<u64> {
        let under_way = self.under_way.as_mut()?;
        let digest = match under_way.levels.pop()? {
            Level::List(hasher) => hasher.finish(),
            Level::Object { sum, .. } => of_parts(b'{', &[sum]),
        };
        under_way.add(digest);
        Some(digest)
    }

    /// A number or a literal, as on the wire.
    pub(super) fn scalar(&mut self, token: &[u8], wanted: bool) -> Option<u64> {
        let under_way = self.part_of(wanted)?;
        let mut hasher = Hasher::default();
        hasher.write(&[NO_TEXT, b'0']);
        hasher.write(token);
        let digest = hasher.finish();
        under_way.add(digest);
        Some(digest)
    }

    /// A string begins.
    pub(super) fn begin_text(&mut self, wanted: bool) {
        if let Some(under_way) = self.part_of(wanted) {
            under_way.text = Some(Text::default());
        }
    }

    /// More of the string under way, as on the wire: a backslash is its first byte, if there is one.
    pub(super) fn extend_text(&mut self, raw: &[u8]) {
        if let Some(text) = self.under_way.as_mut().and_then(|under_way| under_way.text.as_mut()) {
            text.push(raw);
        }
    }

    /// The string is over, and is a member's name or a value.
    pub(super) fn end_text(&mut self, is_name: bool) -> Option<u64> {
        let under_way = self.under_way.as_mut()?;
        let digest = under_way.text.take()?.finish();
        match under_way.levels.last_mut() {
            Some(Level::Object { name, .. }) if is_name => *name = digest,
            _ => under_way.add(digest),
        }
        Some(digest)
    }

    /// A member's name, whole.
    pub(super) fn name(&mut self, raw: &[u8]) {
        if self.is_active() {
            self.begin_text(false);
            self.extend_text(raw);
            self.end_text(true);
        }
    }
}

impl UnderWay {
    fn add(&mut self, value: u64) {
        match self.levels.last_mut() {
            Some(Level::List(hasher)) => hasher.write_number(value),
            Some(Level::Object { sum, name }) if *name != *LEFT_OUT => {
                *sum = sum.wrapping_add(of_parts(b':', &[*name, value]));
            }
            _ => {}
        }
    }
}
