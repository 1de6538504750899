//! What prices are for, and how much of each a call used.
//!
//! The keys are those of genai-prices. Counts overlap: what was read from a cache is part of all input. A unit with a
//! price of its own takes its part out of those that have it as a part.

use crate::call::{Call, Subject};

/// Which way tokens went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Input,
    Output,
}

/// Of what kind tokens are, beside what they stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    CacheRead,
    CacheWrite,
    /// Kept for an hour.
    CacheWriteHour,
    Reasoning,
}

/// What tokens stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Modality {
    Text,
    Image,
    Audio,
}

/// Something that has a price.
#[derive(Debug)]
pub(super) struct Unit {
    key: &'static str,
    /// So many of it have the price.
    pub(super) per: u64,
    /// Of tokens; `None` for searches and the like.
    pub(super) direction: Option<Direction>,
    kind: Option<Kind>,
    modality: Option<Modality>,
    /// How many a call used; `None` if it does not say.
    count: fn(&Call) -> Option<u64>,
}

const fn tokens(key: &'static str, direction: Direction, count: fn(&Call) -> Option<u64>) -> Unit {
    Unit { key, per: 1_000_000, direction: Some(direction), kind: None, modality: None, count }
}

const fn kind(key: &'static str, kind: Kind, count: fn(&Call) -> Option<u64>) -> Unit {
    let direction = if matches!(kind, Kind::Reasoning) { Direction::Output } else { Direction::Input };
    Unit { kind: Some(kind), ..tokens(key, direction, count) }
}

const fn part(
    key: &'static str,
    direction: Direction,
    modality: Modality,
    count: fn(&Call) -> Option<u64>,
) -> Unit {
    Unit { modality: Some(modality), ..tokens(key, direction, count) }
}

const fn service(key: &'static str, count: fn(&Call) -> Option<u64>) -> Unit {
    Unit { key, per: 1_000, direction: None, kind: None, modality: None, count }
}

/// Those that calls say something of.
static UNITS: &[Unit] = &[
    tokens("input_mtok", Direction::Input, |call| call.usage.input),
    tokens("output_mtok", Direction::Output, |call| call.usage.output),
    kind("cache_read_mtok", Kind::CacheRead, |call| call.usage.cache_read),
    kind("cache_write_mtok", Kind::CacheWrite, |call| call.usage.cache_write),
    kind("cache_write_1h_mtok", Kind::CacheWriteHour, |call| call.usage.cache_write_1h),
    kind("output_reasoning_mtok", Kind::Reasoning, |call| call.usage.reasoning),
    part("input_text_mtok", Direction::Input, Modality::Text, |call| call.usage.input_by.text),
    part("input_image_mtok", Direction::Input, Modality::Image, |call| call.usage.input_by.image),
    part("input_audio_mtok", Direction::Input, Modality::Audio, |call| call.usage.input_by.audio),
    part("output_text_mtok", Direction::Output, Modality::Text, |call| call.usage.output_by.text),
    part("output_image_mtok", Direction::Output, Modality::Image, |call| call.usage.output_by.image),
    part("output_audio_mtok", Direction::Output, Modality::Audio, |call| call.usage.output_by.audio),
    service("web_searches_kcount", |call| call.usage.web_searches),
    service("rerank_searches_kcount", |call| match &call.subject {
        Subject::Rerank(ranking) => ranking.search_units,
        _ => None,
    }),
    service("requests_kcount", |_| Some(1)),
];

/// Units that calls say nothing of, and that may well be none: a call is priced without them.
static EXTRAS: &[&str] = &[
    "storage_searches_kcount",
    "social_searches_kcount",
    "code_executions_kcount",
    "input_tool_mtok",
    "output_citation_mtok",
    "cache_audio_read_mtok",
    "cache_image_read_mtok",
    "cache_text_read_mtok",
    "input_video_mtok",
    "output_video_mtok",
];

/// What a price is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key {
    /// Something that calls count.
    Counted(&'static Unit),
    /// Something that they do not, beside what they do.
    Extra,
    /// Something that they do not, in place of it: hours, pages, characters.
    Other,
}

/// The unit of a key.
pub(super) fn key(name: &str) -> Key {
    match UNITS.iter().find(|unit| unit.key == name) {
        Some(unit) => Key::Counted(unit),
        None if EXTRAS.contains(&name) => Key::Extra,
        None => Key::Other,
    }
}

impl Unit {
    /// How many a call used; `None` if it does not say.
    pub(super) fn count(&self, call: &Call) -> Option<u64> {
        (self.count)(call)
    }

    /// Whether it is what a cache was given.
    pub(super) fn is_cache_write(&self) -> bool {
        matches!(self.kind, Some(Kind::CacheWrite | Kind::CacheWriteHour))
    }

    /// What a call has that such tokens stand for, in the words of its parts; `None` for all of them.
    pub(super) fn modality(&self) -> Option<&'static str> {
        Some(match self.modality? {
            Modality::Text => "text",
            Modality::Image => "image",
            Modality::Audio => "audio",
        })
    }

    /// How particular it is: the more so, the earlier its part is taken out.
    pub(super) fn rank(&self) -> usize {
        let kind = match self.kind {
            None => 0,
            Some(Kind::CacheWriteHour) => 2,
            Some(_) => 1,
        };
        kind + usize::from(self.modality.is_some())
    }

    /// Whether all of it is part of another.
    pub(super) fn is_part_of(&self, other: &Self) -> bool {
        let kinds = match other.kind {
            None => true,
            Some(Kind::CacheWrite) => self.is_cache_write(),
            kind => self.kind == kind,
        };
        let modalities = other.modality.is_none() || self.modality == other.modality;
        self.key != other.key
            && self.direction.is_some()
            && self.direction == other.direction
            && kinds
            && modalities
    }
}
