//! One call as a hook sees it: what `pinhook_object` points to, and the parts of it that are not HTTP.

use std::{io::Write, sync::Arc};

use super::{
    abi::{ABI, Part, Refused},
    calls::{Calls, Waiter},
};
use crate::hook::{HookKind, Host, Object};

/// Longest text of an IP address.
const ADDRESS_LEN: usize = 45;

/// Which hook of which API is called, and by whom.
pub(super) struct Site {
    /// API that asks for it.
    pub(super) api_id: Arc<str>,
    /// Function name of the definition.
    pub(super) function: Arc<str>,
    /// What the gateway does for it.
    pub(super) host: Arc<Host>,
}

/// One running call. Lives on the stack of the thread that runs it.
pub(super) struct Call<'a> {
    pub(super) object: &'a mut Object,
    /// Nothing after a reload.
    pub(super) kind: Option<HookKind>,
    pub(super) site: &'a Site,
    /// Nothing for a call that may not wait.
    pub(super) waiter: Option<Waiter>,
    pub(super) calls: Calls,
    /// Text of the client's address, written when it is asked for.
    client: [u8; ADDRESS_LEN],
    /// The escaped path where the URL does not hold it as such; gone with the next edit of the URL.
    pub(super) escaped_path: Option<String>,
    /// The same for path and query.
    pub(super) request_uri: Option<String>,
    /// The session as JSON; gone with its next edit.
    pub(super) session_text: Option<String>,
    /// Texts made of metadata that is no text.
    pub(super) printed: Vec<Box<str>>,
}

impl<'a> Call<'a> {
    pub(super) fn new(object: &'a mut Object, kind: Option<HookKind>, site: &'a Site) -> Self {
        Self {
            object,
            kind,
            site,
            waiter: None,
            calls: Calls::default(),
            client: [0; ADDRESS_LEN],
            escaped_path: None,
            request_uri: None,
            session_text: None,
            printed: Vec::new(),
        }
    }

    /// The same call as one that may wait.
    pub(super) fn waiting(mut self, waiter: Option<Waiter>) -> Self {
        self.waiter = waiter;
        self
    }

    /// True if the functions about `part` mean something in this call.
    pub(super) fn has(&self, part: Part) -> bool {
        match part {
            Part::Gateway => true,
            Part::Api => self.kind.is_some(),
            Part::Request => !matches!(self.kind, None | Some(HookKind::Analytics | HookKind::Event)),
            Part::Unsent => {
                !matches!(self.kind, None | Some(HookKind::Analytics | HookKind::Event | HookKind::Response))
            }
            Part::Response => self.object.response.is_some(),
            Part::Record => self.object.record.is_some(),
        }
    }

    pub(super) fn abi_version(&self) -> u32 {
        ABI
    }

    pub(super) fn gateway_version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    pub(super) fn log(&self, level: u32, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let Site { api_id, function, .. } = self.site;
        let hook = self.kind.map_or("reload", HookKind::name);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(%api_id, hook, driver = super::NAME, %function, "{text}")
            };
        }
        match level {
            0 | 1 => line!(error),
            2 => line!(warn),
            3 => line!(info),
            4 => line!(debug),
            _ => line!(trace),
        }
    }

    pub(super) fn hook_kind(&self) -> u32 {
        match self.kind {
            Some(HookKind::Pre) => 1,
            Some(HookKind::Post) => 2,
            Some(HookKind::Endpoint) => 3,
            Some(HookKind::Response) => 4,
            Some(HookKind::Analytics) => 5,
            None => 6,
            Some(HookKind::Auth) => 7,
            Some(HookKind::PostKeyAuth) => 8,
            Some(HookKind::Virtual) => 9,
            Some(HookKind::Event) => 10,
        }
    }

    pub(super) fn api_id(&self) -> &str {
        &self.object.spec.api_id
    }

    pub(super) fn org_id(&self) -> &str {
        &self.object.spec.org_id
    }

    pub(super) fn api_name(&self) -> &str {
        &self.object.spec.api_name
    }

    pub(super) fn config_data(&self) -> &str {
        &self.object.spec.config_data
    }

    pub(super) fn event(&self) -> Option<&[u8]> {
        self.object.event.as_deref().map(str::as_bytes)
    }

    pub(super) fn client_address(&mut self) -> Option<&[u8]> {
        let client = self.object.client?;
        let mut free = self.client.as_mut_slice();
        write!(free, "{client}").ok()?;
        let len = ADDRESS_LEN - free.len();
        self.client.get(..len)
    }

    pub(super) fn metadata(&self, key: &[u8]) -> Option<&[u8]> {
        let value = self.object.metadata.get(std::str::from_utf8(key).ok()?)?;
        Some(value.as_bytes())
    }

    pub(super) fn set_metadata(&mut self, key: &[u8], value: &[u8]) -> Result<(), Refused> {
        let (key, value) = (text(key)?, text(value)?);
        self.object.metadata.insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    pub(super) fn remove_metadata(&mut self, key: &[u8]) -> Result<(), Refused> {
        self.object.metadata.remove(text(key)?).map(drop).ok_or(Refused::NotFound)
    }
}

/// The text of an argument that must be UTF-8.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Refused> {
    std::str::from_utf8(bytes).map_err(|_| Refused::Invalid)
}
