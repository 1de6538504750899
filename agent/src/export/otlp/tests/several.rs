//! Several receivers, and what one may ask for.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;

use super::*;
use crate::config::Sampler as Choice;
use crate::redact::Redactor;

fn patience(seconds: u64) -> Failure {
    let retry_after = Some(Duration::from_secs(seconds));
    Failure::Unreachable { reason: "HTTP status 429".to_owned(), retry_after }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_down_holds_up_no_other() {
    let counters = Arc::new(Counters::default());
    let (good, down, hung) = (Judged::default(), Judged::failing(away()), Judged::default());
    hung.0.lock().unwrap().hangs = true;
    let mut exporter = exporter(&[&down, &good, &hung], 10, &counters);
    let process = fixture::process(1, "agent");
    for id in 1..=40 {
        exporter.export(fixture::redacted(id, &process));
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(good.spans(), 40);
    assert_eq!(counters.spans_exported.get(), 40);
    // What is more than the queue and the four requests under way.
    assert_eq!(counters.spans_dropped_queue_full.get(), 2 * (40 - 10 - CONCURRENT as u64));
    let began = Instant::now();
    exporter.shutdown(LIMIT).await;
    assert_eq!(began.elapsed(), LIMIT, "all at once");
    assert_eq!(counters.spans_dropped_shutdown.get(), 2 * (10 + CONCURRENT as u64));
    assert_eq!(good.spans(), 40);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_one_sender_is_asked_for_is_kept_by_all() {
    let receiver = Judged::failing(patience(100));
    let (mut exporter, counters) = start(&receiver, 100);
    let process = fixture::process(1, "agent");
    exporter.export(fixture::redacted(1, &process));
    sleep(Duration::from_secs(10)).await;
    assert_eq!(receiver.attempts().len(), 1);
    for _ in 0..3 {
        exporter.export(fixture::redacted(2, &process));
        sleep(Duration::from_secs(5)).await;
    }
    sleep(Duration::from_secs(70)).await;
    assert_eq!(receiver.attempts().len(), 1);
    receiver.recover();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(receiver.spans(), 4);
    assert_eq!((counters.loss_summary(), counters.export_waits_cut.get()), (None, 0));
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_a_day_is_asked_again_after_five_minutes() {
    let receiver = Judged::failing(patience(86_400));
    let (mut exporter, counters) = start(&receiver, 100);
    let process = fixture::process(1, "agent");
    exporter.export(fixture::redacted(1, &process));
    sleep(GIVE_UP + Duration::from_secs(1)).await;
    let attempts = receiver.attempts();
    assert_eq!((attempts.len(), attempts[1] - attempts[0]), (2, GIVE_UP));
    assert_eq!(counters.export_waits_cut.get(), 1);
    assert_eq!(counters.spans_dropped_expired.get(), 1);
    receiver.recover();
    exporter.export(fixture::redacted(2, &process));
    exporter.shutdown(LIMIT).await;
    assert_eq!(counters.spans_exported.get(), 1);
}

/// With a receiver that says 429 for ever, what is kept is the queue and what is under way; all else is counted.
#[tokio::test(start_paused = true)]
async fn who_asks_for_patience_for_ever_costs_no_more_than_the_queue() {
    let receiver = Judged::failing(patience(7));
    let (mut exporter, counters) = start(&receiver, 50);
    let process = fixture::process(1, "agent");
    for _ in 0..2000 {
        exporter.export(fixture::redacted(1, &process));
        sleep(Duration::from_secs(1)).await;
    }
    exporter.shutdown(LIMIT).await;
    let (full, expired) = (counters.spans_dropped_queue_full.get(), counters.spans_dropped_expired.get());
    assert!(full > 0 && expired > 0);
    assert_eq!(full + expired + counters.spans_dropped_shutdown.get(), 2000);
    assert_eq!(counters.spans_exported.get(), 0);
    // Four senders, each of which asks once in seven seconds or less often.
    assert!(receiver.attempts().len() <= CONCURRENT * 2000 / 7);
}

/// Takes no logs, or all.
#[derive(Clone, Default)]
struct Logs(Arc<Mutex<Vec<ExportLogsServiceRequest>>>, Option<Failure>);

impl Transport<ExportLogsServiceRequest> for Logs {
    async fn send(&self, request: ExportLogsServiceRequest) -> Result<Taken, Failure> {
        self.1.clone().map_or(Ok(()), Err)?;
        self.0.lock().unwrap().push(request);
        Ok(Taken::default())
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_said_is_a_log_record_where_it_is_to_be_one_and_counted_by_itself() {
    for refused in [false, true] {
        let counters = Arc::new(Counters::default());
        let logs = Logs(Arc::default(), refused.then(|| Failure::Rejected("HTTP status 404".to_owned())));
        let spans = Judged::default();
        let receiver = Receiver::start(
            logs.clone(),
            "test".to_owned(),
            Content::Logs,
            (10, None),
            Arc::clone(&counters),
        )
        .unwrap();
        let mut exporter = Exporter { logs: vec![receiver], ..exporter(&[&spans], 10, &counters) };
        let process = fixture::process(1, "agent");
        exporter.export(fixture::redacted(1, &process));
        exporter.export(fixture::with_content(2, &process));
        exporter.shutdown(LIMIT).await;
        assert_eq!(spans.spans(), 2);
        assert_eq!(counters.spans_exported.get(), 2);
        let (taken, rejected) = (counters.logs_exported.get(), counters.logs_dropped_rejected.get());
        assert_eq!((taken, rejected), if refused { (0, 1) } else { (1, 0) });
        assert_eq!(logs.0.lock().unwrap().len(), usize::from(!refused));
    }
}

#[tokio::test(start_paused = true)]
async fn the_audits_events_are_log_records_whatever_is_sampled() {
    for is_wanted in [false, true] {
        let counters = Arc::new(Counters::default());
        let (logs, spans) = (Logs(Arc::default(), None), Judged::default());
        let receiver = Receiver::start(
            logs.clone(),
            "test".to_owned(),
            Content::Logs,
            (10, None),
            Arc::clone(&counters),
        )
        .unwrap();
        let nothing = Sampling { sampler: Choice::new(false, 0.0), ..Sampling::default() };
        let mut exporter = Exporter {
            logs: vec![receiver],
            sampler: Sampler::new(nothing, &counters),
            audit_events: is_wanted.then(Endpoints::default),
            ..exporter(&[&spans], 10, &counters)
        };
        let process = fixture::process(1, "agent");
        let mut unapproved = fixture::span(1, &process);
        unapproved.attributes.push(("spanwire.endpoint.approval".into(), "unapproved".into()));
        exporter.export(Redactor::default().redact(unapproved));
        exporter.export(fixture::redacted(2, &process));
        let unseen =
            Unseen { process, server_name: "api.openai.com".to_owned(), moved: [1, 2], lasted_ns: 3 };
        exporter.unseen(&Redactor::default().redact_unseen(unseen));
        assert_eq!(exporter.wants_unseen(), is_wanted);
        exporter.shutdown(LIMIT).await;
        assert_eq!((spans.spans(), counters.spans_sampled_out.get()), (0, 2));
        assert_eq!(counters.logs_exported.get(), if is_wanted { 2 } else { 0 });
        let requests = logs.0.lock().unwrap();
        let resources = requests.iter().flat_map(|request| &request.resource_logs);
        let records = resources.flat_map(|logs| &logs.scope_logs).flat_map(|scope| &scope.log_records);
        let names: Vec<_> = records.map(|record| record.event_name.as_str()).collect();
        let expected = ["spanwire.audit.unapproved_call", "spanwire.audit.unread_connection"];
        assert_eq!(names, if is_wanted { &expected[..] } else { &[] });
    }
}
