//! What can be wrong with a store, in words.

use std::fmt;

use crate::chain::Standing;

/// Something that does not fit. Records are named by their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The record's text or hash is not what was written.
    Changed(u64),
    /// It is not in the form that the agent writes.
    Form(u64),
    /// These, the first and the last, are not there.
    Missing(u64, u64),
    /// It was put in.
    Inserted(u64),
    /// These two stand in each other's place.
    Swapped(u64, u64),
    /// The chain breaks here, by more than one change.
    Broken(u64),
    /// These stand behind the sealed head: they were put in at the end, or the head is an older one.
    Beyond(u64, u64),
    /// The chain holds and is not the one that was sealed: something from the first to the last was written anew.
    Rewritten(u64, u64),
    /// The seal at this record is missing, or was not made by the key.
    Unsealed(u64),
    /// What stood up to this record was taken out, and no record says that the agent did it.
    Headless(u64),
    /// What was noted elsewhere is not on this chain.
    Other(Standing),
    /// The sums that tables are made of are not those of the records.
    Sums(String),
    /// The file itself is damaged.
    Damaged(String),
}

impl Fault {
    /// The record at which it shows, to sort by.
    #[must_use]
    pub fn place(&self) -> u64 {
        match self {
            Self::Changed(number)
            | Self::Form(number)
            | Self::Missing(number, _)
            | Self::Inserted(number)
            | Self::Swapped(number, _)
            | Self::Broken(number)
            | Self::Beyond(number, _)
            | Self::Rewritten(number, _)
            | Self::Unsealed(number)
            | Self::Headless(number) => *number,
            Self::Other(standing) => standing.number,
            Self::Sums(_) | Self::Damaged(_) => u64::MAX,
        }
    }

    /// One word for it, for programs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Changed(_) => "changed",
            Self::Form(_) => "form",
            Self::Missing(..) => "missing",
            Self::Inserted(_) => "inserted",
            Self::Swapped(..) => "swapped",
            Self::Broken(_) => "broken",
            Self::Beyond(..) => "beyond",
            Self::Rewritten(..) => "rewritten",
            Self::Unsealed(_) => "unsealed",
            Self::Headless(_) => "headless",
            Self::Other(_) => "other",
            Self::Sums(_) => "sums",
            Self::Damaged(_) => "damaged",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(number) => write!(f, "record {number} was changed"),
            Self::Form(number) => write!(f, "record {number} is not in the form that the agent writes"),
            Self::Missing(first, last) if first == last => write!(f, "record {first} is missing"),
            Self::Missing(first, last) => write!(f, "records {first} to {last} are missing"),
            Self::Inserted(number) => write!(f, "record {number} was put in"),
            Self::Swapped(one, other) => write!(f, "records {one} and {other} were swapped"),
            Self::Broken(number) => {
                write!(f, "the chain breaks at record {number}: more than one was changed there")
            }
            Self::Beyond(first, last) => {
                write!(
                    f,
                    "records {first} to {last} stand behind the sealed head: they were put in, or the head is an older one"
                )
            }
            Self::Rewritten(first, last) => {
                write!(
                    f,
                    "something in records {first} to {last} was written anew: the chain is not the one that was sealed"
                )
            }
            Self::Unsealed(number) => {
                write!(f, "the seal at record {number} is missing or not made by this key")
            }
            Self::Headless(number) => {
                write!(
                    f,
                    "what stood up to record {number} was taken out, and no record says that the agent did it"
                )
            }
            Self::Other(standing) => write!(f, "{standing} was noted elsewhere and is not on this chain"),
            Self::Sums(text) => write!(f, "the hourly sums do not fit: {text}"),
            Self::Damaged(text) => write!(f, "the file is damaged: {text}"),
        }
    }
}
