//! Where a chat's call stands in its conversation, told by digests: nothing of what was said is kept.
//!
//! Digests are keyed anew with each start of the agent, and of use only beside one another.

/// What a call's messages have in common with those of other calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dialogue {
    /// Digest of the instructions for the model; `None` when there are none, or not all of them came.
    pub system: Option<u64>,
    /// After each message that says something, the digest of all up to it, system messages left out: those of two calls
    /// are equal as far as their conversations are. At most [`Dialogue::PREFIXES_MAX`], the last ones; none when
    /// the messages did not come whole.
    pub prefixes: Vec<u64>,
    /// How many stood before the first of `prefixes`.
    pub skipped: u64,
    /// The digest that follows the last of `prefixes` in a request that goes on with this call's answer; `None` where
    /// that is not known.
    pub reply: Option<u64>,
    /// Digest of the text that the answer is; `None` where it is something else or more, or not known.
    pub answer: Option<u64>,
    /// Results of tools that the request brings behind the last message of the model, in their order; at most
    /// [`super::Call::PARTS_MAX`].
    pub tool_results: Vec<ToolResult>,
    /// Names of the tools that were offered, in their order; at most [`Dialogue::TOOLS_MAX`].
    pub tools: Vec<String>,
    /// The agent's name, where the wire has one.
    pub agent_name: Option<String>,
}

/// What a tool gave, which is content; and which call of it asked for that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolResult {
    /// The id of the call; some APIs have none.
    pub call_id: Option<String>,
    /// The tool's name, from the result or from the message that asked for it.
    pub name: Option<String>,
    /// The request says that the tool failed.
    pub is_error: bool,
    /// Digest of the arguments, where the request has the message that asked for it.
    pub arguments: Option<u64>,
    /// Digest of the text that it gave, if that is all that it gave.
    pub gave: Option<u64>,
}

impl Dialogue {
    /// Prefixes that are kept of one call.
    pub const PREFIXES_MAX: usize = 4096;

    /// Tools whose names are kept of one call.
    pub const TOOLS_MAX: usize = 128;
}
