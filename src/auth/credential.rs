//! Where a request holds its credential (sessions reference 3.2): a header, then a query parameter, then a cookie; a
//! later one that is not empty wins. Form bodies are not looked at.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, header};

use crate::{
    chain::Blueprint,
    definition::{ApiDefinition, AuthConfig},
    url::{Url, Values},
};

/// Methods that use the older `auth` object where they have no entry of their own.
const OLD_FORM: [&str; 2] = ["authToken", "jwt"];

/// The places of one method's credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    header: Option<HeaderName>,
    parameter: Option<Box<str>>,
    cookie: Option<Box<str>>,
}

/// The settings of a method, with their JSON path: its entry of `auth_configs`, or the older `auth`.
pub fn settings<'d>(definition: &'d ApiDefinition, method: &str) -> (String, Option<&'d AuthConfig>) {
    match definition.auth_configs.get(method) {
        Some(own) => (format!("auth_configs.{method}"), Some(own)),
        None if OLD_FORM.contains(&method) => ("auth".to_owned(), Some(&definition.auth)),
        None => (format!("auth_configs.{method}"), None),
    }
}

/// The header that settings name.
pub(super) fn header_name(settings: &AuthConfig) -> &str {
    if settings.auth_header_name.is_empty() { "Authorization" } else { &settings.auth_header_name }
}

impl Credential {
    /// The places for a method, by its name in `auth_configs`.
    pub fn of(blueprint: &mut Blueprint<'_>, method: &str) -> Self {
        let (path, settings) = settings(blueprint.definition, method);
        let Some(settings) = settings else {
            return Self { header: Some(header::AUTHORIZATION), parameter: None, cookie: None };
        };
        let name = header_name(settings);
        let header = if settings.disable_header {
            None
        } else {
            let parsed = HeaderName::from_bytes(name.as_bytes()).ok();
            if parsed.is_none() {
                blueprint.warn(
                    format!("{path}.auth_header_name"),
                    format!("{name:?} is no header name: no request can have it"),
                );
            }
            parsed
        };
        let or_header = |own: &str| if own.is_empty() { name.into() } else { own.into() };
        Self {
            header,
            parameter: settings.use_param.then(|| or_header(&settings.param_name)),
            cookie: settings.use_cookie.then(|| or_header(&settings.cookie_name)),
        }
    }

    /// What the request holds; nothing if all places are empty.
    pub fn read<'r>(&self, headers: &'r HeaderMap, url: &Url) -> Option<Cow<'r, str>> {
        let cookie = self.cookie.as_deref().and_then(|name| cookie(headers, name)).map(Cow::Owned);
        let found = cookie
            .or_else(|| self.parameter.as_deref().and_then(|name| parameter(url, name)).map(Cow::Owned))
            .or_else(|| {
                let value = headers.get(self.header.as_ref()?)?;
                Some(String::from_utf8_lossy(value.as_bytes()))
            });
        found.filter(|text| !text.is_empty())
    }
}

/// The first value of a query parameter, unless it is empty.
pub(super) fn parameter(url: &Url, name: &str) -> Option<String> {
    Values::parse(url.query()).get(name).filter(|value| !value.is_empty()).map(Cow::into_owned)
}

/// The first cookie of that name, unless it is empty; quotes around a value do not belong to it.
fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).into_iter();
    let mut pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let value = pairs.find_map(|pair| {
        let pair = pair.trim_ascii();
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let (found, value) = pair.split_at_checked(at)?;
        (found == name.as_bytes()).then(|| value.get(1..).unwrap_or_default())
    })?;
    let bare = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    (!bare.is_empty()).then(|| String::from_utf8_lossy(bare).into_owned())
}

/// The token behind an optional `Bearer `, in any case. One is cut off and no more.
pub fn without_bearer(token: &str) -> &str {
    match token.split_at_checked(7) {
        Some((word, rest)) if word.eq_ignore_ascii_case("bearer ") => rest,
        _ => token,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn places(parameter: Option<&str>, cookie: Option<&str>) -> Credential {
        Credential {
            header: Some(header::AUTHORIZATION),
            parameter: parameter.map(Box::from),
            cookie: cookie.map(Box::from),
        }
    }

    fn read(places: &Credential, headers: &[(&'static str, &'static str)], target: &str) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        places.read(&map, &Url::from_target(target.as_bytes()).unwrap()).map(Cow::into_owned)
    }

    #[test]
    fn later_places_that_are_not_empty_win() {
        let all = places(Some("k"), Some("c"));
        let header = ("authorization", "h");
        assert_eq!(read(&all, &[], "/"), None);
        assert_eq!(read(&all, &[header], "/?k=").as_deref(), Some("h"));
        assert_eq!(read(&all, &[header, ("authorization", "second")], "/").as_deref(), Some("h"));
        assert_eq!(read(&all, &[header], "/?k=q%20r&k=s").as_deref(), Some("q r"));
        assert_eq!(read(&all, &[header, ("cookie", "a=b; c=\"d\"; c=e")], "/?k=q").as_deref(), Some("d"));
        assert_eq!(read(&all, &[header, ("cookie", "c=")], "/?k=q").as_deref(), Some("q"));
        assert_eq!(read(&places(None, None), &[("cookie", "c=d")], "/?k=q"), None);
    }

    #[test]
    fn one_bearer_is_cut_off() {
        for (text, expected) in [
            ("Bearer x", "x"),
            ("bEARER x", "x"),
            ("Bearer Bearer x", "Bearer x"),
            ("Bearerx", "Bearerx"),
            ("Bearer", "Bearer"),
            ("Bearer ", ""),
            ("ééééé", "ééééé"),
        ] {
            assert_eq!(without_bearer(text), expected, "{text}");
        }
    }
}
