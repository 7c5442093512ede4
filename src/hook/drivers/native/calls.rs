//! What hooks ask the gateway to do for them: requests, several at once, data in the store, events. All but events
//! wait, so they are for hooks that may.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, time::timeout};

use super::{
    abi::Refused,
    call::{Call, text},
};
use crate::hook::{Caller, HookCall, HookReply, Stored, Values};

/// Most requests of one call of a hook.
const MOST: usize = 1024;

/// With what a call that may wait does so.
pub(super) struct Waiter {
    pub(super) runtime: Handle,
    /// When the call is given up.
    pub(super) deadline: Instant,
}

/// What one call of a hook has asked for.
#[derive(Default)]
pub(super) struct Calls {
    /// Begun and not made.
    begun: Vec<HookCall>,
    /// Of those made before, in their order; numbers go on behind them.
    replies: Vec<HookReply>,
    /// What was read of the store: a text of it is lent until the hook returns.
    data: Vec<bytes::Bytes>,
}

impl Call<'_> {
    pub(super) fn call_begin(&mut self, method: &[u8], url: &[u8]) -> Result<u32, Refused> {
        self.waiter()?;
        let (method, url) = (text(method)?.to_owned(), text(url)?.to_owned());
        let number = self.calls.replies.len() + self.calls.begun.len();
        if number >= MOST {
            return Err(Refused::Invalid);
        }
        self.calls.begun.push(HookCall { url, method, ..HookCall::default() });
        u32::try_from(number).map_err(|_| Refused::Invalid)
    }

    pub(super) fn call_header(&mut self, number: u32, name: &[u8], value: &[u8]) -> Result<(), Refused> {
        let (name, value) = (text(name)?.to_owned(), text(value)?.to_owned());
        match self.begun(number)?.headers.entry(name).or_insert_with(|| Values::Many(Vec::new())) {
            Values::Many(values) => values.push(value),
            one => *one = Values::One(value),
        }
        Ok(())
    }

    pub(super) fn call_body(&mut self, number: u32, body: &[u8]) -> Result<(), Refused> {
        self.begun(number)?.body = bytes::Bytes::copy_from_slice(body);
        Ok(())
    }

    pub(super) fn call_timeout(&mut self, number: u32, milliseconds: u32) -> Result<(), Refused> {
        self.begun(number)?.timeout = milliseconds.into();
        Ok(())
    }

    pub(super) fn call_all(&mut self) -> Result<(), Refused> {
        let begun = std::mem::take(&mut self.calls.begun);
        let caller = Caller::of(self.object);
        let Waiter { runtime, deadline } = self.waiter()?;
        let left = deadline.saturating_duration_since(Instant::now());
        let replies = runtime.block_on(self.site.host.call_all(begun, caller, left));
        self.calls.replies.extend(replies);
        Ok(())
    }

    pub(super) fn reply_status(&self, number: u32) -> u32 {
        self.reply(number).map_or(0, |reply| reply.status.into())
    }

    pub(super) fn reply_error(&self, number: u32) -> Option<&[u8]> {
        self.reply(number)?.error.as_deref().map(str::as_bytes)
    }

    pub(super) fn reply_header(&self, number: u32, name: &[u8]) -> Option<&[u8]> {
        let mut headers = self.reply(number)?.headers.iter();
        let (_, values) = headers.find(|(other, _)| other.as_bytes().eq_ignore_ascii_case(name))?;
        values.first().map(String::as_bytes)
    }

    pub(super) fn reply_headers_len(&self, number: u32) -> usize {
        self.reply(number).map_or(0, |reply| reply.headers.values().map(Vec::len).sum())
    }

    pub(super) fn reply_header_name_at(&self, number: u32, index: usize) -> Option<&[u8]> {
        self.reply_header_at(number, index).map(|(name, _)| name.as_bytes())
    }

    pub(super) fn reply_header_value_at(&self, number: u32, index: usize) -> Option<&[u8]> {
        self.reply_header_at(number, index).map(|(_, value)| value.as_bytes())
    }

    pub(super) fn reply_body(&self, number: u32) -> Option<&[u8]> {
        Some(&self.reply(number).filter(|reply| reply.error.is_none())?.body)
    }

    pub(super) fn store_data(&mut self, key: &[u8], value: &[u8], ttl: i64) -> Result<(), Refused> {
        let key = text(key)?;
        self.stored(self.site.host.store_data(key, value, ttl))
    }

    pub(super) fn get_data(&mut self, key: &[u8]) -> Option<&[u8]> {
        let key = text(key).ok()?;
        let found = self.stored(self.site.host.get_data(key)).ok()??;
        self.calls.data.push(found);
        self.calls.data.last().map(|data| &**data)
    }

    pub(super) fn trigger_event(&self, name: &[u8], payload: &[u8]) -> Result<(), Refused> {
        let (name, payload) = (text(name)?, text(payload)?);
        let gateway = self.site.host.gateway().map_err(|_| Refused::Missing)?;
        gateway.trigger(name, payload);
        Ok(())
    }

    fn waiter(&self) -> Result<&Waiter, Refused> {
        self.waiter.as_ref().ok_or_else(|| {
            self.log(1, b"a hook that is NON_BLOCKING may not wait for the gateway: take that flag off");
            Refused::Waits
        })
    }

    fn begun(&mut self, number: u32) -> Result<&mut HookCall, Refused> {
        let made = self.calls.replies.len();
        let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(made));
        index.and_then(|index| self.calls.begun.get_mut(index)).ok_or(Refused::NotFound)
    }

    fn reply(&self, number: u32) -> Option<&HookReply> {
        self.calls.replies.get(usize::try_from(number).ok()?)
    }

    fn reply_header_at(&self, number: u32, index: usize) -> Option<(&str, &str)> {
        let headers = &self.reply(number)?.headers;
        let mut all = headers
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| (name.as_str(), value.as_str())));
        all.nth(index)
    }

    fn stored<T>(&self, work: impl Future<Output = Stored<T>>) -> Result<T, Refused> {
        let Waiter { runtime, deadline } = self.waiter()?;
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let done = runtime.block_on(async { timeout(left, work).await });
        let done = done.unwrap_or_else(|_| Err("the time of the hook is up".to_owned()));
        done.map_err(|error| {
            self.log(1, error.as_bytes());
            Refused::Failed
        })
    }
}
