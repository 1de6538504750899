//! From calls to spans: names, attributes, times, and the place in a trace.

pub mod span;
pub mod traceparent;
