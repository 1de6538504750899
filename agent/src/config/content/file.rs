//! Reads the policy file, and checks what it says.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use spanwire_detect::{Class, Keep, Replacement, RuleError, RuleSpec, Rules};

use super::place::Step::{self, Item, Member};
use super::place::line;
use super::shape::{DetectShape, EntryShape, PolicyShape, ReplaceShape, RuleShape};
use super::word::{One, suggestion};
use super::{ContentPolicy, Detect, Entry, Pattern, Replacements};
use crate::config::KeyBytes;

/// Bytes of the policy file, and of a file of words.
const FILE_MAX_BYTES: u64 = 4 << 20;
/// Entries in the list of modes.
const ENTRIES_MAX: usize = 1000;
/// Names of fields, and bytes of one.
const FIELDS_MAX: usize = 1000;
const FIELD_MAX_BYTES: usize = 128;

/// What is wrong, and where.
struct Problem {
    path: Vec<Step>,
    message: String,
}

fn problem<const N: usize>(path: [Step; N], message: impl Into<String>) -> Problem {
    Problem { path: path.to_vec(), message: message.into() }
}

/// Reads a text file that only its owner, or its group, can change. Says what is wrong otherwise.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    if !path.is_absolute() {
        return Err("is no absolute path".to_owned());
    }
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(cannot)?;
    let metadata = file.metadata().map_err(cannot)?;
    if metadata.is_file() && metadata.mode() & 0o002 != 0 {
        return Err("can be changed by everybody: chmod o-w".to_owned());
    }
    let mut text = String::new();
    file.take(FILE_MAX_BYTES + 1).read_to_string(&mut text).map_err(cannot)?;
    if text.len() as u64 > FILE_MAX_BYTES {
        return Err(format!("has more than {} MiB", FILE_MAX_BYTES >> 20));
    }
    Ok(text)
}

/// What a policy file says; or what is wrong with it, and on which line.
pub(super) fn parse(text: &str) -> Result<ContentPolicy, (Option<usize>, String)> {
    let shape: Option<PolicyShape> = serde_yaml_ng::from_str(text).map_err(|error| syntax(&error))?;
    check(shape.unwrap_or_default()).map_err(|problem| (line(text, &problem.path), problem.message))
}

/// The parser's error, its line apart, with the name that was meant if a name is unknown.
fn syntax(error: &serde_yaml_ng::Error) -> (Option<usize>, String) {
    let whole = error.to_string();
    let line = error.location().map(|location| location.line());
    let message = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(message, _)| message);
    if let Some((before, rest)) = message.split_once("unknown field `") {
        let mut names = rest.split('`').step_by(2);
        if let Some(unknown) = names.next() {
            let known = rest.split('`').skip(2).step_by(2);
            return (line, format!("{before}there is no '{unknown}' here; {}", suggestion(unknown, known)));
        }
    }
    (line, message.to_owned())
}

fn check(shape: PolicyShape) -> Result<ContentPolicy, Problem> {
    let entries = entries(shape.content)?;
    let detect = detect(shape.detect)?;
    let mut replace = replacements(&shape.replace)?;
    let rules = rules(shape.rules, &mut replace)?;
    Rules::new(&rules).map_err(|RuleError { index, part, message }| {
        let mut path = vec![Member("rules"), Item(index)];
        path.extend((!part.is_empty()).then_some(Member(part)));
        Problem { path, message }
    })?;
    Keep::new(&shape.keep)
        .map_err(|RuleError { index, message, .. }| problem([Member("keep"), Item(index)], message))?;
    for (index, field) in shape.fields.iter().enumerate() {
        let here = [Member("fields"), Item(index)];
        if index >= FIELDS_MAX {
            return Err(problem(here, format!("there are more than {FIELDS_MAX} names of fields")));
        }
        if field.trim().is_empty() || field.len() > FIELD_MAX_BYTES {
            return Err(problem(here, format!("the name of a field has 1 to {FIELD_MAX_BYTES} bytes")));
        }
    }
    let key =
        |path: Option<&Path>, member| path.map(KeyBytes::read).transpose().map_err(|e| problem([member], e));
    let current = key(shape.key_file.as_deref(), Member("key-file"))?;
    let previous = Member("previous-key-file");
    let previous_key = key(shape.previous_key_file.as_deref(), previous)?;
    if previous_key.is_some() && current.is_none() {
        return Err(problem([previous], "a previous key goes with a key-file: the key that holds now"));
    }
    if previous_key.is_some() && previous_key == current {
        return Err(problem([previous], "the previous key is the one that holds now"));
    }
    Ok(ContentPolicy {
        entries,
        detect,
        replace,
        rules,
        fields: shape.fields.into_iter().map(|field| field.trim().to_owned()).collect(),
        keep: shape.keep,
        key: current,
        previous_key,
        ..ContentPolicy::default()
    })
}

