//! Header fields as hooks read and write them, of requests, responses and answers alike.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use pingora_http::IntoCaseHeaderName;

use super::{abi::Refused, call::text};

/// How many values a header has.
pub(super) fn count(headers: &HeaderMap, name: &[u8]) -> usize {
    text(name).map_or(0, |name| headers.get_all(name).iter().count())
}

/// The values of one header, from 0.
pub(super) fn nth<'a>(headers: &'a HeaderMap, name: &[u8], n: usize) -> Option<&'a [u8]> {
    let value = headers.get_all(text(name).ok()?).iter().nth(n)?;
    Some(value.as_bytes())
}

/// The name of any value, from 0.
pub(super) fn name_at(headers: &HeaderMap, index: usize) -> Option<&[u8]> {
    let (name, _) = headers.iter().nth(index)?;
    Some(name.as_str().as_bytes())
}

/// The value to go with [`name_at`].
pub(super) fn value_at(headers: &HeaderMap, index: usize) -> Option<&[u8]> {
    let (_, value) = headers.iter().nth(index)?;
    Some(value.as_bytes())
}

/// A header name that hooks may edit. Length and framing are not theirs: a wrong one would let a message be read
/// as two.
pub(super) fn field_name(name: &[u8]) -> Result<HeaderName, Refused> {
    let name = HeaderName::from_bytes(name).map_err(|_| Refused::Invalid)?;
    if name == header::CONTENT_LENGTH || name == header::TRANSFER_ENCODING {
        return Err(Refused::Invalid);
    }
    Ok(name)
}

/// A header value.
pub(super) fn field_value(value: &[u8]) -> Result<HeaderValue, Refused> {
    HeaderValue::from_bytes(value).map_err(|_| Refused::Invalid)
}

/// Name, in the letters that the hook wrote, and value of a header.
pub(super) fn field(
    name: &[u8],
    value: &[u8],
) -> Result<(impl IntoCaseHeaderName + use<>, HeaderValue), Refused> {
    field_name(name)?;
    Ok((Bytes::copy_from_slice(name), field_value(value)?))
}
