//! A list whose elements are folded into a conversation as they come: all of them, however many are kept.

use super::{Level, Reader};
use crate::provider::dialogue::Thread;
use crate::provider::json::{Json, LIST_MAX};

/// The conversation of one document.
#[derive(Debug, Default)]
pub(super) struct Fold {
    pub(super) thread: Thread,
    /// How many levels there are where its elements stand; `None` once its end came.
    levels: Option<usize>,
    /// Bytes and values that were kept before the element under way.
    kept: (usize, usize),
}

impl Fold {
    pub(super) fn held_bytes(&self) -> usize {
        self.thread.held_bytes()
    }

    pub(super) fn is_whole(&self) -> bool {
        self.levels.is_none()
    }
}

impl Reader {
    /// The list begins whose elements stand at this level.
    pub(super) fn begin_fold(&mut self) {
        // Behind a gap it is not known where in the conversation one is.
        if !self.digests.is_off {
            let kept = (self.kept_bytes, self.kept_values);
            self.fold = Some(Box::new(Fold { levels: Some(self.levels.len()), kept, ..Fold::default() }));
        }
    }

    /// Whether the innermost level is that list.
    pub(super) fn is_folding(&self) -> bool {
        self.fold.as_ref().is_some_and(|fold| fold.levels == Some(self.levels.len()))
    }

    /// The innermost level ends.
    pub(super) fn end_fold(&mut self) {
        let levels = self.levels.len();
        if let Some(fold) = self.fold.as_mut().filter(|fold| fold.levels == Some(levels)) {
            fold.levels = None;
        }
    }

    /// Takes an element over; gives it back if it is to be kept, too.
    pub(super) fn fold(&mut self, element: Option<Json>) -> Option<Json> {
        let fold = self.fold.as_mut()?;
        fold.thread.take(element.as_ref().unwrap_or(&Json::Null), self.overflowed);
        let is_full = matches!(self.levels.last(),
            Some(Level { value: Json::List { items, .. }, .. }) if items.len() >= LIST_MAX);
        if is_full {
            (self.kept_bytes, self.kept_values) = fold.kept;
            self.spare.take_back(element?);
            return None;
        }
        fold.kept = (self.kept_bytes, self.kept_values + 1);
        element
    }
}
