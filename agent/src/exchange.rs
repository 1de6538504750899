//! Requests paired with their responses: what one HTTP connection said, exchange by exchange.
