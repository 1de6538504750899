//! The status as a person reads it.

use std::io::{self, Write};

use super::{FileReport, ProcessReport, Report, numbers};

/// The counter of TLS sessions that are older than the agent and not seen.
const OLD_SESSIONS: &str = "tls_sessions_old";

/// Writes the report in sections, losses first.
///
/// # Errors
/// When `out` cannot be written.
pub fn show(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let Report { version, pid, capturing_seconds, sockets_by, .. } = report;
    writeln!(
        out,
        "spanwire {version}, pid {pid}: capturing for {capturing_seconds} s, sockets by {sockets_by}"
    )?;
    numbers::losses(report, out)?;
    numbers::held(report, out)?;
    numbers::counts(report, out)?;

    writeln!(out, "\nFiles with TLS code, where they are probed and what a probe costs there")?;
    for file in &report.files {
        writeln!(out, "  {} ({})", file.path, file.stacks.join(", "))?;
        for site in sites(file) {
            writeln!(out, "    {site}")?;
        }
    }

    writeln!(out, "\nProcesses (bytes are plaintext, received and sent)")?;
    writeln!(
        out,
        "  {:>7}  {:<24} {:<22} {:>23} {:>23} {:>9} {:>7}",
        "PID", "SERVICE", "PROBED BECAUSE", "TLS", "WITHOUT TLS", "EXCHANGES", "CALLS"
    )?;
    for process in &report.processes {
        writeln!(out, "  {}", row(process))?;
    }

    if !report.unseen.is_empty() {
        writeln!(out, "\nConversations with providers that were not seen")?;
    }
    for unseen in &report.unseen {
        writeln!(
            out,
            "  {} (pid {}) with {}: {} ms, {} bytes received, {} sent",
            unseen.service,
            unseen.pid,
            unseen.server_name,
            unseen.milliseconds,
            unseen.received_bytes,
            unseen.sent_bytes
        )?;
    }

    let old = report.counters.get(OLD_SESSIONS).copied().unwrap_or(0);
    if old > 0 {
        writeln!(
            out,
            "\n{old} TLS sessions are older than this agent, and are not seen until they are begun anew"
        )?;
    }

    writeln!(out, "\nHardening")?;
    for line in &report.hardening {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

fn sites(file: &FileReport) -> Vec<String> {
    let site = |site: &super::SiteReport| format!("{} at {:#x}: {}", site.function, site.offset, site.class);
    let mut sites: Vec<_> = file.sites.iter().map(site).collect();
    // A call's begin and end may be at one place.
    sites.dedup();
    sites
}

fn row(process: &ProcessReport) -> String {
    let seen = &process.seen;
    let bytes = |read: u64, written: u64| format!("{read}/{written}");
    let mut because = process.probed_because.as_str();
    if because.is_empty() {
        because = if seen.ended { "ended" } else { "not probed" };
    }
    let mut row = format!(
        "{:>7}  {:<24} {:<22} {:>23} {:>23} {:>9} {:>7}",
        process.pid,
        process.service,
        because,
        bytes(seen.tls_read_bytes, seen.tls_written_bytes),
        bytes(seen.plain_read_bytes, seen.plain_written_bytes),
        seen.exchanges,
        seen.calls
    );
    if seen.http2_connections > 0 {
        row += &format!("  {} connections of HTTP/2", seen.http2_connections);
    }
    if seen.unseen_connections > 0 {
        row += &format!("  {} not seen", seen.unseen_connections);
    }
    row
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::super::{SiteReport, UnseenReport};
    use super::*;

    #[test]
    fn everything_has_its_line() {
        let site =
            SiteReport { function: "SSL_read".to_owned(), offset: 0x1230, class: "emulated".to_owned() };
        let report = Report {
            version: "1.2".to_owned(),
            files: vec![FileReport {
                path: "/lib/libssl.so.3".to_owned(),
                stacks: vec!["OpenSSL".to_owned()],
                sites: vec![site.clone(), site],
            }],
            processes: vec![ProcessReport { pid: 7, service: "shop".to_owned(), ..ProcessReport::default() }],
            unseen: vec![UnseenReport {
                server_name: "api.openai.com".to_owned(),
                ..UnseenReport::default()
            }],
            hardening: vec!["capabilities kept: CAP_BPF".to_owned()],
            counters: [("late_bytes".to_owned(), 3), (OLD_SESSIONS.to_owned(), 2)].into(),
            ..Report::default()
        };
        let mut out = Vec::new();
        show(&report, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        for line in [
            "  /lib/libssl.so.3 (OpenSSL)\n    SSL_read at 0x1230: emulated\n\n",
            "not probed",
            "with api.openai.com:",
            "\nHardening\n  capabilities kept: CAP_BPF\n",
            "\nLosses\n  3 bytes that arrived after their place in the stream was given up (late_bytes)\n",
            "\n2 TLS sessions are older than this agent, and",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(text.find("Losses") < text.find("Processes"), "{text}");
    }
}
