//! Where redacted spans go: an OTLP endpoint or the terminal.
