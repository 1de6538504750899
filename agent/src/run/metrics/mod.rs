//! `/metrics` and `/healthz`, for monitoring systems: on a thread of its own, which reads numbers that others leave for it
//! and can hold up nobody.

mod health;
mod server;
mod text;

use std::net::TcpListener;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::privilege::Hardening;
use super::{Agent, monotonic_ns};
use crate::config::{Config, Listen};
use crate::telemetry::{self, Counters};

/// Answers until it is dropped.
pub(super) struct Monitoring {
    _stop: oneshot::Sender<()>,
}

/// Begins to answer at the address that is configured, if one is and it can be had.
///
/// # Errors
/// When no thread can be started.
pub(super) fn monitor(
    config: &Config,
    hardening: &mut Hardening,
    counters: &Arc<Counters>,
) -> anyhow::Result<Option<Monitoring>> {
    let listener = bind(config.metrics_listen);
    listener.map(|listener| hardening.serve(|| serve(listener, counters))).transpose()
}

/// Takes the address, before that is forbidden to threads. An agent that cannot be asked traces all the same.
fn bind(listen: Option<Listen>) -> Option<TcpListener> {
    let Listen { address, .. } = listen?;
    // Also opened before it is forbidden.
    telemetry::prepare();
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok((listener.local_addr()?, listener))
    });
    match bound {
        Ok((address, listener)) => {
            // Tests wait for these words.
            info!("metrics at http://{address}/metrics, health at http://{address}/healthz");
            if !address.ip().is_loopback() {
                warn!(
                    "whoever reaches {address} can read the agent's numbers there, without a password: no content, but how \
                     many calls are made and how this host is traced; let a firewall or a network policy restrict it, or name \
                     a loopback address with --metrics-listen"
                );
            }
            Some(listener)
        }
        Err(error) => {
            warn!(
                "monitoring systems cannot ask this agent at {address}: {error}; tracing goes on, and a liveness probe there \
                 fails; name another address with --metrics-listen"
            );
            None
        }
    }
}

/// Begins to answer.
///
/// # Errors
/// When no thread can be started.
fn serve(listener: TcpListener, counters: &Arc<Counters>) -> anyhow::Result<Monitoring> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot answer monitoring systems")?;
    let listener = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(listener).context("cannot answer monitoring systems")?
    };
    let (stop, stopped) = oneshot::channel();
    let counters = Arc::clone(counters);
    std::thread::Builder::new()
        .name("metrics".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    // Nothing is ever sent: it is dropped.
                    _ = stopped => {}
                    () = server::serve(&listener, &counters) => {}
                }
            });
        })
        .context("cannot start a thread")?;
    Ok(Monitoring { _stop: stop })
}

impl Agent {
    /// To be called about once a second: says what is held now, and that the event loop goes on.
    pub(super) fn measure(&mut self) {
        self.exporting.measure();
        self.redacting.measure();
        self.pipeline.measure();
        self.hooks.measure();
        self.counters.gauges.event_loop.beat(monotonic_ns());
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn it_answers_until_it_is_dropped() {
        let listen = Listen { address: "127.0.0.1:0".parse().unwrap(), is_standard: false };
        let listener = bind(Some(listen)).unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Listen { address, is_standard: false };
        assert!(bind(Some(taken)).is_none(), "another has it");
        let monitoring = serve(listener, &Arc::default()).unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("\nspanwire_calls_total 0\n"), "{answer}");
        drop(monitoring);
        while TcpStream::connect(address).is_ok() {
            std::thread::yield_now();
        }
        assert!(bind(None).is_none());
    }
}
