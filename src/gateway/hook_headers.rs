//! Headers that hooks put on the client's answer without answering: a Go plugin that sets some on its writer and writes
//! nothing. They are on whatever answer there is in the end (plugins reference 3.4).

use http::HeaderMap;
use pingora_http::ResponseHeader;

use crate::chain::Ctx;

/// Puts them on an upstream's answer, beside what it has.
pub(super) fn on_upstream(ctx: &Ctx, head: &mut ResponseHeader) {
    put(ctx.answer_headers.as_deref(), head, false);
}

/// Puts them on an answer of the gateway or of a hook, whose own headers win.
pub(super) fn on_own(ctx: &Ctx, head: &mut ResponseHeader) {
    put(ctx.answer_headers.as_deref(), head, true);
}

fn put(headers: Option<&HeaderMap>, head: &mut ResponseHeader, own_wins: bool) {
    for name in headers.into_iter().flat_map(HeaderMap::keys) {
        if own_wins && head.headers.contains_key(name) {
            continue;
        }
        for value in headers.into_iter().flat_map(|headers| headers.get_all(name)) {
            if let Err(error) = head.append_header(name.clone(), value.clone()) {
                tracing::error!(%error, "a header of a hook was refused");
            }
        }
    }
}
