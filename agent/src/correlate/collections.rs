//! Names of collections that requests call by their ids alone.

use std::collections::{HashMap, VecDeque};

use crate::call::{Call, Subject};
use crate::exchange::Exchange;

/// Collections that are remembered; past it the oldest is forgotten.
const REMEMBERED_MAX: usize = 1024;

/// Bytes of an id and of a name; longer ones are not remembered.
const WORD_MAX_BYTES: usize = 256;

/// A collection: the host and the port of its server, and its id there.
type Key = (String, Option<u16>, String);

/// What calls said that had both, a collection's id and its name.
#[derive(Debug, Default)]
pub(super) struct Collections {
    names: HashMap<Key, String>,
    oldest: VecDeque<Key>,
}

impl Collections {
    /// Takes over what a call says of a collection; gives the name of one of which it says the id alone, if that is
    /// known.
    pub(super) fn name(&mut self, call: &Call, exchange: &Exchange) -> Option<String> {
        let store = call.subject.store()?;
        let id = store.collection_id.as_ref()?;
        let host = exchange.request.host.as_ref()?;
        let key = (host.clone(), exchange.request.port, id.clone());
        let Some(name) = &store.collection else { return self.names.get(&key).cloned() };
        if call.error_code.is_some() || id.len().max(name.len()) > WORD_MAX_BYTES {
            return None;
        }
        if self.names.insert(key.clone(), name.clone()).is_none() {
            self.oldest.push_back(key);
        }
        if self.oldest.len() > REMEMBERED_MAX
            && let Some(oldest) = self.oldest.pop_front()
        {
            self.names.remove(&oldest);
        }
        None
    }
}

/// The call, with the name of its collection.
pub(super) fn named(call: &Call, name: String) -> Call {
    let mut call = call.clone();
    if let Subject::Retrieval { store, .. } | Subject::Points { store, .. } = &mut call.subject {
        store.collection = Some(name);
    }
    call
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Points, Store};
    use crate::correlate::tests::exchange;
    use crate::exchange::Outcome;

    fn call(id: &str, name: Option<&str>) -> Call {
        let store = Store {
            system: "chroma",
            collection: name.map(str::to_owned),
            collection_id: Some(id.to_owned()),
            ..Store::default()
        };
        Call::new(Subject::Points { store, points: Points::default() }, "chroma")
    }

    #[test]
    fn a_name_is_learned_and_one_that_is_old_is_forgotten() {
        let mut collections = Collections::default();
        let exchange = exchange(200, Outcome::Complete);
        assert_eq!(collections.name(&call("0", None), &exchange), None);
        assert_eq!(collections.name(&call("0", Some("docs")), &exchange), None);
        assert_eq!(collections.name(&call("0", None), &exchange).as_deref(), Some("docs"));
        collections.name(&call("0", Some("renamed")), &exchange);
        assert_eq!(collections.name(&call("0", None), &exchange).as_deref(), Some("renamed"));
        for number in 1..=REMEMBERED_MAX {
            collections.name(&call(&number.to_string(), Some("x")), &exchange);
        }
        assert_eq!(collections.name(&call("0", None), &exchange), None);
        assert_eq!((collections.names.len(), collections.oldest.len()), (REMEMBERED_MAX, REMEMBERED_MAX));
        collections.name(&call("0", Some(&"x".repeat(300))), &exchange);
        assert_eq!(collections.name(&call("0", None), &exchange), None);
    }
}
