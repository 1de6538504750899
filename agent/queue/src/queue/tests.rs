#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod bounds;
mod crash;
mod damage;
mod faulty;
mod folder;
mod hostile;
mod model;

use super::*;
use faulty::Faulty;

/// Small, so that few operations reach every bound.
const SMALL: Options =
    Options { total_bytes: OTHER_FILES_BYTES + 5 * 4096, segment_bytes: 4096, payload_bytes: 3000 };

/// Payloads of all that comes, acknowledged at once.
fn drain(queue: &mut Queue<Faulty>) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    while let Some(record) = queue.next_record().unwrap() {
        assert!(queue.acknowledge(record.number));
        payloads.push(record.payload);
    }
    payloads
}
