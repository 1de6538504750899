//! A receiver that is away for long, and an agent that is killed meanwhile: what is on disk must come, all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, ensure};
use spanwire_e2e::agent::{Agent, command, finished, spans_on_disk};
use spanwire_e2e::client::Client;
use spanwire_e2e::folder::Folder;
use spanwire_e2e::receiver::{Protocol, Receiver, Reserved};
use spanwire_e2e::scene::concerning;
use spanwire_e2e::standin::{Served, StandIn};
use spanwire_e2e::{DEADLINE, Setup};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::figure::{Figure, peak_mib};

/// Clients, each with a connection that it keeps, and the time from one call of each to the next: 200 a second.
const CLIENTS: usize = 4;
const EVERY: Duration = Duration::from_millis(20);

/// What a call needs at the most, once it is over, to be on disk: docs/export.md says so, of an agent that gets to run.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// How long delivery may take when the receiver is back.
const LONG: Duration = Duration::from_mins(10);

/// When agents were there, in nanoseconds since 1970.
#[derive(Debug)]
struct Lives {
    killed: u64,
    back: u64,
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The receiver is away for so long, and the agent is killed at half of it.
pub(crate) async fn run(lasting: Duration) -> Result<Vec<Figure>> {
    let setup = Setup::find()?;
    let folder = Folder::new()?;
    let (queue, audit) = (folder.path().join("queue"), folder.path().join("audit/audit.db"));
    let paths = [queue.display().to_string(), audit.display().to_string()];
    let arguments = ["--otlp-queue", &paths[0], "--audit", &paths[1]];
    let standin = StandIn::start(&setup, true).await?;
    let reserved = Reserved::port()?;
    let port = reserved.number()?;
    let endpoint = format!("http://127.0.0.1:{port}");
    let first = Agent::exporting(&setup, &endpoint, Protocol::Http, &arguments).await?;
    let (stop, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let client = Client::python(&setup, "steps.py", &standin).by_steps().start()?;
        clients.push(tokio::spawn(call(client, Arc::clone(&stop), Arc::clone(&made))));
    }
    let disk_peak = Arc::new(AtomicU64::new(0));
    let watch = tokio::spawn(watch(queue.clone(), Arc::clone(&disk_peak)));
    let began = Instant::now();
    sleep(lasting / 2).await;
    let mut peak = first.pid().map_or(0, peak_mib);
    let killed = now_ns();
    first.kill().await?;
    let second = Agent::exporting(&setup, &endpoint, Protocol::Http, &arguments).await?;
    let lives = Lives { killed, back: now_ns() };
    sleep(lasting.saturating_sub(began.elapsed())).await;
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await??;
    }
    let took = began.elapsed();
    let receiver = Receiver::start_on(Protocol::Http, port).await?;
    let back = Instant::now();
    second.status_when("an empty queue", LONG, |status| spans_on_disk(status) == Some(0.0)).await?;
    let delivered = back.elapsed();
    peak = peak.max(second.pid().map_or(0, peak_mib));
    let ended = second.stop().await?;
    watch.abort();
    ensure!(ended.status.success(), "the agent ended with {}:\n{}", ended.status, ended.stderr);
    let made = made.load(Ordering::Relaxed);
    let served = standin.log(made).await?;
    let mut figure = Figure {
        what: format!("a receiver away for {} s, the agent killed", lasting.as_secs()),
        made,
        counted: ended.calls().unwrap_or_default(),
        seconds: took.as_secs_f64(),
        peak_mib: peak,
        lost: ended.losses(),
        ..Figure::default()
    };
    let spans = receiver.spans();
    let mut ids: BTreeMap<String, BTreeSet<Vec<u8>>> = BTreeMap::new();
    for span in concerning(&standin, &spans) {
        figure.seen += 1;
        if let Some(id) = span.response_id() {
            ids.entry(id.to_owned()).or_default().insert(span.raw.span_id.clone());
        }
    }
    judge(&mut figure, &served, &ids, &lives);
    if !figure.lost.is_empty() {
        figure.wrong.push(format!("something was lost: {:?}", figure.lost));
    }
    let mut verify = command(&setup);
    let verified = finished(verify.args(["audit", "verify", "--store", &paths[1]])).await?;
    if !verified.status.success() {
        figure.wrong.push(format!("the audit: {}", String::from_utf8_lossy(&verified.stdout)));
    }
    println!(
        "delivered {:.1} s after the receiver was back; {} spans came twice; the queue took {:.1} MiB at the most; the audit: {}",
        delivered.as_secs_f64(),
        figure.seen - ids.len(),
        disk_peak.load(Ordering::Relaxed) as f64 / f64::from(1 << 20),
        String::from_utf8_lossy(&verified.stdout).lines().next().unwrap_or_default()
    );
    println!("{}", crate::figure::table(std::slice::from_ref(&figure)));
    Ok(vec![figure])
}

/// Makes call after call until told to stop.
async fn call(
    mut client: spanwire_e2e::client::Running,
    stop: Arc<AtomicBool>,
    made: Arc<AtomicUsize>,
) -> Result<()> {
    let mut pace = interval(EVERY);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        client.step().await?;
        made.fetch_add(1, Ordering::Relaxed);
    }
    client.end(DEADLINE).await.map(drop)
}

/// Every call of an agent's life must have its span, and no more than one.
fn judge(
    figure: &mut Figure,
    served: &[Served],
    ids: &BTreeMap<String, BTreeSet<Vec<u8>>>,
    Lives { killed, back }: &Lives,
) {
    let on_its_way = u64::try_from(ON_ITS_WAY.as_nanos()).unwrap_or(0);
    let (mut between, mut on_the_way) = (0, 0);
    for call in served {
        let is_seen = ids.contains_key(&call.id);
        // It began some moments before it was received.
        if call.received_ns + on_its_way < *killed || call.received_ns > back + on_its_way {
            if !is_seen {
                figure.wrong.push(format!("no span of {}", call.id));
            }
        } else if call.received_ns < *killed {
            on_the_way += usize::from(!is_seen);
        } else {
            between += usize::from(!is_seen);
        }
    }
    for (id, spans) in ids.iter().filter(|(_, spans)| spans.len() > 1) {
        figure.wrong.push(format!("{} spans of {id}", spans.len()));
    }
    println!(
        "without a span: {on_the_way} calls of the {} ms before the agent was killed, {between} of the {:.1} s until the next one captured",
        ON_ITS_WAY.as_millis(),
        (back - killed) as f64 / 1e9
    );
}

/// Measures the largest size of what is in a folder.
async fn watch(folder: PathBuf, peak: Arc<AtomicU64>) {
    loop {
        peak.fetch_max(size(&folder), Ordering::Relaxed);
        sleep(Duration::from_secs(1)).await;
    }
}

fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => size(&entry.path()),
        found => found.map_or(0, |found| found.len()),
    };
    entries.map(of).sum()
}
