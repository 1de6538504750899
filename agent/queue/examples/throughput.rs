//! Prints how fast payloads go in and come out again: `cargo run --release --package spanwire-queue --example
//! throughput [FOLDER]`. The folder is made, and removed at the end; where it lies decides what an `fsync` costs.

#![expect(clippy::print_stdout, reason = "what it is for")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use spanwire_queue::{Disk, Options, Queue};

/// Bytes of payloads, and of all payloads of one size together.
const SIZES: [usize; 4] = [512, 8 << 10, 128 << 10, 4 << 20];
const TOTAL_BYTES: usize = 128 << 20;
const RECORDS_MAX: usize = 20_000;
/// Pushes for one sync.
const BATCHES: [usize; 2] = [1, 64];

fn main() -> Result<(), Box<dyn Error>> {
    let default = || std::env::temp_dir().join(format!("spanwire-queue-{}", std::process::id()));
    let folder = std::env::args_os().nth(1).map_or_else(default, PathBuf::from);
    for size in SIZES {
        for batch in BATCHES {
            std::fs::create_dir(&folder)?;
            let measured = measure(&folder, size, batch);
            std::fs::remove_dir_all(&folder)?;
            measured?;
        }
    }
    Ok(())
}

fn measure(folder: &Path, size: usize, batch: usize) -> Result<(), Box<dyn Error>> {
    let payload = vec![0x5a; size];
    // With one sync each, fewer tell enough.
    let records = (TOTAL_BYTES / size).min(RECORDS_MAX).min(batch * 500);
    let mut queue = Queue::open(Disk::open(folder)?, Options::default())?;
    let begin = Instant::now();
    for number in 1..=records {
        queue.push(&payload, 1)?;
        if number % batch == 0 {
            queue.sync()?;
        }
    }
    queue.sync()?;
    let pushed = begin.elapsed().as_secs_f64();
    drop(queue);
    let begin = Instant::now();
    let mut queue = Queue::open(Disk::open(folder)?, Options::default())?;
    let opened = begin.elapsed().as_secs_f64();
    let begin = Instant::now();
    let mut delivered = 0;
    while let Some(record) = queue.next_record()? {
        queue.acknowledge(record.number);
        delivered += 1;
    }
    queue.sync()?;
    let replayed = begin.elapsed().as_secs_f64();
    if delivered != records {
        return Err(format!("{delivered} of {records} records came").into());
    }
    let mebibytes = f64::from(u32::try_from((records * size) >> 10)?) / 1024.0;
    let count = f64::from(u32::try_from(records)?);
    println!(
        "{size:>8} bytes, {batch:>2} a sync: in {:>8.0}/s {:>6.0} MiB/s, opened {:>6.0} MiB/s, out {:>8.0}/s {:>6.0} MiB/s",
        count / pushed,
        mebibytes / pushed,
        mebibytes / opened,
        count / replayed,
        mebibytes / replayed
    );
    Ok(())
}
