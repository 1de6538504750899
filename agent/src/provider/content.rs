//! What was said, taken from bodies as they were sent: used only where the operator wants it, when the exchange is over,
//! and not on the thread that reads what the kernel tells.

#[allow(unused_imports, reason = "dialects say soon how they are read")]
pub(in crate::provider) use crate::call::content::{Bodies, Content, Convert};
