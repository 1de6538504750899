//! A pipeline that is fed by hand.

use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Result, ensure};
use bytes::Bytes;
use spanwire::attach::{Membership, Scope};
use spanwire::config::{ContentMode, ContentPolicy};
use spanwire::correlate::Correlator;
use spanwire::correlate::clock::Clock;
use spanwire::correlate::ids::IdGenerator;
use spanwire::discovery::admission::Admission;
use spanwire::discovery::process::{ProcessTable, Procfs};
use spanwire::event::{Chunk, ConnectionId, Direction, End, Ends, Event, Identities, Source};
use spanwire::pipeline::{Effect, Pipeline};
use spanwire::price::Prices;
use spanwire::provider::BodyLimits;
use spanwire::redact::{Policy, Redactor};
use spanwire::telemetry::Counters;

/// No process has it: a process id is at most 4,194,304.
const PID: u32 = 4_200_000;
/// What one record of the ring holds at the most.
const CHUNK_BYTES: usize = 16 * 1024;
/// Between two chunks.
const STEP_NS: u64 = 10_000;

/// Bytes that are kept of what is said in each direction, where any are.
const KEPT_BYTES: usize = 64 << 10;

/// What becomes of what is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// It is not kept, as when content is off.
    Off,
    /// It is kept, and given to nobody: what it costs the thread that reads the ring.
    Kept,
    /// It is kept and redacted, which in the agent another thread does.
    Redacted,
}

/// A pipeline, and one connection that it reads.
pub(crate) struct Feed {
    pipeline: Pipeline,
    connection: u64,
    /// Bytes read and written on it so far.
    moved: [u64; 2],
    /// No bytes were written since the last ones that were read, or none at all.
    answered: bool,
    time_ns: u64,
    spans: u64,
    redactor: Redactor,
    content: Content,
}

impl Feed {
    pub(crate) fn new(content: Content) -> Result<Self> {
        let nowhere = std::path::PathBuf::from("/nowhere");
        let body = 1 << 20;
        let mode = if content == Content::Off { ContentMode::Off } else { ContentMode::Redacted };
        let policy = ContentPolicy { mode, limit: KEPT_BYTES, ..ContentPolicy::default() };
        let pipeline = Pipeline::new(
            ProcessTable::new(Procfs::new(nowhere.clone()), 16),
            Admission::new(Scope::default(), nowhere, true, Arc::new(|_| Membership::default())),
            Correlator::new(IdGenerator::seeded([1, 2, 3, 4]), Prices::of_list()),
            Clock::new(0, SystemTime::UNIX_EPOCH),
            BodyLimits { request_bytes: body, response_bytes: body, kept_bytes: 0 },
            Arc::new(Counters::default()),
        )
        .with_content(policy.clone());
        let mut feed = Self {
            pipeline,
            connection: 0,
            moved: [0; 2],
            answered: true,
            time_ns: 0,
            spans: 0,
            redactor: Redactor::new(Arc::new(Policy::new(policy)?), Arc::default()),
            content,
        };
        feed.connect();
        Ok(feed)
    }

    /// Ends the connection, and begins another.
    pub(crate) fn connect(&mut self) {
        let id = ConnectionId(self.connection);
        if self.connection > 0 {
            self.handle(Event::Ended {
                connection: id,
                end: End::Closed,
                moved: self.moved,
                time_ns: self.time_ns,
            });
        }
        self.connection += 1;
        self.moved = [0; 2];
        self.answered = true;
        let ends =
            Ends::Internet { local: ([192, 0, 2, 9], 40_000).into(), peer: ([192, 0, 2, 1], 443).into() };
        self.handle(Event::Opened {
            connection: ConnectionId(self.connection),
            pid: PID,
            command: "python3".to_owned(),
            program: 1,
            ends: Some(ends),
            identities: Identities::default(),
            time_ns: self.time_ns,
        });
    }

    /// The process sends these bytes in one call.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.call(Direction::Write, bytes);
    }

    /// The process receives these bytes in one call.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        self.call(Direction::Read, bytes);
    }

    fn call(&mut self, direction: Direction, bytes: &[u8]) {
        for piece in bytes.chunks(CHUNK_BYTES) {
            let [read, written] = &mut self.moved;
            let moved = if direction == Direction::Read { read } else { written };
            let position = *moved;
            *moved += piece.len() as u64;
            let after_answer = direction == Direction::Write && std::mem::take(&mut self.answered);
            self.answered |= direction == Direction::Read;
            self.time_ns += STEP_NS;
            self.handle(Event::Chunk(Chunk {
                connection: ConnectionId(self.connection),
                pid: PID,
                tid: PID,
                direction,
                source: Source::Socket,
                time_ns: self.time_ns,
                position,
                original_bytes: u32::try_from(piece.len()).unwrap_or(u32::MAX),
                after_answer,
                // As the ring's reader does, which copies each record's bytes out.
                bytes: Bytes::copy_from_slice(piece),
            }));
        }
    }

    fn handle(&mut self, event: Event) {
        let Self { pipeline, redactor, spans, content, .. } = self;
        pipeline.handle(event, &mut |effect| match effect {
            Effect::Span(span) => {
                drop(std::hint::black_box(redactor.redact(span)));
                *spans += 1;
            }
            Effect::Said(said) if *content == Content::Redacted => redactor.said(&said),
            _ => {}
        });
    }

    /// Whether so many exchanges became so many spans each.
    pub(crate) fn check(&self, each: Option<u64>, exchanges: u64) -> Result<()> {
        let Some(each) = each else { return Ok(()) };
        ensure!(self.spans == each * exchanges, "{exchanges} exchanges became {} spans", self.spans);
        Ok(())
    }
}
