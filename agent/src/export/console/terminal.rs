//! The thread that writes to the terminal, which may be slow, stopped or gone.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tracing::warn;

use super::Console;
use crate::correlate::span::Span;
use crate::redact::Redacted;
use crate::telemetry::Counters;

/// Messages that wait for the terminal at most.
const QUEUE: usize = 4096;
/// How often a shutdown looks whether the thread is done.
const GLANCE: Duration = Duration::from_millis(5);

#[derive(Debug)]
enum Message {
    Call(Box<Redacted<Span>>),
    ProcessEnded(u32),
}

/// The pipeline's end of the terminal view.
#[derive(Debug)]
pub struct Terminal {
    queue: SyncSender<Message>,
    thread: JoinHandle<()>,
    counters: Arc<Counters>,
}

impl Terminal {
    /// Starts the thread that writes to `out`.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub fn start<W: Write + Send + 'static>(
        out: W,
        color: bool,
        counters: Arc<Counters>,
    ) -> io::Result<Self> {
        let (queue, messages) = sync_channel(QUEUE);
        let console = Console::new(out, color);
        let shared = Arc::clone(&counters);
        let work = move || write_all(console, &messages, &shared);
        let thread = std::thread::Builder::new().name("console".to_owned()).spawn(work)?;
        Ok(Self { queue, thread, counters })
    }

    /// Queues a call; drops and counts it when the terminal is too slow. Never blocks.
    pub fn show(&self, span: Redacted<Span>) {
        self.send(Message::Call(Box::new(span)));
    }

    /// Queues a process's tree; drops and counts it when the terminal is too slow. Never blocks.
    pub fn process_ended(&self, pid: u32) {
        self.send(Message::ProcessEnded(pid));
    }

    /// Writes what waits and the trees of all processes, for at most `limit`.
    pub async fn shutdown(self, limit: Duration) {
        drop(self.queue);
        let finished = async {
            while !self.thread.is_finished() {
                tokio::time::sleep(GLANCE).await;
            }
        };
        if tokio::time::timeout(limit, finished).await.is_err() {
            warn!("the terminal takes no output; what it was still to show is left out");
        }
    }

    fn send(&self, message: Message) {
        if self.queue.try_send(message).is_err() {
            self.counters.console_lines_dropped.increment();
        }
    }
}

fn write_all<W: Write>(mut console: Console<W>, messages: &Receiver<Message>, counters: &Counters) {
    for message in messages {
        let written = match message {
            Message::Call(span) => console.show(&span),
            Message::ProcessEnded(pid) => console.process_ended(pid),
        };
        if let Err(error) = written {
            warn!("cannot write to standard output ({error}); the terminal view ends, capture goes on");
            // The queue is closed with its receiver: from now on each message counts as dropped.
            counters.console_lines_dropped.increment();
            return;
        }
    }
    if let Err(error) = console.finish() {
        warn!("cannot write to standard output ({error})");
    }
}
