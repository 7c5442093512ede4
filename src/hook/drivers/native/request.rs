//! The request as a hook reads and edits it: method, URL, headers, body.

use std::borrow::Cow;

use bytes::Bytes;
use http::Method;

use super::{
    abi::Refused,
    call::{Call, text},
    fields::{count, field, field_name, name_at, nth, value_at},
};
use crate::url::{Url, path_unescape};

impl Call<'_> {
    pub(super) fn method(&self) -> &str {
        self.object.request.method.as_str()
    }

    pub(super) fn set_method(&mut self, method: &[u8]) -> Result<(), Refused> {
        let method = Method::from_bytes(method).map_err(|_| Refused::Invalid)?;
        self.object.request.set_method(method);
        Ok(())
    }

    pub(super) fn path(&self) -> &str {
        self.object.url.path()
    }

    pub(super) fn set_path(&mut self, path: &[u8]) -> Result<(), Refused> {
        let path = rooted(path)?;
        self.edit_url(|url| url.set_path(path, None));
        Ok(())
    }

    pub(super) fn raw_path(&mut self) -> &str {
        if self.escaped_path.is_none()
            && let Cow::Owned(path) = self.object.url.escaped_path()
        {
            self.escaped_path = Some(path);
        }
        lend(self.escaped_path.as_deref(), || self.object.url.escaped_path())
    }

    pub(super) fn set_raw_path(&mut self, path: &[u8]) -> Result<(), Refused> {
        let raw = target(path)?;
        if raw.contains('?') {
            return Err(Refused::Invalid);
        }
        let path = path_unescape(raw).ok_or(Refused::Invalid)?;
        self.edit_url(|url| url.set_path(&path, Some(raw)));
        Ok(())
    }

    pub(super) fn query(&self) -> &str {
        self.object.url.query()
    }

    pub(super) fn set_query(&mut self, query: &[u8]) -> Result<(), Refused> {
        let query = visible(query)?;
        self.edit_url(|url| url.set_query(query));
        Ok(())
    }

    pub(super) fn request_target(&mut self) -> &str {
        if self.request_uri.is_none()
            && let Cow::Owned(uri) = self.object.url.request_uri()
        {
            self.request_uri = Some(uri);
        }
        lend(self.request_uri.as_deref(), || self.object.url.request_uri())
    }

    pub(super) fn set_request_target(&mut self, uri: &[u8]) -> Result<(), Refused> {
        let uri = Url::from_target(target(uri)?.as_bytes()).map_err(|_| Refused::Invalid)?;
        self.edit_url(|url| {
            url.set_path(uri.path(), uri.raw_path());
            url.set_query(uri.query());
        });
        Ok(())
    }

    fn edit_url(&mut self, edit: impl FnOnce(&mut Url)) {
        edit(&mut self.object.url);
        self.escaped_path = None;
        self.request_uri = None;
    }

    pub(super) fn header(&self, name: &[u8]) -> Option<&[u8]> {
        nth(&self.object.request.headers, name, 0)
    }

    pub(super) fn header_count(&self, name: &[u8]) -> usize {
        count(&self.object.request.headers, name)
    }

    pub(super) fn header_nth(&self, name: &[u8], n: usize) -> Option<&[u8]> {
        nth(&self.object.request.headers, name, n)
    }

    pub(super) fn headers_len(&self) -> usize {
        self.object.request.headers.len()
    }

    pub(super) fn header_name_at(&self, index: usize) -> Option<&[u8]> {
        name_at(&self.object.request.headers, index)
    }

    pub(super) fn header_value_at(&self, index: usize) -> Option<&[u8]> {
        value_at(&self.object.request.headers, index)
    }

    pub(super) fn set_header(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refused> {
        let (name, value) = field(name, value)?;
        self.object.request.insert_header(name, value).map_err(|_| Refused::Invalid)
    }

    pub(super) fn add_header(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refused> {
        let (name, value) = field(name, value)?;
        self.object.request.append_header(name, value).map(drop).map_err(|_| Refused::Invalid)
    }

    pub(super) fn remove_header(&mut self, name: &[u8]) -> Result<(), Refused> {
        let name = field_name(name)?;
        self.object.request.remove_header(&name).map(drop).ok_or(Refused::NotFound)
    }

    pub(super) fn request_body(&self) -> Option<&[u8]> {
        self.object.body.as_deref()
    }

    pub(super) fn set_request_body(&mut self, body: &[u8]) -> Result<(), Refused> {
        let place = self.object.body.as_mut().ok_or(Refused::Missing)?;
        *place = Bytes::copy_from_slice(body);
        Ok(())
    }
}

/// The kept copy, or what the URL lends by itself.
fn lend<'a>(kept: Option<&'a str>, borrowed: impl FnOnce() -> Cow<'a, str>) -> &'a str {
    match kept {
        Some(text) => text,
        None => match borrowed() {
            Cow::Borrowed(text) => text,
            Cow::Owned(_) => "",
        },
    }
}

/// A decoded path: any text that starts at the root.
fn rooted(path: &[u8]) -> Result<&str, Refused> {
    Some(text(path)?).filter(|path| path.starts_with('/')).ok_or(Refused::Invalid)
}

/// An escaped path, with or without a query.
fn target(path: &[u8]) -> Result<&str, Refused> {
    visible(path)?;
    rooted(path)
}

/// What may stand in a request line: nothing that would end the target or the line.
fn visible(bytes: &[u8]) -> Result<&str, Refused> {
    let text = text(bytes)?;
    if text.bytes().any(|byte| byte <= b' ' || byte == 0x7f || byte == b'#') {
        return Err(Refused::Invalid);
    }
    Ok(text)
}
