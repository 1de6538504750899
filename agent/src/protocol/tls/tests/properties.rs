//! What holds for any traffic.

use std::collections::HashSet;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;

use super::peers::{SUITES, Step, TERMS, Terms, talk};
use super::*;

/// Recorded connections, and long ones of rustls.
static RECORDINGS: LazyLock<Vec<Recording>> = LazyLock::new(|| {
    let mut all: Vec<_> = fixtures::all().map(|(_, recording)| recording).collect();
    for (n, suite) in SUITES.into_iter().enumerate() {
        for fragment in [None, Some(100)] {
            all.push(talk(Terms { suite, fragment, ..TERMS }, &long(n)));
        }
    }
    all
});

fn long(seed: usize) -> Vec<Step> {
    let text = |n: usize, length: usize| (0..length).map(|at| (at * 7 + n * 13 + at / 256) as u8).collect();
    let mut steps: Vec<_> = (0..40)
        .map(|n| {
            let direction = if (n * n + seed).is_multiple_of(3) { Write } else { Read };
            Step::Send(direction, text(n, [1, 20, 300, 2000, 17_000][(n * 3 + seed) % 5]))
        })
        .collect();
    steps.insert(0, Step::Send(Write, text(91, 50)));
    steps.insert(1, Step::Send(Read, text(92, 50)));
    steps.push(Step::Send(Write, text(93, 50)));
    steps.push(Step::Send(Read, text(94, 50)));
    steps
}

/// Most bytes that a session may hold: of each direction the records that wait, with their places, and one
/// under way, for which its buffer may have grown to twice its size.
const HELD: usize = 2 * ((64 << 10) + 256 * 128 + 2 * 19_000);

/// Something that happens to a connection on its way.
#[derive(Clone, Debug)]
enum Harm {
    Flip(Index, Index, u8),
    /// Bytes are missing; told or not.
    Lose(Index, Index, usize, bool),
    Insert(Index, Index, Vec<u8>),
    /// A header that is none is written over what is there.
    Forge(Index, Index, u8, u16),
    Repeat(Index, Index),
    Swap(Index, Index),
    Turn(Index),
    Gap(Index, u64),
}

fn harm() -> impl Strategy<Value = Harm> {
    use Harm::{Flip, Forge, Gap, Insert, Lose, Repeat, Swap, Turn};
    let index = any::<Index>;
    prop_oneof![
        (index(), index(), 0..8_u8).prop_map(|(event, at, bit)| Flip(event, at, bit)),
        (index(), index(), 1..40_000_usize, any::<bool>())
            .prop_map(|(e, at, count, told)| Lose(e, at, count, told)),
        (index(), index(), proptest::collection::vec(any::<u8>(), 1..60))
            .prop_map(|(e, at, b)| Insert(e, at, b)),
        (index(), index(), 19..25_u8, any::<u16>())
            .prop_map(|(e, at, kind, length)| Forge(e, at, kind, length)),
        (index(), index()).prop_map(|(event, at)| Repeat(event, at)),
        (index(), index()).prop_map(|(event, other)| Swap(event, other)),
        index().prop_map(Turn),
        (index(), prop_oneof![0..100_u64, Just(u64::MAX)]).prop_map(|(event, missing)| Gap(event, missing)),
    ]
}

fn apply(harm: Harm, events: &mut Vec<(Direction, Segment)>) {
    let count = events.len();
    let data = |event: Index, at: Index| {
        let (place, (_, segment)) = (event.index(count), events[event.index(count)].clone());
        let Segment::Data(bytes) = segment else { return None };
        (!bytes.is_empty()).then(|| (place, at.index(bytes.len()), bytes.to_vec()))
    };
    match harm {
        Harm::Flip(event, at, bit) => {
            let Some((place, at, mut bytes)) = data(event, at) else { return };
            bytes[at] ^= 1 << bit;
            events[place].1 = Segment::Data(bytes.into());
        }
        Harm::Lose(event, at, count, told) => {
            let Some((place, at, bytes)) = data(event, at) else { return };
            let end = bytes.len().min(at + count);
            let direction = events[place].0;
            let gap = Segment::Gap(if told { (end - at) as u64 } else { 0 });
            let (before, behind) = (bytes[..at].to_vec(), bytes[end..].to_vec());
            let parts = [Segment::Data(before.into()), gap, Segment::Data(behind.into())];
            events.splice(place..=place, parts.map(|segment| (direction, segment)));
        }
        Harm::Insert(event, at, new) => {
            let Some((place, at, mut bytes)) = data(event, at) else { return };
            bytes.splice(at..at, new);
            events[place].1 = Segment::Data(bytes.into());
        }
        Harm::Forge(event, at, kind, length) => {
            let Some((place, at, mut bytes)) = data(event, at) else { return };
            let header = [kind, 3, 3, (length >> 8) as u8, length as u8];
            for (byte, new) in bytes[at..].iter_mut().zip(header) {
                *byte = new;
            }
            events[place].1 = Segment::Data(bytes.into());
        }
        Harm::Repeat(event, at) => {
            let event = events[event.index(count)].clone();
            events.insert(at.index(count), event);
        }
        Harm::Swap(event, other) => events.swap(event.index(count), other.index(count)),
        Harm::Turn(event) => events.insert(event.index(count), (Write, Segment::Turn)),
        Harm::Gap(event, missing) => {
            let place = event.index(count);
            events.insert(place, (events[place].0, Segment::Gap(missing)));
        }
    }
}

