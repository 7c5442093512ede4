//! A key that has been recognised, on its way through one request.

use std::sync::Arc;

use super::SessionState;

/// Who calls: a key and its state. The state is shared with the local cache until somebody edits it.
#[derive(Debug, Clone)]
pub struct KeyState {
    /// The token that matched, which need not be the text that was presented. Never logged.
    pub id: Arc<str>,
    /// What stands for it in store keys, counters and logs: its hash, or with hashing off the token itself.
    pub hash: Arc<str>,
    /// What it may do, policies applied.
    pub state: Arc<SessionState>,
    /// It came from the store: it is written only if it is still there.
    pub stored: bool,
    /// Somebody edited it: it is written after the chain.
    pub modified: bool,
}

impl KeyState {
    /// One that nobody can name: its state counts for one request and is never stored.
    pub fn nameless(state: Arc<SessionState>) -> Self {
        Self { id: "".into(), hash: "".into(), state, stored: false, modified: false }
    }

    /// Its state, to be edited; it is written after the chain.
    pub fn edit(&mut self) -> &mut SessionState {
        self.modified = true;
        Arc::make_mut(&mut self.state)
    }
}
