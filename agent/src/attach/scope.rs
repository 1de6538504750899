//! What the operator wants traced.

use crate::config::Rule;

/// Whether process trees that rules are about hold a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// One that a rule of inclusion is about does.
    pub included: bool,
    /// One that a rule of exclusion is about does.
    pub excluded: bool,
}

/// Who a process is, as far as rules ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Process id in the host's PID namespace.
    pub pid: u32,
    /// The kernel's short name for it.
    pub name: String,
    /// Path of its executable, as it sees it.
    pub executable: String,
    /// The user that it runs as: its number.
    pub user: Option<u32>,
    /// Paths of the cgroups that it is in, one of each hierarchy.
    pub cgroups: Vec<String>,
    /// Trees that hold it.
    pub trees: Membership,
    /// Its container's id.
    pub container: Option<String>,
    /// What its namespaces are called: a Kubernetes namespace; a network namespace's name, its number,
    /// and `host` for the host's own.
    pub namespaces: Vec<String>,
}

/// How the operator's rules stand to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A rule names it.
    Named,
    /// No rule is against it.
    Admitted,
    /// It is not to be traced.
    Refused,
}

/// The operator's rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    include: Vec<Rule>,
    exclude: Vec<Rule>,
}

impl Scope {
    /// Only what `include` means, if it has rules, and nothing that `exclude` means.
    #[must_use]
    pub fn new(include: Vec<Rule>, exclude: Vec<Rule>) -> Self {
        Self { include, exclude }
    }

    /// Whether any rule asks who a process is.
    #[must_use]
    pub fn asks_for_processes(&self) -> bool {
        self.include.iter().chain(&self.exclude).any(|rule| !rule.is_of_connections())
    }

    /// Whether any rule asks which namespaces a process is in: it takes some time to find out.
    #[must_use]
    pub fn asks_for_namespaces(&self) -> bool {
        self.include.iter().chain(&self.exclude).any(|rule| matches!(rule, Rule::Namespace(_)))
    }

    /// How the rules stand to a process. Those that mean many at once, as a cgroup, admit their processes;
    /// those that mean single ones name them.
    #[must_use]
    pub fn of_process(&self, process: &Identity) -> Standing {
        let Membership { included, excluded } = process.trees;
        if self.exclude.iter().any(|rule| means(rule, process, excluded)) {
            return Standing::Refused;
        }
        let mut meant = self.include.iter().filter(|rule| means(rule, process, included)).peekable();
        let is_meant = meant.peek().is_some();
        if meant.any(|rule| !is_wide(rule)) {
            Standing::Named
        } else if is_meant || self.include.iter().all(Rule::is_of_connections) {
            Standing::Admitted
        } else {
            Standing::Refused
        }
    }

    /// Whether connections to servers on this port are traced.
    #[must_use]
    pub fn admits_port(&self, port: u16) -> bool {
        let mean = |rules: &[Rule]| {
            rules.iter().any(|rule| matches!(rule, Rule::Port(ports) if ports.contains(&port)))
        };
        !mean(&self.exclude) && (mean(&self.include) || !self.include.iter().any(Rule::is_of_connections))
    }
}

/// Whether a rule means a whole group of processes, of which some may be of no interest.
fn is_wide(rule: &Rule) -> bool {
    matches!(rule, Rule::Tree(_) | Rule::User(_) | Rule::Cgroup(_))
}

/// `is_member` says that the process is in a tree that one of the rules beside this one is about: which
/// one does not matter.
fn means(rule: &Rule, process: &Identity, is_member: bool) -> bool {
    match rule {
        Rule::Tree(_) => is_member,
        // Numbers stand for names by now: see `discovery::scope`.
        Rule::User(user) => process.user.is_some_and(|own| user.parse() == Ok(own)),
        Rule::Cgroup(pattern) => process.cgroups.iter().any(|path| pattern.holds(path)),
        Rule::Process(pid) => process.pid == *pid,
        Rule::Name(pattern) => pattern.matches(&process.name),
        Rule::Executable(pattern) => pattern.matches(&process.executable),
        Rule::Container(pattern) => process.container.as_deref().is_some_and(|id| pattern.begins(id)),
        Rule::Namespace(pattern) => process.namespaces.iter().any(|name| pattern.matches(name)),
        Rule::Port(_) => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::config::Rules;

    fn scope(include: &str, exclude: &str) -> Scope {
        let rules = |text: &str| text.parse::<Rules>().unwrap().0;
        Scope::new(rules(include), rules(exclude))
    }

    fn python() -> Identity {
        Identity {
            pid: 7,
            name: "gunicorn".to_owned(),
            executable: "/usr/bin/python3.11".to_owned(),
            container: Some("3f2a77".to_owned()),
            namespaces: vec!["shop".to_owned(), "4026531840".to_owned()],
            user: Some(33),
            cgroups: vec!["/".to_owned(), "/shop.slice/web.service".to_owned()],
            trees: Membership { included: true, excluded: false },
        }
    }

    #[test]
    fn rules_about_processes() {
        for (include, exclude, standing) in [
            ("", "", Standing::Admitted),
            ("process=7", "", Standing::Named),
            ("process=8", "", Standing::Refused),
            ("process=8,process=gunicorn", "", Standing::Named),
            ("executable=/usr/bin/python*", "container=3f2a", Standing::Refused),
            ("namespace=shop", "executable=/usr/bin/curl", Standing::Named),
            ("", "namespace=4026531840", Standing::Refused),
            ("container=2a", "", Standing::Refused),
            ("port=443", "port=80", Standing::Admitted),
            ("tree=1", "", Standing::Admitted),
            ("process=8", "tree=1", Standing::Refused),
            ("user=33", "", Standing::Admitted),
            ("user=0", "", Standing::Refused),
            ("", "user=33", Standing::Refused),
            ("cgroup=/shop.slice", "", Standing::Admitted),
            ("cgroup=/shop.slice,process=7", "", Standing::Named),
            ("cgroup=/shop", "", Standing::Refused),
            ("", "cgroup=/*/web.service", Standing::Refused),
        ] {
            assert_eq!(scope(include, exclude).of_process(&python()), standing, "{include:?} {exclude:?}");
        }
        assert!(!scope("port=443", "").asks_for_processes());
        assert!(scope("port=443", "process=7").asks_for_processes());
    }

    #[test]
    fn rules_about_ports() {
        for (include, exclude, admitted) in [
            ("", "", true),
            ("port=443", "", true),
            ("port=80,port=8000-8080", "", false),
            ("port=400-500", "port=443", false),
            ("process=7", "", true),
            ("", "port=443", false),
        ] {
            assert_eq!(scope(include, exclude).admits_port(443), admitted, "{include:?} {exclude:?}");
        }
    }
}
