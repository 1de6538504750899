#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Begun, Process, ProcessTable, Procfs};
use crate::value::Value;

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A `/proc` of its own in a temporary directory, removed at the end.
struct Host(PathBuf);

impl Host {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("spanwire-proc-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let root = std::env::temp_dir().join(name);
        fs::create_dir_all(&root).unwrap();
        Self(root)
    }

    fn put(&self, pid: u32, name: &str, text: &str) -> &Self {
        let directory = self.0.join(pid.to_string());
        fs::create_dir_all(&directory).unwrap();
        if name == "exe" {
            symlink(text, directory.join(name)).unwrap();
        } else {
            fs::write(directory.join(name), text).unwrap();
        }
        self
    }

    fn start(&self, pid: u32, ticks: u64) -> &Self {
        self.put(
            pid,
            "stat",
            &format!("{pid} (a) b) (c) S 1 1 1 0 -1 4194304 117 0 1 0 0 0 0 0 20 0 1 0 {ticks} 3 4"),
        )
    }

    fn procfs(&self) -> Procfs {
        Procfs::new(self.0.clone())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn get<'a>(process: &'a Process, name: &str) -> Option<&'a Value> {
    process.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

fn string(text: &str) -> Value {
    Value::String(text.to_owned())
}

#[test]
fn the_service_is_named_in_order_of_trust() {
    const EXE: (&str, &str) = ("exe", "/usr/bin/python3.12");
    const CMDLINE: (&str, &str) = ("cmdline", "python\0/srv/bot/foo.py\0--key\0secret\0");
    const CGROUP: (&str, &str) = ("cgroup", "0::/system.slice/shop.service\n");
    const ATTRIBUTES: (&str, &str) = ("environ", "A=1\0OTEL_RESOURCE_ATTRIBUTES=service.name=claimed,a=b\0");
    const NAME: (&str, &str) =
        ("environ", "OTEL_RESOURCE_ATTRIBUTES=service.name=x\0OTEL_SERVICE_NAME=named\0");
    const EMPTY: (&str, &str) = ("environ", "OTEL_SERVICE_NAME=\0XOTEL_SERVICE_NAME=no\0");
    for (files, expected) in [
        (&[EXE, CMDLINE, CGROUP, NAME][..], "named"),
        (&[EXE, CMDLINE, CGROUP, ATTRIBUTES], "claimed"),
        (&[EXE, CMDLINE, CGROUP, EMPTY], "shop"),
        (&[EXE, CMDLINE, CGROUP], "shop"),
        (&[EXE, CMDLINE, ("cgroup", "0::/user.slice/user-0.slice/session-1.scope")], "foo"),
        (&[EXE, ("cmdline", "python\0-c\0import os\0")], "python"),
        (&[EXE], "python"),
        (&[("exe", "/opt/my tool (deleted)"), ("cmdline", "x\0")], "my tool"),
        (&[("comm", "curl\n")], "curl"),
        (&[("cmdline", "")], "unknown_service"),
        (&[], "unknown_service"),
    ] {
        let host = Host::new();
        for (name, text) in files {
            host.put(7, name, text);
        }
        let process = host.procfs().read(7, None);
        assert_eq!(process.service_name, expected, "{files:?}");
        assert_eq!(get(&process, "spanwire.process.notes").is_some(), expected == "unknown_service");
        assert!(!format!("{process:?}").contains("secret"), "arguments stay where they are: {process:?}");
    }
}

#[test]
fn the_host_says_who_it_is() {
    let host = Host::new();
    host.put(7, "exe", "/usr/bin/python3.12")
        .put(7, "cmdline", "/usr/bin/python3\0foo.py\0")
        .put(7, "status", "Name:\tpython3\nUid:\t0\t1000\t0\t0\nGid:\t0\t0\t0\t0\n")
        .put(
            7,
            "environ",
            "OPENAI_API_KEY=secret\0OTEL_RESOURCE_ATTRIBUTES=team=a%2Cb, process.pid=1 ,service.version=1.2,,empty=\0",
        );
    fs::write(host.0.join("passwd"), "root:x:0:0::/:/bin/sh\nbroken\nbob:x:1000:1000::/:/bin/sh\n").unwrap();
    let procfs = host.procfs().with_host_name("box".to_owned()).with_passwd(&host.0.join("passwd"));
    let expected: Vec<_> = [
        ("process.pid", Value::Int(7)),
        ("process.executable.name", string("python3.12")),
        ("process.executable.path", string("/usr/bin/python3.12")),
        ("process.command", string("/usr/bin/python3")),
        ("process.runtime.name", string("cpython")),
        ("process.owner", string("bob")),
        ("team", string("a,b")),
        ("service.version", string("1.2")),
        ("host.name", string("box")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    assert_eq!(procfs.read(7, None).attributes, expected);

    host.put(7, "cgroup", &format!("0::/system.slice/docker-{ID}.scope\n"));
    let process = procfs.read(7, None);
    assert_eq!(get(&process, "container.id"), Some(&string(ID)));
    assert_eq!(
        get(&process, "process.owner"),
        Some(&string("1000")),
        "the host's names end at the container"
    );
}

#[test]
fn what_the_process_claims_may_be_wrong() {
    for (claim, noted) in [
        ("a=%zz", true),
        ("novalue", true),
        ("=x", true),
        ("a=1,b", true),
        ("host.name=mine", false),
        (",", false),
    ] {
        let host = Host::new();
        host.put(7, "comm", "x").put(7, "environ", &format!("OTEL_RESOURCE_ATTRIBUTES={claim}\0"));
        let process = host.procfs().with_host_name("box".to_owned()).read(7, None);
        assert_eq!(get(&process, "spanwire.process.notes").is_some(), noted, "{claim}");
        let host_name = if claim.starts_with("host") { "mine" } else { "box" };
        assert_eq!(get(&process, "host.name"), Some(&string(host_name)), "{claim}");
        assert_eq!(get(&process, "a"), None, "{claim}");
    }
}

#[test]
fn a_title_over_the_arguments_is_cut_at_its_first_word() {
    let host = Host::new();
    host.put(7, "cmdline", "worker: bob --token abc\0");
    assert_eq!(get(&host.procfs().read(7, None), "process.command"), Some(&string("worker:")));
}

#[test]
fn the_start_is_found_behind_any_name() {
    let host = Host::new();
    assert_eq!(host.procfs().start_ticks(7), None);
    assert_eq!(host.start(7, 287_487).procfs().start_ticks(7), Some(287_487));
    for broken in ["", "7 (x", "7 (x) S 1 2", "7 (x) S 1 1 1 0 -1 4 117 0 1 0 0 0 0 0 20 0 1 0 x 3"] {
        assert_eq!(host.put(7, "stat", broken).procfs().start_ticks(7), None, "{broken}");
    }
}

#[test]
fn reads_itself() {
    let procfs = Procfs::new("/proc".into());
    let process = procfs.read(std::process::id(), None);
    assert!(procfs.start_ticks(std::process::id()).is_some());
    assert!(get(&process, "process.executable.path").is_some(), "{process:?}");
}

#[test]
fn the_table_shares_until_the_process_is_another() {
    let host = Host::new();
    host.start(7, 1).put(7, "comm", "one");
    let mut table = ProcessTable::new(host.procfs(), 8);
    let one = table.get(7);
    assert!(Arc::ptr_eq(&one, &table.get(7)));

    host.put(7, "comm", "two");
    assert_eq!(table.get(7).service_name, "one", "remembered");
    table.replaced(7, 0);
    assert_eq!(table.get(7).service_name, "two", "read again after exec");

    host.start(7, 2).put(7, "comm", "three");
    assert_eq!(table.get(7).service_name, "two", "the kernel tells of ends: nothing is read for each call");
    table.doubt();
    assert_eq!(table.get(7).service_name, "three", "another process with the same pid, and its end was lost");
    assert!(Arc::ptr_eq(&table.get(7), &table.get(7)));

    table.ended(7);
    host.start(7, 3).put(7, "comm", "four");
    assert_eq!(table.get(7).service_name, "four", "another process with the same pid");
    table.doubt();

    fs::remove_dir_all(host.0.join("7")).unwrap();
    assert_eq!(table.get(7).service_name, "four", "spans made after its exit");
}

#[test]
fn a_process_that_ended_is_kept_for_its_last_spans_and_its_pid_may_be_anothers() {
    let host = Host::new();
    let mut table = ProcessTable::new(host.procfs(), 1_000);
    for pid in 1..=100 {
        host.start(pid, 1).put(pid, "comm", &format!("p{pid}"));
        table.meet(pid, "", 0);
        fs::remove_dir_all(host.0.join(pid.to_string())).unwrap();
        table.ended(pid);
        assert_eq!(table.get(pid).service_name, format!("p{pid}"));
    }
    assert!(table.known.len() < 100);
    host.start(100, 2).put(100, "comm", "another");
    table.meet(100, "", 0);
    assert_eq!(table.get(100).service_name, "another");
}

#[test]
fn the_table_is_bounded() {
    let host = Host::new();
    let mut table = ProcessTable::new(host.procfs(), 3);
    for pid in 1..=10 {
        host.start(pid, 1).put(pid, "comm", &format!("p{pid}"));
        assert_eq!(table.get(pid).service_name, format!("p{pid}"));
        assert!(table.known.len() <= 3);
    }
}

#[test]
fn a_process_that_was_gone_at_once_has_the_name_of_its_thread() {
    let mut table = ProcessTable::new(Procfs::new(std::env::temp_dir().join("spanwire-no-proc")), 4);
    table.meet(7, "curl", 0);
    assert_eq!(table.get(7).service_name, "curl");
    assert_eq!(table.get(8).service_name, "unknown_service");
}

#[test]
fn a_process_that_went_on_to_another_program_is_not_taken_for_it() {
    let host = Host::new();
    let runs = |program: u64, name: &str| {
        let stat = format!("7 (x) S {}1 {}{program}", "0 ".repeat(18), "0 ".repeat(25));
        host.put(7, "stat", &stat).put(7, "comm", name);
    };
    let mut table = ProcessTable::new(host.procfs(), 8);
    runs(2, "second");
    assert_eq!((host.procfs().start_ticks(7), host.procfs().program(7)), (Some(1), Some(2)));
    table.meet(7, "first", 1);
    let first = table.get(7);
    assert_eq!(first.service_name, "first", "the thread's name is all that is known of it");
    assert!(get(&first, "spanwire.process.notes").is_some());

    table.replaced(7, 2);
    assert_eq!(table.get(7).service_name, "second");
    runs(3, "third");
    table.meet(7, "third", 3);
    assert_eq!(table.get(7).service_name, "third", "a connection shows what the lost exec did not");
}

#[test]
fn what_was_described_as_it_began_is_taken_for_that_program_only() {
    for (program, name) in [(5, "short"), (6, "curl")] {
        let host = Host::new();
        let stat = format!("7 (x) S {}1 {}5", "0 ".repeat(18), "0 ".repeat(25));
        host.put(7, "stat", &stat).put(7, "comm", "short");
        let begun = Begun::new(host.procfs());
        begun.describe(7);
        fs::remove_dir_all(host.0.join("7")).unwrap();
        let mut table = ProcessTable::new(host.procfs(), 8).with(begun.clone());
        table.meet(7, "curl", program);
        assert_eq!(table.get(7).service_name, name);
        assert_eq!(begun.take(7, 5).is_some(), program != 5, "taken once");
    }
}

#[test]
fn a_tracer_may_be_loaded_after_the_begin() {
    let host = Host::new();
    host.start(7, 1).put(7, "comm", "python3").put(
        7,
        "maps",
        "7f00-7f01 r-xp 0 08:01 1 /usr/lib/libssl.so.3\n",
    );
    let mut table = ProcessTable::new(host.procfs(), 8);
    table.meet(7, "", 0);
    assert_eq!(table.get(7).exports_spans, None);
    host.put(7, "maps", "7f00-7f01 r-xp 0 08:01 1 /venv/ddtrace/internal/native/_native.so\n");
    assert_eq!(table.get(7).exports_spans, None, "looked at already");
    table.doubt();
    assert_eq!(table.get(7).exports_spans, Some(true));
    assert_eq!(table.get(7).service_name, "python");
}

#[test]
fn who_is_set_up_to_export_to_nobody_exports_nothing() {
    const NOBODY: &str = "  sl  local_address rem_address   st\n   0: 0100007F:10DD 00000000:0000 0A 0:0\n";
    const SOMEBODY: &str = "  sl  local_address rem_address   st\n   0: 0100007F:10DE 00000000:0000 0A 0:0\n";
    const A_CLIENT: &str = "  sl  local_address rem_address   st\n   0: 0100007F:10DE 0100007F:BEEF 01 0:0\n";
    let host = Host::new();
    host.start(7, 1).put(7, "comm", "x").put(
        7,
        "environ",
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318\0",
    );
    let mut table = ProcessTable::new(host.procfs(), 8);
    let mut after = |eras: u32| {
        for _ in 0..eras {
            table.doubt();
        }
        table.get(7).exports_spans
    };
    assert_eq!(after(0), Some(true));
    fs::create_dir_all(host.0.join("7/net")).unwrap();
    for (sockets, eras, expected) in [
        (NOBODY, 30, true),
        (NOBODY, 30, true),
        (NOBODY, 29, true),
        (NOBODY, 30, false),
        (SOMEBODY, 20, true),
        (A_CLIENT, 20, true),
        (A_CLIENT, 60, false),
    ] {
        host.put(7, "net/tcp", sockets);
        assert_eq!(after(eras), Some(expected), "{sockets} {eras}");
    }
}
