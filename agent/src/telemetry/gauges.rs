//! What the agent holds now. Who knows a number sets it, about once a second; who reads it never waits.

use std::sync::OnceLock;
use std::time::SystemTime;

use super::Counter;
use super::family::{Family, QUEUE_SPANS, member};
use super::groups::Groups;

/// A gauge as read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) name: &'static str,
    pub(super) value: u64,
    pub(super) help: &'static str,
    pub(super) member: Option<(&'static Family, &'static str)>,
}

macro_rules! gauges {
    ($($gauge:ident: $help:literal $(=> $family:ident[$value:literal])?,)*) => {
        /// All gauges of the agent.
        #[derive(Debug, Default)]
        pub struct Gauges {
            $(#[doc = $help] pub $gauge: Counter,)*
            /// What is known of the agent's start.
            pub start: Start,
            /// Files with TLS code, by its stack and by whether probes are on it.
            pub tls_files: Groups<2>,
            /// Processes whose TLS is read, by why it is.
            pub processes_probed: Groups<1>,
            /// Of the event loop, which reads the ring.
            pub event_loop: Pulse,
            /// Of the thread that puts probes on processes.
            pub hooks: Pulse,
            /// Whether the kernel refused the event loop the look-up of its counts the last time.
            pub kernel_refuses: Counter,
        }

        impl Gauges {
            /// Every gauge without labels of its own, in a fixed order.
            pub(super) fn snapshot(&self) -> impl Iterator<Item = Reading> + use<> {
                [$(Reading {
                    name: stringify!($gauge),
                    value: self.$gauge.get(),
                    help: $help,
                    member: member!($($family $value)?),
                },)*]
                .into_iter()
            }
        }
    };
}

gauges! {
    connections_open: "sockets that are remembered",
    conversations_open: "connections of which bytes were seen, also those that are ignored by now",
    exchanges_open: "exchanges with known endpoints that are under way",
    held_bytes: "memory for what is under way on all connections",
    memory_budget_bytes: "most memory for that; past it the least valuable is dropped",
    processes_known: "processes that are remembered",
    probes_attached: "attachments of probes to files, for all processes or for one",
    queue_export: "spans that wait for the OTLP receiver" => QUEUE_SPANS["export"],
    queue_disk: "spans and log records that wait on disk for OTLP receivers" => QUEUE_SPANS["disk"],
    queue_disk_bytes: "files of the queues on disk",
    queue_place: "spans that wait for their place in a trace" => QUEUE_SPANS["place"],
    queue_sampling: "spans that wait for whether sampling keeps their trace" => QUEUE_SPANS["sampling"],
    queue_export_max_spans: "most spans that may wait to be put into batches for the OTLP receiver",
    redaction_waiting_bytes: "contents that wait to be redacted",
    traces_open: "traces that are under way",
    ring_bytes: "size of the ring buffer between kernel and agent",
}

/// What is known of the agent's start and does not change.
#[derive(Debug)]
pub struct Start {
    /// When.
    pub time: SystemTime,
    /// By which kernel hooks sockets are seen, once that is known.
    pub sockets_by: OnceLock<&'static str>,
}

impl Default for Start {
    fn default() -> Self {
        Self { time: SystemTime::now(), sockets_by: OnceLock::new() }
    }
}

/// When a thread last showed that it goes on.
#[derive(Debug, Default)]
pub struct Pulse(Counter);

impl Pulse {
    /// It goes on, at this time of `CLOCK_MONOTONIC` in nanoseconds.
    pub fn beat(&self, now_ns: u64) {
        self.0.set(now_ns);
    }

    /// For how many nanoseconds nothing was heard of it; `None` where nothing ever was.
    #[must_use]
    pub fn silent_ns(&self, now_ns: u64) -> Option<u64> {
        let last = self.0.get();
        (last > 0).then(|| now_ns.saturating_sub(last))
    }
}
