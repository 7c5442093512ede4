//! `ReturnOverrides`: what a script answers the client with (plugins reference 6.4).

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header::LOCATION};
use rquickjs::Object as JsObject;

use super::{
    fault::{Done, Fault},
    object::{field, refused},
    read,
};
use crate::hook::{Answer, Manner};

/// What a script decided.
pub(super) enum Verdict {
    /// The request goes on.
    Next,
    /// It is answered.
    Answer(Answer),
    /// It goes on to another API of this gateway (trap 33).
    Loop(String),
}

/// Reads `ReturnOverrides` of a request.
pub(super) fn read(request: &JsObject<'_>) -> Done<Verdict> {
    let Some(overrides) = read::object(request, "ReturnOverrides")? else { return Ok(Verdict::Next) };
    let code = read::number(&overrides, "ResponseCode")?;
    let error = read::text(&overrides, "ResponseError")?.unwrap_or_default();
    let body = read::text(&overrides, "ResponseBody")?.unwrap_or_default();
    let fields = read::texts(&overrides, "ResponseHeaders")?;
    let as_it_is = read::flag(&overrides, "OverrideError")?;
    if code == 0 {
        return Ok(Verdict::Next);
    }
    if matches!(code, 301 | 302)
        && let Some((_, url)) = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(LOCATION.as_str()))
        && url.starts_with("tyk://")
    {
        return Ok(Verdict::Loop(url.clone()));
    }
    let manner = if code >= 400 && !as_it_is { Manner::Template } else { Manner::Script };
    let body = if error.is_empty() { body } else { error };
    Ok(Verdict::Answer(Answer {
        status: status(code)?,
        headers: headers(&fields)?,
        body: Bytes::from(body),
        manner,
    }))
}

/// The status of a whole answer: 1xx announce one.
pub(super) fn status(code: i64) -> Done<StatusCode> {
    u16::try_from(code)
        .ok()
        .filter(|code| *code >= 200)
        .and_then(|code| StatusCode::from_u16(code).ok())
        .ok_or_else(|| Fault::wrong(format!("{code} is no status of an answer")))
}

/// Headers of an answer.
pub(super) fn headers(fields: &[(String, String)]) -> Done<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let (name, value) = field(name, value)?;
        headers.try_insert(name, value).map_err(refused)?;
    }
    Ok(headers)
}
