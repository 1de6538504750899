//! Names that belong to one machine or one network: paths of whoever wrote the file, and hosts of
//! package registries, which a build reaches through its tools' own settings.

use super::Finding;
use super::source::is_word;

/// Directories of a developer's machine. Split, lest this file breach its own rule.
const PATHS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// Hosts of registries and of distributions' mirrors.
const HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("static.rust-lang", ".org"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("registry.npmjs", ".org"),
    concat!("registry.yarnpkg", ".com"),
    concat!("proxy.golang", ".org"),
    concat!("deb.debian", ".org"),
    concat!("security.debian", ".org"),
    concat!("snapshot.debian", ".org"),
    concat!("archive.ubuntu", ".com"),
    concat!("debian", ".org/debian"),
];

/// Files that a tool writes, with its registry's name in them.
const GENERATED: &[&str] = &["Cargo.lock", "package-lock.json"];

/// Checks a text file of any kind.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let file_name = path.rsplit('/').next().unwrap_or(path);
    if GENERATED.contains(&file_name) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut report =
            |message: String| findings.push(Finding { path: path.to_owned(), line: index + 1, message });
        for name in PATHS.iter().filter(|name| names_directory(line, name)) {
            report(format!(
                "`{name}` is a place on one machine; write a path relative to the repository, or use /srv or /opt in an example"
            ));
        }
        for name in HOSTS.iter().filter(|name| names_host(line, name)) {
            report(format!("`{name}` is a registry's host; leave it to the package manager's settings"));
        }
    }
    findings
}

/// Whether `line` has `directory` at the beginning of a path, with something below it.
fn names_directory(line: &str, directory: &str) -> bool {
    line.match_indices(directory).any(|(at, _)| {
        let (before, rest) = line.split_at(at);
        let below = rest.strip_prefix(directory).and_then(|below| below.chars().next());
        let continues = |c: char| is_word(c) || matches!(c, '.' | '-' | '~' | '}' | ')' | '>' | '*');
        !before.chars().next_back().is_some_and(continues) && below.is_some_and(|c| is_word(c) || c == '.')
    })
}

/// Whether `line` has `host` as a host name or the end of one.
fn names_host(line: &str, host: &str) -> bool {
    line.match_indices(host).any(|(at, _)| {
        let (before, rest) = line.split_at(at);
        let after = rest.strip_prefix(host).and_then(|after| after.chars().next());
        let continues = |c: char| is_word(c) || c == '-';
        !before.chars().next_back().is_some_and(continues) && !after.is_some_and(continues)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        check("docs/x.md", text).len()
    }

    #[test]
    fn places_on_a_machine_are_found() {
        for directory in PATHS {
            assert_eq!(count(&format!("see {directory}x/y")), 1, "{directory}");
            assert_eq!(count(&format!("\"{directory}x\"")), 1, "{directory}");
            assert_eq!(count(&format!("the directory {directory} of users")), 0, "{directory}");
            assert_eq!(count(&format!("target/bpf{directory}x")), 0, "{directory}");
            assert_eq!(count(&format!("${{root}}{directory}x")), 0, "{directory}");
        }
        let lines: Vec<_> =
            check("a", &format!("fine\n{}x", PATHS.concat())).iter().map(|f| f.line).collect();
        assert!(lines.iter().all(|line| *line == 2) && !lines.is_empty());
    }

    #[test]
    fn hosts_of_registries_are_found() {
        for host in HOSTS {
            assert_eq!(count(&format!("https://{host}/x")), 1, "{host}");
            assert_eq!(count(&format!("my{host}")), 0, "{host}");
        }
        assert_eq!(count(&format!("index.{}", concat!("crates", ".io"))), 1);
        assert_eq!(check("tests/web/Cargo.lock", concat!("crates", ".io")), []);
    }
}
