//! Where logs go and how they look: standard error; text on a terminal, JSON otherwise.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogLevel};

/// Starts logging. `RUST_LOG` beats `log_level`. Records of the `log` crate (pingora's) are taken too.
pub(super) fn start(config: &Config) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(filter(config.log_level)));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let colour = io::stderr().is_terminal();
    // An embedding program or a test may have set a subscriber of its own; that one stays.
    let _ = match config.log_format.is_json(colour) {
        true => builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
        false => builder.with_ansi(colour).with_target(false).try_init(),
    };
}

/// Below `debug`, pingora logs only what went wrong: it reports each client that goes away. At `debug` it and the HTTP
/// libraries would write whole heads, and with them keys; who wants that asks for it by `RUST_LOG`.
fn filter(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => {
            "debug,pingora_core=info,pingora_proxy=info,pingora_pool=info,h2=info,hyper=info,hyper_util=info,reqwest=info,redis=info"
        }
        LogLevel::Info | LogLevel::Unset => "info,pingora_core=warn,pingora_proxy=warn",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LogFormat;

    #[test]
    fn the_form_follows_the_config_then_the_terminal() {
        assert!(LogFormat::Json.is_json(true));
        assert!(!LogFormat::Text.is_json(false));
        assert!(!LogFormat::Legacy.is_json(false));
        assert!(!LogFormat::Unset.is_json(true));
        assert!(LogFormat::Unset.is_json(false));
    }

    #[test]
    fn every_level_is_a_valid_filter() {
        for level in [LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error, LogLevel::Unset] {
            filter(level).parse::<EnvFilter>().unwrap();
        }
    }
}
