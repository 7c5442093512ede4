//! Which sockets the gateway wants: its own port, the control port, the metrics address, and every port that an
//! API listens on. `listen` opens and serves them.

use std::{collections::HashSet, sync::Arc, time::Duration};

use pingora_core::{
    apps::{self, http_app::HttpServer},
    protocols::Stream,
    server::{ShutdownWatch, configuration::ServerConf},
};
use pingora_proxy::HttpProxy;

use super::{
    Gateway, client_certificates,
    kept::Kept,
    listen::{App, ListenConfig, Work},
    metrics_page::MetricsPage,
    proxy::Proxy,
    tls::{CertificateFiles, CertificateStore, Certificates, TlsMaker, TlsSettings},
};
use crate::{
    chain::Snapshot,
    config::{Config, HttpServerOptions},
    error::Problem,
    metrics::ListenerMetrics,
};

/// The sockets that the configuration alone asks for; they are opened before the first load.
pub(super) fn own(
    gateway: &Arc<Gateway>,
    proxy: &Arc<Kept>,
    problems: &mut Vec<Problem>,
) -> (Vec<ListenConfig>, Option<Arc<TlsMaker>>) {
    let config = &gateway.config;
    let maker = tls_of(config, problems);
    let tls = plain(maker.as_deref(), problems);
    let mut sockets = vec![ListenConfig {
        address: address(config, config.listen_port),
        tls: tls.clone(),
        asking: None,
        app: counted(gateway, proxy, "gateway"),
    }];
    if config.control_api_port != 0 {
        sockets.push(ListenConfig {
            address: address(config, config.control_api_port),
            tls,
            asking: None,
            app: counted(gateway, proxy, "control"),
        });
    }
    if let Some(address) = config.pinhook.metrics_address.clone().filter(|address| !address.is_empty()) {
        let page = Arc::new(HttpServer::new_app(MetricsPage(gateway.clone())));
        sockets.push(ListenConfig { address, tls: None, asking: None, app: page });
    }
    (sockets, maker)
}

/// The configuration that asks for no certificate.
fn plain(maker: Option<&TlsMaker>, problems: &mut Vec<Problem>) -> Option<Arc<rustls::ServerConfig>> {
    let made = maker?.config(None).map_err(|error| {
        problems.push(Problem::error("gateway config", "http_server_options", error.to_string()));
    });
    made.ok().map(Arc::new)
}

/// Opens the ports that APIs ask for and closes those that none asks for any more.
pub(super) async fn apply(gateway: &Arc<Gateway>, snapshot: &Snapshot, problems: &mut Vec<Problem>) {
    let Some(open) = gateway.sockets.get() else { return };
    let mut wanted = open.own.clone();
    let tls = wanted.first().and_then(|first| first.tls.clone());
    let mut traffic = None;
    if let Some(maker) = &open.tls {
        let (all, control) = client_certificates::asked(gateway, snapshot).await;
        traffic = client_certificates::handshakes(&all, maker, problems);
        let control = client_certificates::handshakes(&control, maker, problems);
        // Own sockets come in this order: traffic, control.
        let own = wanted.iter_mut().filter(|socket| socket.tls.is_some());
        for (socket, asking) in own.zip([traffic.clone(), control]) {
            socket.asking = asking;
        }
    }
    let mut taken = HashSet::from([0, gateway.config.listen_port, gateway.config.control_api_port]);
    for api in &snapshot.apis {
        let Ok(port) = u16::try_from(api.definition.listen_port) else { continue };
        if !taken.insert(port) {
            continue;
        }
        if !allowed(&gateway.config, &api.definition.protocol, port) {
            let message = format!("port {port} is not allowed, the API is not served there");
            problems.push(
                Problem::error(&*api.spec.api_id, "listen_port", message)
                    .hint("add it to ports_whitelist, or set disable_ports_whitelist"),
            );
            continue;
        }
        wanted.push(ListenConfig {
            address: address(&gateway.config, port),
            tls: if api.definition.protocol == "https" { tls.clone() } else { None },
            asking: traffic.clone(),
            app: counted(gateway, &open.proxy, &port.to_string()),
        });
    }
    for fault in open.set.apply(&wanted).await {
        problems.push(Problem::error("listeners", "", fault.chain()));
    }
}

