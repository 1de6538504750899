//! What reading costs: `cargo test --release -p spanwire --lib tls::tests::figures -- --ignored --nocapture`.

#![allow(clippy::print_stdout, reason = "figures are printed")]

use std::time::Instant;

use super::seal::{COUNTING, Pair, Sealer, Version};
use super::*;
use crate::protocol::tls::gcm::Cipher;

#[test]
#[ignore = "prints figures and asserts nothing"]
fn figures() {
    println!("a key, expanded: {} bytes", size_of::<Cipher>());
    for version in [Version::V13, COUNTING] {
        for size in [16_000, 1400, 100] {
            let mut pair = Pair::new(version);
            let records: Vec<Bytes> =
                (0..50_000_000 / (size + 400)).map(|_| pair.write.data(&vec![7; size]).into()).collect();
            let begun = Instant::now();
            let count = records.len();
            for record in records {
                let mut read = 0;
                let segment = Segment::Data(record);
                pair.run.session.push(Write, 0, segment, &mut pair.run.keys, &mut |_| read += 1);
                assert_eq!(read, 1);
            }
            let (seconds, count) = (begun.elapsed().as_secs_f64(), count as f64);
            let (each, rate) = (seconds / count * 1e9, count * size as f64 / seconds / 1e6);
            println!("{version:?}, records of {size} bytes: {each:.0} ns each, {rate:.0} MB/s");
        }
    }
    for size in [40, 1000, 16_000] {
        for again in [false, true] {
            let keys: Vec<_> = (0..1000_u32).map(|n| n.to_be_bytes().repeat(4)).collect();
            let mut store = store(&keys);
            let record = |store: &mut KeyStore| {
                let mut pair = Pair::keyless(Version::V13);
                let record = Sealer::new(&[0x99; 16], Version::V13).data(&vec![7; size]);
                std::mem::swap(store, &mut pair.run.keys);
                let begun = Instant::now();
                pair.run.data(Write, &record);
                let each = begun.elapsed().as_nanos() as f64 / pair.run.session.counts().tries as f64;
                std::mem::swap(store, &mut pair.run.keys);
                each
            };
            if again {
                record(&mut store);
            }
            let each = record(&mut store);
            let what = if again { "tried before" } else { "new keys" };
            println!("one try on a record of {size} bytes, {what}: {each:.0} ns");
        }
    }
}
