//! The terminal view: a line for each call as it ends, and a trace's tree when the process is over in which it begins.
//!
//! It shows names, counts and times, never content. What comes off the wire (a model's name, say) is
//! stripped of control characters first, so that no server can drive the operator's terminal.

mod row;
mod terminal;
pub(crate) mod text;
mod tree;

use std::io::{self, Write};

pub use terminal::Terminal;

use crate::correlate::span::Span;
use crate::redact::Redacted;
use row::Row;
use tree::Forest;

/// Writes the view to `out`. Its memory is bounded: see `tree`.
#[derive(Debug)]
pub struct Console<W> {
    out: W,
    color: bool,
    headed: bool,
    forest: Forest,
}

impl<W: Write> Console<W> {
    /// A view that has shown nothing yet.
    pub fn new(out: W, color: bool) -> Self {
        Self { out, color, headed: false, forest: Forest::default() }
    }

    /// Shows a call that ended, and keeps what its tree needs.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn show(&mut self, span: &Redacted<Span>) -> io::Result<()> {
        let row = Row::new(span.get());
        if !self.headed {
            self.headed = true;
            writeln!(self.out, "{}", row::heading(self.color))?;
        }
        writeln!(self.out, "{}", row.line(self.color))?;
        self.forest.insert(span.get(), row);
        self.out.flush()
    }

    /// Shows the trees that begin in a process that is over, and forgets them.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn process_ended(&mut self, pid: u32) -> io::Result<()> {
        for (trace_id, tree) in self.forest.take(pid) {
            writeln!(self.out, "\n{}", tree.draw(trace_id, self.color))?;
        }
        self.out.flush()
    }

    /// Shows the trees that begin in processes that are not over.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn finish(&mut self) -> io::Result<()> {
        let forest = std::mem::take(&mut self.forest);
        let rest = forest.rest();
        for (trace_id, tree) in forest.into_trees() {
            writeln!(self.out, "\n{}", tree.draw(trace_id, self.color))?;
        }
        if let Some(rest) = rest {
            writeln!(self.out, "\n{rest}")?;
        }
        self.out.flush()
    }
}

#[cfg(test)]
mod tests;
