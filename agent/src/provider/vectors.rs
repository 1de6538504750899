//! What the dialects of vector stores have in common: operations by their endpoints, and how vectors are counted.

use super::json::Json;
use super::{Endpoint, Recognised};
use crate::call::{Call, Points, Search, Store, Subject};

/// What an operation does to points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Looks for those near to something.
    Search,
    /// Writes them whole.
    Write,
    /// Changes something of them.
    Update,
    Delete,
    /// Reads those that are named, or that a filter chooses.
    Fetch,
    /// Says something of them, such as how many there are.
    Inspect,
}

/// One operation of a store.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) endpoint: Endpoint,
    pub(super) kind: Kind,
    /// As the API calls it.
    pub(super) name: &'static str,
}

/// Declares a store's operations as `OPERATIONS`, and their endpoints as `ENDPOINTS`, each like the first one in all but
/// method and path.
macro_rules! operations {
    ($common:expr; $($method:literal $path:literal => $kind:ident $name:literal;)+) => {
        const ENDPOINTS: &[Endpoint] = &[$(Endpoint { method: $method, path: $path, ..$common }),+];
        static OPERATIONS: &[Operation] = &[$(Operation {
            endpoint: Endpoint { method: $method, path: $path, ..$common },
            kind: Kind::$kind,
            name: $name,
        }),+];
    };
}
pub(super) use operations;

impl Operation {
    /// The one that a request goes to.
    pub(super) fn of<'a>(operations: &'a [Self], recognised: &Recognised<'_>) -> Option<&'a Self> {
        operations.iter().find(|known| known.endpoint.matches(recognised.request))
    }
}

/// A call of which no more is known than the store and the operation.
pub(super) fn call(kind: Kind, store: Store) -> Call {
    let system = store.system;
    let subject = match kind {
        Kind::Search => Subject::Retrieval { store, search: Search::default() },
        _ => Subject::Points { store, points: Points::default() },
    };
    Call::new(subject, system)
}

/// The call's store.
pub(super) fn store(call: &mut Call, change: impl FnOnce(&mut Store)) {
    if let Subject::Retrieval { store, .. } | Subject::Points { store, .. } = &mut call.subject {
        change(store);
    }
}

/// What was searched for and found, if it is a search.
pub(super) fn search(call: &mut Call, change: impl FnOnce(&mut Search)) {
    if let Subject::Retrieval { search, .. } = &mut call.subject {
        change(search);
    }
}

/// Which points it was about, if it is no search.
pub(super) fn points(call: &mut Call, change: impl FnOnce(&mut Points)) {
    if let Subject::Points { points, .. } = &mut call.subject {
        change(points);
    }
}

/// How many numbers a vector has: a list of numbers, or of lists of so many each.
pub(super) fn dimensions(vector: &Json) -> Option<u64> {
    match vector.items() {
        [first, ..] if first.is_list() => first.length(),
        _ => vector.length().filter(|length| *length > 0),
    }
}

/// Vectors that stand at these places, and how many numbers all of them have.
pub(super) fn vectors<'a>(places: impl IntoIterator<Item = &'a Json>) -> (Option<u64>, Option<u64>) {
    let mut found = places.into_iter().filter_map(dimensions);
    let Some(first) = found.next() else { return (None, None) };
    let (count, alike) = found.fold((1, true), |(count, alike), next| (count + 1, alike && next == first));
    (Some(count), alike.then_some(first))
}

/// What all say, if they say the same.
pub(super) fn same<T: PartialEq>(values: impl IntoIterator<Item = Option<T>>) -> Option<T> {
    let mut values = values.into_iter();
    let first = values.next()??;
    values.all(|value| value.as_ref() == Some(&first)).then_some(first)
}

/// The sum of lengths, of lists that are all whole.
pub(super) fn sum(lengths: impl IntoIterator<Item = Option<u64>>) -> Option<u64> {
    lengths.into_iter().try_fold(0_u64, |sum, length| sum.checked_add(length?))
}

/// How near the nearest is, of one list or several that each begin with their nearest. Whether that has the largest
/// number or the smallest is left to the store, and seen by the order of those that follow it.
pub(super) fn nearest(lists: &[Vec<f64>]) -> Option<f64> {
    let ascends = lists.iter().any(|list| list.first() < list.last());
    let firsts = lists.iter().filter_map(|list| list.first().copied());
    if ascends { firsts.reduce(f64::min) } else { firsts.reduce(f64::max) }
}

/// The numbers that the elements of a list have in a member.
pub(super) fn numbers(list: &Json, member: &str) -> Vec<f64> {
    list.items().iter().filter_map(|item| item.get(member).number()).collect()
}

/// Whether something was asked for that is either a truth value or a choice of parts.
pub(super) fn choice(value: &Json) -> Option<bool> {
    match value {
        Json::Bool(truth) => Some(*truth),
        Json::List { .. } | Json::Object(_) => Some(true),
        _ => None,
    }
}
