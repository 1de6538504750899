//! Requests by which processes hand spans of their own to a receiver.

use super::calls::{Followed, Reading};
use super::table::Conversation;
use super::{Effect, Pipeline};
use crate::correlate::exporters::Export;

impl Pipeline {
    /// A process handed spans to a receiver; whether the answer is of interest.
    pub(super) fn saw_export(
        &mut self,
        conversation: &Conversation,
        pid: u32,
        export: Export,
        effects: &mut impl FnMut(Effect),
    ) -> bool {
        let mut spans = Vec::new();
        let wants_answer = self.correlator.saw_export(pid, export, conversation.moved_ns, &mut spans);
        self.placed(spans, effects);
        wants_answer
    }

    /// An exchange was answered, or ended without an answer: if it handed spans to a receiver, that is told.
    pub(super) fn export_answered(
        &mut self,
        conversation: &mut Conversation,
        ordinal: u64,
        is_accepted: bool,
    ) {
        let followed = conversation.exchanges.get(&ordinal);
        if let Some(Followed { reading: Reading::Export, process }) = followed {
            self.correlator.export_answered(process.pid, is_accepted, conversation.moved_ns);
            conversation.exchanges.remove(&ordinal);
        }
    }
}
