//! The answer of an upstream as a script sees and edits it, and the answer of a virtual endpoint (plugins reference 6.4
//! and 6.7).

use bytes::Bytes;
use http::HeaderMap;
use rquickjs::{Function, Object as JsObject, Value};

use super::{
    answer,
    engine::Scope,
    fault::{Done, Fault},
    object::{self, HeaderEdits, refused},
    read,
};
use crate::hook::{Answer, Manner, Object, ResponsePart};

/// The response of a response hook.
pub(super) fn build<'js>(scope: &Scope<'_, 'js>, part: &ResponsePart) -> Done<Value<'js>> {
    let make: Function<'js> = scope.maker("response")?;
    let headers = object::headers(scope.ctx, &part.head.headers, true)?;
    let body = object::text(part.body.as_ref());
    Ok(make.call((part.head.status.as_u16(), &*body, headers))?)
}

/// What a script wants of a response.
pub(super) struct Edits {
    status: Option<http::StatusCode>,
    headers: HeaderEdits,
    body: Option<String>,
}

impl Edits {
    /// Reads a response as a script left it.
    pub(super) fn read(left: &JsObject<'_>) -> Done<Self> {
        let status = match read::number(left, "StatusCode")? {
            0 => None,
            code => Some(answer::status(code)?),
        };
        Ok(Self { status, headers: HeaderEdits::read(left)?, body: read::text(left, "Body")? })
    }

    /// Applies it.
    pub(super) fn apply(self, object: &mut Object) -> Done<()> {
        let Some(part) = object.response.as_mut() else { return Ok(()) };
        for name in self.headers.deleted() {
            part.head.remove_header(name);
        }
        for (name, value) in self.headers.set() {
            part.head.insert_header(name.clone(), value.clone()).map_err(refused)?;
        }
        if let Some(status) = self.status {
            part.head.set_status(status).map_err(refused)?;
        }
        if let (Some(given), Some(left)) = (&part.body, self.body)
            && let Some(body) = object::edited(Some(given), left)
        {
            part.body = Some(body);
        }
        Ok(())
    }
}

/// The answer of a virtual endpoint: what `TykJsResponse` made, as text, or the object that it is made of.
pub(super) fn read_virtual<'js>(scope: &Scope<'_, 'js>, left: Value<'js>) -> Done<(Answer, JsObject<'js>)> {
    let left = match left.as_string() {
        Some(text) => scope.ctx.json_parse(text.to_string()?)?,
        None => left,
    };
    let whole = left.into_object().ok_or_else(|| Fault::wrong("it returned no TykJsResponse"))?;
    let response = read::object(&whole, "Response")?
        .ok_or_else(|| Fault::wrong("what it returned has no Response: return TykJsResponse(...)"))?;
    let headers: HeaderMap = answer::headers(&read::texts(&response, "Headers")?)?;
    let answer = Answer {
        status: answer::status(read::number(&response, "Code")?)?,
        headers,
        body: Bytes::from(read::text(&response, "Body")?.unwrap_or_default()),
        manner: Manner::Script,
    };
    Ok((answer, whole))
}
