//! Which files and ports the threads that export, or answer monitoring systems, may use (landlock(7)).
//!
//! No other thread can be confined so: who is under any such rules, of the network alone even, may look at no process outside
//! of them (`ptrace_access_check` in security/landlock/task.c), so that `/proc/PID/exe`, `root`, `fd` and `ns` of what is
//! traced would be closed.

use std::collections::BTreeSet;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, NetPort, PathBeneath, PathFd,
    RestrictionStatus, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};
use reqwest::Url;

use crate::config::{Environment, Receiver};

/// The rules that are asked for are those of this version (Linux 6.12); an older kernel enforces those that it has.
const RULES: ABI = ABI::V6;

/// Names are asked for over TCP where an answer is too long for UDP (RFC 7766).
const DNS: u16 = 53;

/// Variables that name a proxy, in small and capital letters (`reqwest::Proxy`).
const PROXIES: [&str; 3] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

/// What is enforced.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Confinement {
    /// All of it, or what the kernel has, by the version of its rules.
    By(ABI),
    /// The kernel has no such rules, or they are off.
    None,
}

/// The ports that exporters connect to; none where they cannot be known.
pub(super) fn ports(receivers: &[Receiver], environment: &Environment) -> Option<BTreeSet<u16>> {
    let mut ports = BTreeSet::new();
    if receivers.is_empty() {
        return Some(ports);
    }
    ports.insert(DNS);
    let is_proxy = |name: &str| PROXIES.contains(&name.to_ascii_uppercase().as_str());
    let proxies = environment.iter().filter(|(name, value)| is_proxy(name) && !value.is_empty());
    let signals = receivers.iter().flat_map(|receiver| receiver.signals());
    for url in signals.map(|otlp| otlp.endpoint.as_str()).chain(proxies.map(|(_, value)| value.as_str())) {
        ports.insert(Url::parse(url).ok()?.port_or_known_default()?);
    }
    Some(ports)
}

/// Confines the calling thread, and those that it starts: files are read, and no file is written, made or removed; TCP
/// connections go to these ports alone, if they are known, and none is waited for.
///
/// # Errors
/// When the kernel has such rules and refuses these.
pub(super) fn confine(ports: Option<&BTreeSet<u16>>) -> anyhow::Result<Confinement> {
    confine_but_for(&[], ports)
}

/// As [`confine`], but for what is below these folders: there files are written, made and removed as well.
///
/// # Errors
/// As [`confine`], or when there is no such folder.
pub(super) fn confine_but_for(
    folders: &[&Path],
    ports: Option<&BTreeSet<u16>>,
) -> anyhow::Result<Confinement> {
    let reads = AccessFs::ReadFile | AccessFs::ReadDir;
    let network = match ports {
        Some(_) => AccessNet::from_all(RULES),
        None => BitFlags::from(AccessNet::BindTcp),
    };
    let mut rules = forbidden(network)?.add_rule(PathBeneath::new(PathFd::new("/")?, reads))?;
    let writes = reads
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile;
    for folder in folders {
        rules = rules.add_rule(PathBeneath::new(PathFd::new(folder)?, writes))?;
    }
    for port in ports.into_iter().flatten() {
        rules = rules.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
    }
    Ok(outcome(&rules.restrict_self()?))
}

/// Confines the calling thread, and those that it starts, to what is open already: no file is opened, and no TCP connection
/// begun or waited for at a further port.
///
/// # Errors
/// As [`confine`].
pub(super) fn enclose() -> anyhow::Result<Confinement> {
    Ok(outcome(&forbidden(AccessNet::from_all(RULES))?.restrict_self()?))
}

/// Rules by which no file may be used, nor the network in these ways.
fn forbidden(network: BitFlags<AccessNet>) -> anyhow::Result<RulesetCreated> {
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(RULES))?
        .handle_access(network)?
        .scope(Scope::AbstractUnixSocket)?;
    Ok(rules.create()?)
}

fn outcome(status: &RestrictionStatus) -> Confinement {
    match (&status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, _) => Confinement::None,
        (_, LandlockStatus::Available { effective_abi, .. }) => Confinement::By(effective_abi),
        _ => Confinement::None,
    }
}