fn entries(shapes: Vec<EntryShape>) -> Result<Vec<Entry>, Problem> {
    let mut entries: Vec<Entry> = Vec::with_capacity(shapes.len());
    for (index, shape) in shapes.into_iter().enumerate() {
        let member = |name| [Member("content"), Item(index), Member(name)];
        let here = [Member("content"), Item(index)];
        if index >= ENTRIES_MAX {
            return Err(problem(here, format!("there are more than {ENTRIES_MAX} entries")));
        }
        if shape.service.as_ref().is_some_and(|service| service.trim().is_empty()) {
            return Err(problem(member("service"), "the service has no name; * stands for any text"));
        }
        let entry = Entry {
            service: shape.service.map(|service| Pattern::new(service.trim())),
            providers: shape.provider.map(|words| words.0.into_iter().map(|provider| provider.0).collect()),
            direction: shape.direction.map(|word| word.0),
            kinds: shape.kind.map(|words| words.0),
            mode: shape.mode.0,
        };
        if let (Some(direction), Some(kinds)) = (entry.direction, &entry.kinds)
            && kinds.iter().any(|kind| !kind.is_of(direction))
        {
            let message = "there is no such content in this direction: system instructions and tool definitions are \
                           input, errors are output";
            return Err(problem(member("kind"), message));
        }
        if let Some(earlier) = entries.iter().position(|earlier| earlier.covers(&entry)) {
            let message = format!(
                "this entry never holds, since entry {} is about all that it is about; the first that matches holds",
                earlier + 1
            );
            return Err(problem(here, message));
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn detect(shape: DetectShape) -> Result<Detect, Problem> {
    if let Some(index) = shape.off.iter().position(|class| class.0 == Class::Credential) {
        let message = "credentials are hidden in every mode, whatever a policy says";
        return Err(problem([Member("detect"), Member("off"), Item(index)], message));
    }
    Ok(Detect {
        off: shape.off.into_iter().map(|One(class)| class).collect(),
        national_ids: shape.national_ids.map(|ids| ids.into_iter().map(|One(id)| id).collect()),
        phone_regions: shape
            .phone_regions
            .map(|regions| regions.into_iter().map(|region| region.0.0).collect()),
        private_ips: shape.private_ips,
    })
}

fn replacements(shape: &ReplaceShape) -> Result<Replacements, Problem> {
    let default = shape.default.map_or(Replacement::Token, |word| word.0);
    let classes: std::collections::BTreeMap<_, _> = shape.classes().collect();
    if let Some(Replacement::Mask | Replacement::Drop) = classes.get(&Class::Credential) {
        let message = "a credential is replaced by token or hash: each character that a mask shows makes it easier to \
                       guess, and of one that is dropped nobody would know that it leaked";
        return Err(problem([Member("replace"), Member("credential")], message));
    }
    Ok(Replacements { default, classes })
}

/// The rules, with the words of their files; what they say of replacement is taken over.
fn rules(shapes: Vec<RuleShape>, replace: &mut Replacements) -> Result<Vec<RuleSpec>, Problem> {
    let mut rules = Vec::with_capacity(shapes.len());
    for (index, shape) in shapes.into_iter().enumerate() {
        let mut words: Vec<String> = shape.words.iter().map(|word| word.trim().to_owned()).collect();
        if let Some(path) = &shape.words_file {
            let here = [Member("rules"), Item(index), Member("words-file")];
            let named = path.display();
            let text =
                read(path).map_err(|message| problem(here, format!("the words file {named} {message}")))?;
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
            let before = words.len();
            words.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
            if words.len() == before {
                return Err(problem(here, format!("the words file {named} has no words")));
            }
        }
        if let (Some(One(replacement)), Ok(number)) = (shape.replace, u16::try_from(index)) {
            replace.classes.insert(Class::Rule(number), replacement);
        }
        let (name, pattern, ignore_case) = (shape.name, shape.pattern, shape.ignore_case);
        rules.push(RuleSpec { name, pattern, words, ignore_case });
    }
    Ok(rules)
}
