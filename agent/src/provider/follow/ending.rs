//! What is said of bodies that came to no good end.

use crate::provider::json::Ending;

/// Notes for bodies that are no whole document: a request's, a response's.
pub(super) fn note_for(ending: Ending, is_request: bool, undecoded: bool) -> Option<&'static str> {
    match (ending, is_request) {
        // A gap, and a coding that could not be undone, are noted where they were met.
        (Ending::Whole | Ending::Gap, _) => None,
        (Ending::Empty, _) if undecoded => None,
        (Ending::Empty, true) => Some("request body is empty"),
        (Ending::Empty, false) => Some("response body is empty"),
        (Ending::Cut, true) => Some("request body is incomplete"),
        (Ending::Cut, false) => Some("response body is incomplete"),
        (Ending::Invalid, true) => Some("request body is not JSON"),
        (Ending::Invalid, false) => Some("response body is not JSON"),
    }
}
