//! What a hook decides: where this one request goes, or what it is answered with.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{
    abi::Refused,
    call::{Call, text},
    fields::{field_name, field_value},
};
use crate::{
    hook::{Answer, Manner},
    url::Url,
};

/// Schemes that a target may have.
const SCHEMES: [&str; 5] = ["http", "https", "h2c", "ws", "wss"];

impl Call<'_> {
    pub(super) fn set_target(&mut self, url: &[u8]) -> Result<(), Refused> {
        self.object.target = Some(absolute(text(url)?)?);
        Ok(())
    }

    pub(super) fn respond(&mut self, code: u32) -> Result<(), Refused> {
        self.answer().status = status(code)?;
        Ok(())
    }

    pub(super) fn set_answer_header(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refused> {
        let (name, value) = (field_name(name)?, field_value(value)?);
        self.answer().headers.try_insert(name, value).map(drop).map_err(|_| Refused::Invalid)
    }

    pub(super) fn add_answer_header(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refused> {
        let (name, value) = (field_name(name)?, field_value(value)?);
        self.answer().headers.try_append(name, value).map(drop).map_err(|_| Refused::Invalid)
    }

    pub(super) fn set_answer_body(&mut self, body: &[u8]) -> Result<(), Refused> {
        self.answer().body = Bytes::copy_from_slice(body);
        Ok(())
    }

    fn answer(&mut self) -> &mut Answer {
        self.object.answer.get_or_insert_with(empty)
    }
}

/// The answer of a hook that says nothing about it: as in Tyk, where a bare write counts as 200.
pub(super) fn empty() -> Answer {
    Answer { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::new(), manner: Manner::AsIs }
}

/// The status of a whole answer: 1xx announce one.
pub(super) fn status(code: u32) -> Result<StatusCode, Refused> {
    u16::try_from(code)
        .ok()
        .filter(|code| *code >= 200)
        .and_then(|code| StatusCode::from_u16(code).ok())
        .ok_or(Refused::Invalid)
}

/// `text` as an absolute URL; `host:port` means `http`.
fn absolute(text: &str) -> Result<String, Refused> {
    let named = text.contains("://");
    let url = if named { text.to_owned() } else { format!("http://{text}") };
    let parsed = Url::parse(&url).map_err(|_| Refused::Invalid)?;
    let written =
        url.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?']).next().unwrap_or_default());
    let authority = http::uri::Authority::try_from(written).map_err(|_| Refused::Invalid)?;
    let whole = SCHEMES.contains(&parsed.scheme())
        && !authority.host().is_empty()
        && !written.contains('@')
        && !url.contains('#')
        && match authority.port() {
            Some(port) => port.as_str().parse::<u16>().is_ok_and(|port| port > 0),
            None => named && !written.ends_with(':'),
        };
    whole.then_some(url).ok_or(Refused::Invalid)
}
