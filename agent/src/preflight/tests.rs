#![allow(clippy::unwrap_used, reason = "tests")]

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::*;

/// A host made of files; removed at the end.
struct Host(PathBuf);

impl Host {
    fn new(name: &str, capabilities: u64, namespace: &str) -> Self {
        let root = std::env::temp_dir().join(format!("spanwire-preflight-{name}-{}", std::process::id()));
        fs::create_dir_all(root.join("proc/self/ns")).unwrap();
        fs::create_dir_all(root.join("sys/bus/event_source/devices/uprobe")).unwrap();
        fs::create_dir_all(root.join("sys/kernel/security")).unwrap();
        fs::create_dir_all(root.join("sys/kernel/btf")).unwrap();
        fs::write(root.join("proc/self/status"), format!("Name:\tx\nCapEff:\t{capabilities:016x}\n"))
            .unwrap();
        symlink(namespace, root.join("proc/self/ns/pid")).unwrap();
        fs::write(root.join("sys/bus/event_source/devices/uprobe/type"), "9\n").unwrap();
        fs::write(root.join("sys/kernel/btf/vmlinux"), "").unwrap();
        Self(root)
    }

    fn weight(&self, subject: &str) -> Weight {
        let findings = examine_host(&self.0.join("proc"), &self.0.join("sys"));
        findings.iter().find(|finding| finding.subject == subject).unwrap().weight
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_host_with_everything() {
    let host = Host::new("good", u64::MAX, ROOT_PID_NAMESPACE);
    let findings = examine_host(&host.0.join("proc"), &host.0.join("sys"));
    assert!(findings.iter().all(|finding| finding.weight == Weight::Ok), "{findings:?}");
    let mut out = Vec::new();
    assert!(report(&findings, &mut out).unwrap());
}

#[test]
fn what_is_missing_is_named_with_its_mend_in_one_line() {
    let host = Host::new("bare", 0, "pid:[4026532001]");
    fs::remove_file(host.0.join("sys/bus/event_source/devices/uprobe/type")).unwrap();
    fs::write(host.0.join("sys/kernel/security/lockdown"), "none integrity [confidentiality]\n").unwrap();
    fs::remove_file(host.0.join("sys/kernel/btf/vmlinux")).unwrap();
    let findings = examine_host(&host.0.join("proc"), &host.0.join("sys"));
    let mut out = Vec::new();
    assert!(!report(&findings, &mut out).unwrap());
    let text = String::from_utf8(out).unwrap();
    for mend in ["sudo", "hostPID", "CONFIG_UPROBE_EVENTS", "lockdown=integrity", "CONFIG_DEBUG_INFO_BTF"] {
        assert!(text.contains(mend), "{mend} in {text}");
    }
    assert!(findings.iter().all(|finding| !finding.message.contains('\n')));
}

#[test]
fn privileges_by_capability() {
    let needed = CAPABILITIES.iter().fold(0, |all, (number, ..)| all | 1u64 << number);
    for (name, capabilities, expected) in [
        ("few", needed, Weight::Limited),
        ("admin", needed | 1 << CAP_SYS_ADMIN, Weight::Ok),
        ("old", 1 << CAP_SYS_ADMIN | 1 << 19 | 1 << 2, Weight::Ok),
        ("blind", needed & !(1 << 19), Weight::Missing),
    ] {
        assert_eq!(
            Host::new(name, capabilities, ROOT_PID_NAMESPACE).weight("privileges"),
            expected,
            "{name}"
        );
    }
}

#[test]
fn a_verifiers_last_word_says_why() {
    let text = "the kernel did not take it: EACCES. Verifier output: reg type unsupported\n\
                1966: (85) call bpf_probe_read_user#112\n\
                R2 min value is negative\n\
                verification time 1 usec\nstack depth 8\nprocessed 12 insns\n\n";
    assert_eq!(
        in_one_line(text),
        "the kernel did not take it: EACCES. The verifier says: R2 min value is negative"
    );
    let text =
        "refused. Verifier output: combined stack size of 3 calls is 544. Too large\nprocessed 12 insns\n";
    assert_eq!(
        in_one_line(text),
        "refused. The verifier says: combined stack size of 3 calls is 544. Too large"
    );
    assert_eq!(in_one_line("no such file\nmore"), "no such file");
}
