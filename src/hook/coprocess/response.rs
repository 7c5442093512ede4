//! The upstream's answer as a rich plugin sees it, and what becomes of its edits (plugins reference 4.8).

use http::{HeaderMap, HeaderName};

use super::{Header, Response, Terms, field, first_values, request::text, shown, status};
use crate::hook::{ResponsePart, canonical};

impl Response {
    /// The response of a call.
    pub fn of(part: &ResponsePart, terms: Terms) -> Self {
        let raw_body = part.body.clone().unwrap_or_default();
        Self {
            status_code: part.head.status.as_u16().into(),
            body: text(&raw_body, terms),
            raw_body,
            headers: first_values(&part.head.headers),
            multivalue_headers: all_values(&part.head.headers),
        }
    }

    /// Makes the answer what the plugin left. `part` is as it was when [`Response::of`] read it.
    ///
    /// # Errors
    /// A status or header that cannot be sent.
    pub fn apply(mut self, part: &mut ResponsePart, terms: Terms) -> Result<(), String> {
        if self.headers != first_values(&part.head.headers) {
            self.synchronise();
        }
        if self.multivalue_headers != all_values(&part.head.headers) {
            let names: Vec<HeaderName> = part.head.headers.keys().cloned().collect();
            for name in names {
                part.head.remove_header(&name);
            }
            for header in &self.multivalue_headers {
                for value in &header.values {
                    if let Some((name, value)) = field(&header.key, value.as_bytes(), terms)? {
                        part.head.append_header(name, value).map_err(|error| error.to_string())?;
                    }
                }
            }
        }
        // 0 is what a message made anew has.
        if self.status_code != 0 && self.status_code != i32::from(part.head.status.as_u16()) {
            part.head.set_status(status(self.status_code)?).map_err(|error| error.to_string())?;
        }
        if part.body.as_ref().map_or(!self.raw_body.is_empty(), |held| *held != self.raw_body) {
            part.body = Some(self.raw_body);
        }
        Ok(())
    }

    /// Carries `headers` over into the list.
    fn synchronise(&mut self) {
        let headers = &self.headers;
        self.multivalue_headers.retain(|header| headers.contains_key(&header.key));
        for (name, value) in headers {
            match self.multivalue_headers.iter_mut().find(|header| header.key == *name) {
                Some(header) => match header.values.first_mut() {
                    Some(first) => first.clone_from(value),
                    None => header.values.push(value.clone()),
                },
                None => {
                    self.multivalue_headers.push(Header { key: name.clone(), values: vec![value.clone()] });
                }
            }
        }
    }
}

/// Every header with all its values, by canonical name.
fn all_values(headers: &HeaderMap) -> Vec<Header> {
    let values = |name| headers.get_all(name).iter().map(|value| shown(value).into_owned()).collect();
    headers.keys().map(|name| Header { key: canonical(name.as_str()), values: values(name) }).collect()
}
