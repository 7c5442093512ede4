//! The gateway config: file and environment, defaults, validation.
//!
//! Key names, units and defaults are Tyk's, so an existing file works as it is; what is pinhook's own lives
//! below the one key `pinhook`.

mod check;
mod document;
mod environment;
mod fill;
mod inspect;
mod load;
mod pinhook;
mod references;
mod root;
mod schema;
mod sections;
mod server;
mod storage;
#[cfg(test)]
mod tests;
mod unsupported;
mod validate;
mod values;

pub use load::{Loaded, SEARCH, load, variable};
pub use pinhook::{Pinhook, PinhookAnalytics, PinhookGrpc, PinhookPython, SinkKind};
pub use root::Config;
pub use sections::{
    AccessLogs, AnalyticsConfig, AuthOverride, CoprocessOptions, DbAppConfOptions, EventHandlers, Jwks,
    JwksCache, Kv, KvFile, LocalSessionCache, Monitor, MonitorHook, NewRelic, NormaliseUrls, OasConfig,
    OpenTelemetry, OverrideMessage, Policies, ResourceSync, SlaveOptions, Streaming, Tracing,
};
pub use server::{
    CertificateFiles, DnsCache, HealthCheck, HttpServerOptions, IpsStrategy, LivenessCheck, PortRange,
    PortRules, Security, SecurityCertificates, ServiceDiscovery, UptimeTests, UptimeTestsConfig,
};
pub use storage::{Storage, StorageKind};
pub use values::{GoDuration, LogFormat, LogLevel, Secret};
