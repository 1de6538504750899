//! Who gets metrics. Each gets them once; what it does not take is counted, and replaced by what the next minute says.

use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{ResourceMetrics, ScopeMetrics};
use opentelemetry_sdk::metrics::data::ResourceMetrics as Collected;
use prost::Message as _;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::export::otlp::batch::BYTES_MAX;
use crate::export::otlp::sender::{CUTS_MAX, GIVE_UP};
use crate::export::otlp::transport::{Client, Failure, Taken, Transport as _};
use crate::telemetry::Counters;

/// All receivers of metrics.
#[derive(Debug)]
pub(super) struct Receivers(Vec<Arc<Receiver>>);

#[derive(Debug)]
struct Receiver {
    client: Client,
    /// Its name for the log.
    label: String,
    state: Mutex<State>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct State {
    /// The receiver asked for patience until then.
    held_until: Option<Instant>,
    /// The operator knows that it does not take what it is sent.
    is_told: bool,
}

impl Receivers {
    pub(super) fn new(clients: Vec<(Client, String)>, counters: Arc<Counters>) -> Self {
        let receiver = |(client, label)| {
            Arc::new(Receiver { client, label, state: Mutex::default(), counters: Arc::clone(&counters) })
        };
        Self(clients.into_iter().map(receiver).collect())
    }

    /// Sends to all at once, so that one that is slow takes no time from another; done when each has answered, or was
    /// waited for as long as is configured.
    pub(super) async fn send(&self, metrics: impl Iterator<Item = &Collected>) {
        let requests = Arc::new(requests(metrics));
        let mut sending = JoinSet::new();
        for receiver in &self.0 {
            let (receiver, requests) = (Arc::clone(receiver), Arc::clone(&requests));
            sending.spawn(async move { receiver.send(&requests).await });
        }
        sending.join_all().await;
    }
}

/// As few requests as hold all, none larger than receivers take if a single resource is not.
fn requests<'a>(metrics: impl Iterator<Item = &'a Collected>) -> Vec<ExportMetricsServiceRequest> {
    let mut requests: Vec<ExportMetricsServiceRequest> = Vec::new();
    let mut bytes = 0;
    for metrics in metrics {
        let request = ExportMetricsServiceRequest::from(metrics);
        let more = request.encoded_len();
        match requests.last_mut() {
            Some(last) if bytes + more <= BYTES_MAX => {
                last.resource_metrics.extend(request.resource_metrics);
                bytes += more;
            }
            _ => {
                requests.push(request);
                bytes = more;
            }
        }
    }
    requests
}

/// Cuts a request in two by its resources, or by the metrics of the one that it has; none where it cannot be cut.
fn halves(mut request: ExportMetricsServiceRequest) -> Option<[ExportMetricsServiceRequest; 2]> {
    let groups = &mut request.resource_metrics;
    let rest = match &mut groups[..] {
        [group] => {
            let [scope] = &mut group.scope_metrics[..] else { return None };
            let half = scope.metrics.len().div_ceil(2);
            let metrics = scope.metrics.split_off(half);
            if metrics.is_empty() {
                return None;
            }
            let scope = ScopeMetrics { metrics, ..scope.clone() };
            vec![ResourceMetrics { scope_metrics: vec![scope], ..group.clone() }]
        }
        groups_left => {
            let half = groups_left.len().div_ceil(2);
            groups.split_off(half)
        }
    };
    let second = ExportMetricsServiceRequest { resource_metrics: rest };
    (!second.resource_metrics.is_empty()).then_some([request, second])
}

impl Receiver {
    async fn send(&self, requests: &[ExportMetricsServiceRequest]) {
        let mut left: Vec<_> = requests.iter().rev().cloned().collect();
        let (mut cuts, mut are_all_taken) = (0, true);
        while let Some(request) = left.pop() {
            if self.state(|state| state.held_until).is_some_and(|until| until > Instant::now()) {
                return self.lost(1 + left.len());
            }
            match self.client.send(request.clone()).await {
                Ok(Taken { rejected: 0, .. }) => {}
                Ok(Taken { message, .. }) => {
                    are_all_taken = false;
                    self.lost(1);
                    self.tell(&format!("a partial success: {message}"));
                }
                Err(Failure::TooLarge(reason)) => match halves(request).filter(|_| cuts < CUTS_MAX) {
                    Some([first, second]) => {
                        cuts += 1;
                        left.extend([second, first]);
                    }
                    None => {
                        are_all_taken = false;
                        self.lost(1);
                        self.tell(&reason);
                    }
                },
                Err(Failure::Unreachable { reason, retry_after }) => {
                    let until = retry_after.map(|asked| Instant::now() + asked.min(GIVE_UP));
                    self.state(|state| state.held_until = until);
                    self.tell(&reason);
                    // Nor would it take the rest.
                    return self.lost(1 + left.len());
                }
                Err(failure @ (Failure::Invalid(_) | Failure::Rejected(_))) => {
                    are_all_taken = false;
                    self.lost(1);
                    self.tell(&failure.to_string());
                }
            }
        }
        if are_all_taken && self.state(|state| std::mem::take(&mut state.is_told)) {
            info!("OTLP receiver {} takes metrics again", self.label);
        }
    }

