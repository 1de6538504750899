//! Spans that have to do with one another, until all that they hang on is over.

use std::collections::HashMap;

use super::{ExchangeKey, Held};
use crate::correlate::ids::IdGenerator;
use crate::correlate::span::TraceId;

/// Which slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SlotId(u64);

/// Exchanges that belong together.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// What a header said, or what was made up.
    trace_id: Option<TraceId>,
    keys: Vec<ExchangeKey>,
    /// Exchanges that are under way.
    open: usize,
    held: Vec<Held>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: HashMap<SlotId, Slot>,
    next: u64,
    held: usize,
    /// Those that came to their end lately.
    ready: Vec<SlotId>,
}

impl Slots {
    pub(super) fn begin(&mut self) -> SlotId {
        let id = SlotId(self.next);
        self.next += 1;
        self.slots.insert(id, Slot::default());
        id
    }

    /// Spans that wait.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Its trace, if that is known by now.
    pub(super) fn trace_id(&self, id: SlotId) -> Option<TraceId> {
        self.slots.get(&id)?.trace_id
    }

    /// A header says which trace it is.
    pub(super) fn learn(&mut self, id: SlotId, trace_id: TraceId) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.trace_id.get_or_insert(trace_id);
        }
    }

    /// Its trace: from now on it has one.
    pub(super) fn settle(&mut self, id: SlotId, ids: &mut IdGenerator) -> TraceId {
        match self.slots.get_mut(&id) {
            Some(slot) => *slot.trace_id.get_or_insert_with(|| ids.trace_id()),
            None => ids.trace_id(),
        }
    }

    pub(super) fn open(&mut self, id: SlotId, key: ExchangeKey) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.open += 1;
            slot.keys.push(key);
        }
    }

    pub(super) fn close(&mut self, id: SlotId) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.open = slot.open.saturating_sub(1);
            if slot.open == 0 {
                self.ready.push(id);
            }
        }
    }

    /// An exchange does not belong to one any more.
    pub(super) fn leave(&mut self, id: SlotId, key: ExchangeKey) {
        if let Some(slot) = self.slots.get_mut(&id)
            // Most leave soon after they came.
            && let Some(at) = slot.keys.iter().rposition(|known| *known == key)
        {
            slot.keys.swap_remove(at);
        }
    }

    /// Forgets those exchanges of one that are not to stay.
    pub(super) fn retain_keys(&mut self, id: SlotId, stays: impl FnMut(&ExchangeKey) -> bool) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.keys.retain(stays);
        }
    }

    /// What is in one goes into another one: its exchanges, which are of that one from now on.
    pub(super) fn merge(&mut self, from: SlotId, to: SlotId) -> Option<Vec<ExchangeKey>> {
        if from == to || !self.slots.contains_key(&to) {
            return None;
        }
        let gone = self.slots.remove(&from)?;
        let slot = self.slots.get_mut(&to)?;
        slot.trace_id = slot.trace_id.or(gone.trace_id);
        slot.open += gone.open;
        slot.held.extend(gone.held);
        slot.keys.extend(&gone.keys);
        Some(gone.keys)
    }

    /// A span waits in a slot, or in one of its own.
    pub(super) fn hold(&mut self, id: Option<SlotId>, held: Held) {
        let id = id.filter(|id| self.slots.contains_key(id)).unwrap_or_else(|| self.begin());
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.held.push(held);
            self.held += 1;
            if slot.open == 0 {
                self.ready.push(id);
            }
        }
    }

    /// Slots of which nothing is under way or that hold spans, the oldest first.
    pub(super) fn all(&mut self) -> Vec<SlotId> {
        self.ready.clear();
        let is_meant = |slot: &Slot| slot.open == 0 || !slot.held.is_empty();
        let mut all: Vec<_> =
            self.slots.iter().filter(|(_, slot)| is_meant(slot)).map(|(id, _)| *id).collect();
        all.sort_unstable();
        all
    }

    /// Slots that came to their end since this was asked last.
    pub(super) fn ready(&mut self) -> Vec<SlotId> {
        std::mem::take(&mut self.ready)
    }

    /// Whether nothing of it is under way.
    pub(super) fn is_closed(&self, id: SlotId) -> bool {
        self.slots.get(&id).is_some_and(|slot| slot.open == 0)
    }

    /// The spans that wait.
    pub(super) fn waiting(&self, id: SlotId) -> &[Held] {
        self.slots.get(&id).map_or(&[], |slot| &slot.held)
    }

    /// Takes out the spans that wait.
    pub(super) fn take(&mut self, id: SlotId) -> Vec<Held> {
        let held = self.slots.get_mut(&id).map(|slot| std::mem::take(&mut slot.held)).unwrap_or_default();
        self.held = self.held.saturating_sub(held.len());
        held
    }

    /// Forgets one; its exchanges.
    pub(super) fn remove(&mut self, id: SlotId) -> Vec<ExchangeKey> {
        self.slots.remove(&id).map(|slot| slot.keys).unwrap_or_default()
    }
}
