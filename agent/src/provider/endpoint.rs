//! What of a request's head a dialect is known by.

use std::borrow::Cow;

use crate::percent;
use crate::protocol::http1::RequestHead;

/// One method, the last segments of a path, and what else must be there.
///
/// Paths are compared from their end: the prefix (`/v1`, `/openai/v1`, `/api/v1`, none) is the server's
/// own choice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endpoint {
    /// In upper case.
    pub(super) method: &'static str,
    /// The last segments: `chat/completions`. A name in braces stands for any text that is not empty,
    /// once in a segment: `models/{model}:generateContent`.
    pub(super) path: &'static str,
    /// Parameters of the query that must be there.
    pub(super) parameters: &'static [&'static str],
    /// Header fields, in lower case, that must be there.
    pub(super) headers: &'static [&'static str],
    /// Header fields, in lower case, that must not be there.
    pub(super) without: &'static [&'static str],
    /// Who is asked, where the host is nobody's that is known and the dialect's own provider is another.
    pub(super) provider: Option<&'static str>,
}

impl Endpoint {
    /// Whatever is posted to these segments.
    pub(super) const fn post(path: &'static str) -> Self {
        Self { method: "POST", path, parameters: &[], headers: &[], without: &[], provider: None }
    }

    /// Whether a request goes here. Empty segments do not count, so neither a trailing slash nor the
    /// double one of a carelessly joined base URL hides an endpoint.
    pub(super) fn matches(&self, request: &RequestHead) -> bool {
        let has = |field: &&str| request.headers.get(field).is_some();
        request.method == self.method
            && self.captures(&request.path).is_some()
            && self.parameters.iter().all(|name| request.parameters.contains(name))
            && self.headers.iter().all(has)
            && !self.without.iter().any(has)
    }

    /// What stands in a path for each name in braces, from the path's end; `None` when the path differs.
    pub(super) fn captures<'a>(&self, path: &'a str) -> Option<Vec<(&'static str, Cow<'a, str>)>> {
        let mut segments = segments_from_end(path);
        let mut found = Vec::new();
        for expected in self.path.rsplit('/') {
            let segment = segments.next()?;
            match Segment::of(expected) {
                Segment::Fixed(name) if name == segment => {}
                Segment::Fixed(_) => return None,
                Segment::Named { before, name, behind } => {
                    let text = segment.strip_prefix(before)?.strip_suffix(behind)?;
                    if text.is_empty() {
                        return None;
                    }
                    let (start, end) = (before.len(), before.len() + text.len());
                    let text = match segment {
                        Cow::Borrowed(segment) => Cow::Borrowed(segment.get(start..end)?),
                        Cow::Owned(segment) => Cow::Owned(segment.get(start..end)?.to_owned()),
                    };
                    found.push((name, text));
                }
            }
        }
        Some(found)
    }

    /// Whether some request would go to both.
    #[cfg(test)]
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let excluded = |one: &Self, two: &Self| one.headers.iter().any(|field| two.without.contains(field));
        self.method == other.method
            && self.path.rsplit('/').zip(other.path.rsplit('/')).all(|(one, two)| Segment::overlap(one, two))
            && !excluded(self, other)
            && !excluded(other, self)
    }
}

/// A segment of an endpoint's path.
enum Segment {
    Fixed(&'static str),
    Named { before: &'static str, name: &'static str, behind: &'static str },
}

impl Segment {
    fn of(segment: &'static str) -> Self {
        let named = segment.split_once('{').and_then(|(before, rest)| {
            let (name, behind) = rest.split_once('}')?;
            Some(Self::Named { before, name, behind })
        });
        named.unwrap_or(Self::Fixed(segment))
    }

    /// Whether some text fits both: their beginnings agree, and their ends.
    #[cfg(test)]
    fn overlap(one: &'static str, two: &'static str) -> bool {
        let agree = |a: &str, b: &str| a.starts_with(b) || b.starts_with(a);
        let agree_at_end = |a: &str, b: &str| a.ends_with(b) || b.ends_with(a);
        match (Self::of(one), Self::of(two)) {
            (Self::Fixed(one), Self::Fixed(two)) => one == two,
            (Self::Fixed(fixed), Self::Named { before, behind, .. })
            | (Self::Named { before, behind, .. }, Self::Fixed(fixed)) => {
                fixed.len() > before.len() + behind.len()
                    && fixed.starts_with(before)
                    && fixed.ends_with(behind)
            }
            (
                Self::Named { before, behind, .. },
                Self::Named { before: other_before, behind: other_behind, .. },
            ) => agree(before, other_before) && agree_at_end(behind, other_behind),
        }
    }
}

/// The segments of a path from the last to the first, each percent-decoded where it can be.
fn segments_from_end(path: &str) -> impl Iterator<Item = Cow<'_, str>> {
    path.rsplit('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| percent::decode(segment).unwrap_or(Cow::Borrowed(segment)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_braces_stand_for_any_text() {
        for (pattern, path, expected) in [
            ("chat/completions", "/v1/chat/completions", Some(vec![])),
            (
                "{model}:generateContent",
                "/v1beta/models/gemini-2.5:generateContent",
                Some(vec!["gemini-2.5"]),
            ),
            ("{model}:generateContent", "/v1beta/models/gemini%3AgenerateContent", Some(vec!["gemini"])),
            ("{model}:generateContent", "/v1beta/models/:generateContent", None),
            ("{model}:generateContent", "/v1beta/models/gemini:streamGenerateContent", None),
            (
                "deployments/{name}/chat/completions",
                "/openai/deployments/d/chat/completions",
                Some(vec!["d"]),
            ),
            ("deployments/{name}/chat/completions", "/v1/chat/completions", None),
            ("model/{id}/converse", "/model/arn%3Aaws%2Fx/converse", Some(vec!["arn:aws/x"])),
        ] {
            let found = Endpoint::post(pattern).captures(path);
            let found =
                found.map(|found| found.into_iter().map(|(_, text)| text.into_owned()).collect::<Vec<_>>());
            assert_eq!(
                found,
                expected.map(|all| all.into_iter().map(str::to_owned).collect()),
                "{pattern} {path}"
            );
        }
    }

    #[test]
    fn overlaps_are_found() {
        let headers = |headers, without| Endpoint { headers, without, ..Endpoint::post("messages") };
        for (one, two, expected) in [
            (Endpoint::post("a/b"), Endpoint::post("b"), true),
            (Endpoint::post("a/b"), Endpoint::post("c/b"), false),
            (Endpoint::post("{x}:go"), Endpoint::post("{y}:go"), true),
            (Endpoint::post("{x}:go"), Endpoint::post("{y}:stop"), false),
            (Endpoint::post("{x}:go"), Endpoint::post("a:go"), true),
            (Endpoint::post("{x}:go"), Endpoint::post(":go"), false),
            (headers(&["version"], &[]), headers(&[], &["version"]), false),
            (headers(&["version"], &[]), headers(&[], &[]), true),
            (Endpoint { method: "GET", ..Endpoint::post("b") }, Endpoint::post("b"), false),
        ] {
            assert_eq!(one.overlaps(&two), expected, "{one:?} {two:?}");
            assert_eq!(two.overlaps(&one), expected, "{two:?} {one:?}");
        }
    }
}
