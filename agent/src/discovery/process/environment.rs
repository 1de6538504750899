//! What a process's environment says.

/// An environment variable's value, when it is not empty.
pub(super) fn variable<'a>(environment: &'a [String], name: &str) -> Option<&'a str> {
    let value = environment.iter().find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim()).filter(|value| !value.is_empty())
}
