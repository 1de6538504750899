//! Vector stores, what is asked of them, and rerankers.

use std::borrow::Cow;

/// A vector store, as the database conventions name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Store {
    /// `db.system.name`.
    pub system: &'static str,
    /// What was asked, as the API calls it.
    pub operation: &'static str,
    /// How many operations in one, where there can be several: points written or deleted, searches. One is no batch.
    pub batch: Option<u64>,
    /// Collection, index or class.
    pub collection: Option<String>,
    /// The collection's id, where requests have that instead of its name.
    pub collection_id: Option<String>,
    /// Database or tenant.
    pub namespace: Option<String>,
}

impl Store {
    /// `db.operation.batch.size`: of what is a batch, which a single operation is not.
    #[must_use]
    pub fn batch_size(&self) -> Option<u64> {
        self.batch.filter(|size| *size != 1)
    }

    /// `db.operation.name`.
    #[must_use]
    pub fn operation_name(&self) -> Cow<'static, str> {
        match self.batch_size() {
            Some(_) => Cow::Owned(format!("BATCH {}", self.operation)),
            None => Cow::Borrowed(self.operation),
        }
    }
}

/// A search in a vector store. Vectors are counted, and not kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Search {
    /// How many documents were asked for.
    pub top_k: Option<u64>,
    /// Vectors that the request has to be compared with; `None` where it has something else, such as a text.
    pub vectors: Option<u64>,
    /// Numbers in each of them.
    pub dimensions: Option<u64>,
    /// The structure of the filter: names of members and operators, without any value.
    pub filter: Option<String>,
    /// The score, or distance, that matches must have at least, or at most.
    pub threshold: Option<f64>,
    /// What the documents say was asked for, too.
    pub with_payload: Option<bool>,
    /// Their vectors were asked for, too.
    pub with_vectors: Option<bool>,
    /// How many documents came.
    pub matches: Option<u64>,
    /// How near the nearest one is.
    pub best: Option<Nearness>,
}

/// How near a document is to what was searched for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Nearness {
    /// The store calls it a score.
    Score(f64),
    /// The store calls it a distance.
    Distance(f64),
}

/// Points of a vector store, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Points {
    /// How many were written.
    pub written: Option<u64>,
    /// Numbers in the vector of each that was written.
    pub dimensions: Option<u64>,
    /// How many were deleted.
    pub deleted: Option<u64>,
    /// All were deleted.
    pub deleted_all: bool,
    /// How many came.
    pub returned: Option<u64>,
    /// The structure of the filter that chose them: names of members and operators, without any value.
    pub filter: Option<String>,
}

/// Documents that were put in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranking {
    /// How many of them were asked for.
    pub top_k: Option<u64>,
    /// How many there were.
    pub documents: Option<u64>,
    /// How many came.
    pub results: Option<u64>,
    /// The score of the most relevant one.
    pub best_score: Option<f64>,
    /// What the provider bills for instead of tokens.
    pub search_units: Option<u64>,
}
