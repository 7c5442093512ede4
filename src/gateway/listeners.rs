//! Which sockets the gateway wants: its own port, the control port, the metrics address, and every port that an
//! API listens on. `listen` opens and serves them.

use std::{collections::BTreeMap, sync::Arc};

use pingora_core::apps::{HttpServerOptions, http_app::HttpServer};
use pingora_core::server::configuration::ServerConf;
use pingora_proxy::HttpProxy;

use super::{
    Gateway,
    listen::{App, ListenConfig},
    metrics_page::MetricsPage,
    proxy::{Door, Proxy},
    tls,
};
use crate::{
    chain::Snapshot,
    config::Config,
    error::{Problem, Severity},
};

/// The sockets that the configuration alone asks for; they are opened before the first load.
pub(super) fn own(gateway: &Arc<Gateway>, conf: &Arc<ServerConf>, problems: &mut Vec<Problem>) -> Vec<ListenConfig> {
    let config = &gateway.config;
    let shared = config.control_api_port == 0;
    let traffic = Door { port: 0, traffic: true, control: shared };
    let mut sockets = vec![ListenConfig {
        address: address(config, config.listen_port),
        tls: tls_of(config, problems),
        app: proxy(gateway, conf, traffic),
    }];
    if !shared {
        sockets.push(ListenConfig {
            address: address(config, config.control_api_port),
            tls: None,
            app: proxy(gateway, conf, Door { port: 0, traffic: false, control: true }),
        });
    }
    if let Some(address) = config.pinhook.metrics_address.clone().filter(|address| !address.is_empty()) {
        let page = HttpServer::new_app(MetricsPage(gateway.metrics.clone()));
        sockets.push(ListenConfig { address, tls: None, app: Arc::new(page) });
    }
    sockets
}

/// Opens the ports that APIs ask for and closes those that none asks for any more.
pub(super) async fn apply(gateway: &Arc<Gateway>, snapshot: &Snapshot, problems: &mut Vec<Problem>) {
    let Some(open) = gateway.sockets.get() else { return };
    let mut wanted = open.own.clone();
    let mut by_port: BTreeMap<u16, ()> = BTreeMap::new();
    for api in &snapshot.apis {
        let Ok(port) = u16::try_from(api.definition.listen_port) else { continue };
        if port == 0 || port == gateway.config.listen_port || by_port.contains_key(&port) {
            continue;
        }
        if !gateway.config.port_allowed(&api.definition.protocol, port) {
            problems.push(
                Problem::error(&*api.spec.api_id, "listen_port", format!("port {port} is not allowed, the API is not served there"))
                    .hint("add it to ports_whitelist, or set disable_ports_whitelist"),
            );
            continue;
        }
        by_port.insert(port, ());
        wanted.push(ListenConfig {
            address: address(&gateway.config, port),
            tls: if api.definition.protocol == "https" { open.tls.clone() } else { None },
            app: proxy(gateway, &open.conf, Door { port, traffic: true, control: false }),
        });
    }
    for fault in open.set.apply(&wanted).await {
        problems.push(Problem::error("listeners", "", fault.chain()));
    }
}

fn proxy(gateway: &Arc<Gateway>, conf: &Arc<ServerConf>, door: Door) -> Arc<dyn App> {
    let mut proxy = HttpProxy::new(Proxy { gateway: gateway.clone(), door }, conf.clone());
    let mut options = HttpServerOptions::default();
    options.h2c = true;
    proxy.server_options = Some(options);
    proxy.handle_init_modules();
    Arc::new(proxy)
}

fn address(config: &Config, port: u16) -> String {
    format!("{}:{port}", config.listen_address)
}

/// The traffic port's TLS settings. What cannot be honoured is an error, and then nothing listens there.
pub(super) fn tls_of(config: &Config, problems: &mut Vec<Problem>) -> Option<Arc<rustls::ServerConfig>> {
    if !config.http_server_options.use_ssl {
        return None;
    }
    tls::server_config(&config.http_server_options, problems)
}

/// True if one of them stops the start.
pub(super) fn fatal(problems: &[Problem]) -> bool {
    problems.iter().any(|problem| problem.severity == Severity::Error)
}
