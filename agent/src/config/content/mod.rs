//! The content policy: of whose calls which content leaves, what is looked for in it, and what stands in its place.

mod engine;
mod file;
mod place;
mod shape;
mod summary;
mod word;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use spanwire_detect::{Class, NationalId, Replacement, RuleSpec};

use super::error::{ConfigError, Origin};
use super::key::KeyBytes;
use super::rule::Pattern;
use super::value::{ContentMode, ContentPlace};

/// [`ContentPolicy::limit`] unless something else is said.
pub(super) const LIMIT: usize = 64 << 10;

/// What may leave, and how. Checked: its rules and patterns compile, its keys are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentPolicy {
    /// What holds where no entry says otherwise.
    pub mode: ContentMode,
    /// Of which the first that matches holds.
    pub entries: Vec<Entry>,
    /// Bytes of text kept of one call in each direction, 1 KiB to 1 MiB.
    pub limit: usize,
    /// As what content leaves.
    pub place: ContentPlace,
    /// What is looked for beside credentials.
    pub detect: Detect,
    /// What stands in the place of what is found.
    pub replace: Replacements,
    /// What is looked for beside what is built in; a rule's place in the list is its number in [`Class::Rule`].
    pub rules: Vec<RuleSpec>,
    /// Names of fields whose values are always hidden, beside those that are built in.
    pub fields: Vec<String>,
    /// Regular expressions of whole findings that stay as they are; never of credentials.
    pub keep: Vec<String>,
    /// The key of hashes; without it one is to be drawn at each start.
    pub key: Option<KeyBytes>,
    /// The key before it, while hashes of both are wanted.
    pub previous_key: Option<KeyBytes>,
    /// The file that most of this is from.
    pub file: Option<PathBuf>,
}

/// One entry: what it is about, where nothing is said anything, and the mode that holds for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The service's name.
    pub service: Option<Pattern>,
    /// `gen_ai.provider.name`, any of these.
    pub providers: Option<Vec<&'static str>>,
    /// From the program, or to it.
    pub direction: Option<Direction>,
    /// Any of these.
    pub kinds: Option<Vec<Kind>>,
    /// What leaves.
    pub mode: ContentMode,
}

/// Which way content goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// What a model or a store is asked: the request.
    Input,
    /// What it says: the response.
    Output,
}

/// What content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// What users and models say, a search's question, media.
    Messages,
    /// What a tool is called with.
    ToolArguments,
    /// What a tool gave.
    ToolResults,
    /// Instructions, apart from the messages or as messages of the system's.
    SystemInstructions,
    /// Tools that are offered to the model, but for their names.
    ToolDefinitions,
    /// What was retrieved, or is to be ranked.
    Documents,
    /// What the provider says of an error.
    Errors,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Messages,
        Self::ToolArguments,
        Self::ToolResults,
        Self::SystemInstructions,
        Self::ToolDefinitions,
        Self::Documents,
        Self::Errors,
    ];

    /// Whether there is such content in a direction: what is offered to a model is never an answer, and an error is
    /// never a question.
    fn is_of(self, direction: Direction) -> bool {
        match self {
            Self::SystemInstructions | Self::ToolDefinitions => direction == Direction::Input,
            Self::Errors => direction == Direction::Output,
            Self::Messages | Self::ToolArguments | Self::ToolResults | Self::Documents => true,
        }
    }
}

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detect {
    /// Classes that are left as they are; never credentials.
    pub off: BTreeSet<Class>,
    /// Numbers by which states know persons; `None` where the policy says nothing of them.
    pub national_ids: Option<BTreeSet<NationalId>>,
    /// Telephone numbers as they are written within these regions, by ISO 3166-1; `None` where the policy says nothing
    /// of them.
    pub phone_regions: Option<Vec<&'static str>>,
    /// Whether addresses of private networks are hidden, too; `None` where the policy says nothing of it.
    pub private_ips: Option<bool>,
}

/// What stands in the place of findings, by class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replacements {
    /// For classes that nothing else is said of; of credentials only where it is a token or a hash.
    pub default: Replacement,
    /// For these classes.
    pub classes: BTreeMap<Class, Replacement>,
}

impl Replacements {
    /// What stands in the place of a class. A credential is never masked, since every character that is shown makes it
    /// easier to guess, and never dropped, since nobody would know that it was there.
    #[must_use]
    pub fn of(&self, class: Class) -> Replacement {
        match (class, self.classes.get(&class).copied().unwrap_or(self.default)) {
            (Class::Credential, Replacement::Mask | Replacement::Drop) => Replacement::Token,
            (_, replacement) => replacement,
        }
    }

