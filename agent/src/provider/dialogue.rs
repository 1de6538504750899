//! What requests and answers of all chats have in common: a conversation as a chain of digests.
//!
//! Each thing that a message says is a link: a text, a tool that is to be called, a result, a part of another kind. What
//! the messages are cut into does not matter, nor what programs add to them on their way or leave away: of
//! a model's messages count the texts, and the ids and names of the tools that it wants called.

use super::json::digest::{of_parts, of_text};
use super::json::{Json, Shape};
use crate::call::{Call, Dialogue, ToolCall, ToolResult};
pub(super) use message::{CHAT, COHERE_V1, CONTENTS, ITEMS, MESSAGES, TURNS, call, is_call};
use message::{Role, Unit};
pub(super) use reply::{DELTA, Reply};

mod message;
mod reply;
#[cfg(test)]
mod tests;

/// A conversation as the messages of a request tell it, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Thread {
    /// The digest of all that was said.
    chain: u64,
    system: Option<u64>,
    /// A message came that is not the system's.
    begun: bool,
    prefixes: Vec<u64>,
    skipped: u64,
    /// Tools that the model's last messages want called, each with the digest of its arguments.
    asked: Vec<(ToolCall, Option<u64>)>,
    /// The last message was the model's.
    asks: bool,
    results: Vec<ToolResult>,
    /// How many results came, kept or not.
    result_count: usize,
    /// Not all of a message was kept: what follows has no place.
    is_broken: bool,
}

impl Thread {
    /// Takes the next message; `cut` if not all that is wanted of it was kept.
    pub(super) fn take(&mut self, message: &Json, cut: bool) {
        let role = message::role(message);
        self.is_broken |= cut || !message::is_whole(message);
        let before = self.chain;
        let mut units = Vec::new();
        message::read(role, message, &mut |unit| units.push(unit));
        if role == Role::System {
            if !self.begun {
                self.system = units.iter().fold(self.system, |system, unit| {
                    Some(unit.follow(system.unwrap_or_default(), role)).filter(|_| !self.is_broken)
                });
            }
            return;
        }
        self.begun = true;
        if role == Role::Assistant && !units.is_empty() {
            if !self.asks {
                self.asked.clear();
            }
            self.results.clear();
            self.result_count = 0;
        }
        for unit in units {
            self.chain = unit.follow(self.chain, role);
            self.asks = role == Role::Assistant;
            match unit {
                Unit::Call(call, arguments) if self.asked.len() < Call::PARTS_MAX => {
                    self.asked.push((call, arguments));
                }
                Unit::Result(result, _) => self.result(result),
                Unit::Call(..) | Unit::Text(_) | Unit::Other(_) => {}
            }
        }
        if self.chain != before && !self.is_broken {
            self.prefixes.push(self.chain);
            if self.prefixes.len() >= 2 * Dialogue::PREFIXES_MAX {
                self.forget();
            }
        }
    }

    /// A result whose tool is not named is that of the call with its id, or with its place where there are no ids.
    fn result(&mut self, mut result: ToolResult) {
        let by_id = |(call, _): &&(ToolCall, _)| result.call_id.is_some() && call.id == result.call_id;
        let asked = match self.asked.iter().find(by_id) {
            None if result.call_id.is_none() => self.asked.get(self.result_count),
            found => found,
        };
        result.name = result.name.or_else(|| asked.map(|(call, _)| call.name.clone()));
        result.arguments = asked.and_then(|(_, arguments)| *arguments);
        self.result_count += 1;
        if self.results.len() < Call::PARTS_MAX {
            self.results.push(result);
        }
    }

    /// Only the last prefixes stay.
    fn forget(&mut self) {
        let more = self.prefixes.len().saturating_sub(Dialogue::PREFIXES_MAX);
        self.prefixes.drain(..more);
        self.skipped += more as u64;
    }

    pub(super) fn held_bytes(&self) -> usize {
        let results = self.results.capacity() * size_of::<ToolResult>();
        size_of::<Self>() + self.prefixes.capacity() * size_of::<u64>() + results
    }

    /// All messages came.
    pub(super) fn finish(mut self, call: &mut Call) {
        self.forget();
        if self.result_count > self.results.len() {
            call.note("more tool results than are kept");
        }
        if self.is_broken {
            self.prefixes.clear();
        }
        self.prefixes.shrink_to_fit();
        call.dialogue = Dialogue {
            system: self.system,
            prefixes: self.prefixes,
            skipped: self.skipped,
            tool_results: self.results,
            ..Dialogue::default()
        };
    }
}

/// Takes over instructions that stand apart from the messages.
pub(super) fn instruct(instructions: &Json, call: &mut Call) {
    if let Some(digest) = instructions.digest().filter(|digest| *digest != of_text("")) {
        let system = &mut call.dialogue.system;
        *system = Some(of_parts(b's', &[system.unwrap_or_default(), digest]));
    }
}

/// Takes over a text that stands apart from the messages, behind them, as what the user says.
pub(super) fn ask(text: &Json, call: &mut Call) {
    message::text_of(text, &mut |unit| push(&unit, call));
}

/// The same, of a last message that stands apart with what tools gave.
pub(super) fn add(message: &Json, call: &mut Call) {
    message::read(Role::User, message, &mut |unit| {
        push(&unit, call);
        if let Unit::Result(result, _) = unit
            && call.dialogue.tool_results.len() < Call::PARTS_MAX
        {
            call.dialogue.tool_results.push(result);
        }
    });
}

fn push(unit: &Unit, call: &mut Call) {
    let last = call.dialogue.prefixes.last().copied().unwrap_or_default();
    call.dialogue.prefixes.push(unit.follow(last, Role::User));
}

/// The messages follow others that the vendor keeps, under such an id.
pub(super) fn go_on(id: &str, call: &mut Call) {
    let seed = of_text(id);
    call.dialogue.prefixes.iter_mut().for_each(|prefix| *prefix = of_parts(b'f', &[seed, *prefix]));
}

/// Names of tools that are offered, each as the dialect has it.
pub(super) fn offer<'a>(names: impl Iterator<Item = &'a Json>, call: &mut Call) {
    let tools = &mut call.dialogue.tools;
    let room = Dialogue::TOOLS_MAX.saturating_sub(tools.len());
    tools.extend(names.filter_map(Json::text).take(room));
}

impl Shape {
    /// The same paths, and those of messages that stand in this list.
    pub(super) fn and_dialogue(
        self,
        list: &'static str,
        element: &'static str,
        of_message: &[(&'static str, usize)],
    ) -> Self {
        self.and_below(element, of_message).fold(list)
    }
}
