//! What a model answers, as a later request would say it.

use super::message::{self, Role, Unit};
use crate::call::{Call, ToolCall};
use crate::provider::follow::End;
use crate::provider::json::Json;
use crate::provider::json::digest::Said;

/// Bytes of a piece of text in a stream; of a longer one not all is known.
pub(in crate::provider) const DELTA: usize = 64 * 1024;

/// Things said that are kept of one answer.
const UNITS_MAX: usize = 1024;

/// An answer as it comes, whole or in pieces.
#[derive(Debug, Default)]
pub(in crate::provider) struct Reply {
    units: Vec<Unit>,
    /// The text under way, with its place.
    text: Option<(u64, Said)>,
    /// Not all of it is known.
    is_broken: bool,
}

impl Reply {
    /// A message of it came whole.
    pub(in crate::provider) fn message(&mut self, message: &Json) {
        // Most events of a stream have none.
        if !message.is_object() {
            return;
        }
        self.is_broken |= !message::is_whole(message);
        message::read(Role::Assistant, message, &mut |unit| self.units.push(unit));
        self.bound();
    }

    /// A piece of the text with such a place came.
    pub(in crate::provider) fn piece(&mut self, place: u64, piece: &Json) {
        let Json::Text { text, cut, .. } = piece else { return };
        self.is_broken |= *cut;
        if self.text.as_ref().is_some_and(|(known, _)| *known != place) {
            self.end_text();
        }
        if !text.is_empty() {
            let (_, under_way) = self.text.get_or_insert_with(|| (place, Said::default()));
            under_way.write(text.as_bytes());
        }
    }

    /// A text of it came whole.
    pub(in crate::provider) fn text(&mut self, text: &Json) {
        message::text_of(text, &mut |unit| self.units.push(unit));
    }

    /// A tool is to be called.
    pub(in crate::provider) fn call(&mut self, call: ToolCall) {
        self.end_text();
        self.units.push(Unit::Call(call, None));
        self.bound();
    }

    /// Something came of which it is not known how a request would say it.
    pub(in crate::provider) fn give_up(&mut self) {
        self.is_broken = true;
    }

    fn end_text(&mut self) {
        if let Some((_, text)) = self.text.take() {
            self.units.push(Unit::Text(text.finish()));
            self.bound();
        }
    }

    fn bound(&mut self) {
        if self.units.len() > UNITS_MAX {
            self.units.clear();
            self.is_broken = true;
        }
    }

    /// The exchange is over, and all of its request is known.
    pub(in crate::provider) fn finish(mut self, end: &End<'_>, call: &mut Call) {
        self.end_text();
        let is_damaged = call.notes.iter().any(|note| note.starts_with("stream event is"));
        let is_whole = call.is_final && !end.cut && end.exchange.missing_bytes == 0 && !is_damaged;
        // What the vendor keeps is gone on with by its id.
        let is_kept = call.previous_response_id.is_some() || call.conversation_id.is_some();
        if !is_whole || self.is_broken || call.error_code.is_some() {
            return;
        }
        if let [Unit::Text(text)] = &*self.units {
            call.dialogue.answer = Some(*text);
        }
        if let Some(last) = call.dialogue.prefixes.last().copied().filter(|_| !is_kept) {
            let chain = self.units.iter().fold(last, |chain, unit| unit.follow(chain, Role::Assistant));
            call.dialogue.reply = Some(chain).filter(|chain| *chain != last);
        }
    }
}
