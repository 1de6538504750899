//! What can be wrong with a configuration, said so that the operator can put it right.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The configuration file; the line, from 1, where it could be told.
    File(PathBuf, Option<usize>),
    /// An environment variable.
    Environment(String),
    /// A flag on the command line.
    Flag(String),
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, Some(line)) => write!(f, "{}, line {line}", path.display()),
            Self::File(path, None) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read the configuration file {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not YAML, or not a mapping of names to values.
    #[error("{path} is not a configuration file: {message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What the parser said, with its place.
        message: String,
    },
    /// There is no such setting.
    #[error("{origin}: there is no setting '{key}'{}", did_you_mean(.nearest.as_deref()))]
    Unknown {
        /// Where it stands.
        origin: Origin,
        /// The name that was used.
        key: String,
        /// The known name that is most like it, written as this origin writes names.
        nearest: Option<String>,
    },
    /// The content policy cannot be had as it is written; without it, less might be hidden than was asked for.
    #[error("{origin}: {message}")]
    Policy {
        /// Its file, and the line where there is one.
        origin: Origin,
        /// What is wrong.
        message: String,
    },
    /// The value is of the wrong kind or out of bounds.
    #[error("{origin}: '{key}' is '{value}', expected {expected}")]
    Invalid {
        /// Where it stands.
        origin: Origin,
        /// The setting.
        key: String,
        /// The value that was given.
        value: String,
        /// What is accepted.
        expected: String,
    },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(
        || "; all settings are listed in `spanwire run --help`".to_owned(),
        |nearest| format!("; did you mean '{nearest}'?"),
    )
}
