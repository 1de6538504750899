//! What the detectors make of `tests/redaction`: texts with something in them that must not remain, and texts that
//! must stay as they are, both made from what issuers and standards publish and not from the detectors.
//!
//! The tables are written to standard error in any case: by class, by place, by what look-alikes look like.

#![allow(clippy::indexing_slicing, clippy::expect_used, reason = "tests")]

#[path = "corpus/judge.rs"]
mod judge;
#[path = "corpus/mutate.rs"]
mod mutate;

use std::collections::{BTreeMap, HashSet};
use std::io::Write as _;
use std::sync::LazyLock;

use judge::Readings;
use serde::Deserialize;
use spanwire_detect::{DetectorOptions, Detectors, NationalId, PersonalOptions, Replacing, Scope};

/// Splits in the files what scanners of secrets might take for real.
const MARK: char = '¦';
/// Where a credential may take all else with it; a cookie may go whoever it names.
const HIDDEN_WHOLE: [&str; 3] = ["pem", "header", "connection string"];
/// How many cases of each row are named below a table.
const NAMED: usize = 12;

/// A text with something in it that must not remain.
#[derive(Clone, Debug, Default, Deserialize)]
struct Positive {
    id: String,
    class: String,
    place: String,
    language: String,
    /// The national ids that must be asked for.
    setting: Option<String>,
    /// Whether its one secret is known whatever stands round it.
    #[serde(default)]
    bare: bool,
    text: String,
    /// The stretches of the text that carry the secrets.
    hide: Vec<String>,
    /// What nobody may be able to read.
    secrets: Vec<String>,
}

/// A text that must stay as it is.
#[derive(Clone, Debug, Deserialize)]
struct LookAlike {
    id: String,
    like: String,
    text: String,
}

/// As they are without settings, and with one more kind of national id each.
static DETECTORS: LazyLock<BTreeMap<Option<String>, Detectors>> = LazyLock::new(|| {
    let settings = read::<Positive>("positives.jsonl").into_iter().map(|case| case.setting);
    let detectors = |setting: Option<String>| {
        let mut personal = PersonalOptions::default();
        personal.national_ids.extend(setting.iter().map(|name| name.parse::<NationalId>().expect(name)));
        let options = DetectorOptions { personal, ..DetectorOptions::default() };
        (setting, Detectors::new(options))
    };
    settings.map(detectors).collect()
});

/// The text as it may leave: the one place where the engine is called.
fn redact(text: &str, setting: Option<&str>) -> String {
    DETECTORS[&setting.map(str::to_owned)].redact(text, Scope::All, &Replacing::default()).text
}

