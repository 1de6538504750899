//! What is counted of calls on their way to spans.

/// How many calls had headers of which the trace they belong to is not plain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContextCounts {
    /// They name several traces.
    pub conflicts: u64,
    /// One of them is invalid.
    pub invalid: u64,
}

/// How many calls were billed that have no cost, by what is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnpricedCalls {
    /// Nobody says what the model costs.
    pub models: u64,
    /// The counts of tokens contradict each other.
    pub counts: u64,
}
