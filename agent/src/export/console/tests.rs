#![expect(clippy::unwrap_used, reason = "a test")]

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::tree::{HOST_SPANS, SPANS, TRACES};
use super::*;
use crate::correlate::span::{SpanId, TraceId};
use crate::discovery::process::Process;
use crate::export::fixture;
use crate::redact::Redactor;
use crate::telemetry::Counters;
use crate::value::Value;

/// The view's text after `show` has had its way with it.
fn shown(color: bool, show: impl FnOnce(&mut Console<&mut Vec<u8>>)) -> String {
    let mut out = Vec::new();
    show(&mut Console::new(&mut out, color));
    String::from_utf8(out).unwrap()
}

fn child(id: u8, parent: u8, process: &Arc<Process>) -> Redacted<Span> {
    let mut span = fixture::span(id, process);
    span.parent = Some(SpanId([parent; 8]));
    span.started += Duration::from_secs(u64::from(id));
    span.ended += Duration::from_secs(u64::from(id));
    Redactor::default().redact(span)
}

#[test]
fn a_call_is_one_aligned_line_under_one_heading() {
    let process = fixture::process(42, "weather-agent");
    let text = shown(false, |console| {
        console.show(&fixture::redacted(1, &process)).unwrap();
        console.show(&Redactor::default().redact(fixture::failed(2, &process))).unwrap();
    });
    assert_eq!(
        text,
        "\
UTC       SERVICE               CALL                        RESULT                IN→OUT (CACHED)           TOOK     FIRST        COST  SERVER
12:34:57  weather-agent         chat gpt-4o                 stop                  1,234→56 (1,024)         1.25s     312ms   $0.001234  api.example.com
12:34:56  weather-agent         chat gpt-4o                 rate_limit_exceeded   -                         87ms
"
    );
}

#[test]
fn colours_tell_success_from_failure() {
    let process = fixture::process(42, "agent");
    let text = shown(true, |console| {
        console.show(&fixture::redacted(1, &process)).unwrap();
        console.show(&Redactor::default().redact(fixture::failed(2, &process))).unwrap();
    });
    assert!(text.contains("\x1b[32mstop"), "{text}");
    assert!(text.contains("\x1b[31mrate_limit_exceeded"), "{text}");
}

#[test]
fn nothing_is_shown_that_may_not_leave() {
    let key = format!("sk-proj-{}", "Ab3dEf6hIj9lMn2pQr5t");
    let mut span = fixture::span(1, &fixture::process(1, &format!("svc {key}")));
    span.name = format!("chat {key}");
    span.attributes = vec![
        ("gen_ai.response.finish_reasons".into(), Value::strings([&key])),
        ("server.address".into(), key.as_str().into()),
        ("spanwire.notes".into(), Value::strings([&key])),
        ("gen_ai.input.messages".into(), "words".into()),
    ];
    let mut failed = fixture::failed(2, &span.process);
    failed.attributes = vec![("error.type".into(), format!("password={key}").into())];
    let text = shown(false, |console| {
        let mut redactor = Redactor::default();
        console.show(&redactor.redact(span)).unwrap();
        console.show(&redactor.redact(failed)).unwrap();
        console.finish().unwrap();
    });
    // Columns are clipped: no beginning of it may be there either.
    assert!(!text.contains("sk-proj") && !text.contains("words"), "{text}");
    assert!(text.contains("svc [CREDENTIAL]") && text.contains("chat [CREDENTIAL]"), "{text}");
}

#[test]
fn hostile_names_cannot_drive_the_terminal() {
    let mut span = fixture::span(1, &fixture::process(1, "a\u{1b}[2Jb"));
    span.name = "chat \u{1b}]0;owned\u{7}\n\u{202e}x".to_owned();
    span.attributes.push(("error.type".into(), Value::String("\r\u{9b}31m".to_owned())));
    let text = shown(false, |console| {
        console.show(&Redactor::default().redact(span)).unwrap();
        console.finish().unwrap();
    });
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()) && !text.contains('\u{202e}'), "{text:?}");
    assert!(text.contains("chat \u{fffd}]0;owned\u{fffd}\u{fffd}\u{fffd}x"), "{text}");
}

