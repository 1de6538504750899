//! Exchanges that mean no more than that: of services, between those that speak the dialects.

use super::Interpreter;
use crate::call::{Call, Subject};
use crate::exchange::{Exchange, Frame};

/// Reads nothing but that the exchange was.
struct Plain;

/// Follows an exchange that no dialect knows.
#[must_use]
pub fn plain() -> Box<dyn Interpreter> {
    Box::new(Plain)
}

impl Interpreter for Plain {
    fn request(&mut self, _frame: &Frame) {}

    fn response(&mut self, _frame: &Frame, _calls: &mut Vec<Call>) {}

    fn held_bytes(&self) -> usize {
        0
    }

    fn finish(self: Box<Self>, _exchange: &Exchange, calls: &mut Vec<Call>) {
        // Its attributes are those of HTTP: nobody provides it.
        calls.push(Call { is_final: true, ..Call::new(Subject::Http { route: None }, "") });
    }
}
