//! Values that fit their type and still cannot work.

use crate::error::Problem;

use super::{Config, SinkKind, Storage, StorageKind, check::place, document::Node};

/// TLS 1.2, the lowest version pinhook speaks.
const TLS_1_2: u16 = 771;
/// Most bytes and lines of a request's head that pingora's parser takes.
const PARSER_LIMITS: (usize, usize) = (1_048_575, 256);
/// The secret that Tyk writes into a generated config; everybody knows it.
const KNOWN_SECRET: &str = "352d20ee67be67f6340b4c0605b044b7";

/// Judges `config`, before defaults are filled in; `document` tells where a value was written.
pub(super) fn validate(config: &Config, document: &Node, file: &str) -> Vec<Problem> {
    let mut findings = Findings { document, file, problems: Vec::new() };
    findings.storages(config);
    findings.tls(config);
    findings.analytics(config);
    findings.general(config);
    findings.grpc(config);
    findings.problems
}

struct Findings<'a> {
    document: &'a Node,
    file: &'a str,
    problems: Vec<Problem>,
}

impl Findings<'_> {
    fn add(&mut self, problem: Problem) {
        let node = self.document.at(problem.path.split('.'));
        self.problems.push(match node {
            Some(node) => place(problem, &node.origin),
            None => problem,
        });
    }

    fn error(&mut self, path: &str, message: &str, hint: &str) {
        self.add(Problem::error(self.file, path, message).hint(hint));
    }

    fn warning(&mut self, path: &str, message: &str, hint: &str) {
        self.add(Problem::warning(self.file, path, message).hint(hint));
    }

    fn storages(&mut self, config: &Config) {
        let all: [(&str, &Storage); 3] = [
            ("storage", &config.storage),
            ("cache_storage", &config.cache_storage),
            ("analytics_storage", &config.analytics_storage),
        ];
        for (path, storage) in all {
            if storage.kind == StorageKind::Unset && storage.names_redis() {
                let hint = "without it limits and keys would silently not be shared";
                self.error(path, "`type` is missing: expected redis or memory", hint);
            }
        }
    }

    fn tls(&mut self, config: &Config) {
        let options = &config.http_server_options;
        if options.max_version != 0 && options.max_version < TLS_1_2 {
            let hint = "771 is TLS 1.2, 772 is TLS 1.3";
            self.error("http_server_options.max_version", "TLS below 1.2 is not spoken", hint);
        } else if options.max_version != 0 && options.min_version > options.max_version {
            self.error("http_server_options.min_version", "is above max_version", "no client could connect");
        } else if options.min_version != 0 && options.min_version < TLS_1_2 {
            let message = "TLS below 1.2 is not spoken; clients need 1.2 or 1.3";
            self.warning("http_server_options.min_version", message, "771 is TLS 1.2");
        }
        if options.use_ssl && options.certificates.is_empty() && options.ssl_certificates.is_empty() {
            let hint = "set http_server_options.certificates";
            self.error("http_server_options.use_ssl", "TLS needs a certificate", hint);
        }
    }

    fn analytics(&mut self, config: &Config) {
        let analytics = &config.pinhook.analytics;
        if analytics.sink == SinkKind::Redis && config.storage.kind != StorageKind::Redis {
            let hint = "set storage.type to redis, or take the sink file or stdout";
            self.error("pinhook.analytics.sink", "the sink redis needs a Redis", hint);
        }
        if analytics.sink == SinkKind::File && analytics.path.is_empty() {
            let hint = "set pinhook.analytics.path";
            self.error("pinhook.analytics.sink", "the sink file needs a path", hint);
        }
    }

    fn grpc(&mut self, config: &Config) {
        let own = &config.pinhook.grpc;
        if own.cert_file.is_empty() != own.key_file.is_empty() {
            let hint = "set both cert_file and key_file, or neither";
            self.error("pinhook.grpc.cert_file", "a certificate and its key belong together", hint);
        }
        if own.insecure_skip_verify {
            let message = "the certificates of gRPC plugin servers are not checked";
            self.warning("pinhook.grpc.insecure_skip_verify", message, "set ca_file");
        }
        if !(1..=64).contains(&own.connections) {
            self.error("pinhook.grpc.connections", "expected 1 to 64", "2 is the default");
        }
        for (path, size) in [
            ("coprocess_options.grpc_recv_max_size", config.coprocess_options.grpc_recv_max_size),
            ("coprocess_options.grpc_send_max_size", config.coprocess_options.grpc_send_max_size),
        ] {
            if size < 0 {
                self.error(path, "expected bytes from 0", "0 gives the default");
            }
        }
    }

    fn general(&mut self, config: &Config) {
        if config.listen_port == 0 && self.document.at(["listen_port"].into_iter()).is_some() {
            self.warning("listen_port", "0 is no port; 8080 is used", "set listen_port");
        }
        if config.proxy_default_timeout < 0.0 {
            let hint = "0 gives the default of 30 seconds";
            self.error("proxy_default_timeout", "expected seconds from 0", hint);
        }
        let (most_bytes, most_lines) = PARSER_LIMITS;
        if !(1..=most_bytes).contains(&config.pinhook.max_header_bytes) {
            let hint = "pingora's parser takes no larger head";
            self.error("pinhook.max_header_bytes", "expected bytes from 1 to 1048575", hint);
        }
        if !(1..=most_lines).contains(&config.pinhook.max_headers) {
            self.error("pinhook.max_headers", "expected 1 to 256", "pingora's parser takes no more");
        }
        match (config.secret.is_empty(), config.pinhook.allow_empty_secret) {
            (true, true) => {
                let message = "without a secret anyone who reaches the control API may use it";
                self.warning("pinhook.allow_empty_secret", message, "set `secret`");
            }
            (true, false) => {
                let message = "no secret: every call of the control API is refused";
                self.warning("secret", message, "set one");
            }
            (false, _) => {}
        }
        if &*config.secret == KNOWN_SECRET {
            let message = "this is the secret of Tyk's sample config, which everybody knows";
            self.warning("secret", message, "set one of your own");
        }
        if config.hash_keys
            && !matches!(
                config.hash_key_function.as_str(),
                "" | "murmur32" | "murmur64" | "murmur128" | "sha256"
            )
        {
            let hint = "murmur32, murmur64, murmur128, sha256";
            self.warning("hash_key_function", "unknown function; murmur32 is used", hint);
        }
    }
}
