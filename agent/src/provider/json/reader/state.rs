//! Where a reader stands.

/// What the next byte may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// A value; or the end of the list that has just begun.
    Value {
        or_end: bool,
    },
    /// A member's name; or the end of the object that has just begun.
    Key {
        or_end: bool,
    },
    Colon,
    CommaOrEnd,
    String {
        is_key: bool,
        escaped: bool,
    },
    Scalar,
    /// Behind a gap: anything.
    Anything,
    /// Behind a string of a level whose kind is not known: a colon makes a name of it.
    Perhaps,
    /// Behind the end of a level that began before a gap: of the document, if nothing follows.
    Surfaced,
    Done,
    Failed,
}
