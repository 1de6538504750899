//! The agent's own health: counters by cause for all that is dropped, truncated, skipped or guessed.
