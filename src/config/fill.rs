//! Effective values of keys that were not given, filled in once (sessions-and-control reference 9.2).

use std::{path::PathBuf, time::Duration};

use subtle::ConstantTimeEq;

use super::{Config, GoDuration, IpsStrategy, LogLevel, SinkKind, StorageKind};

/// Idle upstream connections that are kept when no limit is given. pingora takes the memory of its table at once, about
/// 60 bytes a place, so this is what many pinned targets need and not more.
const UNLIMITED_POOL: usize = 16_384;

/// Sets `field` when nothing was given for it.
pub(super) fn or<T: Default + PartialEq>(field: &mut T, value: T) {
    if *field == T::default() {
        *field = value;
    }
}

/// A number of seconds as a span; none when it is negative.
pub(super) fn seconds(count: i64) -> Duration {
    Duration::from_secs(u64::try_from(count).unwrap_or(0))
}

impl Config {
    /// What an empty file gives.
    pub fn built_in() -> Self {
        let mut config = Self::default();
        config.fill();
        config
    }

    /// True if this is the secret of the control API. Without one in the config nobody may ask anything, unless the
    /// config lets everybody who sends no secret.
    pub fn admits(&self, given: &[u8]) -> bool {
        if self.secret.is_empty() && !self.pinhook.allow_empty_secret {
            return false;
        }
        given.ct_eq(self.secret.as_bytes()).into()
    }

    /// `proxy_default_timeout` as a span.
    pub fn proxy_timeout(&self) -> Duration {
        Duration::try_from_secs_f64(self.proxy_default_timeout).unwrap_or_default()
    }

    /// How long a client's connection may be idle: `pinhook.idle_timeout_s`, or the time that a request may take to
    /// be read.
    pub fn idle_timeout(&self) -> Duration {
        match self.pinhook.idle_timeout_s {
            0 => self.http_server_options.read_timeout(),
            seconds => Duration::from_secs(seconds),
        }
    }

    /// Idle upstream connections that are kept in all, by every listener: `max_idle_connections`; 16,384 without a
    /// limit.
    pub fn upstream_pool(&self) -> usize {
        match usize::try_from(self.max_idle_connections) {
            Ok(count) if count > 0 => count,
            _ => UNLIMITED_POOL,
        }
    }

    /// `graceful_shutdown_timeout_duration` as a span.
    pub fn shutdown_timeout(&self) -> Duration {
        seconds(self.graceful_shutdown_timeout_duration)
    }

    /// `graceful_shutdown_delay_seconds` as a span.
    pub fn shutdown_delay(&self) -> Duration {
        seconds(self.graceful_shutdown_delay_seconds)
    }

    /// Where `run --upgrade` gets its sockets from: `pinhook.upgrade_socket`, else the pid file's name with `.sock`,
    /// else one for the port among the temporary files.
    pub fn upgrade_socket(&self) -> PathBuf {
        if !self.pinhook.upgrade_socket.is_empty() {
            return PathBuf::from(&self.pinhook.upgrade_socket);
        }
        if !self.pid_file_location.is_empty() {
            return PathBuf::from(format!("{}.sock", self.pid_file_location));
        }
        std::env::temp_dir().join(format!("pinhook_upgrade_{}.sock", self.listen_port))
    }

    /// `reload_interval` as a span.
    pub fn reload_interval(&self) -> Duration {
        seconds(self.reload_interval)
    }

    pub(super) fn fill(&mut self) {
        or(&mut self.listen_port, 8080);
        or(&mut self.middleware_path, "middleware".to_owned());
        or(&mut self.app_path, "apps/".to_owned());
        or(&mut self.min_token_length, 3);
        or(&mut self.drl_threshold, 5.0);
        or(&mut self.drl_notification_frequency, 2);
        or(&mut self.oauth_refresh_token_expire, 14 * 24 * 3600);
        or(&mut self.oauth_token_expire, 3600);
        or(&mut self.oauth_error_status_code, 403);
        or(&mut self.proxy_default_timeout, 30.0);
        or(&mut self.max_idle_connections_per_host, 2);
        or(&mut self.service_discovery.default_cache_timeout, 120);
        or(&mut self.jsvm_timeout, 5);
        or(&mut self.health_check_endpoint_name, "hello".to_owned());
        or(&mut self.readiness_check_endpoint_name, "ready".to_owned());
        or(&mut self.liveness_check.check_duration, GoDuration::from_nanos(10_000_000_000));
        or(&mut self.graceful_shutdown_timeout_duration, 30);
        or(&mut self.reload_interval, 1);
        or(&mut self.jwks.cache.timeout, 240);
        or(&mut self.dns_cache.ttl, 3600);
        or(&mut self.regexp_cache_expire, 60);
        or(&mut self.regexp_cache_max_entries, 5000);
        or(&mut self.opentelemetry.resource_name, "tyk-gateway".to_owned());
        if self.log_level == LogLevel::Unset {
            self.log_level = LogLevel::Info;
        }
        if self.dns_cache.multiple_ips_handle_strategy == IpsStrategy::Unset {
            self.dns_cache.multiple_ips_handle_strategy = IpsStrategy::NoCache;
        }
        self.http_server_options.fill();
        self.analytics_config.fill();
        self.pinhook.fill();
        for storage in [&mut self.storage, &mut self.cache_storage, &mut self.analytics_storage] {
            storage.fill();
        }
        self.fill_sink();
    }

    fn fill_sink(&mut self) {
        let redis = self.storage.kind == StorageKind::Redis;
        let analytics = &mut self.pinhook.analytics;
        if analytics.sink == SinkKind::Unset {
            analytics.sink = match (redis, analytics.path.is_empty()) {
                (true, _) => SinkKind::Redis,
                (false, false) => SinkKind::File,
                (false, true) => SinkKind::Stdout,
            };
        }
    }
}
