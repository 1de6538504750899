//! The whole test: what it needs, the checks, the end-to-end tests, and the pages that say what they found.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Result, bail};

use crate::apt::{self, Package, Sign};
use crate::command::{self, as_root};
use crate::suites::{Reach, Wanted};
use crate::{check, clients, coverage, e2e, ebpf, npm, preflight, python, side_by_side, suites};

/// What the end-to-end tests start.
const PACKAGES: &[Package] = &[
    Package { name: "ca-certificates", sign: Sign::File("/etc/ssl/certs/ca-certificates.crt") },
    Package { name: "curl", sign: Sign::Program("curl") },
    Package { name: "iproute2", sign: Sign::Program("ip") },
    Package { name: "nftables", sign: Sign::Program("nft") },
    Package { name: "openssl", sign: Sign::Program("openssl") },
    Package { name: "libcurl3-gnutls", sign: Sign::File("/usr/lib/x86_64-linux-gnu/libcurl-gnutls.so.4") },
    Package { name: "libcurl3-nss", sign: Sign::File("/usr/lib/x86_64-linux-gnu/libcurl-nss.so.4") },
    Package { name: "nginx", sign: Sign::File("/usr/sbin/nginx") },
    Package { name: "openjdk-17-jdk-headless", sign: Sign::Program("javac") },
    Package { name: "php-curl", sign: Sign::File("/etc/php/8.2/mods-available/curl.ini") },
    Package { name: "php-fpm", sign: Sign::Program("php-fpm8.2") },
    Package { name: "puma", sign: Sign::Program("puma") },
    Package { name: "python3", sign: Sign::Program("python3") },
    Package { name: "runc", sign: Sign::Program("runc") },
    Package { name: "wget", sign: Sign::Program("wget") },
];
/// A curl with the last OpenSSL before 3, which this release does not have.
const OPENSSL_1_1: Wanted<'_> = Wanted { release: "bullseye", packages: &["curl"], reach: Reach::All };

/// Sets up what the tests need; then runs the checks and all end-to-end tests, `jobs` at a time, and
/// compares the table of docs/coverage.md. With `names`, it runs the end-to-end tests that have one of
/// them in `file::test`, and nothing else.
///
/// # Errors
/// At the first step that fails; the end-to-end tests are all run before they fail.
pub(crate) fn test(root: &Path, names: &[String], jobs: usize) -> Result<()> {
    preflight::privileges()?;
    preflight::disk(root)?;
    apt::can_ensure(PACKAGES, "testing")?;
    let lock = e2e::lock(root)?;
    apt::ensure(PACKAGES, "testing")?;
    ebpf::build(root)?;
    let python = python::environment(root)?;
    python::openai2(root)?;
    let modules = npm::modules(root)?;
    let native = clients::native(root, &python)?;
    suites::unpack(root, "curl-bullseye", OPENSSL_1_1)?;
    let whole = names.is_empty();
    if whole {
        check::steps(root)?;
    }

    println!("==> building the agent and the end-to-end tests");
    let built = e2e::build(root)?;
    let tests = e2e::choose(built.list()?, names)?;
    if whole {
        println!("==> what this kernel's verifier says of the BPF programs");
        command::check(as_root(&built.agent, &[]).args(["check", "--programs"]))?;
    }
    coverage::begin(root)?;
    let environment = [
        ("SPANWIRE_BIN", built.agent.into_os_string()),
        ("SPANWIRE_PYTHON", python.into_os_string()),
        ("SPANWIRE_ROOT", root.as_os_str().to_owned()),
        ("SPANWIRE_NPM", modules.into_os_string()),
        ("SPANWIRE_CLIENTS", native.into_os_string()),
        // Failed tests say what went wrong in words; a trace through the runtime only hides them.
        ("RUST_LIB_BACKTRACE", OsString::from("0")),
    ];
    let failed = e2e::run(root, lock, tests, jobs, whole, &environment)?;
    if failed > 0 {
        bail!("end-to-end tests failed: {failed}");
    }
    if whole {
        side_by_side::write(root)?;
        // Some of the tests measure some of the table.
        coverage::end(root)?;
    }
    Ok(())
}
