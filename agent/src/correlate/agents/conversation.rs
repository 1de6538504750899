//! Which conversation a call goes on with, by digests of its messages.

use std::collections::{HashMap, VecDeque};

use crate::call::Call;
use crate::correlate::ids::IdGenerator;
use crate::correlate::span::SpanId;

/// Digests, and ids of responses, that are remembered; past it the oldest are forgotten.
const ENDS: usize = 65_536;

/// A conversation, under a name of the agent's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ConversationId(SpanId);

impl ConversationId {
    /// The value of `spanwire.conversation.id`.
    pub(super) fn text(self) -> String {
        self.0.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What a conversation ended with so far.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum End {
    /// The messages of a request.
    Asked(u64),
    /// These, and the answer.
    Answered(u64),
    /// An answer, by its id.
    Response(String),
}

/// What is known of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// By this process first.
    One(ConversationId, u32),
    /// Several conversations had the same messages: which of them goes on is not known.
    Several,
}

/// Conversations by what they ended with.
#[derive(Debug, Default)]
pub(super) struct Conversations {
    ends: HashMap<End, Whose>,
    oldest_first: VecDeque<End>,
}

impl Conversations {
    /// The conversation of a process's call: the one that it goes on with, that of an attempt that failed, or a new one; and
    /// whether it is new.
    pub(super) fn of(
        &mut self,
        pid: u32,
        call: &Call,
        tried: Option<ConversationId>,
        ids: &mut IdGenerator,
    ) -> (ConversationId, bool) {
        let known = tried.or_else(|| self.find(pid, call));
        let conversation = known.unwrap_or_else(|| ConversationId(ids.span_id()));
        let dialogue = &call.dialogue;
        // A message that begins several conversations alike says nothing: what was answered tells them apart.
        if let Some(last) = dialogue.prefixes.last() {
            self.remember(End::Asked(*last), (conversation, pid));
        }
        if let Some(reply) = dialogue.reply {
            self.remember(End::Answered(reply), (conversation, pid));
        }
        if let Some(id) = &call.response_id {
            self.remember(End::Response(id.clone()), (conversation, pid));
        }
        (conversation, known.is_none())
    }

    fn find(&self, pid: u32, call: &Call) -> Option<ConversationId> {
        if let Some(id) = &call.previous_response_id {
            return self.get(&End::Response(id.clone())).map(|(conversation, _)| conversation);
        }
        let prefixes = &call.dialogue.prefixes;
        let answered = prefixes.iter().rev().find_map(|prefix| self.get(&End::Answered(*prefix)));
        // All but the last one: a request with the same messages may be the begin of another conversation.
        // Nor do other processes go on with it: what they begin with the same words is their own.
        let asked = |prefix: &u64| self.get(&End::Asked(*prefix)).filter(|(_, asker)| *asker == pid);
        answered
            .or_else(|| prefixes.iter().rev().skip(1).find_map(asked))
            .map(|(conversation, _)| conversation)
    }

    fn get(&self, end: &End) -> Option<(ConversationId, u32)> {
        match self.ends.get(end)? {
            Whose::One(conversation, pid) => Some((*conversation, *pid)),
            Whose::Several => None,
        }
    }

    fn remember(&mut self, end: End, (conversation, pid): (ConversationId, u32)) {
        if let Some(known) = self.ends.get_mut(&end) {
            if !matches!(known, Whose::One(known, _) if *known == conversation) {
                *known = Whose::Several;
            }
            return;
        }
        if self.oldest_first.len() >= ENDS
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.ends.remove(&oldest);
        }
        self.oldest_first.push_back(end.clone());
        self.ends.insert(end, Whose::One(conversation, pid));
    }
}
