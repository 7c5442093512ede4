//! Whose rules hold for what a hook leaves.

/// Tyk has three kinds of plugin machinery, and each treats sessions, answers and failures its own way. A driver
/// belongs to one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Go plugins (plugins reference 3.4 to 3.7).
    Native,
    /// JavaScript (plugins reference 6.4, 6.5 and 6.8).
    Script,
    /// Rich plugins: gRPC, Python, Lua (plugins reference 4.5 to 4.9).
    Coprocess,
}
