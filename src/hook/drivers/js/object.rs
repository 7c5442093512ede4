//! What all objects for scripts have in common: headers, parameters, body, configuration; and edits of headers.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use rquickjs::{Array, Ctx, Function, Object as JsObject, Value};

use super::{
    engine::Scope,
    fault::{Done, Fault},
    read,
};
use crate::hook::{Object, canonical};

/// Headers as a script sees them: Go's canonical names, each with its list of values.
pub(super) fn headers<'js>(ctx: &Ctx<'js>, map: &HeaderMap, host: bool) -> Done<JsObject<'js>> {
    let headers = JsObject::new(ctx.clone())?;
    for name in map.keys().filter(|name| host || **name != header::HOST) {
        let values = map.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        headers.set(canonical(name.as_str()), array(ctx, values)?)?;
    }
    Ok(headers)
}

/// Parameters by name, each with its values.
pub(super) fn params<'js>(ctx: &Ctx<'js>, pairs: Vec<(String, String)>) -> Done<JsObject<'js>> {
    let params = JsObject::new(ctx.clone())?;
    for (name, value) in pairs {
        let known: Value<'js> = params.get(name.as_str())?;
        match known.as_array().filter(|_| params.contains_key(name.as_str()).unwrap_or(false)) {
            Some(values) => values.set(values.len(), value)?,
            None => params.set(name, array(ctx, [value])?)?,
        }
    }
    Ok(params)
}

fn array<'js>(ctx: &Ctx<'js>, values: impl IntoIterator<Item: AsRef<str>>) -> Done<Array<'js>> {
    let array = Array::new(ctx.clone())?;
    for (index, value) in values.into_iter().enumerate() {
        array.set(index, value.as_ref())?;
    }
    Ok(array)
}

/// A body as a script sees it: bytes that are no text show as U+FFFD, as in Tyk (trap 30).
pub(super) fn text(body: Option<&Bytes>) -> std::borrow::Cow<'_, str> {
    body.map_or(std::borrow::Cow::Borrowed(""), |body| String::from_utf8_lossy(body))
}

/// The body that a script left, unless it is the one that it was given.
pub(super) fn edited(given: Option<&Bytes>, left: String) -> Option<Bytes> {
    let same = given.is_some_and(|given| **given == *left.as_bytes());
    (!same).then(|| Bytes::from(left))
}

/// The third argument of a handler.
pub(super) fn config<'js>(scope: &Scope<'_, 'js>, object: &Object) -> Done<Value<'js>> {
    let spec = &object.spec;
    let data = if spec.config_data_disabled {
        Value::new_undefined(scope.ctx.clone())
    } else if *spec.config_data == *"{}" {
        // As in Tyk: null is what a definition without any comes to.
        Value::new_null(scope.ctx.clone())
    } else {
        scope.ctx.json_parse(&*spec.config_data)?
    };
    let make: Function<'js> = scope.maker("config")?;
    Ok(make.call((&*spec.org_id, &*spec.api_id, data))?)
}

/// Edits of headers as a script left them.
pub(super) struct HeaderEdits {
    delete: Vec<HeaderName>,
    set: Vec<(HeaderName, HeaderValue)>,
}

impl HeaderEdits {
    /// `DeleteHeaders` and `SetHeaders` of an object.
    pub(super) fn read(left: &JsObject<'_>) -> Done<Self> {
        let delete = read::list(left, "DeleteHeaders")?;
        let set = read::texts(left, "SetHeaders")?;
        Ok(Self {
            delete: delete.iter().map(|name| header_name(name)).collect::<Done<_>>()?,
            set: set.iter().map(|(name, value)| field(name, value)).collect::<Done<_>>()?,
        })
    }

    /// Names to take away.
    pub(super) fn deleted(&self) -> impl Iterator<Item = &HeaderName> {
        self.delete.iter().filter(|name| is_free(name))
    }

    /// Fields to put in place, after that.
    pub(super) fn set(&self) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        self.set.iter().filter(|(name, _)| is_free(name))
    }
}

/// Framing and the name of the host are not in Go's headers, so that edits of them have no effect in Tyk either.
fn is_free(name: &HeaderName) -> bool {
    !matches!(*name, header::HOST | header::CONTENT_LENGTH | header::TRANSFER_ENCODING)
}

/// A field as text.
pub(super) fn field(name: &str, value: &str) -> Done<(HeaderName, HeaderValue)> {
    let value = HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| Fault::wrong(format!("{value:?} cannot be the value of header {name}")))?;
    Ok((header_name(name)?, value))
}

fn header_name(name: &str) -> Done<HeaderName> {
    HeaderName::try_from(name).map_err(|_| Fault::wrong(format!("{name:?} is no header name")))
}

/// A header that cannot be stored: there are too many.
pub(super) fn refused<E: std::fmt::Display>(error: E) -> Fault {
    Fault::wrong(format!("a header was refused: {error}"))
}
