//! The upstream's answer as a response hook reads and edits it. The table calls these only where there is one.

use bytes::Bytes;
use http::HeaderMap;

use super::{
    abi::Refused,
    answer::status,
    call::Call,
    fields::{count, field, field_name, name_at, nth, value_at},
};
use crate::hook::ResponsePart;

impl Call<'_> {
    pub(super) fn response_status(&self) -> u32 {
        self.object.response.as_ref().map_or(0, |response| response.head.status.as_u16().into())
    }

    pub(super) fn set_response_status(&mut self, code: u32) -> Result<(), Refused> {
        let status = status(code)?;
        self.response()?.head.set_status(status).map_err(|_| Refused::Invalid)
    }

    pub(super) fn response_header(&self, name: &[u8]) -> Option<&[u8]> {
        nth(self.response_headers()?, name, 0)
    }

    pub(super) fn response_header_count(&self, name: &[u8]) -> usize {
        self.response_headers().map_or(0, |headers| count(headers, name))
    }

    pub(super) fn response_header_nth(&self, name: &[u8], n: usize) -> Option<&[u8]> {
        nth(self.response_headers()?, name, n)
    }

    pub(super) fn response_headers_len(&self) -> usize {
        self.response_headers().map_or(0, HeaderMap::len)
    }

    pub(super) fn response_header_name_at(&self, index: usize) -> Option<&[u8]> {
        name_at(self.response_headers()?, index)
    }

    pub(super) fn response_header_value_at(&self, index: usize) -> Option<&[u8]> {
        value_at(self.response_headers()?, index)
    }

    pub(super) fn set_response_header(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refused> {
        let (name, value) = field(name, value)?;
        self.response()?.head.insert_header(name, value).map_err(|_| Refused::Invalid)
    }

    pub(super) fn add_response_header(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refused> {
        let (name, value) = field(name, value)?;
        self.response()?.head.append_header(name, value).map(drop).map_err(|_| Refused::Invalid)
    }

    pub(super) fn remove_response_header(&mut self, name: &[u8]) -> Result<(), Refused> {
        let name = field_name(name)?;
        self.response()?.head.remove_header(&name).map(drop).ok_or(Refused::NotFound)
    }

    pub(super) fn response_body(&self) -> Option<&[u8]> {
        self.object.response.as_ref()?.body.as_deref()
    }

    pub(super) fn set_response_body(&mut self, body: &[u8]) -> Result<(), Refused> {
        let place = self.response()?.body.as_mut().ok_or(Refused::Missing)?;
        *place = Bytes::copy_from_slice(body);
        Ok(())
    }

    fn response(&mut self) -> Result<&mut ResponsePart, Refused> {
        self.object.response.as_deref_mut().ok_or(Refused::Missing)
    }

    fn response_headers(&self) -> Option<&HeaderMap> {
        Some(&self.object.response.as_ref()?.head.headers)
    }
}
