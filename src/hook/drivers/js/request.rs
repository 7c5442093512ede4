//! The request as a script sees it, and its edits (plugins reference 6.4).

use http::{HeaderName, HeaderValue};
use rquickjs::{Function, Object as JsObject, Value};

use super::{
    answer::{self, Verdict},
    engine::Scope,
    fault::{Done, Fault},
    object::{self, HeaderEdits, refused},
    read,
};
use crate::{
    hook::{Object, coprocess},
    url::{Url, Values, query_escape},
};

/// The request of a request hook. A response hook sees no body of it.
pub(super) fn build<'js>(scope: &Scope<'_, 'js>, object: &Object) -> Done<Value<'js>> {
    let ctx = scope.ctx;
    let pairs = owned(&object.url.values());
    let make: Function<'js> = scope.maker("request")?;
    let headers = object::headers(ctx, &object.request.headers, true)?;
    let params = object::params(ctx, pairs)?;
    let uri = String::from_utf8_lossy(object.request.raw_path()).into_owned();
    let body = object::text(object.body.as_ref());
    let method = object.request.method.as_str();
    Ok(make.call((headers, &*body, url_text(&object.url), params, method, uri, coprocess::scheme(object)))?)
}

/// The request of a virtual endpoint: no Host, no method; parameters of a form, too.
pub(super) fn build_virtual<'js>(scope: &Scope<'_, 'js>, object: &Object) -> Done<Value<'js>> {
    let ctx = scope.ctx;
    let body = object::text(object.body.as_ref());
    let mut form = Vec::new();
    if is_form(object) {
        form.extend(owned(&Values::parse(&body)));
    }
    // Go's order: what a form says comes first.
    form.extend(owned(&object.url.values()));
    let headers = object::headers(ctx, &object.request.headers, false)?;
    let params = object::params(ctx, form)?;
    let make: Function<'js> = scope.maker("virtual")?;
    Ok(make.call((headers, &*body, url_text(&object.url), params, coprocess::scheme(object)))?)
}

fn owned(values: &Values<'_>) -> Vec<(String, String)> {
    values.iter().map(|(key, value)| (key.into_owned(), value.into_owned())).collect()
}

fn is_form(object: &Object) -> bool {
    let kind = object.request.headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn url_text(url: &Url) -> String {
    if url.host().is_empty() { url.request_uri().into_owned() } else { url.to_string() }
}

/// What a script wants of a request.
pub(super) struct Edits {
    headers: HeaderEdits,
    body: Option<String>,
    url: Option<Url>,
    target: Option<String>,
    answer: Verdict,
}

impl Edits {
    /// Reads a request as a script left it.
    pub(super) fn read(left: &JsObject<'_>, given: &Object) -> Done<Self> {
        let answer = answer::read(left)?;
        let body = match read::flag(left, "IgnoreBody")? {
            true => None,
            false => read::text(left, "Body")?,
        };
        let url = match &answer {
            Verdict::Loop(url) => Some(parse(url)?),
            _ => url(left, &given.url)?,
        };
        Ok(Self { headers: HeaderEdits::read(left)?, body, url, target: target(left)?, answer })
    }

    /// Applies it.
    pub(super) fn apply(self, object: &mut Object) -> Done<()> {
        for name in self.headers.deleted() {
            object.request.remove_header(name);
        }
        for (name, value) in self.headers.set() {
            set(object, name, value)?;
        }
        if let Some(url) = self.url {
            object.url = url;
        }
        if let Some(target) = self.target {
            object.target = Some(target);
        }
        // A body that the script was not given is none that it could have changed.
        if let (Some(given), Some(left)) = (&object.body, self.body)
            && let Some(body) = object::edited(Some(given), left)
        {
            object.body = Some(body);
        }
        if let Verdict::Answer(answer) = self.answer {
            object.answer = Some(answer);
        }
        Ok(())
    }
}

/// The target that a script gave a request.
pub(super) fn target(left: &JsObject<'_>) -> Done<Option<String>> {
    Ok(read::text(left, "Target")?.filter(|target| !target.is_empty()))
}

fn set(object: &mut Object, name: &HeaderName, value: &HeaderValue) -> Done<()> {
    object.request.insert_header(name.clone(), value.clone()).map_err(refused)
}

/// The URL with its parameters as a script left them; nothing if they are as they were.
fn url(left: &JsObject<'_>, given: &Url) -> Done<Option<Url>> {
    let text = read::text(left, "URL")?.unwrap_or_default();
    let mut edited = if text.is_empty() || text == url_text(given) { None } else { Some(parse(&text)?) };
    let delete = read::list(left, "DeleteParams")?;
    let add = read::texts(left, "AddParams")?;
    let extend = read::lists(left, "ExtendedParams")?;
    if delete.is_empty() && add.is_empty() && extend.is_empty() {
        return Ok(edited);
    }
    let url = edited.get_or_insert_with(|| given.clone());
    let mut query = {
        let mut values = url.values();
        for name in delete.iter().chain(add.iter().map(|(name, _)| name)) {
            values.remove(name);
        }
        values.encode()
    };
    let added = add.iter().map(|(name, value)| (name, value));
    let extended = extend.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    for (name, value) in added.chain(extended) {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(&query_escape(name));
        query.push('=');
        query.push_str(&query_escape(value));
    }
    let query = Values::parse(&query).encode();
    if query != url.values().encode() {
        url.set_query(&query);
    }
    Ok(edited)
}

fn parse(text: &str) -> Done<Url> {
    Url::parse(text).map_err(|error| Fault::wrong(format!("URL {text:?}: {error}")))
}
