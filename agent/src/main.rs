#![allow(missing_docs)]
use spanwire::bpf::*;
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut p = Programs::load(Options { ring_bytes: 8 << 20, probe_log: ProbeLog::Off })?;
    for (n, s) in p.sizes() { println!("{n} {s:?}"); }
    let mut ring = p.ring()?;
    let t = std::time::Instant::now();
    println!("{:?}", p.attach_library(std::path::Path::new("/usr/lib/x86_64-linux-gnu/libssl.so.3")));
    p.attach_tracepoints()?;
    println!("attached {:?}", t.elapsed());
    loop { ring.read(|e| match e { Ok(spanwire::event::Event::Chunk(c)) => println!("{:?} {} {:?} {:?} pos {} {}/{} {:?}", c.connection, c.pid, c.source, c.direction, c.position, c.bytes.len(), c.original_bytes, String::from_utf8_lossy(&c.bytes[..c.bytes.len().min(60)])), other => println!("{other:?}") }).await?; }
}
