//! Words of the policy file that stand for one of a few things.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use spanwire_detect::{Class, NationalId, Replacement};

use super::{Direction, Kind};
use crate::config::ContentMode;

/// Names unlike all others by more than this (Jaro-Winkler, 0 to 1) get no suggestion.
const LIKENESS: f64 = 0.75;
/// Words that a message lists.
const SHOWN_MAX: usize = 50;

/// A thing that a word stands for.
pub(super) trait Word: Copy + 'static {
    /// What the things are, for a message.
    const WHAT: &'static str;

    /// Each with its word.
    fn words() -> impl Iterator<Item = (&'static str, Self)> + Clone;

    /// The thing, or what is wrong with the word.
    fn read(text: &str) -> Result<Self, String> {
        let found = Self::words().find(|(word, _)| *word == text);
        found.map(|(_, thing)| thing).ok_or_else(|| {
            let words = Self::words().map(|(word, _)| word);
            format!("there is no {} '{text}'; {}", Self::WHAT, suggestion(text, words))
        })
    }
}

/// The most similar of some words, or all of them.
pub(super) fn suggestion<'w>(text: &str, words: impl Iterator<Item = &'w str> + Clone) -> String {
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let likeness = |word: &'w str| (strsim::jaro_winkler(&plain(word), &plain(text)), word);
    let nearest = words.clone().map(likeness).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((likeness, word)) if likeness >= LIKENESS => format!("did you mean '{word}'?"),
        _ if words.clone().count() > SHOWN_MAX => "docs/redaction.md says which there are".to_owned(),
        _ => format!("there are {}", words.collect::<Vec<_>>().join(", ")),
    }
}

impl Word for ContentMode {
    const WHAT: &'static str = "mode";

    fn words() -> impl Iterator<Item = (&'static str, Self)> + Clone {
        [("off", Self::Off), ("metadata", Self::Metadata), ("redacted", Self::Redacted), ("full", Self::Full)]
            .into_iter()
    }
}

impl Word for Direction {
    const WHAT: &'static str = "direction";

    fn words() -> impl Iterator<Item = (&'static str, Self)> + Clone {
        [("input", Self::Input), ("output", Self::Output)].into_iter()
    }
}

impl Word for Kind {
    const WHAT: &'static str = "kind of content";

    fn words() -> impl Iterator<Item = (&'static str, Self)> + Clone {
        [
            ("messages", Self::Messages),
            ("tool-arguments", Self::ToolArguments),
            ("tool-results", Self::ToolResults),
            ("system-instructions", Self::SystemInstructions),
            ("tool-definitions", Self::ToolDefinitions),
            ("documents", Self::Documents),
            ("errors", Self::Errors),
        ]
        .into_iter()
    }
}

impl Word for Replacement {
    const WHAT: &'static str = "replacement";

    fn words() -> impl Iterator<Item = (&'static str, Self)> + Clone {
        [("token", Self::Token), ("hash", Self::Hash), ("mask", Self::Mask), ("drop", Self::Drop)].into_iter()
    }
}

impl Word for Class {
    const WHAT: &'static str = "class";

    fn words() -> impl Iterator<Item = (&'static str, Self)> + Clone {
        [
            ("credential", Self::Credential),
            ("email", Self::Email),
            ("phone", Self::Phone),
            ("card", Self::Card),
            ("iban", Self::Iban),
            ("national-id", Self::NationalId),
            ("ip", Self::Ip),
            ("mac", Self::Mac),
        ]
        .into_iter()
    }
}

/// A provider, by `gen_ai.provider.name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Provider(pub(super) &'static str);

macro_rules! known {
    ($type:ident, $what:literal, $($name:literal)*) => {
        impl Word for $type {
            const WHAT: &'static str = $what;

    fn words() -> impl Iterator<Item = (&'static str, Self)> + Clone {
        [$(($name, Self($name))),*].into_iter()
    }
        }
    };
}

known!(Provider, "provider",
    "anthropic" "aws.bedrock" "azure.ai.inference" "azure.ai.openai" "cerebras" "chroma" "cohere" "dashscope" "deepinfra"
    "deepseek" "elasticsearch" "fireworks" "gcp.gemini" "gcp.gen_ai" "gcp.vertex_ai" "groq" "huggingface"
    "ibm.watsonx.ai" "jina" "llama_cpp" "lm_studio" "milvus" "minimax" "mistral_ai" "moonshot_ai" "nvidia" "ollama"
    "openai" "openrouter" "perplexity" "pinecone" "qdrant" "sambanova" "sglang" "together" "turbopuffer" "vespa" "vllm"
    "voyageai" "weaviate" "x_ai" "z_ai");

