//! How a process serves, as far as it shows: what its threads prove, and what it proves that only one request is served.
//!
//! **Threads prove a cause** once enough requests that were served beside others went the way of threads that serve one at a time:
//! one thread received the request, asked for what it needed, received what it asked for, and answered. Never again, once a thread
//! gives itself away that does something itself and leaves things to others: that reads a request while another one that it read
//! has no answer yet, whose request or whose call's answer another thread takes over. Some runtimes are known to move what they do
//! between threads (Go), or to do it all in one (Node); in those threads prove nothing from the start.
//!
//! **The only request in service is the cause** as long as nothing else is going on in the process: requests that began before it
//! was followed are over, and it asks for nothing outside of what it serves (jobs of its own, work that is left for after the answer).
//! Where another thread asks than received the request, this must have shown before it is believed.

use std::collections::HashMap;

use crate::discovery::process::Process;

/// Requests that must have been served beside others, each by a thread of its own, before threads are believed: tasks that move
/// between threads may stay in place by luck now and then.
const BESIDE: u8 = 8;

/// After something was asked for outside of what is served: how often all must be in order before the only request is believed in
/// again; and how often where another thread asks than received it, and at first there.
const STRAYS: u8 = 4;
const STRAYS_OF_OTHERS: u8 = 64;
const OTHERS: u8 = 4;

/// Threads that are remembered of a process; past it all are forgotten, and must show again that they can be believed.
const THREADS: usize = 1024;

/// Values of `process.runtime.name` of those that run tasks on whatever thread there is, or all on one.
const MOVING: [&str; 5] = ["go", "nodejs", "bun", "deno", "dotnet"];

/// A thread that has received a request.
#[derive(Clone, Copy, Debug, Default)]
struct Thread {
    /// It leaves requests to others, or has several under way.
    shares: bool,
    /// It has answered, or asked for something: it is not one that receives for others and no more.
    acts: bool,
}

/// Of one process.
#[derive(Debug)]
pub(super) struct Habits {
    threads: HashMap<u32, Thread>,
    /// Threads prove nothing.
    mixes: bool,
    /// Requests that were served beside others by threads of their own, [`BESIDE`] at the most.
    beside: u8,
    /// Nothing is under way that began before it was followed.
    is_seen_whole: bool,
    /// How often all must be in order yet, and where another thread asks.
    strays: u8,
    others: u8,
}

impl Default for Habits {
    fn default() -> Self {
        let threads = HashMap::new();
        Self { threads, mixes: false, beside: 0, is_seen_whole: false, strays: 0, others: OTHERS }
    }
}

impl Habits {
    /// A thread receives a request. `is_shared`: another one that it received has no answer yet. `is_idle`: nothing that the process
    /// serves or asks for is under way.
    pub(super) fn received(&mut self, process: &Process, tid: u32, is_shared: bool, is_idle: bool) {
        let is_moving = |value: &str| MOVING.contains(&value);
        let mut attributes = process.attributes.iter();
        self.mixes |= attributes
            .any(|(name, value)| name == "process.runtime.name" && value.as_str().is_some_and(is_moving));
        self.is_seen_whole |= is_idle;
        if self.threads.len() >= THREADS {
            self.threads.clear();
            self.beside = 0;
        }
        let thread = self.threads.entry(tid).or_default();
        thread.shares |= is_shared;
        self.mixes |= thread.shares && thread.acts;
    }

    /// A thread answers, or asks for something.
    pub(super) fn acted(&mut self, tid: u32) {
        if let Some(thread) = self.threads.get_mut(&tid) {
            thread.acts = true;
            self.mixes |= thread.shares;
        }
    }

    /// Another thread goes on with what one has begun.
    pub(super) fn handed_over(&mut self, tid: u32) {
        if let Some(thread) = self.threads.get_mut(&tid) {
            thread.shares = true;
            self.mixes |= thread.acts;
        }
    }

    /// A request was served by one thread from begin to end, beside others.
    pub(super) fn kept_apart(&mut self) {
        self.beside = self.beside.saturating_add(1).min(BESIDE);
    }

    /// Something was asked for that no request which is served can have been the cause of, or outlived that request.
    pub(super) fn strayed(&mut self) {
        (self.strays, self.others) = (STRAYS, STRAYS_OF_OTHERS);
    }

    /// Something was asked for while one request was served, and answered before that was.
    pub(super) fn was_in_order(&mut self) {
        self.strays = self.strays.saturating_sub(1);
        self.others = self.others.saturating_sub(1);
    }

    /// Whether threads prove a cause, whatever else is served.
    pub(super) fn proves_by_thread(&self) -> bool {
        !self.mixes && self.beside >= BESIDE
    }

    /// Whether a thread may be that of one request.
    pub(super) fn may_prove_by_thread(&self) -> bool {
        !self.mixes
    }

    /// Whether what is served alone is the cause of what is asked for, by the thread that received it or by another one.
    pub(super) fn proves_by_number(&self, is_own: bool) -> bool {
        self.is_seen_whole && if is_own { self.strays == 0 } else { self.others == 0 }
    }

    /// Whether all that began before the process was followed is over.
    pub(super) fn is_seen_whole(&self) -> bool {
        self.is_seen_whole
    }

    /// Whether a thread that serves requests itself cannot have asked for this for one that `other` received: that one would
    /// have had to hand it over.
    pub(super) fn is_apart(&self, tid: u32, other: u32) -> bool {
        let hands_over = |tid| self.threads.get(&tid).is_some_and(|thread| thread.shares);
        tid != other && !self.mixes && self.threads.contains_key(&tid) && !hands_over(other)
    }
}
