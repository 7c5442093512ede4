//! Driver `lua`.

/// Its names in definitions, the usual one first.
pub const NAMES: &[&str] = &["lua"];