    /// Whether anything is hashed.
    #[must_use]
    pub fn hashes(&self) -> bool {
        self.default == Replacement::Hash || self.classes.values().any(|one| *one == Replacement::Hash)
    }
}

impl Entry {
    /// Whether it is about content of this kind.
    fn matches(&self, service: &str, provider: &str, direction: Direction, kind: Kind) -> bool {
        self.is_of_service(service)
            && self.providers.as_ref().is_none_or(|providers| providers.contains(&provider))
            && self.direction.is_none_or(|one| one == direction)
            && self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
    }

    fn is_of_service(&self, service: &str) -> bool {
        self.service.as_ref().is_none_or(|pattern| pattern.matches(service))
    }

    /// Whether it is about all that another is about, so that one behind it never holds. What it does not find out:
    /// that two patterns with `*` mean the same services.
    fn covers(&self, other: &Self) -> bool {
        fn within<T: PartialEq>(whole: Option<&Vec<T>>, part: Option<&Vec<T>>) -> bool {
            whole.is_none_or(|whole| part.is_some_and(|part| part.iter().all(|one| whole.contains(one))))
        }
        let is_service_within = match (&self.service, &other.service) {
            (None, _) => true,
            (Some(pattern), Some(other)) => {
                pattern == other || other.literal().is_some_and(|name| pattern.matches(name))
            }
            (Some(_), None) => false,
        };
        is_service_within
            && within(self.providers.as_ref(), other.providers.as_ref())
            && self.direction.is_none_or(|one| other.direction == Some(one))
            && within(self.kinds.as_ref(), other.kinds.as_ref())
    }
}

impl ContentPolicy {
    /// Joins the settings and the policy file, if one is named, and checks all of it. Reads the files that it names.
    ///
    /// # Errors
    /// [`ConfigError::Policy`], with file and line: there is no start with less hidden than was asked for.
    pub(super) fn load(
        mode: ContentMode,
        file: Option<PathBuf>,
        limit: usize,
        place: ContentPlace,
    ) -> Result<Self, ConfigError> {
        let settings = Self { mode, limit, place, ..Self::default() };
        let Some(path) = file else { return Ok(settings) };
        let text = file::read(&path).map_err(|message| ConfigError::Policy {
            origin: Origin::File(path.clone(), None),
            message: format!("the content policy {message}; without it the agent does not start"),
        })?;
        Self::parse(settings, &path, &text)
    }

    /// What a policy file says, with the default settings beside it.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_file(path: PathBuf) -> Result<Self, ConfigError> {
        Self::load(ContentMode::Redacted, Some(path), LIMIT, ContentPlace::Attributes)
    }

    /// [`Self::load`] with the file's text.
    fn parse(settings: Self, path: &Path, text: &str) -> Result<Self, ConfigError> {
        let policy = file::parse(text).map_err(|(line, message)| ConfigError::Policy {
            origin: Origin::File(path.to_owned(), line),
            message,
        })?;
        let Self { mode, limit, place, .. } = settings;
        Ok(Self { mode, limit, place, file: Some(path.to_owned()), ..policy })
    }

    /// What leaves of content of this kind.
    #[must_use]
    pub fn decide(&self, service: &str, provider: &str, direction: Direction, kind: Kind) -> ContentMode {
        let entry = self.entries.iter().find(|entry| entry.matches(service, provider, direction, kind));
        entry.map_or(self.mode, |entry| entry.mode)
    }

    /// Whether any content of a service's calls might leave, whoever is asked: where not, none has to be read.
    #[must_use]
    pub fn may_record(&self, service: &str) -> bool {
        for entry in self.entries.iter().filter(|entry| entry.is_of_service(service)) {
            if entry.mode != ContentMode::Off {
                return true;
            }
            if entry.providers.is_none() && entry.direction.is_none() && entry.kinds.is_none() {
                return false;
            }
        }
        self.mode != ContentMode::Off
    }

    /// Whether all content of a service's calls leaves as it is but for credentials, whoever is asked; of everybody's
    /// calls, where no service is named.
    #[must_use]
    pub fn is_full(&self, service: Option<&str>) -> bool {
        for entry in &self.entries {
            if service.is_some_and(|service| !entry.is_of_service(service)) {
                continue;
            }
            if entry.mode != ContentMode::Full {
                return false;
            }
            let is_of_all = entry.providers.is_none() && entry.direction.is_none() && entry.kinds.is_none();
            if is_of_all && (service.is_some() || entry.service.is_none()) {
                return true;
            }
        }
        self.mode == ContentMode::Full
    }

    /// Whether any content of anybody's might leave.
    #[must_use]
    pub fn records_anything(&self) -> bool {
        self.mode != ContentMode::Off || self.entries.iter().any(|entry| entry.mode != ContentMode::Off)
    }
}
