//! `pinhook run`: the gateway.

use std::{env, ffi::OsString, path::PathBuf, process::ExitCode, sync::Arc};

use tracing::warn;

use super::{failed, logging, report};
use crate::{
    admin::Admin,
    config,
    gateway::{self, CommandLine, RunOptions, Upgrade},
};

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Config file, YAML or JSON [default: ./pinhook.yaml, then /etc/pinhook/pinhook.yaml]
    #[arg(long, short, value_name = "FILE")]
    conf: Option<PathBuf>,
    /// Port to listen on, beats listen_port
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Run in the background
    #[arg(long, short)]
    daemon: bool,
    /// Take over the sockets of the running process. Load everything, then wait until that process gets SIGQUIT and
    /// hands them over; with its PID, send that signal. It ends once its last request is answered. If anything
    /// fails, it goes on and this one exits with 1
    #[arg(long, value_name = "PID", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "how clap says: absent, without a value, with one")]
    upgrade: Option<Option<u32>>,
}

impl Args {
    fn options(&self) -> RunOptions {
        RunOptions {
            daemon: self.daemon,
            upgrade: self.upgrade.map(|predecessor| Upgrade { predecessor }),
            successor: self.successor(),
        }
    }

    /// A successor is in the background already if we are, so it does not go there by itself.
    fn successor(&self) -> CommandLine {
        let mut args = vec![OsString::from("run")];
        if let Some(conf) = &self.conf {
            args.extend(["--conf".into(), conf.clone().into_os_string()]);
        }
        if let Some(port) = self.port {
            args.extend(["--port".into(), port.to_string().into()]);
        }
        // Asked for now: once the file has been replaced, the system's answer names the old one.
        CommandLine { program: env::current_exe().unwrap_or_else(|_| "pinhook".into()), args }
    }
}

pub(super) fn run(args: &Args) -> ExitCode {
    let mut loaded = match config::load(args.conf.as_deref()) {
        Ok(loaded) => loaded,
        Err(problems) => return report(&problems),
    };
    if let Some(port) = args.port {
        loaded.config.listen_port = port;
    }
    logging::start(&loaded.config);
    for problem in &loaded.problems {
        warn!("{problem}");
    }
    match gateway::run(loaded, args.options(), Arc::new(Admin)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => failed(&err),
    }
}
