//! (in work)

/// (in work)
pub struct Assembler;
