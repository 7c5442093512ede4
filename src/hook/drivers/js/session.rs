//! The session as a script sees it and what it leaves of it (plugins reference 6.4 and 6.5).

use std::sync::Arc;

use rquickjs::{Ctx, Object as JsObject, Value};

use super::{
    fault::{Done, Fault},
    read,
};
use crate::{hook::Object, session::SessionState};

/// The key of a session that an auth script leaves: what it gives as `AuthValue`.
const TOKEN: &str = "token";

/// The session of a request where the script may see it; null where nobody is known.
pub(super) fn build<'js>(ctx: &Ctx<'js>, object: &Object, wanted: bool) -> Done<Value<'js>> {
    if !wanted {
        return empty(ctx);
    }
    match &object.state {
        None => Ok(Value::new_null(ctx.clone())),
        Some(state) => {
            let text = serde_json::to_string(&**state).map_err(|error| Fault::wrong(error.to_string()))?;
            Ok(ctx.json_parse(text)?)
        }
    }
}

/// The empty one.
pub(super) fn empty<'js>(ctx: &Ctx<'js>) -> Done<Value<'js>> {
    Ok(JsObject::new(ctx.clone())?.into_value())
}

/// The metadata that a script left, where it is given any: values of request hooks are texts (trap 28).
pub(super) fn read_meta(
    left: &JsObject<'_>,
    texts_only: bool,
) -> Done<serde_json::Map<String, serde_json::Value>> {
    let meta = if texts_only {
        let pairs = read::texts(left, "SessionMeta")?;
        return Ok(pairs.into_iter().map(|(name, value)| (name, value.into())).collect());
    } else {
        read::object(left, "SessionMeta")?
    };
    let Some(meta) = meta else { return Ok(serde_json::Map::new()) };
    let text = read::json(meta.into_value())?.unwrap_or_else(|| "{}".to_owned());
    serde_json::from_str(&text).map_err(|error| Fault::wrong(format!("SessionMeta: {error}")))
}

/// Puts the metadata that a script left in place of the session's.
pub(super) fn keep_meta(object: &mut Object, meta: serde_json::Map<String, serde_json::Value>) {
    if let Some(state) = &object.state
        && state.meta_data != meta
    {
        let mut state = SessionState::clone(state);
        state.meta_data = meta;
        object.state = Some(Arc::new(state));
    }
}

/// Who calls, as an auth script found out.
pub(super) struct Caller {
    state: Option<SessionState>,
    token: Option<String>,
}

impl Caller {
    /// `Session` and `AuthValue` of what an auth script left.
    pub(super) fn read(left: &JsObject<'_>) -> Done<Self> {
        let state = match read::object(left, "Session")? {
            None => None,
            Some(session) => {
                let text = read::json(session.into_value())?.unwrap_or_else(|| "{}".to_owned());
                let state = serde_json::from_str(&text);
                Some(state.map_err(|error| Fault::wrong(format!("Session: {error}")))?)
            }
        };
        let token = read::text(left, "AuthValue")?.filter(|token| !token.is_empty());
        Ok(Self { state, token })
    }

    pub(super) fn keep(self, object: &mut Object) {
        object.state = self.state.map(Arc::new);
        match self.token {
            Some(token) => object.metadata.insert(TOKEN.to_owned(), token),
            None => object.metadata.remove(TOKEN),
        };
    }
}
