//! Where a document ends, and what is left of one that has a gap.

use super::{Level, Reader, State};
use crate::provider::json::Json;
use crate::provider::json::tree::{Document, Ending, put};

impl Reader {
    /// Bytes are missing here. What closes behind them closes what had begun before: the members of the
    /// document itself are told apart once its end is there.
    pub(in crate::provider) fn gap(&mut self) {
        if self.is_over() {
            return;
        }
        self.begun = true;
        let behind = [State::Anything, State::String { is_key: false, escaped: false }];
        self.behind = Some(Box::new(behind.map(|state| {
            let mut reader = Self { state, begun: true, ..Self::new(self.shape) };
            reader.levels.push(Level::floor());
            reader.digests.is_off = true;
            reader
        })));
    }

    /// The document is over.
    pub(in crate::provider) fn finish(mut self) -> Document {
        self.end()
    }

    pub(super) fn end(&mut self) -> Document {
        if self.state == State::Scalar && self.levels.is_empty() {
            self.end_scalar();
        }
        let ending = match (&self.state, self.begun, &self.behind) {
            (_, false, _) => Ending::Empty,
            (_, _, Some(_)) => Ending::Gap,
            (State::Done, ..) => Ending::Whole,
            (State::Failed, ..) => Ending::Invalid,
            _ => Ending::Cut,
        };
        // What had come when it stopped is no less true; how much was to come of a list is not known.
        self.outline = None;
        self.digests.drop_all();
        let thread = self.fold.take().filter(|fold| fold.is_whole()).map(|fold| fold.thread);
        for level in &mut self.levels {
            if let Json::List { count, .. } = &mut level.value {
                *count = None;
            }
        }
        while self.levels.len() > 1 {
            self.close();
        }
        let last = self.levels.pop().map(|level| level.value);
        let mut root = last.unwrap_or_else(|| std::mem::take(&mut self.root));
        let mut overflowed = self.overflowed;
        if let Some(behind) = self.behind.take() {
            let [outside, inside] = *behind;
            overflowed |= outside.overflowed || inside.overflowed;
            let found = match (outside.found(), inside.found()) {
                (Some(one), Some(other)) if one == other => Some(one),
                (Some(found), None) | (None, Some(found)) => Some(found),
                _ => None,
            };
            if let (Json::Object(known), Some(Json::Object(found))) = (&mut root, found) {
                for (key, value) in found {
                    put(known, key, value);
                }
            }
        }
        Document { root, ending, overflowed, thread }
    }

    /// Behind a gap: the document's own members, if its end came and was right.
    fn found(self) -> Option<Json> {
        (self.state == State::Surfaced && self.root.is_object()).then_some(self.root)
    }
}
