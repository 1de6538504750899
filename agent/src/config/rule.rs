//! Rules that say which processes and connections are traced: `KIND=PATTERN`.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::value::Expected;

/// Which processes, or connections, a rule means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The process with this id in the host's namespace.
    Process(u32),
    /// The process with this id, and all that it starts, and what those start.
    Tree(u32),
    /// Processes of this user, by name or number: the one that they run as, not one that they lend rights of.
    User(String),
    /// Processes in this cgroup, or below it: its path as `/proc/PID/cgroup` shows it.
    Cgroup(Pattern),
    /// Processes of this name, as `ps -o comm` shows it (15 bytes at most).
    Name(Pattern),
    /// Processes that run this executable: its path as the process sees it.
    Executable(Pattern),
    /// Processes in containers whose id begins so.
    Container(Pattern),
    /// Processes in this namespace: a Kubernetes one, a network namespace's name or number, or `host`.
    Namespace(Pattern),
    /// Connections whose server has one of these ports.
    Port(RangeInclusive<u16>),
}

impl Rule {
    /// Whether it speaks of connections rather than of processes.
    #[must_use]
    pub fn is_of_connections(&self) -> bool {
        matches!(self, Self::Port(_))
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, pattern) = text.split_once('=').ok_or_else(Rules::expected)?;
        let pattern = pattern.trim();
        if pattern.is_empty() {
            return Err(Rules::expected());
        }
        let text = || Pattern(pattern.to_owned());
        Ok(match kind.trim() {
            "process" if pattern.bytes().all(|byte| byte.is_ascii_digit()) => {
                Self::Process(pattern.parse().map_err(|_| Rules::expected())?)
            }
            "process" => Self::Name(text()),
            "tree" => Self::Tree(pattern.parse().map_err(|_| Rules::expected())?),
            "user" => Self::User(pattern.to_owned()),
            "cgroup" if pattern.starts_with('/') => Self::Cgroup(text()),
            "executable" => Self::Executable(text()),
            "container" => Self::Container(text()),
            "namespace" => Self::Namespace(text()),
            "port" => {
                let (first, last) = pattern.split_once('-').unwrap_or((pattern, pattern));
                let port = |text: &str| text.trim().parse().map_err(|_| Rules::expected());
                Self::Port(port(first)?..=port(last)?)
            }
            _ => return Err(Rules::expected()),
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(pid) => write!(f, "process={pid}"),
            Self::Tree(pid) => write!(f, "tree={pid}"),
            Self::User(name) => write!(f, "user={name}"),
            Self::Cgroup(pattern) => write!(f, "cgroup={}", pattern.0),
            Self::Name(pattern) => write!(f, "process={}", pattern.0),
            Self::Executable(pattern) => write!(f, "executable={}", pattern.0),
            Self::Container(pattern) => write!(f, "container={}", pattern.0),
            Self::Namespace(pattern) => write!(f, "namespace={}", pattern.0),
            Self::Port(ports) if ports.start() == ports.end() => write!(f, "port={}", ports.start()),
            Self::Port(ports) => write!(f, "port={}-{}", ports.start(), ports.end()),
        }
    }
}

/// Text in which `*` stands for any characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// A pattern as it is written.
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether it stands for `text`, whole. Takes time in the product of their lengths at most.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            let Some((_, behind)) = rest.split_once(part) else { return false };
            rest = behind;
        }
        rest.ends_with(last)
    }

    /// The text that it stands for, if that is one only.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        (!self.0.contains('*')).then_some(self.0.as_str())
    }

    /// Whether it stands for a path, or for one of the folders above it.
    #[must_use]
    pub fn holds(&self, path: &str) -> bool {
        let above = path.match_indices('/').filter_map(|(at, _)| path.get(..at.max(1)));
        above.chain([path]).any(|folder| self.matches(folder))
    }

    /// Whether it stands for a begin of `text`.
    #[must_use]
    pub fn begins(&self, text: &str) -> bool {
        Self(format!("{}*", self.0)).matches(text)
    }
}

/// Rules, separated by commas or as a YAML list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(pub Vec<Rule>);

impl Expected for Rules {
    const LIST: bool = true;

    fn expected() -> String {
        "rules such as executable=/usr/bin/python*, process=NAME, process=PID, tree=PID, user=NAME, \
         cgroup=/system.slice/NAME.service, container=ID, namespace=NAME or port=8000-8080, as a list or separated \
         by commas"
            .to_owned()
    }
}

impl FromStr for Rules {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rules = text.split(',').map(str::trim).filter(|rule| !rule.is_empty());
        rules.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&rules.join(","))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reads_as_it_is_written() {
        for text in [
            "process=1234",
            "process=gunicorn*",
            "executable=/opt/*/bin/python3",
            "container=3f2a",
            "namespace=host",
            "tree=1",
            "user=deploy",
            "cgroup=/system.slice/shop*",
            "port=443",
            "port=8000-8080",
        ] {
            assert_eq!(text.parse::<Rule>().unwrap().to_string(), text);
        }
        let rules: Rules = " port=443 , process=curl,".parse().unwrap();
        assert_eq!(rules.to_string(), "port=443,process=curl");
        assert_eq!("".parse(), Ok(Rules::default()));
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in [
            "curl",
            "process=",
            "uid=0",
            "tree=bash",
            "cgroup=shop",
            "port=http",
            "port=70000",
            "port=1-",
            "process=99999999999",
        ] {
            assert!(text.parse::<Rules>().unwrap_err().contains("port=8000-8080"), "{text}");
        }
    }

    #[test]
    fn a_pattern_stands_for_the_whole_text() {
        for (pattern, text, matches) in [
            ("curl", "curl", true),
            ("curl", "curlie", false),
            ("curl*", "curlie", true),
            ("*curl", "/usr/bin/curl", true),
            ("/usr/*/python3*", "/usr/local/bin/python3.12", true),
            ("/usr/*/python3*", "/opt/bin/python3", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxcyyb", false),
            ("*", "", true),
            ("a*a", "a", false),
            ("a**b", "ab", true),
        ] {
            assert_eq!(Pattern(pattern.to_owned()).matches(text), matches, "{pattern} {text}");
        }
        for (pattern, path, holds) in [
            ("/a/b", "/a/b", true),
            ("/a/b", "/a/b/c", true),
            ("/a/b", "/a/bc", false),
            ("/a/*.scope", "/a/b.scope/c", true),
            ("/", "/a", true),
        ] {
            assert_eq!(Pattern(pattern.to_owned()).holds(path), holds, "{pattern} {path}");
        }
        assert!(Pattern("3f".to_owned()).begins("3f2a"));
        assert!(!Pattern("2a".to_owned()).begins("3f2a"));
    }
}
