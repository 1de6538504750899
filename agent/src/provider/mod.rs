//! Which API an exchange speaks, and what it means in that API's words.
