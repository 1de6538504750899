//! Fills a new audit store with made-up calls of the last 30 days, for trying questions out and for measuring them:
//! `cargo run --release -p spanwire-audit --example fill -- PATH RECORDS`. Prints how long it took.

#![allow(clippy::print_stdout, reason = "what it is for")]

use std::error::Error;
use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use spanwire_audit::chain::SealKey;
use spanwire_audit::record::{Actor, Approval, Bytes, Direction, Entry, Exchange, Peer, Record, User};
use spanwire_audit::store::Store;

/// Records in one transaction, as many as the agent writes at once at the most.
const BATCH: u64 = 1000;
/// Microseconds over which the calls are spread.
const SPAN: u64 = 30 * 86_400 * 1_000_000;

/// Endpoint, provider, model, cost in billionths of a dollar a token.
const MODELS: [(&str, &str, &str, u64); 6] = [
    ("api.openai.com", "openai", "gpt-4o-mini", 300),
    ("api.openai.com", "openai", "gpt-4o", 5000),
    ("api.anthropic.com", "anthropic", "claude-sonnet-4-5", 6000),
    ("generativelanguage.googleapis.com", "gcp.gemini", "gemini-2.5-flash", 700),
    ("llm.internal", "openai", "local-70b", 0),
    ("api.mistral.ai", "mistral_ai", "mistral-large", 3000),
];
const SERVICES: [&str; 8] = ["shop", "search", "support-bot", "billing", "etl", "notebook", "ci", "crm"];
const USERS: [&str; 5] = ["www-data", "ada", "etl", "root", "ci"];

/// A number that looks drawn by chance, the same at each run (xorshift64*).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % bound
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let length = u64::try_from(all.len()).ok()?;
        all.get(usize::try_from(self.below(length)).ok()?).copied()
    }
}

fn call(number: u64, time: i64, chance: &mut Chance) -> Option<Record> {
    let (server, provider, model, price) = chance.one_of(&MODELS)?;
    let (service, user) = (chance.one_of(&SERVICES)?, chance.one_of(&USERS)?);
    // One of a few thousand goes where it should not.
    let is_astray = chance.below(4000) == 0;
    let server = if is_astray { "api.free-llm.example" } else { server };
    let (input, output) = (200 + chance.below(4000), chance.below(800));
    let fails = chance.below(50) == 0;
    let exchange = Exchange {
        actor: Actor {
            service: service.to_owned(),
            pid: 1000 + u32::try_from(chance.below(400)).ok()?,
            user: Some(User { id: 1000, name: Some(user.to_owned()) }),
            login: (user == "root").then(|| User { id: 1001, name: Some("ada".to_owned()) }),
            started: Some(time - 3_600_000_000),
            executable: Some(format!("/opt/{service}/bin/python3")),
            build_id: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
            command: Some(format!("python3 -m {service}.worker --queue default")),
            parents: vec!["supervisord (812)".to_owned(), "systemd (1)".to_owned()],
            ..Actor::default()
        },
        direction: Direction::Client,
        peer: Peer { name: Some(server.to_owned()), address: Some("192.0.2.10".to_owned()), port: Some(443) },
        duration: 300_000 + chance.below(4_000_000),
        provider: Some(provider.to_owned()),
        operation: Some("chat".to_owned()),
        model: Some(model.to_owned()),
        input_tokens: Some(input),
        output_tokens: (!fails).then_some(output),
        cost: (price > 0).then_some(price * (input + 4 * output)),
        status: Some(if fails { 429 } else { 200 }),
        error: fails.then(|| "rate_limit_exceeded".to_owned()),
        bytes: Bytes { sent: 5 * input, received: 5 * output },
        redacted: if chance.below(20) == 0 { [("email".to_owned(), 1)].into() } else { [].into() },
        content: None,
        trace: format!("{number:032x}"),
        span: format!("{number:016x}"),
        missing: 0,
        notes: Vec::new(),
        approval: Some(if is_astray { Approval::Unapproved } else { Approval::Approved }),
    };
    Some(Record { time, host: "host-1".to_owned(), entry: Entry::Exchange(Box::new(exchange)) })
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let path = PathBuf::from(arguments.next().ok_or("where to?")?);
    let records: u64 = arguments.next().and_then(|text| text.to_str()?.parse().ok()).ok_or("how many?")?;
    let mut store = Store::open(&path, SealKey::new(b"this key seals made-up records only"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
    let first = u64::try_from(now)?.saturating_sub(SPAN);
    let mut chance = Chance(0x5eed);
    let since = Instant::now();
    let mut number = 0;
    while number < records {
        let until = (number + BATCH).min(records);
        let batch: Option<Vec<_>> = (number..until)
            .map(|number| call(number + 1, i64::try_from(first + SPAN / records * number).ok()?, &mut chance))
            .collect();
        store.append(&batch.ok_or("no record")?)?;
        number = until;
    }
    let took = since.elapsed();
    println!(
        "{records} records in {took:.1?}, {} bytes; the audit stands at {}",
        store.bytes()?,
        store.standing()
    );
    store.close()?;
    Ok(())
}
