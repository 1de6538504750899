//! A request's body, read as its label says.

use crate::provider::form::Form;
use crate::provider::json::{Document, Reader, Shape};

/// A body that is one document.
pub(super) struct Body {
    pub(super) reading: Reading,
    /// Bytes that may still be read.
    pub(super) left: u64,
    pub(super) over: bool,
}

/// How a body is read.
pub(super) enum Reading {
    Json(Reader),
    /// A form's fields stand for the members of a document.
    Form(Form),
}

impl Body {
    pub(super) fn new(shape: &'static Shape, limit_bytes: u64) -> Self {
        Self { reading: Reading::Json(Reader::new(shape)), left: limit_bytes, over: false }
    }

    pub(super) fn gap(&mut self) {
        match &mut self.reading {
            Reading::Json(reader) => reader.gap(),
            Reading::Form(form) => form.gap(),
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        match &self.reading {
            Reading::Json(reader) => reader.held_bytes(),
            Reading::Form(form) => form.held_bytes(),
        }
    }

    pub(super) fn finish(self) -> Document {
        match self.reading {
            Reading::Json(reader) => reader.finish(),
            Reading::Form(form) => form.finish(),
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let Some(left) = self.left.checked_sub(bytes.len() as u64).filter(|_| !self.over) else {
            self.over = true;
            return;
        };
        self.left = left;
        match &mut self.reading {
            Reading::Json(reader) => reader.push(bytes),
            Reading::Form(form) => form.push(bytes),
        }
    }
}
