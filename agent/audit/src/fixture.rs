//! Records for tests.

#![allow(clippy::indexing_slicing, clippy::expect_used, reason = "for tests")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::chain::SealKey;
use crate::record::{Actor, Approval, Bytes, Direction, Entry, Exchange, Peer, Record, Unread, User};

/// 2026-11-24 00:00 UTC.
pub(crate) const MIDNIGHT: i64 = 1_795_478_400_000_000;
const MINUTE: i64 = 60_000_000;

/// A folder of its own, removed when dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("spanwire-audit-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.0.join("audit.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn key() -> SealKey {
    SealKey::new(b"a key of thirty-two bytes, or so")
}

/// One a minute; of every three services and models, each seventh failed, each fifth unapproved.
pub(crate) fn exchange(number: u32) -> Record {
    let of = |names: [&str; 3]| names[number as usize % 3].to_owned();
    let exchange = Exchange {
        actor: Actor {
            service: of(["shop", "bot", "batch"]),
            pid: 1000 + number % 10,
            user: Some(User { id: 1000, name: Some("ada".to_owned()) }),
            login: Some(User { id: 1001, name: None }),
            started: Some(MIDNIGHT - MINUTE),
            executable: Some("/usr/bin/python3".to_owned()),
            build_id: Some("ab12".to_owned()),
            command: Some(format!("python3 app.py --number {number}")),
            parents: vec!["bash (12)".to_owned(), "sshd (7)".to_owned()],
            container: (number.is_multiple_of(2)).then(|| "c0ffee".to_owned()),
            pod: None,
            namespace: None,
        },
        direction: Direction::Client,
        peer: Peer {
            name: Some(of(["api.openai.com", "api.anthropic.com", "llm.example"])),
            address: Some("192.0.2.7".to_owned()),
            port: Some(443),
        },
        duration: 1_200_000,
        provider: Some(of(["openai", "anthropic", "openai"])),
        operation: Some("chat".to_owned()),
        model: Some(of(["gpt-4o-mini", "claude-sonnet-4-5", "local"])),
        input_tokens: Some(100),
        output_tokens: Some(u64::from(number % 50)),
        cost: (number % 3 != 2).then_some(1_000_000),
        status: Some(if number.is_multiple_of(7) { 429 } else { 200 }),
        error: (number.is_multiple_of(7)).then(|| "rate_limit".to_owned()),
        bytes: Bytes { sent: 2000, received: 800 },
        redacted: if number.is_multiple_of(4) {
            BTreeMap::from([("email".to_owned(), 2)])
        } else {
            BTreeMap::new()
        },
        content: None,
        trace: format!("{:032x}", number / 2 + 1),
        span: format!("{:016x}", number + 1),
        missing: 0,
        notes: Vec::new(),
        approval: Some(if number.is_multiple_of(5) { Approval::Unapproved } else { Approval::Approved }),
    };
    let time = MIDNIGHT + i64::from(number) * MINUTE;
    Record { time, host: "host-1".to_owned(), entry: Entry::Exchange(Box::new(exchange)) }
}

pub(crate) fn unread(number: u32) -> Record {
    let unread = Unread {
        actor: Actor { service: "java".to_owned(), pid: 7, ..Actor::default() },
        peer: Peer { name: Some("api.openai.com".to_owned()), address: None, port: Some(443) },
        duration: 5,
        bytes: Bytes { sent: 10, received: 20 },
        approval: None,
    };
    let time = MIDNIGHT + i64::from(number) * MINUTE;
    Record { time, host: "host-1".to_owned(), entry: Entry::Unread(Box::new(unread)) }
}

pub(crate) fn exchanges(count: u32) -> Vec<Record> {
    (0..count).map(exchange).collect()
}