#[test]
fn unknown_tokens_and_other_ports_are_said() {
    let mut span = fixture::span(1, &fixture::process(1, "agent"));
    span.attributes = vec![
        ("gen_ai.usage.output_tokens".into(), Value::Int(1_234_567)),
        ("server.address".into(), Value::String("127.0.0.1".to_owned())),
        ("server.port".into(), Value::Int(8080)),
    ];
    let text = shown(false, |console| console.show(&Redactor::default().redact(span)).unwrap());
    assert!(text.contains("?→1,234,567 "), "{text}");
    assert!(text.ends_with("127.0.0.1:8080\n"), "{text}");
}

#[test]
fn a_tree_is_drawn_when_the_process_ends_in_which_it_begins_and_then_forgotten() {
    let (agent, other) = (fixture::process(42, "agent"), fixture::process(43, "other"));
    let mut second_trace = fixture::failed(9, &agent);
    second_trace.trace_id = TraceId([2; 16]);
    second_trace.started += Duration::from_secs(60);
    second_trace.ended += Duration::from_secs(60);
    let text = shown(false, |console| {
        // Calls end in another order than they begin.
        console.show(&Redactor::default().redact(second_trace)).unwrap();
        console.show(&child(3, 2, &agent)).unwrap();
        console.show(&child(2, 1, &agent)).unwrap();
        console.show(&child(4, 1, &agent)).unwrap();
        console.show(&fixture::redacted(1, &agent)).unwrap();
        // Another process has a part in it.
        console.show(&child(5, 3, &other)).unwrap();
        console.show(&child(6, 5, &agent)).unwrap();
        console.process_ended(43).unwrap();
        console.process_ended(42).unwrap();
        console.process_ended(42).unwrap();
    });
    let (_, tree) = text.split_once("\n\n").unwrap();
    assert_eq!(
        tree,
        "\
trace 02020202020202020202020202020202: 1 call, no token counts, 1 error
└─ agent (pid 42): chat gpt-4o  rate_limit_exceeded  -  87ms

trace 01010101010101010101010101010101: 6 calls, 7,404→336 tokens, $0.007404
└─ agent (pid 42): chat gpt-4o  stop  1,234→56 (1,024)  1.25s  $0.001234
   ├─ chat gpt-4o  stop  1,234→56 (1,024)  1.25s  $0.001234
   │  └─ chat gpt-4o  stop  1,234→56 (1,024)  1.25s  $0.001234
   │     └─ other (pid 43): chat gpt-4o  stop  1,234→56 (1,024)  1.25s  $0.001234
   │        └─ agent (pid 42): chat gpt-4o  stop  1,234→56 (1,024)  1.25s  $0.001234
   └─ chat gpt-4o  stop  1,234→56 (1,024)  1.25s  $0.001234
"
    );
}

#[test]
fn cycles_doubles_and_strange_parents_are_drawn_once_each() {
    let process = fixture::process(42, "agent");
    let text = shown(false, |console| {
        for (id, parent) in [(1, 2), (2, 1), (3, 3), (4, 99), (4, 99)] {
            console.show(&child(id, parent, &process)).unwrap();
        }
        console.finish().unwrap();
    });
    let (_, tree) = text.split_once("\n\n").unwrap();
    assert!(tree.starts_with("trace 01010101010101010101010101010101: 5 calls"), "{tree}");
    assert_eq!(tree.matches("chat gpt-4o").count(), 5, "{tree}");
}

#[test]
fn a_deep_chain_stays_narrow() {
    let process = fixture::process(42, "agent");
    let text = shown(false, |console| {
        for id in 1..=200 {
            console.show(&child(id, id - 1, &process)).unwrap();
        }
        console.finish().unwrap();
    });
    assert!(text.lines().all(|line| line.chars().count() < 200));
    assert_eq!(text.split_once("\n\n").unwrap().1.matches("chat gpt-4o").count(), 200);
}

