//! Driver `grpc`: functions of the user's own server, called with the messages of Tyk's rich plugins
//! (plugins reference 4, `plugins/proto/`). A server written for Tyk works unchanged.
//!
//! It answers for finding the server that a hook means ([`target`], [`dial`]), the connections to it ([`server`],
//! [`mod@line`]) and calls with their limits ([`hook`]). What a call holds and what counts of the answer is the same for all
//! rich plugins and lives in [`crate::hook::coprocess`]; [`marshal`] moves it into messages and back.
//!
//! Nothing is asked of the server at load: it may be down, and a function that it lacks is for it to say.

mod codec;
mod dial;
mod hook;
mod line;
mod marshal;
pub mod proto;
mod record;
mod server;
mod target;
#[cfg(test)]
mod tests;
mod tls;

use std::{error::Error, sync::Arc, time::Duration};

use self::{
    dial::Dial,
    hook::GrpcHook,
    line::Sizes,
    server::{Servers, Side},
};
use super::{DriverSettings, GrpcSettings};
use crate::{
    error::{HookError, Result},
    hook::{Driver, DriverGauges, Hook, HookKind, HookSource, Needs, coprocess::Terms},
};

/// Its name in definitions.
pub const NAMES: &[&str] = &["grpc"];

/// Bytes of a message from a server, unless the settings say otherwise; gRPC's own default.
const RECEIVED: usize = 4 << 20;
/// Bytes of a message to a server, unless the settings say otherwise; gRPC's own default.
const SENT: usize = i32::MAX as usize;

/// Starts the driver. Nothing is connected before the first call.
pub fn start(settings: &DriverSettings) -> Arc<dyn Driver> {
    let size = |given: i64, otherwise| match usize::try_from(given) {
        Ok(0) | Err(_) => otherwise,
        Ok(given) => given,
    };
    let grpc = settings.grpc.clone();
    let sizes = Sizes {
        sent: size(grpc.tyk.grpc_send_max_size, SENT),
        received: size(grpc.tyk.grpc_recv_max_size, RECEIVED),
    };
    Arc::new(GrpcDriver {
        servers: Servers::default(),
        timeout: settings.timeout,
        names_as_written: settings.names_as_written,
        sizes,
        settings: grpc,
    })
}

struct GrpcDriver {
    servers: Servers,
    timeout: Duration,
    names_as_written: bool,
    sizes: Sizes,
    settings: GrpcSettings,
}

impl Driver for GrpcDriver {
    fn load(&self, source: &HookSource) -> Result<Arc<dyn Hook>> {
        let name = || source.name.to_string();
        if !self.settings.tyk.enable_coprocess {
            let setting = "coprocess_options.enable_coprocess";
            return Err(HookError::SwitchedOff { name: name(), setting }.into());
        }
        let target = source.server.as_deref().unwrap_or(&self.settings.tyk.coprocess_grpc_server);
        let dial = Dial::new(target, &self.settings);
        let dial = dial.map_err(|reason| HookError::NotLoaded { name: name(), reason })?;
        Ok(Arc::new(GrpcHook {
            server: self.servers.get(dial),
            name: source.name.clone(),
            needs: needs(source.kind),
            terms: Terms { raw_body_only: source.raw_body_only, names_as_written: self.names_as_written },
            side: match source.kind {
                HookKind::Analytics | HookKind::Event => Side::Aside,
                _ => Side::Front,
            },
            sizes: self.sizes,
            timeout: source.timeout.unwrap_or(self.timeout),
            address_header: self.settings.address_header.clone(),
        }))
    }

    fn gauges(&self) -> DriverGauges {
        DriverGauges::default()
    }
}

/// Bodies are part of the messages.
fn needs(kind: HookKind) -> Needs {
    match kind {
        HookKind::Analytics | HookKind::Event => Needs::NOTHING,
        HookKind::Response => Needs { request_body: true, response_body: true },
        _ => Needs { request_body: true, response_body: false },
    }
}

/// An error with its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
