//! The session of who calls, as a hook reads and edits it: as JSON text, or one member of its metadata.

use std::sync::Arc;

use serde_json::Value;

use super::{
    abi::Refused,
    call::{Call, text},
};
use crate::{hook::HookKind, session::SessionState};

impl Call<'_> {
    pub(super) fn session(&mut self) -> Option<&[u8]> {
        if self.session_text.is_none() {
            self.session_text = serde_json::to_string(self.object.state.as_deref()?).ok();
        }
        self.session_text.as_deref().map(str::as_bytes)
    }

    pub(super) fn set_session(&mut self, json: &[u8]) -> Result<(), Refused> {
        if self.object.state.is_none() && self.kind != Some(HookKind::Auth) {
            return Err(Refused::Missing);
        }
        let state = SessionState::parse(json).map_err(|_| Refused::Invalid)?;
        self.object.state = Some(Arc::new(state));
        self.session_text = None;
        Ok(())
    }

    pub(super) fn session_metadata(&mut self, key: &[u8]) -> Option<&[u8]> {
        let value = self.object.state.as_deref()?.meta_data.get(text(key).ok()?)?;
        if let Value::String(text) = value {
            return Some(text.as_bytes());
        }
        // Kept to the end of the call: texts of other members may be in use.
        self.printed.push(value.to_string().into());
        self.printed.last().map(|text| text.as_bytes())
    }

    pub(super) fn set_session_metadata(&mut self, key: &[u8], value: &[u8]) -> Result<(), Refused> {
        let (key, value) = (text(key)?, text(value)?);
        let state = self.edit_session()?;
        state.meta_data.insert(key.to_owned(), value.into());
        Ok(())
    }

    pub(super) fn remove_session_metadata(&mut self, key: &[u8]) -> Result<(), Refused> {
        let key = text(key)?;
        let state = self.object.state.as_deref().ok_or(Refused::Missing)?;
        if !state.meta_data.contains_key(key) {
            return Err(Refused::NotFound);
        }
        self.edit_session()?.meta_data.remove(key);
        Ok(())
    }

    fn edit_session(&mut self) -> Result<&mut SessionState, Refused> {
        self.session_text = None;
        self.object.state.as_mut().map(Arc::make_mut).ok_or(Refused::Missing)
    }
}
