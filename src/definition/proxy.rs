//! Where requests go: `proxy`, service discovery, uptime tests (api-definition reference 2.2, 5).

use std::collections::BTreeMap;

use super::member::members;

members! {
    /// The listen path and the upstream behind it.
    pub struct Proxy {
        /// Forwards the client's Host instead of the target's.
        preserve_host_header: bool,
        /// Path prefix that the API answers on; may hold `{name}` and `{name:regex}`.
        listen_path: String,
        /// Upstream. Schemes `http`, `https`, `ws`, `wss`, `h2c`, `tyk`, `tcp`, `tls`.
        target_url: String,
        /// Keeps the target's trailing slash when the rest of the path is empty.
        disable_strip_slash: bool,
        /// Removes the listen path before the request goes upstream.
        strip_listen_path: bool,
        /// Takes turns over `target_list` instead of using `target_url`.
        enable_load_balancing: bool,
        /// The targets that take turns; a repeated one gets a greater share.
        target_list: Vec<String>,
        /// Skips targets that uptime tests have marked down.
        check_host_against_uptime_tests: bool,
        /// Asks a registry for targets.
        service_discovery: ServiceDiscovery,
        /// TLS and egress proxy of the connection to the upstream.
        transport: Transport,
    }

    /// `proxy.transport`.
    pub struct Transport {
        /// Does not verify the upstream's certificate.
        ssl_insecure_skip_verify: bool,
        /// Names of Go cipher suites.
        ssl_ciphers: Vec<String>,
        /// 769 (TLS 1.0) to 772 (TLS 1.3); 0 leaves it open.
        ssl_min_version: u16,
        /// 769 (TLS 1.0) to 772 (TLS 1.3); 0 leaves it open.
        ssl_max_version: u16,
        /// Verifies the common name of the certificate.
        ssl_force_common_name_check: bool,
        /// Egress proxy.
        proxy_url: String,
    }

    /// `proxy.service_discovery`: a JSON registry that knows the targets.
    pub struct ServiceDiscovery {
        /// The switch.
        use_discovery_service: bool,
        /// URL that answers with JSON.
        query_endpoint: String,
        /// The value at `parent_data_path` is text that holds JSON.
        use_nested_query: bool,
        /// Dotted path to the list or the nested text.
        parent_data_path: String,
        /// Dotted path to a host.
        data_path: String,
        /// Dotted path to a port.
        port_data_path: String,
        /// Appended to every host.
        target_path: String,
        /// Takes all hosts, not only the first.
        use_target_list: bool,
        /// Uses the gateway's default time to live.
        cache_disabled: bool,
        /// Time to live of an answer, in seconds.
        cache_timeout: i64,
        /// The answer is a list.
        endpoint_returns_list: bool,
    }

    /// `uptime_tests`: checks that mark hosts down.
    pub struct UptimeTests {
        /// Switches all checks off.
        disabled: bool,
        /// What to check.
        check_list: Vec<UptimeCheck>,
        /// How results are kept.
        config: UptimeConfig,
    }

    /// One uptime check.
    pub struct UptimeCheck {
        /// What to ask.
        url: String,
        /// `tcp`, `tls`, else HTTP.
        protocol: String,
        /// Nanoseconds.
        timeout: i64,
        /// PROXY protocol for `tcp` and `tls`.
        enable_proxy_protocol: bool,
        /// What is said over `tcp` and `tls`.
        commands: Vec<CheckCommand>,
        /// HTTP method; GET when empty.
        method: String,
        /// Request headers.
        headers: BTreeMap<String, String>,
        /// Request body in base64.
        body: String,
    }

    /// One line of the talk with a `tcp` or `tls` host.
    pub struct CheckCommand {
        /// `send` or `expect`.
        name: String,
        /// The text.
        message: String,
    }

    /// `uptime_tests.config`.
    pub struct UptimeConfig {
        /// Seconds that uptime records are kept.
        expire_utime_after: i64,
        /// A registry that knows what to check.
        service_discovery: ServiceDiscovery,
        /// Seconds until a down host is checked again.
        recheck_wait: i64,
    }
}
