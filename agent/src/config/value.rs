//! The types of settings: each reads one text form, the same in the file, the environment and a flag.

use std::fmt;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_yaml_ng::Value;

use super::audit::Endpoints;
use super::rule::Rules;

/// Lets a type that has a text form stand in a configuration file, as a string or a bare scalar.
macro_rules! text_form {
    ($($name:ident),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = match Value::deserialize(deserializer)? {
                    Value::String(text) => Some(text),
                    Value::Number(number) => Some(number.to_string()),
                    Value::Bool(truth) => Some(truth.to_string()),
                    Value::Sequence(items) => items
                        .iter()
                        .map(Value::as_str)
                        .collect::<Option<Vec<_>>>()
                        .filter(|_| Self::LIST)
                        .map(|items| items.join(",")),
                    _ => None,
                };
                text.ok_or_else(Self::expected).and_then(|text| text.parse()).map_err(D::Error::custom)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

/// What a type accepts, in words for the operator.
pub(super) trait Expected {
    /// A YAML sequence of strings is accepted too.
    const LIST: bool = false;
    /// The words that follow "expected".
    fn expected() -> String;
}

/// Gives an enum of words the text form that clap shows in its help.
macro_rules! words {
    ($($name:ident),*) => {$(
        impl Expected for $name {
            fn expected() -> String {
                let words: Vec<_> = Self::value_variants().iter().map(ToString::to_string).collect();
                format!("one of {}", words.join(", "))
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                <Self as ValueEnum>::from_str(text, false).map_err(|_| Self::expected())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let value = self.to_possible_value();
                f.write_str(value.as_ref().map_or("", |value| value.get_name()))
            }
        }
    )*};
}

/// Where spans go, as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputChoice {
    /// OTLP when an endpoint is known, the terminal otherwise.
    Auto,
    /// The terminal.
    Console,
    /// An OTLP endpoint.
    Otlp,
    /// The terminal and an OTLP endpoint.
    Both,
}

/// How OTLP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OtlpProtocol {
    /// gRPC.
    Grpc,
    /// Protobuf over HTTP.
    #[value(name = "http/protobuf")]
    HttpProtobuf,
    /// JSON over HTTP.
    #[value(name = "http/json")]
    HttpJson,
}

/// How requests to OTLP receivers are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// How much the BPF programs say about themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum ProbeLog {
    /// Nothing.
    Off,
    /// Errors.
    Error,
    /// Errors and warnings.
    Warn,
    /// Notable events too.
    Info,
    /// Every hit.
    Debug,
}

/// By which kernel hooks the bytes on sockets may be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HookChoice {
    /// The cheapest that the kernel has.
    Auto,
    /// Tracepoints of the socket layer (Linux 6.3).
    Sockets,
    /// The return of the kernel's functions that move bytes on TCP and Unix sockets.
    Functions,
    /// The return of every system call.
    Syscalls,
}

/// As what probes are put on functions of programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum UprobeChoice {
    /// Links to many places at once (`uprobe_multi`, Linux 6.6), or else perf events.
    #[default]
    Auto,
    /// Perf events.
    PerfEvents,
}

/// How what programs say over TLS is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TlsChoice {
    /// By keys, and by calls what keys cannot read.
    Auto,
    /// By the keys that TLS libraries expand, from the records on the socket.
    Keys,
    /// At the calls of TLS libraries.
    Calls,
}

/// When a client span takes the span id that its request's header has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AdoptChoice {
    /// When the process exports no spans of its own.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never: it is that id's child.
    Never,
}

/// What leaves of content: of what is said to models and by them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum ContentMode {
    /// Nothing; it is not even read.
    #[default]
    Off,
    /// Its form: roles, kinds of parts, sizes, names of tools, and how much of which class was found in it.
    Metadata,
    /// Text in which all that was found is replaced; of binary data the size.
    Redacted,
    /// Text in which credentials are replaced, and nothing else.
    Full,
}

/// As what content leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ContentPlace {
    /// Attributes of the call's span.
    #[default]
    Attributes,
    /// Attributes of an event of the call's span.
    Events,
    /// Both.
    Both,
}

/// Something that is done or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// It is done.
    #[value(alias = "true")]
    On,
    /// It is not.
    #[value(alias = "false")]
    Off,
}

/// When text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    /// Whether to colour what goes to this stream of this process.
    #[must_use]
    pub fn enabled_on(self, stream: &impl IsTerminal) -> bool {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        self.enabled(stream.is_terminal(), no_color)
    }

    /// Whether to colour. `no_color` says that the variable `NO_COLOR` is set and not empty.
    #[must_use]
    pub(super) fn enabled(self, is_terminal: bool, no_color: bool) -> bool {
        match self {
            Self::Auto => is_terminal && !no_color,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// A number of bytes: digits, with an optional unit of `B`, `KiB`, `MiB` or `GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// Units by falling size, so that the largest that divides a value is found first.
const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl Expected for Size {
    fn expected() -> String {
        "a size such as 1MiB, 256KiB or 65536".to_owned()
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit = unit.trim_start();
        let factor =
            UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, factor)| *factor);
        let factor = if unit.is_empty() { Some(1) } else { factor };
        number
            .parse::<u64>()
            .ok()
            .zip(factor)
            .and_then(|(number, factor)| number.checked_mul(factor))
            .map(Self)
            .ok_or_else(Self::expected)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.iter().find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor));
        let (unit, factor) = whole.copied().unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

/// A number of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub u64);

impl Expected for Count {
    fn expected() -> String {
        "a whole number".to_owned()
    }
}

impl FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.trim().parse().map(Self).map_err(|_| Self::expected())
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A string that means what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(pub String);

impl Expected for Text {
    fn expected() -> String {
        "text".to_owned()
    }
}

impl FromStr for Text {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(text.trim().to_owned()))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Absolute paths, separated by commas or as a YAML list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths(pub Vec<PathBuf>);

impl Expected for Paths {
    const LIST: bool = true;

    fn expected() -> String {
        "absolute paths, as a list or separated by commas".to_owned()
    }
}

impl FromStr for Paths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let paths: Vec<_> =
            text.split(',').map(str::trim).filter(|path| !path.is_empty()).map(PathBuf::from).collect();
        if paths.iter().all(|path| path.is_absolute()) { Ok(Self(paths)) } else { Err(Self::expected()) }
    }
}

impl fmt::Display for Paths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<_> = self.0.iter().map(|path| path.to_string_lossy()).collect();
        f.write_str(&paths.join(","))
    }
}

words!(
    Compression,
    ContentMode,
    ContentPlace,
    OutputChoice,
    OtlpProtocol,
    ProbeLog,
    HookChoice,
    UprobeChoice,
    TlsChoice,
    ColorChoice,
    AdoptChoice,
    Switch
);
text_form!(
    Compression,
    ContentMode,
    ContentPlace,
    OutputChoice,
    OtlpProtocol,
    ProbeLog,
    HookChoice,
    UprobeChoice,
    TlsChoice,
    ColorChoice,
    AdoptChoice,
    Switch,
    Size,
    Count,
    Text,
    Paths,
    Rules,
    Endpoints
);
