//! Requests of which their bodies tell what they are.

use std::sync::Arc;

use super::calls::{Followed, Reading};
use super::table::Conversation;
use super::{Effect, Pipeline};
use crate::correlate::tree::ExchangeKey;
use crate::event::ConnectionId;
use crate::provider::Decision;

impl Pipeline {
    /// A candidate was looked at.
    pub(super) fn decide(
        &mut self,
        connection: ConnectionId,
        conversation: &mut Conversation,
        ordinal: u64,
        decision: Decision,
        effects: &mut impl FnMut(Effect),
    ) {
        let Some(followed) = conversation.exchanges.get_mut(&ordinal) else { return };
        let Reading::Candidate { position, request, is_served, .. } = &followed.reading else { return };
        let (position, request, is_served) = (*position, Arc::clone(request), *is_served);
        match decision {
            Decision::Open => {}
            Decision::Known(interpreter) => {
                followed.reading = Reading::Known(interpreter);
                if !is_served {
                    self.judge(connection, conversation, true, effects);
                }
            }
            Decision::Foreign if is_served => {
                let key = ExchangeKey { connection, ordinal };
                let reading = self.head_alone(conversation, (key, position), &request, effects);
                if let Some(followed) = conversation.exchanges.get_mut(&ordinal) {
                    followed.reading = reading;
                }
            }
            Decision::Foreign => {
                let (key, pid) = (ExchangeKey { connection, ordinal }, followed.process.pid);
                conversation.exchanges.remove(&ordinal);
                if !self.pass(conversation, (key, pid, position), &request, effects) {
                    self.skip(connection, conversation, (ordinal, position), &request, effects);
                }
            }
        }
    }

    /// The request of an exchange is over, as far as is known.
    pub(super) fn last_look(
        &mut self,
        connection: ConnectionId,
        conversation: &mut Conversation,
        ordinal: u64,
        effects: &mut impl FnMut(Effect),
    ) {
        if let Some(Followed { reading: Reading::Candidate { candidate, request, .. }, .. }) =
            conversation.exchanges.get_mut(&ordinal)
        {
            let decision = candidate.last(request);
            self.decide(connection, conversation, ordinal, decision, effects);
        }
    }
}
