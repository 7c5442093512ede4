//! Removing and setting headers, compiled: what requests and responses share (api-definition reference 3.10).

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use pingora_http::{RequestHeader, ResponseHeader};

use crate::{
    chain::{Blueprint, Endpoints, Place, Scope, Template},
    definition::{HeaderTransform, VersionInfo},
    error::{Error, Result},
    hook::canonical,
};

/// Headers to remove, then headers to set.
#[derive(Debug, Default)]
pub(super) struct HeaderEdits {
    remove: Box<[HeaderName]>,
    set: Box<[Setting]>,
}

#[derive(Debug)]
struct Setting {
    /// As it is sent.
    name: Bytes,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Fixed(HeaderValue),
    Template(Template),
}

/// Whose headers are edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

impl HeaderEdits {
    /// Compiles the entries of one kind of a version, `transform_headers` or its like for responses.
    pub(super) fn endpoints(
        blueprint: &mut Blueprint<'_>,
        side: Side,
        version: &VersionInfo,
        kind: &str,
        entries: &[HeaderTransform],
    ) -> Option<Endpoints<Self>> {
        version.use_extended_paths.then_some(())?;
        let style = blueprint.path_style();
        blueprint.endpoints(
            version,
            kind,
            entries,
            |entry| (!entry.disabled).then_some(Place { path: &entry.path, method: &entry.method, style }),
            |blueprint, entry, at| {
                let (removes, sets) = (format!("{at}.delete_headers"), format!("{at}.add_headers"));
                let (remove, set) = (&entry.delete_headers, &entry.add_headers);
                // An entry without edits still ends the search.
                Self::compile(blueprint, side, (&removes, &sets), remove, set)
                    .or_else(|| Some(Self::default()))
            },
        )
    }

    /// Compiles both lists; nothing when nothing is left of them. `paths` are their JSON paths.
    pub(super) fn compile(
        blueprint: &mut Blueprint<'_>,
        side: Side,
        paths: (&str, &str),
        remove: &[String],
        set: &BTreeMap<String, String>,
    ) -> Option<Self> {
        let mut edits = Vec::new();
        for name in remove {
            edits.extend(usable(blueprint, side, paths.0, name));
        }
        let mut settings = Vec::new();
        for (name, value) in set {
            let path = format!("{}.{name}", paths.1);
            if usable(blueprint, side, &path, name).is_none() {
                continue;
            }
            let as_written = blueprint.services.config.ignore_canonical_mime_header_key;
            let name = if as_written { name.clone() } else { canonical(name) };
            let template = blueprint.template(&path, value);
            let value = match template.constant().map(|text| HeaderValue::from_bytes(text.trim().as_bytes()))
            {
                None => Value::Template(template),
                Some(Ok(value)) => Value::Fixed(value),
                Some(Err(_)) => {
                    blueprint.refuse(path, "the value holds characters that no header may; it is not set");
                    continue;
                }
            };
            settings.push(Setting { name: name.into(), value });
        }
        (!edits.is_empty() || !settings.is_empty())
            .then(|| Self { remove: edits.into(), set: settings.into() })
    }

    /// True if it removes this header.
    pub(super) fn removes(&self, name: &str) -> bool {
        self.remove.iter().any(|removed| removed == name)
    }

    /// Edits a request.
    ///
    /// # Errors
    /// A value made for this request cannot be sent; it ends as in Tyk, where sending it fails.
    pub(super) fn apply_to_request(&self, head: &mut RequestHeader, scope: Scope<'_>) -> Result<()> {
        let refused =
            || Error::Http { status: 500, message: "There was a problem proxying the request".into() };
        for name in &self.remove {
            head.remove_header(name);
        }
        for setting in &self.set {
            let value = setting.value.print(scope).ok_or_else(refused)?;
            head.insert_header(setting.name.clone(), value).map_err(|_| refused())?;
        }
        Ok(())
    }

    /// Edits a response. A value that cannot be sent is left out.
    pub(super) fn apply_to_response(&self, head: &mut ResponseHeader, scope: Scope<'_>) {
        for name in &self.remove {
            head.remove_header(name);
        }
        for setting in &self.set {
            let done =
                setting.value.print(scope).map(|value| head.insert_header(setting.name.clone(), value));
            if !matches!(done, Some(Ok(()))) {
                tracing::warn!(header = %String::from_utf8_lossy(&setting.name), "value cannot be sent, header left out");
            }
        }
    }
}

impl Value {
    fn print(&self, scope: Scope<'_>) -> Option<HeaderValue> {
        match self {
            Self::Fixed(value) => Some(value.clone()),
            Self::Template(template) => {
                let text = template.print(scope, false, |_| None);
                HeaderValue::from_maybe_shared(Bytes::from(text)).ok()
            }
        }
    }
}

/// The header of that name, if editing it has an effect.
fn usable(blueprint: &mut Blueprint<'_>, side: Side, path: &str, name: &str) -> Option<HeaderName> {
    let Ok(header) = HeaderName::try_from(name) else {
        blueprint.refuse(path, format!("{name:?} is no header name; it is left out"));
        return None;
    };
    let hint = match header {
        header::HOST if side == Side::Request => "use preserve_host_header or a rewrite",
        header::CONTENT_LENGTH | header::TRANSFER_ENCODING | header::TRAILER => {
            "framing belongs to the gateway"
        }
        _ => return Some(header),
    };
    blueprint.warn(path, format!("setting or removing {name} has no effect: {hint}"));
    None
}
