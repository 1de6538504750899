//! spanwire: an eBPF agent that turns unmodified programs' LLM traffic into OpenTelemetry spans.
//!
//! The modules are the stages that a captured chunk walks through, in this order; each imports only
//! from those left of it, and `pipeline` alone knows them all (`cargo xtask tidy` checks both):
//!
//! `bpf → event → stream → protocol → exchange → call → provider → price → correlate → redact → health → export`
//!
//! Two of them are vocabularies: `event` is what `bpf` says, `call` is what `provider` says. `value` is what
//! the attributes of spans and processes hold.

pub mod attach;
pub mod audit;
pub mod binary;
pub mod bpf;
pub mod call;
pub mod cli;
pub mod config;
pub mod correlate;
pub mod demo;
pub mod discovery;
pub mod event;
pub mod exchange;
pub mod export;
pub mod health;
mod percent;
pub mod pipeline;
pub mod preflight;
pub mod price;
pub mod protocol;
pub mod provider;
pub mod redact;
pub mod run;
pub mod service;
pub mod stream;
pub mod telemetry;
pub mod value;