fn read<T: for<'a> Deserialize<'a>>(name: &str) -> Vec<T> {
    let path = format!("{}/../../tests/redaction/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect(&path);
    text.lines().map(|line| serde_json::from_str(&line.replace(MARK, "")).expect(line)).collect()
}

/// The text with no more hidden than must be.
fn ideal(case: &Positive) -> String {
    case.hide.iter().fold(case.text.clone(), |text, hide| text.replace(hide, "[HIDDEN]"))
}

/// Whether somebody can still read a secret of the case, or half of what carries it; what can be read in the ideal, too,
/// as a host that is also an address's, does not count.
fn leaks(case: &Positive, redacted: &str) -> bool {
    let readings = Readings::of(redacted);
    let mut ideal_readings = None;
    let parts = case.secrets.iter().chain(&case.hide);
    parts.flat_map(|secret| judge::pieces(secret)).any(|piece| {
        readings.show(piece) && !ideal_readings.get_or_insert_with(|| Readings::of(&ideal(case))).show(piece)
    })
}

/// Whether the words that touch nothing secret are all there, in their order; the name of a scheme may go with what it
/// introduces.
fn keeps_the_rest(case: &Positive, redacted: &str) -> bool {
    let mut text = case.text.clone();
    for hide in &case.hide {
        text = text.replace(hide, "\0");
    }
    let mut rest = redacted;
    text.split_whitespace().filter(|word| !word.contains('\0') && !word.ends_with("Bearer")).all(|word| {
        match rest.find(word) {
            Some(at) => {
                rest = &rest[at + word.len()..];
                true
            }
            None => false,
        }
    })
}

/// Of how many, how many are right, and which are not.
#[derive(Default)]
struct Table(BTreeMap<String, (usize, usize)>, Vec<String>);

impl Table {
    fn add(&mut self, row: &str, is_right: bool) {
        let (right, all) = self.0.entry(row.to_owned()).or_default();
        *all += 1;
        *right += usize::from(is_right);
    }

    /// Names what is wrong, the first ones of each row.
    fn name(&mut self, row: &str, id: &str) {
        let wrong = self.0.get(row).map_or(0, |(right, all)| all - right);
        if wrong <= NAMED {
            self.1.push(id.to_owned());
        }
    }

    /// In percent.
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    fn share(&self, row: Option<&str>) -> f64 {
        let rows = self.0.iter().filter(|(name, _)| row.is_none_or(|row| row == *name));
        let (right, all) = rows.fold((0, 0), |sum, (_, row)| (sum.0 + row.0, sum.1 + row.1));
        if all == 0 { 100.0 } else { right as f64 * 100.0 / all as f64 }
    }

    fn print(&self, title: &str) {
        let mut lines = format!("\n{title}: {:.2} %\n", self.share(None));
        for (row, (right, all)) in &self.0 {
            lines += &format!("  {row:<24} {right:>5} of {all:>5}  {:>6.2} %\n", self.share(Some(row)));
        }
        for id in &self.1 {
            lines += &format!("  ✗ {id}\n");
        }
        std::io::stderr().lock().write_all(lines.as_bytes()).expect("standard error");
    }
}

/// What is found of what must be, by class and by place, and what of the rest remains.
fn recall() -> [Table; 4] {
    let [mut classes, mut places, mut languages, mut kept] = <[Table; 4]>::default();
    for case in read::<Positive>("positives.jsonl") {
        let redacted = redact(&case.text, case.setting.as_deref());
        let is_hidden = !leaks(&case, &redacted);
        let class = if case.setting.is_some() { "national_id by setting" } else { &case.class };
        classes.add(class, is_hidden);
        places.add(&case.place, is_hidden);
        languages.add(&case.language, is_hidden);
        if !is_hidden {
            classes.name(class, &format!("{}: {redacted:.160?}", case.id));
        }
        let may_go_whole = case.class == "credential" && HIDDEN_WHOLE.contains(&case.place.as_str());
        if may_go_whole || case.place == "cookie" {
            continue;
        }
        let is_kept = keeps_the_rest(&case, &redacted);
        kept.add(class, is_kept);
        if !is_kept {
            kept.name(class, &format!("{}: {redacted:.160?}", case.id));
        }
    }
    [classes, places, languages, kept]
}

/// What stays as it is of what must: as it is, and within something else.
fn precision() -> [Table; 2] {
    let lookalikes = read::<LookAlike>("lookalikes.jsonl");
    let [mut plain, mut mutated] = <[Table; 2]>::default();
    let add = |table: &mut Table, row: &str, case: &LookAlike| {
        let redacted = redact(&case.text, None);
        table.add(row, redacted == case.text);
        if redacted != case.text {
            let at =
                case.text.bytes().zip(redacted.bytes()).take_while(|(left, right)| left == right).count();
            let from = case.text.floor_char_boundary(at.saturating_sub(40));
            table.name(row, &format!("{row}: {}: {:.120?}", case.id, &redacted[from..]));
        }
    };
    lookalikes.iter().for_each(|case| add(&mut plain, &case.like, case));
    mutate::lookalikes(&lookalikes).iter().for_each(|(how, case)| add(&mut mutated, how, case));
    [plain, mutated]
}

/// What is found when other things stand round it or it is written otherwise.
fn mutated() -> Table {
    let mut table = Table::default();
    for (how, case) in mutate::all(&read("positives.jsonl")) {
        let is_hidden = !leaks(&case, &redact(&case.text, case.setting.as_deref()));
        table.add(how, is_hidden);
        if !is_hidden {
            table.name(how, &format!("{how}: {}: {:.160?}", case.id, case.text));
        }
    }
    table
}

#[test]
fn the_tables() {
    let [classes, places, languages, kept] = recall();
    classes.print("Hidden of what must be, by class");
    places.print("Hidden of what must be, by place");
    languages.print("Hidden of what must be, by language");
    kept.print("With the rest of the text intact");
    let [plain, wrapped] = precision();
    plain.print("Look-alikes that stay");
    wrapped.print("Look-alikes that stay within something else");
    mutated().print("Hidden of what is mutated");
}

#[test]
fn what_must_be_hidden_is() {
    let [classes, _, _, kept] = recall();
    assert!(classes.share(Some("credential")) >= 100.0, "credentials are missed: see the tables");
    assert!(classes.share(None) >= 99.0, "too much is missed: see the tables");
    assert!(kept.share(None) >= 98.0, "too much of the rest is hidden: see the tables");
}

#[test]
fn what_must_stay_does() {
    let [plain, wrapped] = precision();
    assert!(plain.share(None) >= 98.0, "too much is hidden: see the tables");
    assert!(wrapped.share(None) >= 98.0, "too much is hidden within something else: see the tables");
}

#[test]
fn what_stands_round_a_value_shows_nothing_of_it() {
    assert!(mutated().share(None) >= 99.0, "too much is missed: see the tables");
}

/// For people, who look for what should have stayed: `cargo test -p spanwire-detect --test corpus own -- --ignored`.
#[test]
#[ignore = "prints what is hidden in this repository's own files, which nobody has judged"]
fn what_is_hidden_in_our_own_files() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders: Vec<_> = ["agent", "docs", "ebpf", "tests", "xtask"].map(|name| root.join(name)).into();
    let (mut lines, mut changed) = (0, 0);
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir()
                && !["target", "node_modules", "redaction"].iter().any(|name| path.ends_with(name))
            {
                folders.push(path);
                continue;
            }
            for line in std::fs::read_to_string(&path).unwrap_or_default().lines() {
                let redacted = redact(line, None);
                lines += 1;
                if redacted != line {
                    changed += 1;
                    let at =
                        line.bytes().zip(redacted.bytes()).take_while(|(left, right)| left == right).count();
                    let from = line.floor_char_boundary(at.saturating_sub(40));
                    let shown = format!(
                        "{}\n  - {:.120}\n  + {:.120}\n",
                        path.display(),
                        &line[from..],
                        &redacted[from..]
                    );
                    std::io::stderr().lock().write_all(shown.as_bytes()).expect("standard error");
                }
            }
        }
    }
    let shown = format!("{changed} of {lines} lines changed\n");
    std::io::stderr().lock().write_all(shown.as_bytes()).expect("standard error");
}

/// The judge finds each secret where it is, none where it is hidden; and so in what is mutated.
#[test]
fn the_corpus_is_sound() {
    let positives = read::<Positive>("positives.jsonl");
    let lookalikes = read::<LookAlike>("lookalikes.jsonl");
    assert!(positives.len() >= 400 && lookalikes.len() >= 400);
    let ids: HashSet<&str> =
        positives.iter().map(|case| &*case.id).chain(lookalikes.iter().map(|case| &*case.id)).collect();
    assert_eq!(ids.len(), positives.len() + lookalikes.len(), "an id twice");
    let cases = positives.iter().cloned().map(|case| ("as it is", case)).chain(mutate::all(&positives));
    let mut wrong = Vec::new();
    for (how, case) in cases {
        let (whole, hidden) = (Readings::of(&case.text), ideal(&case));
        let readings = Readings::of(&hidden);
        if case.secrets.iter().any(|secret| !whole.show(secret)) {
            wrong.push(format!("{how}: not to be read at all: {case:?}"));
        }
        if case.secrets.iter().any(|secret| readings.show(secret)) || !keeps_the_rest(&case, &hidden) {
            wrong.push(format!("{how}: not to be hidden: {case:?} {hidden:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
