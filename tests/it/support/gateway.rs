//! A gateway inside the test: the real listeners on free ports, real files in a folder of its own. It ends with
//! the test's runtime.

use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc};

use pinhook::{
    admin::Admin,
    config::{Config, Secret},
    gateway::{Report, Running, start},
};
use tempfile::TempDir;

use super::{
    client::{Connection, Request},
    definition::Definition,
    in_time,
};

/// The secret of the control API.
pub(crate) const SECRET: &str = "sesame";

pub(crate) struct Gateway {
    running: Running,
    folder: TempDir,
    address: SocketAddr,
}

/// A gateway that has not been started.
pub(crate) struct Builder {
    config: Config,
    folder: TempDir,
}

impl Gateway {
    /// One with built-in settings, without Redis and without APIs.
    pub(crate) fn build() -> Builder {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::built_in();
        config.listen_address = "127.0.0.1".to_owned();
        config.listen_port = 0;
        config.secret = Secret::new(SECRET);
        config.app_path = folder.path().display().to_string();
        Builder { config, folder }
    }

    /// What the test may ask the gateway itself.
    pub(crate) fn inner(&self) -> &Arc<pinhook::gateway::Gateway> {
        self.running.gateway()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that is listened on.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.running.addresses()
    }

    /// The address that listens on `ip`, where there are several.
    pub(crate) fn address_on(&self, ip: &str) -> SocketAddr {
        let found = self.running.addresses().into_iter().find(|address| address.ip().to_string() == ip);
        found.unwrap_or_else(|| panic!("nothing listens on {ip}"))
    }

    pub(crate) fn get(&self, target: &str) -> Request {
        self.request("GET", target)
    }

    pub(crate) fn request(&self, method: &str, target: &str) -> Request {
        Request::new(self.address, method, target)
    }

    /// A call of the control API, with its secret.
    pub(crate) fn control(&self, method: &str, target: &str) -> Request {
        self.request(method, target).header("X-Tyk-Authorization", SECRET)
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection::open(self.address).await
    }

    /// Writes a definition; it counts from the next reload on.
    pub(crate) fn put(&self, definition: &Definition) {
        self.write(&format!("{}.json", definition.id()), definition.text());
    }

    /// Writes a file into the folder of definitions.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.file(name), text).unwrap();
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Loads the definitions again and waits for it.
    pub(crate) async fn reload(&self) -> Report {
        in_time("a reload", self.running.gateway().reloads.wait()).await.expect("the gateway runs")
    }

    /// Prometheus' text.
    pub(crate) fn metrics(&self) -> String {
        self.running.gateway().render_metrics()
    }

    /// The value of one series, such as `pinhook_reloads_total{result="ok"}`; `None` if it is not there.
    pub(crate) fn metric(&self, series: &str) -> Option<f64> {
        value(&self.metrics(), series)
    }

    pub(crate) async fn stop(&self) {
        in_time("the end of the gateway", self.running.stop()).await;
    }
}

/// The value of a series in Prometheus' text.
pub(crate) fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    Some(line.parse().unwrap())
}

impl Builder {
    pub(crate) fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    pub(crate) fn api(self, definition: Definition) -> Self {
        let name = format!("{}.json", definition.id());
        self.file(&name, definition.text())
    }

    /// A file in the folder of definitions.
    pub(crate) fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(crate) async fn start(self) -> Gateway {
        let running = in_time("the start", start(self.config, Arc::new(Admin))).await.unwrap();
        let mut addresses = running.addresses().into_iter();
        let address = addresses.find(|address| address.ip().to_string() == "127.0.0.1").unwrap();
        Gateway { running, folder: self.folder, address }
    }
}
