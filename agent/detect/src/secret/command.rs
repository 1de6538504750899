//! Passwords among the arguments of commands.

use std::ops::Range;

use super::alphabet::{run, steps};
use super::scan::Scan;
use super::value;

/// Bytes of a command's line that are looked at.
const LINE_MAX_BYTES: usize = 512;

/// A program, and the flags by which it takes a password.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) name: &'static str,
    /// The password is the next argument.
    next: &'static [&'static str],
    /// The password is what follows in the same argument.
    joined: &'static [&'static str],
    /// The next argument is `user:password`, or with another sign between.
    pair: &'static [&'static str],
    sign: char,
}

const fn command(
    name: &'static str,
    next: &'static [&'static str],
    joined: &'static [&'static str],
    pair: &'static [&'static str],
) -> Command {
    Command { name, next, joined, pair, sign: ':' }
}

/// What programs' manuals say.
pub(super) const COMMANDS: &[Command] = &[
    command("mysql ", &[], &["-p"], &[]),
    command("mysqldump ", &[], &["-p"], &[]),
    command("mysqladmin ", &[], &["-p"], &[]),
    command("mysqlimport ", &[], &["-p"], &[]),
    command("mariadb ", &[], &["-p"], &[]),
    command("mariadb-dump ", &[], &["-p"], &[]),
    command("sshpass ", &["-p"], &["-p"], &[]),
    command("curl ", &["--pass", "--proxy-pass"], &[], &["-u", "--user", "-U", "--proxy-user"]),
    command("wget ", &[], &[], &[]),
    command("http ", &[], &[], &["-a", "--auth"]),
    command("https ", &[], &[], &["-a", "--auth"]),
    command("redis-cli ", &["-a", "--pass"], &[], &[]),
    command("mongo ", &["-p"], &[], &[]),
    command("mongosh ", &["-p"], &[], &[]),
    command("mongodump ", &["-p"], &[], &[]),
    command("mongorestore ", &["-p"], &[], &[]),
    command("ldapsearch ", &["-w"], &["-w"], &[]),
    command("ldapmodify ", &["-w"], &["-w"], &[]),
    command("docker login ", &["-p"], &[], &[]),
    command("podman login ", &["-p"], &[], &[]),
    command("helm registry login ", &["-p"], &[], &[]),
    command("az login ", &["-p"], &[], &[]),
    command("sqlcmd ", &["-P"], &["-P"], &[]),
    command("bcp ", &["-P"], &["-P"], &[]),
    command("zip ", &["-P"], &["-P"], &[]),
    command("unzip ", &["-P"], &["-P"], &[]),
    command("7z ", &[], &["-p"], &[]),
    command("openssl ", &[], &["pass:"], &[]),
    command("keytool ", &["-storepass", "-keypass"], &[], &[]),
    command("ipmitool ", &["-P"], &[], &[]),
    command("snmpwalk ", &["-A", "-X"], &[], &[]),
    command("xfreerdp ", &[], &["/p:"], &[]),
    command("rdesktop ", &["-p"], &[], &[]),
    command("cqlsh ", &["-p"], &[], &[]),
    command("twine ", &["-p"], &[], &[]),
    command("svn ", &[], &[], &[]),
    Command { name: "smbclient ", next: &[], joined: &[], pair: &["-U", "--user"], sign: '%' },
];

/// The arguments of the command that `sign` names, as far as its line goes; commands that follow in it, too.
pub(super) fn find(scan: &mut Scan<'_>, sign: Range<usize>) {
    let is_within =
        scan.before(sign.start).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if sign.start < scan.command_end || is_within {
        return;
    }
    let rest = scan.rest(sign.start);
    let line = rest.get(..rest.floor_char_boundary(rest.len().min(LINE_MAX_BYTES))).unwrap_or_default();
    let line = line.get(..run(line.as_bytes(), |byte| byte != b'\n')).unwrap_or_default();
    scan.command_end = sign.start + line.len();
    let mut command: Option<&Command> = None;
    let mut is_next = false;
    let mut is_pair = false;
    let mut at = 0;
    while let Some(argument) = argument(line, at) {
        at = argument.end;
        let text = line.get(argument.clone()).unwrap_or_default();
        if let Some(named) = named(line, argument.start) {
            command = Some(named);
            (is_next, is_pair) = (false, false);
            at = at.max(argument.start + named.name.len());
            continue;
        }
        let Some(command) = command else { continue };
        let password = if std::mem::take(&mut is_next) {
            Some(0)
        } else if std::mem::take(&mut is_pair) {
            text.find(command.sign).map(|sign| sign + 1)
        } else if command.next.contains(&text) {
            is_next = true;
            None
        } else if command.pair.contains(&text) {
            is_pair = true;
            None
        } else {
            let length =
                |flag: &&str| (text.len() > flag.len() && text.starts_with(*flag)).then_some(flag.len());
            let pair = command.pair.iter().find_map(length);
            pair.map_or_else(
                || command.joined.iter().find_map(length),
                |flag| text.get(flag..)?.find(command.sign).map(|sign| flag + sign + 1),
            )
        };
        let Some((begin, found)) = password.and_then(|from| Some((argument.start + from, text.get(from..)?)))
        else {
            continue;
        };
        let found = found.trim_matches(['"', '\'', '`']);
        if !found.is_empty()
            && !found.starts_with(['-', '&', '|', ';'])
            && !value::is_placeholder(found)
            && is_likely(command, text, found)
        {
            let quotes = line
                .get(begin..)
                .map_or(0, |rest| rest.len() - rest.trim_start_matches(['"', '\'', '`']).len());
            let begin = sign.start + begin + quotes;
            scan.report(begin..begin + found.len(), "command-password");
        }
    }
}

/// Whether what follows a flag of one letter is a password: not a port, nor the rest of another flag.
fn is_likely(command: &Command, text: &str, found: &str) -> bool {
    if !text.starts_with("-p") || found == text {
        return true;
    }
    // `mysql -port`, `mysql -protocol`: words of long flags.
    !(command.next.is_empty()
        && ["ort", "rotocol", "lugin", "rint", "assword", "ipe"].iter().any(|word| found.starts_with(word)))
}

/// The next argument: up to a space that is not in quotes.
fn argument(line: &str, at: usize) -> Option<Range<usize>> {
    let bytes = line.as_bytes();
    let begin = at + run(bytes.get(at..)?, |byte| byte.is_ascii_whitespace());
    let mut quote = None;
    let mut end = begin;
    for byte in bytes.get(begin..)? {
        match (quote, *byte) {
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), byte) if open == byte => quote = None,
            (None, byte) if byte.is_ascii_whitespace() => break,
            _ => {}
        }
        end += 1;
    }
    steps::add(end - begin);
    (end > begin).then_some(begin..end)
}

/// The command that is named at a place of a line.
fn named(line: &str, at: usize) -> Option<&'static Command> {
    let rest = line.as_bytes().get(at..)?;
    let rest = rest.strip_prefix(b"$(").or_else(|| rest.strip_prefix(b"`")).unwrap_or(rest);
    let is = |command: &&Command| {
        rest.get(..command.name.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(command.name.as_bytes()))
    };
    steps::add(1);
    COMMANDS.iter().find(is)
}