fn pieces(run: &Run) -> impl Iterator<Item = &Bytes> {
    run.plain.iter().filter_map(|plain| match &plain.what {
        What::Segment(Segment::Data(bytes)) => Some(bytes),
        _ => None,
    })
}

/// Bytes cut into segments of these lengths, in turn.
fn cut(bytes: &Bytes, lengths: &[usize]) -> Vec<Bytes> {
    let (mut rest, mut parts, mut lengths) = (bytes.clone(), vec![], lengths.iter().cycle());
    while !rest.is_empty() {
        let length = rest.len().min(*lengths.next().unwrap());
        parts.push(rest.split_to(length));
    }
    parts
}

proptest! {
    #[test]
    fn any_cutting_gives_the_same(
        which: Index,
        lengths in proptest::collection::vec(prop_oneof![1..8_usize, 1..2000_usize], 1..10),
        late: bool,
    ) {
        let recording = which.get(&RECORDINGS);
        let mut run = Run::new(if late { &[] } else { &recording.keys });
        for (n, (direction, bytes)) in recording.bytes.iter().enumerate() {
            // The handshake's first flights, and then its keys.
            if late && n == 2 {
                recording.keys.iter().for_each(|key| run.key(key));
            }
            for part in cut(bytes, &lengths) {
                run.push(*direction, Segment::Data(part));
            }
        }
        prop_assert_eq!(run.content(Write), whole(&recording.sent));
        prop_assert_eq!(run.content(Read), whole(&recording.answered));
        prop_assert_eq!(run.session.counts().unread_records, 0);
    }

    /// Gaps behind the first and before the last content of a direction are those of the content, exactly.
    #[test]
    fn gaps_add_up(
        which: Index,
        lengths in proptest::collection::vec(1..3000_usize, 1..10),
        lost in proptest::collection::vec(0..4_u8, 1..40),
    ) {
        let recording = which.get(&RECORDINGS[15..]);
        let mut run = Run::new(&recording.keys);
        let (mut lost, count) = (lost.iter().cycle(), recording.bytes.len());
        for (n, (direction, bytes)) in recording.bytes.iter().enumerate() {
            let may_lose = (6..count - 2).contains(&n);
            for part in cut(bytes, &lengths) {
                let loses = may_lose && *lost.next().unwrap() == 0;
                let gap = Segment::Gap(part.len() as u64);
                run.push(*direction, if loses { gap } else { Segment::Data(part) });
            }
        }
        for (direction, content) in [(Write, &recording.sent), (Read, &recording.answered)] {
            let found = run.content(direction);
            prop_assert_eq!(found.len(), content.len());
            prop_assert!(found.iter().zip(content).all(|(found, byte)| found.is_none_or(|found| found == *byte)));
        }
    }

    /// Whatever happens, what is handed out was said.
    #[test]
    fn what_is_read_is_right_or_nothing(
        which: Index,
        harms in proptest::collection::vec(harm(), 0..8),
        strange in proptest::collection::vec(any::<[u8; 32]>(), 0..20),
        known in any::<u16>(),
        shuffled: Index,
    ) {
        let recording = which.get(&RECORDINGS);
        let mut untouched = Run::new(&recording.keys);
        recording.bytes.iter().for_each(|(direction, bytes)| untouched.data(*direction, bytes));
        let said: HashSet<&Bytes> = pieces(&untouched).collect();
        let mut events: Vec<_> =
            recording.bytes.iter().map(|(direction, bytes)| (*direction, Segment::Data(bytes.clone()))).collect();
        for harm in harms {
            apply(harm, &mut events);
        }
        let known = recording.keys.iter().enumerate().filter(|(n, _)| known >> (n % 16) & 1 == 1);
        let mut keys: Vec<_> = known.map(|(_, key)| key.clone()).collect();
        keys.extend(strange.iter().map(|key| key[..[16, 24, 32][usize::from(key[0]) % 3]].to_vec()));
        let middle = shuffled.index(keys.len() + 1);
        keys.rotate_left(middle);
        let mut keys = keys.iter();
        let mut run = Run::new(&[]);
        for (n, (direction, segment)) in events.into_iter().enumerate() {
            if n % 3 == middle % 3 {
                keys.by_ref().take(middle).for_each(|key| run.key(key));
            }
            run.push(direction, segment);
            prop_assert!(run.session.held_bytes() <= HELD, "{}", run.session.held_bytes());
        }
        keys.for_each(|key| run.key(key));
        run.finish();
        prop_assert!(pieces(&run).all(|piece| said.contains(piece)));
    }

    #[test]
    fn any_bytes_and_any_keys_are_read_or_left(
        segments in proptest::collection::vec((any::<bool>(), any::<Vec<u8>>(), 0..50_u64), 0..30),
        keys in proptest::collection::vec(any::<[u8; 16]>(), 0..8),
    ) {
        let mut run = Run::new(&keys.iter().map(|key| key.to_vec()).collect::<Vec<_>>());
        for (write, bytes, missing) in segments {
            let direction = if write { Write } else { Read };
            run.data(direction, &bytes);
            run.push(direction, Segment::Gap(missing / 2));
            run.data(direction, &[&[22 + u8::from(write), 3, 3, 0, missing as u8][..], &bytes].concat());
        }
        run.finish();
        prop_assert_eq!(pieces(&run).count(), 0);
    }
}