    fn lost(&self, requests: usize) {
        self.counters.metrics_dropped_export.add(requests as u64);
    }

    fn tell(&self, reason: &str) {
        if !self.state(|state| std::mem::replace(&mut state.is_told, true)) {
            warn!(
                "OTLP receiver {} does not take metrics ({reason}). They are sent again with new values, and \
                 meanwhile the receiver has none; spans are sent all the same. Check that it takes metrics at \
                 this address, or leave OTEL_METRICS_EXPORTER unset",
                self.label
            );
        }
    }

    fn state<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use opentelemetry_proto::tonic::metrics::v1::Metric;

    use super::*;
    use crate::config::{Otlp, OtlpProtocol};
    use crate::export::otlp::transport::tests::http_server;

    fn client(endpoint: String) -> (Client, String) {
        (Client::new(&Otlp::new(endpoint, OtlpProtocol::HttpJson)).unwrap(), "test".to_owned())
    }

    #[tokio::test]
    async fn each_is_sent_once_and_asked_again_when_it_wants_to_be() {
        let counters = Arc::new(Counters::default());
        let (good, good_got) = http_server("200 OK", b"{}");
        let (busy, busy_got) = http_server("503 Busy\r\nRetry-After: 1000", b"");
        let (away, away_got) = http_server("503 Busy", b"");
        let receivers = Receivers::new([good, busy, away].map(client).into(), Arc::clone(&counters));
        let metrics = [Collected::default(), Collected::default()];
        for _ in 0..2 {
            receivers.send(metrics.iter()).await;
        }
        assert_eq!(good_got.try_iter().count(), 2, "both resources in one request");
        assert_eq!(busy_got.try_iter().count(), 1);
        assert_eq!(away_got.try_iter().count(), 2);
        assert_eq!(counters.metrics_dropped_export.get(), 4);
    }

    #[tokio::test]
    async fn what_is_refused_in_part_or_whole_is_counted() {
        let partial = br#"{"partialSuccess":{"rejectedDataPoints":"2"}}"#;
        for (answer, body) in [("200 OK", &partial[..]), ("404 Not Found", b"")] {
            let counters = Arc::new(Counters::default());
            let receivers = Receivers::new(vec![client(http_server(answer, body).0)], Arc::clone(&counters));
            receivers.send([Collected::default()].iter()).await;
            assert_eq!(counters.metrics_dropped_export.get(), 1);
        }
    }

    fn metrics(count: usize) -> ResourceMetrics {
        let metrics = vec![Metric::default(); count];
        ResourceMetrics {
            scope_metrics: vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }],
            ..ResourceMetrics::default()
        }
    }

    #[test]
    fn halves_hold_all_until_one_metric_is_left() {
        let lengths = |request: &ExportMetricsServiceRequest| {
            let groups = request.resource_metrics.iter();
            groups
                .map(|group| group.scope_metrics.first().map_or(0, |scope| scope.metrics.len()))
                .collect::<Vec<_>>()
        };
        for (given, expected) in [
            (vec![1, 2, 3], Some([vec![1, 2], vec![3]])),
            (vec![5], Some([vec![3], vec![2]])),
            (vec![2], Some([vec![1], vec![1]])),
            (vec![1], None),
            (vec![0], None),
            (vec![], None),
        ] {
            let request = ExportMetricsServiceRequest {
                resource_metrics: given.iter().map(|count| metrics(*count)).collect(),
            };
            let halves = halves(request).map(|both| both.map(|half| lengths(&half)));
            assert_eq!(halves, expected, "{given:?}");
        }
    }

    #[tokio::test]
    async fn what_is_too_large_is_sent_in_pieces() {
        let counters = Arc::new(Counters::default());
        let (endpoint, got) = http_server("413 Content Too Large", b"");
        let receivers = Receivers::new(vec![client(endpoint)], Arc::clone(&counters));
        let [receiver] = &receivers.0[..] else { return };
        let request = ExportMetricsServiceRequest { resource_metrics: vec![metrics(2), metrics(1)] };
        receiver.send(&[request]).await;
        assert_eq!(got.try_iter().count(), 5, "the whole, two resources, two metrics");
        assert_eq!(counters.metrics_dropped_export.get(), 3);
    }
}
