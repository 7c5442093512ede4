//! `pinhook run`: the gateway.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use tracing::warn;

use super::{failed, logging, report};
use crate::{
    admin::Admin,
    config,
    gateway::{self, RunOptions},
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
    match gateway::run(loaded, RunOptions { daemon: args.daemon }, Arc::new(Admin)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => failed(&err),
    }
}
