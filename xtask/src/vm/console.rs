//! What a guest said on its console.

/// Name of the step that lists the BPF programs.
pub(super) const PROGRAMS: &str = "programs";

/// One step of a guest, as far as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) name: String,
    /// What it printed.
    pub(super) lines: Vec<String>,
    /// How it ended; none when the guest did before it.
    pub(super) code: Option<i32>,
}

/// All that a guest said between the marks of `init.sh`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Console {
    /// The kernel's own name.
    pub(super) kernel: String,
    pub(super) steps: Vec<Step>,
    /// Whether it came to its end.
    pub(super) is_done: bool,
}

impl Console {
    pub(super) fn parse(text: &str) -> Self {
        let mut console = Self::default();
        let mut is_inside = false;
        for line in text.lines() {
            let line = line.trim_end_matches('\r');
            if let Some(kernel) = line.strip_prefix("@@kernel ") {
                kernel.clone_into(&mut console.kernel);
            } else if let Some(name) = line.strip_prefix("@@begin ") {
                console.steps.push(Step { name: name.to_owned(), ..Step::default() });
                is_inside = true;
            } else if let Some((before, rest)) = line.split_once("@@end ") {
                // What ran may have left its last line without an end.
                let code = rest.split_whitespace().nth(1).and_then(|code| code.parse().ok());
                if let Some(step) = console.steps.last_mut() {
                    step.lines.extend((!before.is_empty()).then(|| before.to_owned()));
                    step.code = code;
                }
                is_inside = false;
            } else if line == "@@done" {
                console.is_done = true;
            } else if is_inside && let Some(step) = console.steps.last_mut() {
                step.lines.push(line.to_owned());
            }
        }
        console
    }
}

impl Step {
    /// The tests that it ran, and whether each passed (libtest's lines).
    pub(super) fn tests(&self) -> impl Iterator<Item = (&str, bool)> {
        self.lines.iter().filter_map(|line| {
            let (name, result) = line.strip_prefix("test ")?.split_once(" ... ")?;
            match result {
                "ok" => Some((name, true)),
                "FAILED" => Some((name, false)),
                _ => None,
            }
        })
    }

    /// Whether it did what it is for: a step of tests has run some, and all of them passed.
    pub(super) fn passed(&self) -> bool {
        let tested = self.tests().next().is_some() && self.tests().all(|(_, passed)| passed);
        self.code == Some(0) && (tested || self.name == PROGRAMS)
    }

    /// Each BPF program's name, and how many instructions and states the verifier had to look at (the
    /// columns of `spanwire check --programs`).
    pub(super) fn programs(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let lines = self.lines.iter().filter(|_| self.name == PROGRAMS).skip(1);
        lines.filter_map(|line| {
            let mut words = line.split_whitespace();
            let (name, _, verified, states) = (words.next()?, words.next()?, words.next()?, words.next()?);
            Some((name, verified, states))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "SeaBIOS\r\n@@kernel 6.1.0\r\n@@begin sockets\r\nrunning 2 tests\r\n\
        test one ... ok\r\ntest two ... FAILED\r\n@@end sockets 101\r\n@@begin calls\r\ntest three ... ok\r\n\
        last line@@end calls 0\r\n@@begin empty\r\n@@end empty 0\r\n@@begin programs\r\n\
        program instructions verified states stack\r\nfreed 76 79 6 32\r\n@@end programs 0\r\n@@done\r\n";

    #[test]
    fn steps_and_their_tests() {
        let console = Console::parse(SAID);
        assert_eq!(console.kernel, "6.1.0");
        assert!(console.is_done);
        let found: Vec<_> = console
            .steps
            .iter()
            .map(|step| (step.name.as_str(), step.passed(), step.tests().count()))
            .collect();
        assert_eq!(
            found,
            [("sockets", false, 2), ("calls", true, 1), ("empty", false, 0), ("programs", true, 0)]
        );
        let programs: Vec<_> = console.steps.iter().flat_map(Step::programs).collect();
        assert_eq!(programs, [("freed", "79", "6")]);
    }

    #[test]
    fn a_guest_that_dies_leaves_its_step_open() {
        let cut = SAID.split("test two").next().unwrap_or_default();
        let console = Console::parse(cut);
        assert!(!console.is_done);
        assert!(matches!(console.steps.as_slice(), [step] if step.code.is_none() && !step.passed()));
    }
}
