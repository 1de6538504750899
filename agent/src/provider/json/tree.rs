//! What has been read of a document, level by level.

use super::shape::{ANY, Shape};
use super::{Json, LIST_MAX};
use crate::provider::dialogue::Thread;

/// Levels of nesting; deeper documents are refused, as by most clients' parsers.
pub(super) const DEPTH_MAX: usize = 512;

/// How a document ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::provider) enum Ending {
    /// The document is whole.
    Whole,
    /// No byte of it came.
    Empty,
    /// It stops in the middle.
    Cut,
    /// Bytes of it are missing; what is certain of the rest was kept.
    Gap,
    /// It is not JSON from some byte on.
    Invalid,
}

/// What was read of a document.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::provider) struct Document {
    /// What was wanted and was there.
    pub(in crate::provider) root: Json,
    /// How far it goes.
    pub(in crate::provider) ending: Ending,
    /// More was wanted than is kept.
    pub(in crate::provider) overflowed: bool,
    /// The conversation that it goes on with, if all of it came.
    pub(in crate::provider) thread: Option<Thread>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    List,
    /// A level that began before a gap.
    Unknown,
}

/// A list or object under way.
#[derive(Debug)]
pub(super) struct Level {
    pub(super) kind: Kind,
    /// Where it stands in the shape; `None` when it is skipped.
    pub(super) node: Option<usize>,
    /// The member whose value is next.
    pub(super) member: Option<usize>,
    pub(super) value: Json,
}

impl Level {
    pub(super) fn floor() -> Self {
        Self { kind: Kind::Unknown, node: None, member: None, value: Json::Object(Vec::new()) }
    }

    /// A value of this level is whole; `None` for one that is not wanted.
    pub(super) fn add(&mut self, value: Option<Json>, shape: &Shape, room: bool) -> Added {
        let member = self.member.take();
        if let Json::List { count, .. } = &mut self.value {
            *count = count.map(|count| count.saturating_add(1));
        }
        let Some(value) = value else { return Added::Unwanted };
        if !room {
            return Added::NoRoom;
        }
        match (&mut self.value, member) {
            (Json::List { items, .. }, _) => items.push(value),
            (Json::Object(members), Some(node)) => put(members, shape.key(node), value),
            _ => return Added::Unwanted,
        }
        Added::Kept
    }
}

/// What became of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    Kept,
    NoRoom,
    Unwanted,
}

/// Allocations of documents that were read, for the next one: events of a stream come by the hundred, and
/// look alike. A few of each, and no large ones.
#[derive(Debug, Default)]
pub(super) struct Spare {
    pub(super) objects: Vec<Vec<(&'static str, Json)>>,
    pub(super) lists: Vec<Vec<Json>>,
    pub(super) texts: Vec<String>,
}

/// Most allocations of a kind that are spare, and of how many members, elements or bytes each.
const SPARE_MAX: usize = 16;
const SPARE_MAX_CAPACITY: usize = 64;

impl Spare {
    /// Takes a value apart that is not needed any more.
    pub(super) fn take_back(&mut self, value: Json) {
        match value {
            Json::Object(mut members) => {
                members.drain(..).for_each(|(_, member)| self.take_back(member));
                if self.objects.len() < SPARE_MAX && members.capacity() <= SPARE_MAX_CAPACITY {
                    self.objects.push(members);
                }
            }
            Json::List { mut items, .. } => {
                items.drain(..).for_each(|item| self.take_back(item));
                if self.lists.len() < SPARE_MAX && items.capacity() <= SPARE_MAX_CAPACITY {
                    self.lists.push(items);
                }
            }
            Json::Text { mut text, .. } => {
                text.clear();
                if self.texts.len() < SPARE_MAX && text.capacity() <= SPARE_MAX_CAPACITY {
                    self.texts.push(text);
                }
            }
            Json::Null
            | Json::Bool(_)
            | Json::Unsigned(_)
            | Json::Signed(_)
            | Json::Float(_)
            | Json::Digest(_) => {}
        }
    }

    /// At the most.
    pub(super) fn held_bytes(&self) -> usize {
        let objects = self.objects.len() * size_of::<(&str, Json)>() * 4;
        objects + self.lists.len() * size_of::<Json>() * 4 + self.texts.len() * SPARE_MAX_CAPACITY
    }
}

/// The last of several members of one name holds. Of those whose names nobody asked for, all are kept that there is
/// room for.
pub(super) fn put(members: &mut Vec<(&'static str, Json)>, key: &'static str, value: Json) {
    if key == ANY {
        if members.len() < LIST_MAX {
            members.push((key, value));
        }
        return;
    }
    match members.iter_mut().find(|(known, _)| *known == key) {
        Some((_, known)) => *known = value,
        None => members.push((key, value)),
    }
}
