#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::telemetry::{Counters, metrics};

/// A name with its sorted labels.
type Series = (String, BTreeMap<String, String>);

/// What a scraper makes of the text; panics where it is not of the format.
#[derive(Debug, Default)]
pub(in super::super) struct Scrape {
    pub(in super::super) values: BTreeMap<Series, f64>,
    helps: BTreeMap<String, String>,
    types: BTreeMap<String, String>,
}

impl Scrape {
    pub(in super::super) fn of(text: &str) -> Self {
        assert!(text.is_empty() || text.ends_with('\n'));
        let mut scrape = Self::default();
        let mut closed = HashSet::new();
        let mut open = String::new();
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').unwrap();
                assert!(scrape.helps.insert(name.to_owned(), unescaped(help)).is_none(), "{line}");
                // All of a family stands together.
                closed.insert(std::mem::replace(&mut open, name.to_owned()));
                assert!(!closed.contains(name), "{line}");
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert!(name == open && ["counter", "gauge"].contains(&kind), "{line}");
                assert!(scrape.types.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
            } else {
                let (series, value) = sample(line);
                assert!(series.0 == open && scrape.types.contains_key(&open), "{line}");
                assert!(scrape.values.insert(series, value).is_none(), "twice: {line}");
            }
        }
        scrape
    }

    pub(in super::super) fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.values.get(&(name.to_owned(), labels.collect())).copied()
    }
}

fn sample(line: &str) -> (Series, f64) {
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name, true), "{line}");
    let mut labels = BTreeMap::new();
    if let Some(mut inside) = rest.strip_prefix('{') {
        loop {
            let (label, after) = inside.split_once("=\"").unwrap();
            assert!(is_name(label, false) && !label.starts_with("__"), "{line}");
            let mut is_escaped = false;
            let close = after.find(|c| {
                let closes = c == '"' && !is_escaped;
                is_escaped = c == '\\' && !is_escaped;
                closes
            });
            let (value, after) = after.split_at(close.unwrap());
            assert!(labels.insert(label.to_owned(), unescaped(value)).is_none(), "{line}");
            match after.strip_prefix("\",") {
                Some(next) => inside = next,
                None => {
                    rest = after.strip_prefix("\"}").unwrap();
                    break;
                }
            }
        }
    }
    let value: f64 = rest.strip_prefix(' ').unwrap().parse().unwrap();
    ((name.to_owned(), labels), value)
}

fn is_name(name: &str, may_have_colons: bool) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || (may_have_colons && c == ':');
    name.chars().all(fits) && name.chars().next().is_some_and(|first| !first.is_ascii_digit())
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        plain.push(match c {
            '\\' => match characters.next().unwrap() {
                'n' => '\n',
                other => other,
            },
            other => other,
        });
    }
    plain
}

#[test]
fn every_counter_is_there_under_a_name_by_the_conventions() {
    let all = metrics(&Counters::default());
    let scrape = Scrape::of(&text(&all));
    let points: usize = all.iter().map(|metric| metric.points.len()).sum();
    assert_eq!(scrape.values.len(), points, "each has a line, and none is another's");
    for (name, kind) in &scrape.types {
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
        assert!(name.starts_with("spanwire_") || name.starts_with("process_"), "{name}");
        assert!(!scrape.helps.get(name).unwrap().is_empty(), "{name}");
    }
}

#[test]
fn values_and_labels_are_those_of_the_counters() {
    let counters = Counters::default();
    counters.calls.add(3);
    counters.spans_dropped_queue_full.add(u64::MAX);
    counters.gauges.tls_files.count([["AES key expansion", "probed"]].into_iter());
    let text = text(&metrics(&counters));
    for line in [
        "# TYPE spanwire_calls_total counter\nspanwire_calls_total 3\n",
        "spanwire_spans_total{result=\"dropped_queue_full\"} 18446744073709551615\n",
        "spanwire_tls_files{stack=\"AES key expansion\",state=\"probed\"} 1\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("processes_probed"), "what has no value is left out\n{text}");
    let scrape = Scrape::of(&text);
    assert!(scrape.get("process_cpu_seconds_total", &[]).unwrap() > 0.0);
    assert!(scrape.get("process_start_time_seconds", &[]).unwrap() > 1.6e9);
}

proptest! {
    #[test]
    fn whatever_a_label_or_a_help_says_is_read_back(value in any::<String>(), other in "[\\\\\"\n{},= a]*") {
        let help = Box::leak(other.clone().into_boxed_str());
        let labels = vec![("a", value.clone()), ("b", other.clone())];
        let point = Point { labels, value: Number::Real(0.5) };
        let metric = Metric { name: "x", help, kind: Kind::Gauge, points: vec![point] };
        // A scraper ends lines at line feeds alone; `lines` would take a carriage return away.
        prop_assume!(!value.contains('\r'));
        let scrape = Scrape::of(&text(&[metric]));
        prop_assert_eq!(scrape.get("spanwire_x", &[("a", &value), ("b", &other)]), Some(0.5));
        prop_assert_eq!(scrape.helps.get("spanwire_x"), Some(&other));
    }
}