#[test]
fn memory_is_bounded_and_what_is_left_out_is_counted() {
    let process = fixture::process(1, "busy");
    let text = shown(false, |console| {
        for _ in 0..SPANS + 2 {
            console.show(&fixture::redacted(1, &process)).unwrap();
        }
        for number in 2..=TRACES {
            console.show(&of_trace(number, &process)).unwrap();
        }
        console.finish().unwrap();
    });
    assert!(text.contains(": 1,002 calls, 1,236,468→56,112 tokens"), "totals are of all calls");
    assert!(text.contains("\n└─ … and 2 more spans\n"));
    assert!(!text.contains("of earlier traces"));
}

fn of_trace(number: usize, process: &Arc<Process>) -> Redacted<Span> {
    let mut span = fixture::span(1, process);
    span.trace_id = TraceId((number as u128).to_be_bytes());
    Redactor::default().redact(span)
}

#[test]
fn of_too_many_traces_the_oldest_are_forgotten() {
    let process = fixture::process(1, "busy");
    let text = shown(false, |console| {
        for number in 1..=TRACES + 3 {
            console.show(&of_trace(number, &process)).unwrap();
        }
        console.process_ended(1).unwrap();
        console.finish().unwrap();
    });
    assert_eq!(text.matches("\ntrace ").count(), TRACES);
    assert!(text.contains(&format!("trace {:032x}: ", 4)) && !text.contains(&format!("trace {:032x}: ", 3)));
    assert!(text.ends_with("\n… and 3 more spans of earlier traces\n"));
}

#[test]
fn the_hosts_spans_are_bounded_over_all_traces() {
    let process = fixture::process(1, "agent");
    let text = shown(false, |console| {
        for index in 0..HOST_SPANS + 3 {
            console.show(&of_trace(1 + index / SPANS, &process)).unwrap();
        }
        console.finish().unwrap();
    });
    assert_eq!(text.matches("\ntrace ").count(), HOST_SPANS / SPANS);
    assert!(text.ends_with("\n… and 1,000 more spans of earlier traces\n"));
}

/// Output that others can look at.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Output that never takes a byte until its sender is dropped, and fails then.
struct Stuck(std::sync::mpsc::Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_thread_writes_all_before_it_ends() {
    let out = Shared::default();
    let counters = Arc::new(Counters::default());
    let terminal = Terminal::start(out.clone(), false, Arc::clone(&counters)).unwrap();
    for id in 1..=100 {
        terminal.show(fixture::redacted(id, &fixture::process(42, "agent")));
    }
    terminal.process_ended(42);
    terminal.shutdown(Duration::from_secs(60)).await;
    let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains(": 100 calls"), "{text}");
    assert_eq!(counters.console_lines_dropped.get(), 0);
}

#[tokio::test]
async fn a_stuck_terminal_holds_nobody_up() {
    let (hold, held): (Sender<()>, _) = channel();
    let counters = Arc::new(Counters::default());
    let terminal = Terminal::start(Stuck(held), false, Arc::clone(&counters)).unwrap();
    for _ in 0..5000 {
        terminal.show(fixture::redacted(1, &fixture::process(42, "agent")));
    }
    // 4,096 wait, and one may be in the hands of the thread.
    assert!((903..=904).contains(&counters.console_lines_dropped.get()));
    terminal.shutdown(Duration::from_millis(20)).await;
    drop(hold);
}

#[tokio::test]
async fn a_closed_terminal_is_counted() {
    let (hold, held): (Sender<()>, _) = channel();
    drop(hold);
    let counters = Arc::new(Counters::default());
    let terminal = Terminal::start(Stuck(held), false, Arc::clone(&counters)).unwrap();
    terminal.show(fixture::redacted(1, &fixture::process(42, "agent")));
    terminal.shutdown(Duration::from_secs(60)).await;
    assert_eq!(counters.console_lines_dropped.get(), 1);
}
