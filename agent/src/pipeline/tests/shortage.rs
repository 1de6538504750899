//! Connections that are read by their keys while the ring is full at times: every call is a span, or counted.

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::*;
use crate::event::KeyBytes;
use crate::protocol::tls::tests::seal::{
    READ_KEY, Sealer, Version, WRITE_KEY, change_cipher_spec, client_hello, server_hello,
};

/// Longest content of a record, and most bytes that the kernel side puts into one of its own.
const RECORD: usize = 16_384;
const PIECE: usize = spanwire_abi::CHUNK_BYTES;

/// The kernel side and its ring, as far as they count here.
struct Kernel {
    bench: Bench,
    random: TestRng,
    /// Largest piece that finds room now.
    room: usize,
    moved: [u64; 2],
    last: Option<Direction>,
    /// The end of the handshake is awaited.
    looks: bool,
    /// Requests whose begin found no room.
    dropped: u64,
    /// What was moved since the last call: lost where marked with `!`, the begin of a request with `*`.
    log: String,
}

impl Kernel {
    fn read_by_keys(random: TestRng) -> Self {
        let mut bench = Bench::new();
        bench.pipeline = bench.pipeline.with_keys(true);
        bench.open_socket();
        let bytes = Bytes::from(client_hello());
        bench.handle(Event::Hello { connection: SOCKET, pid: PID, bytes, time_ns: 400 });
        let room = usize::MAX;
        let mut kernel = Self {
            bench,
            random,
            room,
            moved: [0; 2],
            last: None,
            looks: true,
            dropped: 0,
            log: String::new(),
        };
        kernel.calls(Direction::Write, &client_hello());
        kernel.calls(Direction::Read, &server_hello(0x1301, true));
        kernel.calls(Direction::Write, &change_cipher_spec());
        for key in [WRITE_KEY, READ_KEY] {
            let mut bytes = [0; 32];
            bytes[..16].copy_from_slice(&key);
            let key = KeyBytes::new(bytes, 16).unwrap();
            kernel.bench.handle(Event::Key { pid: PID, key, time_ns: 500 });
        }
        kernel
    }

    /// One system call's bytes.
    fn calls(&mut self, direction: Direction, bytes: &[u8]) {
        let turns = self.last.replace(direction) != Some(direction);
        let mut opens = false;
        if direction == Direction::Write && (turns || self.looks) {
            opens = bytes.first() == Some(&23);
            self.looks = !opens;
        }
        for piece in bytes.chunks(PIECE) {
            self.bench.time_ns += 1_000;
            let moved = &mut self.moved[usize::from(direction == Direction::Write)];
            let position = *moved;
            *moved += piece.len() as u64;
            let opens = std::mem::take(&mut opens);
            let way = if direction == Direction::Write { 'w' } else { 'r' };
            let is_lost = piece.len() > self.room;
            self.log += &format!(" {way}{}{}{}", piece.len(), mark(opens, "*"), mark(is_lost, "!"));
            if is_lost {
                self.dropped += u64::from(opens);
                continue;
            }
            self.bench.handle(Event::Chunk(Chunk {
                connection: SOCKET,
                pid: PID,
                tid: PID,
                direction,
                source: Source::Records,
                time_ns: self.bench.time_ns,
                position,
                original_bytes: u32::try_from(piece.len()).unwrap(),
                after_answer: opens,
                bytes: Bytes::copy_from_slice(piece),
            }));
        }
    }

    /// Now and then, another share of the ring is free.
    fn may_change(&mut self) {
        let dice = self.random.random_range(0..24_u32);
        match dice {
            0 | 1 => self.room = 0,
            2 => self.room = 256,
            3 => self.room = 4_096,
            4..8 => self.room = usize::MAX,
            _ => {}
        }
    }

    fn sends(&mut self, sealer: &mut Sealer, content: &[u8]) {
        for content in content.chunks(RECORD) {
            self.may_change();
            self.calls(Direction::Write, &sealer.data(content));
        }
    }

    /// A library reads a record's header by itself.
    fn receives(&mut self, record: &[u8]) {
        for part in [&record[..5], &record[5..]] {
            self.may_change();
            self.calls(Direction::Read, part);
        }
    }
}

fn mark(is_so: bool, mark: &str) -> &str {
    if is_so { mark } else { "" }
}

/// So many calls on one connection: spans, those counted as not seen, whether it was given up, and how it went.
fn calls(random: TestRng, count: u64) -> (u64, u64, bool, String) {
    let mut kernel = Kernel::read_by_keys(random);
    let (mut write, mut read) = (Sealer::new(&WRITE_KEY, Version::V13), Sealer::new(&READ_KEY, Version::V13));
    let mut log = String::new();
    for call in 0..count {
        let filling = "x".repeat(kernel.random.random_range(0..40_000));
        let body = BODY.replace("secret words", &filling).replace("gpt-4o", &format!("m{call}"));
        let message = request("/v1/chat/completions", &body);
        let head = message.len() - body.len();
        if kernel.random.random_bool(0.5) {
            kernel.sends(&mut write, &message.as_bytes()[..head]);
            kernel.sends(&mut write, &message.as_bytes()[head..]);
        } else {
            kernel.sends(&mut write, message.as_bytes());
        }
        if call == 0 {
            // Session tickets.
            for _ in 0..2 {
                let ticket = read.seal(22, &[4, 0, 0, 4, 1, 2, 3, 4], 0);
                kernel.receives(&ticket);
            }
        }
        let answer = response(ANSWER);
        let (head, body) = answer.split_at(answer.len() - ANSWER.len());
        for part in [head, body] {
            let record = read.data(part.as_bytes());
            kernel.receives(&record);
        }
        log += &format!(
            "{call}: {} spans, {} dropped, {} unread; {}\n",
            kernel.bench.spans().len(),
            kernel.dropped,
            kernel.bench.pipeline.counters.requests_unread.get(),
            std::mem::take(&mut kernel.log)
        );
    }
    let moved = kernel.moved;
    kernel.bench.handle(Event::Ended { connection: SOCKET, end: End::Closed, moved, time_ns: 1 << 40 });
    for span in kernel.bench.spans() {
        log += &format!("{} {:?}\n", span.name, attribute(span, "spanwire.notes"));
    }
    let given_up = kernel.bench.verdicts().iter().any(|(_, _, verdict)| *verdict == Verdict::Ignore);
    let unread = kernel.bench.pipeline.counters.requests_unread.get();
    (kernel.bench.spans().len() as u64, kernel.dropped + unread, given_up, log)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn each_call_is_a_span_or_counted(seed in any::<[u8; 32]>()) {
        const CALLS: u64 = 12;
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let (spans, unseen, given_up, log) = calls(random, CALLS);
        let adds_up = spans + unseen == CALLS || given_up && spans + unseen < CALLS;
        prop_assert!(adds_up, "{spans} + {unseen}, given up: {given_up}\n{log}");
    }
}