impl Word for NationalId {
    const WHAT: &'static str = "national id";

    fn words() -> impl Iterator<Item = (&'static str, Self)> + Clone {
        Self::all().map(|id| (id.name(), id)).collect::<Vec<_>>().into_iter()
    }
}

/// A region that has telephone numbers, by its two letters of ISO 3166-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region(pub(super) &'static str);

// Those of ITU's numbering plans.
known!(Region, "region",
    "AC" "AD" "AE" "AF" "AG" "AI" "AL" "AM" "AO" "AR" "AS" "AT" "AU" "AW" "AX" "AZ" "BA" "BB" "BD" "BE" "BF" "BG" "BH"
    "BI" "BJ" "BL" "BM" "BN" "BO" "BQ" "BR" "BS" "BT" "BW" "BY" "BZ" "CA" "CC" "CD" "CF" "CG" "CH" "CI" "CK" "CL" "CM"
    "CN" "CO" "CR" "CU" "CV" "CW" "CX" "CY" "CZ" "DE" "DJ" "DK" "DM" "DO" "DZ" "EC" "EE" "EG" "EH" "ER" "ES" "ET" "FI"
    "FJ" "FK" "FM" "FO" "FR" "GA" "GB" "GD" "GE" "GF" "GG" "GH" "GI" "GL" "GM" "GN" "GP" "GQ" "GR" "GT" "GU" "GW" "GY"
    "HK" "HN" "HR" "HT" "HU" "ID" "IE" "IL" "IM" "IN" "IO" "IQ" "IR" "IS" "IT" "JE" "JM" "JO" "JP" "KE" "KG" "KH" "KI"
    "KM" "KN" "KP" "KR" "KW" "KY" "KZ" "LA" "LB" "LC" "LI" "LK" "LR" "LS" "LT" "LU" "LV" "LY" "MA" "MC" "MD" "ME" "MF"
    "MG" "MH" "MK" "ML" "MM" "MN" "MO" "MP" "MQ" "MR" "MS" "MT" "MU" "MV" "MW" "MX" "MY" "MZ" "NA" "NC" "NE" "NF" "NG"
    "NI" "NL" "NO" "NP" "NR" "NU" "NZ" "OM" "PA" "PE" "PF" "PG" "PH" "PK" "PL" "PM" "PR" "PS" "PT" "PW" "PY" "QA" "RE"
    "RO" "RS" "RU" "RW" "SA" "SB" "SC" "SD" "SE" "SG" "SH" "SI" "SJ" "SK" "SL" "SM" "SN" "SO" "SR" "SS" "ST" "SV" "SX"
    "SY" "SZ" "TA" "TC" "TD" "TG" "TH" "TJ" "TL" "TM" "TN" "TO" "TR" "TT" "TV" "TW" "TZ" "UA" "UG" "US" "UY" "UZ" "VA"
    "VC" "VE" "VG" "VI" "VN" "VU" "WF" "WS" "XK" "YE" "YT" "ZA" "ZM" "ZW");

/// Things that are read as one word, or as a list of words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words<T>(pub(super) Vec<T>);

/// A thing that is read as its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct One<T>(pub(super) T);

struct Reader<T>(PhantomData<T>);

impl<'de, T: Word> Visitor<'de> for Reader<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {}", T::WHAT)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<T>, E> {
        T::read(text).map(|thing| vec![thing]).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let mut things = Vec::new();
        while let Some(One(thing)) = items.next_element()? {
            things.push(thing);
        }
        if things.is_empty() {
            return Err(A::Error::custom(format!("there is no {} in the list", T::WHAT)));
        }
        Ok(things)
    }
}

// An error that is made within the visitor gets the place of the word.
impl<'de, T: Word> Deserialize<'de> for One<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let things = deserializer.deserialize_str(Reader(PhantomData))?;
        things.first().map(|thing| Self(*thing)).ok_or_else(|| D::Error::custom("nothing"))
    }
}

impl<'de, T: Word> Deserialize<'de> for Words<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader(PhantomData)).map(Self)
    }
}
