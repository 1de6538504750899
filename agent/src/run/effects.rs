//! What the pipeline asks for, done.

use tracing::warn;

use super::{Agent, monotonic_ns};
use crate::attach::Sign;
use crate::pipeline::Effect;

impl Agent {
    /// Does what the pipeline asks for.
    pub(super) fn perform(&mut self) {
        while let Some(effect) = self.effects.pop_front() {
            match effect {
                Effect::Span(span) => {
                    if let Some(span) = self.redacting.span(span) {
                        self.exporting.add(span);
                    }
                }
                Effect::Said(said) => self.redacting.said(said),
                Effect::Decide { connection, position, verdict } => {
                    if self.control.decide(connection, position, verdict).is_err() {
                        self.counters.verdicts_refused.increment();
                    }
                }
                Effect::TlsClient { pid, server_name, known } => {
                    self.hooks.sign(pid, Sign::Client { server_name, known });
                }
                Effect::Dismiss { pid, peer, hello_bytes } => {
                    if self.control.dismiss(pid, peer, hello_bytes, monotonic_ns()).is_err() {
                        self.counters.verdicts_refused.increment();
                    }
                }
                Effect::Judged { pid, of_interest } => self.hooks.judged(pid, of_interest),
                Effect::Traced { pid } => self.hooks.traced(pid),
                Effect::ReadWhole { path } => {
                    if self.control.read_whole(path).is_err() {
                        self.counters.verdicts_refused.increment();
                    }
                }
                Effect::Called { pid } => self.hooks.called(pid),
                Effect::KeysFailed { pid } => self.hooks.sign(pid, Sign::Unreadable),
                Effect::Met { pid, ends } => self.hooks.met(pid, ends),
                Effect::Excluded { pid } => self.hooks.exclude(pid),
                Effect::ProcessEnded { pid, time_ns } => {
                    self.hooks.ended(pid, time_ns);
                    if self.redacting.process_ended(pid) {
                        self.exporting.process_ended(pid);
                    }
                }
                Effect::Unseen(unseen) => {
                    self.status.remember(&unseen);
                    if let Some(line) = self.unseen.take(&unseen) {
                        warn!("{line}");
                    }
                    if self.exporting.wants_unseen()
                        && let Some(unseen) = self.redacting.unseen(unseen)
                    {
                        self.exporting.unseen(&unseen);
                    }
                }
            }
        }
    }
}