fn allowed(config: &Config, protocol: &str, port: u16) -> bool {
    let protocol = if protocol.is_empty() { "http" } else { protocol };
    config.disable_ports_whitelist
        || config.ports_whitelist.get(protocol).is_some_and(|rules| rules.allow(port))
}

/// The proxy behind every listener. There is one for the life of the process, because the pool of upstream connections
/// is in there.
pub(super) fn proxy(gateway: &Arc<Gateway>, conf: &Arc<ServerConf>) -> Arc<Kept> {
    let mut proxy = HttpProxy::new(Proxy { gateway: gateway.clone() }, conf.clone());
    let mut options = apps::HttpServerOptions::default();
    options.h2c = true;
    options.h2_idle_timeout = Some(gateway.config.idle_timeout());
    // pingora counts the requests after the first.
    options.keepalive_request_limit = gateway.config.pinhook.requests_per_connection.checked_sub(1);
    proxy.server_options = Some(options);
    proxy.handle_init_modules();
    Arc::new(Kept::new(proxy, gateway.config.idle_timeout()))
}

fn counted(gateway: &Gateway, proxy: &Arc<Kept>, name: &str) -> Arc<dyn App> {
    Arc::new(Counted {
        app: proxy.clone(),
        connections: gateway.metrics.listener(name),
        head_timeout: gateway.config.http_server_options.read_timeout(),
    })
}

/// Counts the connections of a listener.
struct Counted {
    app: Arc<dyn App>,
    connections: ListenerMetrics,
    head_timeout: Duration,
}

impl App for Counted {
    fn serve(self: Arc<Self>, stream: Stream, shutdown: ShutdownWatch) -> Work<'static> {
        Box::pin(async move {
            self.connections.accepted.inc();
            let _open = Open::new(&self.connections);
            self.app.clone().serve(stream, shutdown).await;
        })
    }

    fn cleanup(&self) -> Work<'_> {
        self.app.cleanup()
    }

    fn head_timeout(&self) -> Duration {
        self.head_timeout
    }
}

/// An open connection, also when its task ends by a panic.
struct Open<'a>(&'a ListenerMetrics);

impl<'a> Open<'a> {
    fn new(connections: &'a ListenerMetrics) -> Self {
        connections.open.inc();
        Self(connections)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.dec();
    }
}

fn address(config: &Config, port: u16) -> String {
    format!("{}:{port}", config.listen_address)
}

/// The TLS settings of traffic and control. What cannot be honoured is an error in `problems`: nothing weaker is used.
fn tls_of(config: &Config, problems: &mut Vec<Problem>) -> Option<Arc<TlsMaker>> {
    let options = &config.http_server_options;
    if !options.use_ssl {
        return None;
    }
    let place = "gateway config";
    let certificates = Certificates::load(place, &certificate_files(options), problems);
    let settings = TlsSettings {
        min_version: options.min_version,
        max_version: options.max_version,
        ciphers: options.ssl_ciphers.clone(),
        enable_http2: options.enable_http2,
    };
    settings.build(Arc::new(CertificateStore::new(certificates)), place, "http_server_options", problems)
}

fn certificate_files(options: &HttpServerOptions) -> Vec<CertificateFiles> {
    let pairs = options.certificates.iter().enumerate().map(|(index, files)| CertificateFiles {
        path: format!("http_server_options.certificates[{index}]"),
        certificate: files.cert_file.clone().into(),
        key: files.key_file.clone().into(),
        name: Some(files.domain_name.clone()).filter(|name| !name.is_empty()),
    });
    let joint = options.ssl_certificates.iter().enumerate().map(|(index, file)| CertificateFiles {
        path: format!("http_server_options.ssl_certificates[{index}]"),
        certificate: file.into(),
        key: file.into(),
        name: None,
    });
    pairs.chain(joint).collect()
}