/// Of which version of the rules connections over TCP are (Linux 6.7).
pub(super) const NETWORK: ABI = ABI::V4;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::fs;
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::config::{Otlp, OtlpProtocol};

    #[test]
    fn the_ports_are_those_of_the_receiver_and_of_proxies() {
        let at = |url: &str| Otlp::new(url.to_owned(), OtlpProtocol::HttpProtobuf);
        let of = |traces: Otlp, metrics| Receiver { traces: Some(traces), metrics, logs: None };
        let proxy = |value: &str| Environment::from([("https_proxy".to_owned(), value.to_owned())]);
        for (endpoint, proxies, expected) in [
            ("http://localhost:4318/v1/traces", "", Some(vec![53, 4318])),
            ("https://otlp.example/v1/traces", "", Some(vec![53, 443])),
            ("http://[::1]:4317", "http://proxy:3128", Some(vec![53, 3128, 4317])),
            // Without a scheme it may be anything.
            ("http://localhost:4318", "proxy.example", None),
        ] {
            let ports = ports(&[of(at(endpoint), None)], &proxy(proxies));
            assert_eq!(ports.map(Vec::from_iter), expected, "{endpoint} {proxies}");
        }
        let receivers = [of(at("http://s:8"), Some(at("http://m:9"))), of(at("http://t:7"), None)];
        assert_eq!(ports(&receivers, &Environment::new()), Some([7, 8, 9, DNS].into()));
        assert_eq!(ports(&[], &Environment::new()), Some(BTreeSet::new()));
    }

    #[test]
    fn who_is_enclosed_has_what_is_open_and_no_more() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        let file = fs::File::open("/proc/self/status").unwrap();
        let enclosed = std::thread::spawn(move || {
            let by = enclose().unwrap();
            let text = std::io::read_to_string(&file).unwrap();
            assert!(text.starts_with("Name:"), "{text}");
            let (mut stream, _) = listener.accept().unwrap();
            std::io::Write::write_all(&mut stream, b"answer").unwrap();
            let refused = fs::read("/proc/self/status").is_err();
            (by, refused, TcpStream::connect(address).is_err() && TcpListener::bind("127.0.0.1:0").is_err())
        });
        let (by, refused, is_cut_off) = enclosed.join().unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut client, &mut answer).unwrap();
        assert_eq!(answer, "answer");
        match by {
            Confinement::By(abi) => assert_eq!((refused, is_cut_off), (true, abi >= NETWORK)),
            Confinement::None => assert!(!refused && !is_cut_off),
        }
    }

    #[test]
    fn files_are_read_and_not_written_and_connections_go_where_they_may() {
        let folder = std::env::temp_dir().join(format!("spanwire-confined-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("file");
        fs::write(&file, "text").unwrap();
        let (open, closed) =
            (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
        let (open, closed) = (open.local_addr().unwrap(), closed.local_addr().unwrap());
        let mut sleeper = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let other = format!("/proc/{}/exe", sleeper.id());
        let read = file.clone();
        let confined = std::thread::spawn(move || {
            let by = confine(Some(&[open.port()].into())).unwrap();
            assert_eq!(fs::read_to_string(&read).unwrap(), "text");
            let refused = |result: std::io::Result<()>| {
                result.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
            };
            let written = [
                refused(fs::write(&read, "other")),
                refused(fs::write(read.with_extension("new"), "")),
                refused(fs::remove_file(&read)),
                refused(fs::create_dir(read.with_extension("folder"))),
            ];
            TcpStream::connect(open).unwrap();
            let connected = refused(TcpStream::connect(closed).map(drop));
            let looked = refused(fs::read_link(other).map(drop));
            (by, written, connected, looked)
        });
        let (by, written, connected, looked) = confined.join().unwrap();
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        match by {
            Confinement::By(abi) => {
                assert_eq!(written, [true; 4]);
                assert_eq!(connected, abi >= NETWORK);
                // Why no other thread is confined.
                assert!(looked);
            }
            Confinement::None => assert!(!written.contains(&true) && !connected),
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
