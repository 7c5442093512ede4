//! One function of a plugin server, ready for calls.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use http::{HeaderName, uri::PathAndQuery};
use prost::Message;
use serde_json::json;
use tonic::Status;

use super::{
    line::{Ended, Sizes},
    marshal, proto, record,
    server::{Rpc, Server, Side},
};
use crate::{
    error::HookError,
    hook::{
        Failure, Family, Hook, HookKind, Needs, Object,
        coprocess::{self, Terms},
    },
};

const DISPATCH: PathAndQuery = PathAndQuery::from_static("/coprocess.Dispatcher/Dispatch");
const DISPATCH_EVENT: PathAndQuery = PathAndQuery::from_static("/coprocess.Dispatcher/DispatchEvent");

/// A function and where it runs.
pub(super) struct GrpcHook {
    pub(super) server: Arc<Server>,
    pub(super) name: Arc<str>,
    pub(super) needs: Needs,
    pub(super) terms: Terms,
    pub(super) side: Side,
    pub(super) sizes: Sizes,
    pub(super) timeout: Duration,
    /// `pinhook.service_address_header`.
    pub(super) address_header: Option<HeaderName>,
}

#[async_trait]
impl Hook for GrpcHook {
    fn may_be_abandoned(&self) -> bool {
        // The server gets a copy.
        false
    }

    fn needs(&self) -> Needs {
        self.needs
    }

    fn family(&self) -> Family {
        Family::Coprocess
    }

    async fn dispatch(&self, kind: HookKind, mut object: Box<Object>) -> Result<Box<Object>, Failure> {
        let outcome = match kind {
            HookKind::Event => self.tell(&mut object).await,
            HookKind::Analytics => self.edit_record(&mut object).await,
            _ => self.ask(kind, &mut object).await,
        };
        match outcome {
            Ok(()) => Ok(object),
            Err(error) => Err(Failure::new(error, object)),
        }
    }
}

impl GrpcHook {
    /// Has the server edit or answer a request, or edit a response.
    async fn ask(&self, kind: HookKind, object: &mut Object) -> Result<(), HookError> {
        let message = coprocess::Object::of(kind, &self.name, object, self.terms);
        let mut answer = marshal::from_wire(self.dispatch_rpc(marshal::to_wire(message)).await?);
        if kind != HookKind::Response {
            object.target = self.take_address(&mut answer);
        }
        answer.apply(kind, object, self.terms).map_err(|reason| self.unusable(reason))
    }

    /// Where the hook sends this request: it set the header that says so, which goes nowhere else. What a client wrote
    /// into a header of that name does not count.
    fn take_address(&self, answer: &mut coprocess::Object) -> Option<String> {
        let wanted = self.address_header.as_ref()?;
        let headers = &mut answer.request.set_headers;
        let name = headers.keys().find(|name| name.eq_ignore_ascii_case(wanted.as_str()))?.clone();
        headers.remove(&name).filter(|address| !address.is_empty())
    }

    /// Tells the server of an event.
    async fn tell(&self, object: &mut Object) -> Result<(), HookError> {
        let spec = json!({ "APIID": &*object.spec.api_id, "OrgID": &*object.spec.org_id });
        let name = json!(&*self.name);
        let event = object.event.as_deref().unwrap_or("null");
        let payload = format!(r#"{{"message":{event},"handler_name":{name},"spec":{spec}}}"#);
        let _: proto::EventReply = self.call(&DISPATCH_EVENT, proto::Event { payload }).await?;
        Ok(())
    }

    async fn edit_record(&self, object: &mut Object) -> Result<(), HookError> {
        let Some(part) = object.record.as_deref_mut() else { return Ok(()) };
        let (sent, message) = record::to_wire(part, &self.name, coprocess::spec(&object.spec));
        let answer: proto::Object = self.dispatch_rpc(message).await?;
        record::apply(&sent, answer, part).map_err(|reason| self.unusable(reason))
    }

    async fn dispatch_rpc(&self, message: proto::Object) -> Result<proto::Object, HookError> {
        self.call(&DISPATCH, message).await
    }

    async fn call<Q, A>(&self, path: &PathAndQuery, message: Q) -> Result<A, HookError>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let rpc = Rpc { path, message: Arc::new(message), sizes: self.sizes, limit: self.timeout };
        self.server.call(self.side, &rpc).await.map_err(|ended| self.fault(ended))
    }

    fn fault(&self, ended: Ended) -> HookError {
        let server = self.server.target();
        match ended {
            Ended::OutOfTime => HookError::Timeout { name: self.name.to_string(), limit: self.timeout },
            Ended::Unreached(status) => {
                self.unusable(format!("no connection to its server {server}: {}", reason(&status)))
            }
            Ended::Failed(status) => self.unusable(format!(
                "its server {server} answered {:?}: {}",
                status.code(),
                reason(&status)
            )),
        }
    }

    fn unusable(&self, reason: String) -> HookError {
        HookError::Script { name: self.name.to_string(), reason }
    }
}

/// What a status says, with the causes that are not part of its message.
fn reason(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}
