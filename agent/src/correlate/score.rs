//! How well an agent's run went, as one number: a fixed formula over counts, which docs/trace-health.md explains.

use std::fmt::Write as _;

/// `gen_ai.evaluation.name` of the score.
pub const NAME: &str = "trajectory";

/// What is counted of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunFacts {
    /// Calls of models.
    pub calls: u64,
    /// Of these, those that failed.
    pub errors: u64,
    /// Of these, those that try again what failed.
    pub retries: u64,
    /// Calls of models and tools that are the same as one before.
    pub repeated_calls: u64,
    /// Times that the run went round in a circle.
    pub loops: u64,
    /// Calls of tools.
    pub tool_calls: u64,
    /// Of these, those that failed.
    pub tool_errors: u64,
    /// A model asked for a tool and was never answered.
    pub abandoned: bool,
    /// The last answer of a model ends the run.
    pub finished: bool,
}

/// The verdict on one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// From 0, the worst, to 1, in steps of 0.0001.
    pub value: f64,
    /// `good` from 0.9 on, `fair` from 0.6 on, else `poor`.
    pub label: &'static str,
    /// The counts that made it so; nothing that people or models said.
    pub explanation: String,
}

/// What is left of the score, by how the run ended.
const ABANDONED: f64 = 0.3;
/// It ended in no way that is known.
const NOT_FINISHED: f64 = 0.7;
/// What is taken away where all calls failed, all tools failed, all calls were repeated, all calls were tried again.
const ERRORS: f64 = 0.5;
const TOOL_ERRORS: f64 = 0.5;
const REPEATED: f64 = 0.5;
const RETRIES: f64 = 0.25;
/// What is left for each loop, and how many count.
const LOOP: f64 = 0.8;
const LOOPS_MAX: u64 = 5;

impl RunFacts {
    /// Judges the run. The same facts always have the same score.
    #[must_use]
    pub fn score(&self) -> Score {
        let (outcome, ended) = self.outcome();
        let all_calls = self.calls.saturating_add(self.tool_calls);
        let mut value = outcome
            * kept(ERRORS, self.errors, self.calls)
            * kept(TOOL_ERRORS, self.tool_errors, self.tool_calls)
            * kept(REPEATED, self.repeated_calls, all_calls)
            * kept(RETRIES, self.retries, self.calls);
        for _ in 0..self.loops.min(LOOPS_MAX) {
            value *= LOOP;
        }
        let value = (value * 10_000.0).round() / 10_000.0;
        let label = match value {
            0.9.. => "good",
            0.6.. => "fair",
            _ => "poor",
        };
        Score { value, label, explanation: self.explanation(ended, all_calls) }
    }

    /// The worst that is true of how it ended.
    fn outcome(&self) -> (f64, &'static str) {
        if self.abandoned {
            (ABANDONED, "abandoned")
        } else if self.finished {
            (1.0, "finished")
        } else {
            (NOT_FINISHED, "not seen to finish")
        }
    }

    fn explanation(&self, ended: &str, all_calls: u64) -> String {
        let mut text = ended.to_owned();
        for (part, of, what) in [
            (self.errors, self.calls, "model calls failed"),
            (self.tool_errors, self.tool_calls, "tool calls failed"),
            (self.repeated_calls, all_calls, "calls were repeated"),
            (self.retries, self.calls, "model calls were retries"),
        ] {
            if part > 0 {
                // Writing to a string does not fail.
                let _ = write!(text, "; {part} of {of} {what}");
            }
        }
        match self.loops {
            0 => {}
            1 => text.push_str("; 1 loop"),
            loops => {
                let _ = write!(text, "; {loops} loops");
            }
        }
        text
    }
}

/// The factor that is left when `part` of `of` went wrong. More than all counts as all.
fn kept(weight: f64, part: u64, of: u64) -> f64 {
    match (part, of) {
        (0, _) => 1.0,
        (_, 0) => 1.0 - weight,
        (part, of) => 1.0 - weight * (part as f64 / of as f64).min(1.0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scores_by_hand() {
        let good = RunFacts { calls: 4, tool_calls: 3, finished: true, ..RunFacts::default() };
        // The example of docs/trace-health.md.
        let example = RunFacts {
            calls: 8,
            errors: 2,
            retries: 2,
            repeated_calls: 3,
            loops: 1,
            tool_calls: 4,
            tool_errors: 1,
            ..good
        };
        for (facts, value, label, explanation) in [
            (good, 1.0, "good", "finished"),
            (
                example,
                // 1 · 0.875 · 0.875 · 0.875 · 0.9375 · 0.8
                0.5024,
                "poor",
                "finished; 2 of 8 model calls failed; 1 of 4 tool calls failed; 3 of 12 calls were repeated; \
                 2 of 8 model calls were retries; 1 loop",
            ),
            (
                RunFacts { errors: 1, retries: 1, ..good },
                0.8203,
                "fair",
                "finished; 1 of 4 model calls failed; 1 of 4 model calls were retries",
            ),
            (RunFacts { finished: false, ..good }, 0.7, "fair", "not seen to finish"),
            (RunFacts { abandoned: true, finished: false, ..good }, 0.3, "poor", "abandoned"),
            (RunFacts { loops: 9, ..good }, 0.3277, "poor", "finished; 9 loops"),
            (
                RunFacts { tool_errors: 5, tool_calls: 0, ..good },
                0.5,
                "poor",
                "finished; 5 of 0 tool calls failed",
            ),
        ] {
            let score = Score { value, label, explanation: explanation.to_owned() };
            assert_eq!(facts.score(), score, "{facts:?}");
        }
    }

    prop_compose! {
        fn any_facts()(
            counts in prop::array::uniform7(prop_oneof![0..20_u64, any::<u64>()]), ends: [bool; 2]
        ) -> RunFacts {
            let [calls, errors, retries, repeated_calls, loops, tool_calls, tool_errors] = counts;
            let [abandoned, finished] = ends;
            RunFacts {
                calls, errors, retries, repeated_calls, loops, tool_calls, tool_errors, abandoned, finished,
            }
        }
    }

    proptest! {
        #[test]
        fn a_score_is_a_share_and_what_goes_wrong_never_raises_it(facts in any_facts()) {
            let score = facts.score();
            prop_assert!((0.0..=1.0).contains(&score.value));
            prop_assert_eq!(&facts.score(), &score);
            prop_assert!(score.explanation.len() < 400);
            for worse in [
                RunFacts { errors: facts.errors.saturating_add(1), ..facts },
                RunFacts { tool_errors: facts.tool_errors.saturating_add(1), ..facts },
                RunFacts { repeated_calls: facts.repeated_calls.saturating_add(1), ..facts },
                RunFacts { retries: facts.retries.saturating_add(1), ..facts },
                RunFacts { loops: facts.loops.saturating_add(1), ..facts },
                RunFacts { abandoned: true, ..facts },
                RunFacts { finished: false, ..facts },
            ] {
                prop_assert!(worse.score().value <= score.value, "{:?}", worse);
            }
        }
    }
}
