//! The rest of a request's body when the gateway has answered without it: a refusal comes before any body is read.
//!
//! As Go's net/http, a short rest is read so that the connection can be kept; a longer one ends it. Then the client
//! is told, and what it still sends is read for a while (`stream::Life::leaves_rest`): a close over unread bytes would
//! reset the connection, and with it take the answer away from the client.

use std::time::Duration;

use http::header;
use pingora::time::timeout;
use pingora_proxy::Session;

use super::stream;

/// Most bytes that are read for the sake of the connection; Go's number.
const MOST: usize = 256 << 10;
/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// An answer is about to be written: decides whether the connection can be kept.
pub(super) fn announce(session: &mut Session) {
    let Some(life) = stream::life(session).cloned() else { return };
    if !has_body(session) || session.as_downstream_mut().is_body_done() {
        return;
    }
    life.leaves_rest(true);
    if is_short(session) {
        session.as_downstream_mut().set_close_on_response_before_downstream_finish(false);
    }
}

/// The answer has been sent: reads the rest if that was decided. What turns out to be too long ends the connection.
pub(super) async fn read(session: &mut Session) {
    let Some(life) = stream::life(session).filter(|life| life.has_rest()).cloned() else { return };
    if session.as_downstream().get_keepalive().is_none() {
        return;
    }
    match timeout(PATIENCE, read_short(session)).await {
        Ok(true) => life.leaves_rest(false),
        Ok(false) | Err(_) => session.set_keepalive(None),
    }
}

#[expect(clippy::disallowed_methods, reason = "nobody will want this body")]
async fn read_short(session: &mut Session) -> bool {
    let mut count = 0;
    while count <= MOST {
        match session.as_downstream_mut().read_request_body().await {
            Ok(Some(bytes)) => count += bytes.len(),
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
    false
}

fn has_body(session: &Session) -> bool {
    let headers = &session.req_header().headers;
    headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0")
}

/// Whether the rest may be short. A client that waits for `100 Continue` sends none, and may send its next request
/// in its place.
fn is_short(session: &Session) -> bool {
    let headers = &session.req_header().headers;
    if headers.contains_key(header::EXPECT) {
        return false;
    }
    match headers.get(header::CONTENT_LENGTH) {
        Some(length) => length
            .to_str()
            .ok()
            .and_then(|length| length.parse().ok())
            .is_some_and(|length: usize| length <= MOST),
        None => true,
    }
}
