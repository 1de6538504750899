//! What the BPF programs log, in the agent's log.

use aya::Ebpf;

use super::LoadError;
use super::ring::readable;
use crate::telemetry::PROBE_LOG_TARGET;

/// Gives what the programs log a name of its own, which the log lets pass at every level: the
/// programs themselves say no more than they were asked to.
struct ProbeLogger;

impl ::log::Log for ProbeLogger {
    fn enabled(&self, _metadata: &::log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &::log::Record<'_>) {
        let (level, text) = (record.level(), record.args());
        ::log::log!(target: PROBE_LOG_TARGET, level, "{text}");
    }

    fn flush(&self) {}
}

/// Passes on what the programs log, for as long as the runtime lives that calls this.
///
/// # Errors
/// When the programs have no log, or it cannot be polled.
pub(super) fn follow(ebpf: &mut Ebpf) -> Result<(), LoadError> {
    let mut logger = readable(aya_log::EbpfLogger::init_with_logger(ebpf, ProbeLogger)?)?;
    tokio::spawn(async move {
        while let Ok(mut ready) = logger.readable_mut().await {
            ready.get_inner_mut().flush();
            ready.clear_ready();
        }
    });
    Ok(())
}
