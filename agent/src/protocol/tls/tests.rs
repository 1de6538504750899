#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(clippy::cast_possible_truncation, reason = "tests")]

use bytes::Bytes;

use super::*;
use Direction::{Read, Write};

mod evidence;
mod figures;
mod fixtures;
mod hostile;
mod losses;
mod peers;
mod properties;
mod saved;
pub(crate) mod seal;

/// One connection, as its client's process has it.
#[derive(Clone, Debug, Default)]
struct Recording {
    keys: Vec<Vec<u8>>,
    /// What passed, in order.
    bytes: Vec<(Direction, Bytes)>,
    /// The content of both directions.
    sent: Vec<u8>,
    answered: Vec<u8>,
}

fn key(bytes: &[u8]) -> TrafficKey {
    TrafficKey::new(bytes).unwrap()
}

fn store(keys: &[Vec<u8>]) -> KeyStore {
    let mut store = KeyStore::new();
    for (time, bytes) in keys.iter().enumerate() {
        store.insert(key(bytes), time as u64);
    }
    store
}

/// A session with its process's keys, and what it handed out.
struct Run {
    session: Session,
    keys: KeyStore,
    plain: Vec<Plain>,
    time_ns: u64,
}

impl Run {
    fn new(keys: &[Vec<u8>]) -> Self {
        Self { session: Session::new(), keys: store(keys), plain: vec![], time_ns: 0 }
    }

    fn push(&mut self, direction: Direction, segment: Segment) {
        self.time_ns += 1;
        let plain = &mut self.plain;
        self.session.push(direction, self.time_ns, segment, &mut self.keys, &mut |p| plain.push(p));
    }

    fn data(&mut self, direction: Direction, bytes: &[u8]) {
        self.push(direction, Segment::Data(Bytes::copy_from_slice(bytes)));
    }

    fn key(&mut self, bytes: &[u8]) {
        self.keys.insert(key(bytes), self.time_ns);
        let plain = &mut self.plain;
        self.session.retry(&mut self.keys, &mut |p| plain.push(p));
    }

    fn finish(&mut self) {
        let plain = &mut self.plain;
        self.session.finish(&mut |p| plain.push(p));
    }

    /// The content of one direction; gaps as `None`s of their length.
    fn content(&self, direction: Direction) -> Vec<Option<u8>> {
        let mut content = vec![];
        for plain in self.plain.iter().filter(|plain| plain.direction == direction) {
            match &plain.what {
                What::Segment(Segment::Data(bytes)) => content.extend(bytes.iter().map(|byte| Some(*byte))),
                What::Segment(Segment::Gap(missing)) => content.extend(vec![None; *missing as usize]),
                What::Segment(Segment::Turn) | What::Closed => {}
            }
        }
        content
    }

    /// All that was handed out, as text: direction, and `Turn`, `Gap`, `Closed` or content.
    fn story(&self) -> Vec<String> {
        let tell = |plain: &Plain| {
            let mark = if plain.direction == Write { '>' } else { '<' };
            match &plain.what {
                What::Segment(Segment::Data(bytes)) => format!("{mark}{}", String::from_utf8_lossy(bytes)),
                What::Segment(Segment::Gap(missing)) => format!("{mark}[{missing}]"),
                What::Segment(Segment::Turn) => format!("{mark}turn"),
                What::Closed => format!("{mark}closed"),
            }
        };
        self.plain.iter().map(tell).collect()
    }
}

fn whole(content: &[u8]) -> Vec<Option<u8>> {
    content.iter().map(|byte| Some(*byte)).collect()
}

#[track_caller]
fn assert_read(name: &str, recording: &Recording, run: &Run) {
    let text = |content: &[Option<u8>]| {
        String::from_utf8_lossy(&content.iter().map(|byte| byte.unwrap_or(b'\0')).collect::<Vec<_>>())
            .into_owned()
    };
    assert_eq!(text(&run.content(Write)), text(&whole(&recording.sent)), "{name}");
    assert_eq!(text(&run.content(Read)), text(&whole(&recording.answered)), "{name}");
}
