//! The audit store: one record for each exchange with a model or a vector store, and for each connection to one that could
//! not be read, in a file that shows afterwards whether anything in it was changed.
//!
//! A record is a JSON text in [`canonical`] form. Its hash covers the hash of the record before it ([`chain`]), so that all
//! of them hang together; the store's head and, every so often, a checkpoint are sealed by a key. [`store`] writes, in
//! SQLite ([`schema`]), [`verify`] proves or names what does not fit, [`query`] answers questions.
//!
//! A seal proves nothing to who has the key, and a whole store can be put back to an older copy of itself. Against both
//! helps what was noted elsewhere: [`chain::Standing`] as the agent tells it is checked by [`verify::Options::told`].

pub mod canonical;
pub mod chain;
pub mod query;
pub mod record;
mod schema;
pub mod store;
pub mod verify;

#[cfg(test)]
mod fixture;
