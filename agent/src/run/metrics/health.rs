//! Whether the agent captures.

use std::fmt::Write as _;

use serde::Serialize;

use crate::telemetry::Gauges;

/// How long nothing may be heard of the event loop, which says every second that it goes on.
const LOOP_SILENT_NS: u64 = 10_000_000_000;
/// The same of the thread that puts probes on processes, which may have to wait for files and for the kernel.
const HOOKS_SILENT_NS: u64 = 60_000_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// What is answered to who asks.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Health {
    pub(super) status: Status,
    /// Why it does not capture; empty if it does.
    pub(super) reasons: Vec<String>,
    /// What a new start would not mend.
    pub(super) warnings: Vec<String>,
    version: &'static str,
}

/// In one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// It captures.
    Ok,
    /// It does not yet.
    Starting,
    /// It does not, or not all.
    Failing,
}

/// Judges by what the threads left, at this time of `CLOCK_MONOTONIC`.
pub(super) fn judge(gauges: &Gauges, now_ns: u64) -> Health {
    let mut health = Health {
        status: Status::Ok,
        reasons: Vec::new(),
        warnings: Vec::new(),
        version: env!("CARGO_PKG_VERSION"),
    };
    let Some(loop_ns) = gauges.event_loop.silent_ns(now_ns) else {
        health.status = Status::Starting;
        health.reasons.push("capture has not begun".to_owned());
        return health;
    };
    if loop_ns > LOOP_SILENT_NS {
        health.reasons.push(format!(
            "the event loop has not answered for {} s: what the kernel captures is not read",
            loop_ns / SECOND_NS
        ));
    }
    if gauges.kernel_refuses.get() > 0 {
        health.reasons.push("the kernel refuses the agent what its BPF programs counted".to_owned());
    }
    // It goes on before the event loop does.
    let hooks_ns = gauges.hooks.silent_ns(now_ns).unwrap_or(u64::MAX);
    if hooks_ns > HOOKS_SILENT_NS {
        let mut reason = "the thread that puts probes on processes has not answered".to_owned();
        if hooks_ns < u64::MAX {
            let _ = write!(reason, " for {} s", hooks_ns / SECOND_NS);
        }
        health.reasons.push(reason + ": new programs are not seen");
    }
    if !health.reasons.is_empty() {
        health.status = Status::Failing;
    }
    let (waiting, most) = (gauges.queue_export.get(), gauges.queue_export_max_spans.get());
    if most > 0 && waiting > most / 2 {
        health.warnings.push(format!(
            "{waiting} spans wait for the OTLP receiver, and there is room for about {most}: it is slow or away"
        ));
    }
    let (held, budget) = (gauges.held_bytes.get(), gauges.memory_budget_bytes.get());
    if held > budget / 4 * 3 {
        health.warnings.push(format!("{held} of {budget} bytes of the memory budget are in use"));
    }
    health
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000 * SECOND_NS;

    fn gauges(loop_seconds: u64, hooks_seconds: u64) -> Gauges {
        let gauges = Gauges::default();
        gauges.event_loop.beat(NOW - loop_seconds * SECOND_NS);
        gauges.hooks.beat(NOW - hooks_seconds * SECOND_NS);
        gauges
    }

    #[test]
    fn threads_that_go_on_are_well_and_silent_ones_are_named() {
        for (loop_seconds, hooks_seconds, reasons) in [
            (0, 0, &[][..]),
            (10, 60, &[]),
            (11, 0, &["the event loop has not answered for 11 s"]),
            (0, 61, &["the thread that puts probes on processes has not answered for 61 s"]),
            (500, 500, &["the event loop", "the thread that puts probes"]),
        ] {
            let health = judge(&gauges(loop_seconds, hooks_seconds), NOW);
            let is_as_said =
                health.reasons.iter().zip(reasons).all(|(reason, said)| reason.starts_with(said));
            assert!(health.reasons.len() == reasons.len() && is_as_said, "{health:?}");
            assert_eq!(health.status == Status::Ok, reasons.is_empty());
        }
    }

    #[test]
    fn before_capture_it_is_starting() {
        assert_eq!(judge(&Gauges::default(), NOW).status, Status::Starting);
        let without_hooks = Gauges::default();
        without_hooks.event_loop.beat(NOW);
        assert_eq!(judge(&without_hooks, NOW).status, Status::Failing);
    }

    #[test]
    fn a_kernel_that_refuses_is_a_reason_and_a_receiver_that_is_away_none() {
        let refused = gauges(0, 0);
        refused.kernel_refuses.set(1);
        assert_eq!(judge(&refused, NOW).status, Status::Failing);
        let waiting = gauges(0, 0);
        waiting.queue_export_max_spans.set(100);
        waiting.queue_export.set(50);
        assert!(judge(&waiting, NOW).warnings.is_empty());
        waiting.queue_export.set(51);
        let health = judge(&waiting, NOW);
        assert!(health.status == Status::Ok && health.warnings.len() == 1, "{health:?}");
    }
}
