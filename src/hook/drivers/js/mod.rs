//! Drivers `otto` and `javascript`.

/// Its names in definitions, the usual one first.
pub const NAMES: &[&str] = &["otto", "javascript"];
