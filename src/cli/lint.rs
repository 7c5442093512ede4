//! `pinhook lint`: single definitions, without a gateway config.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    process::ExitCode,
};

use super::report::{self, report};
use crate::{
    config,
    definition::{LoadOptions, Secrets, load_file},
    error::Problem,
};

/// Arguments of `lint`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Definition files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let values = BTreeMap::new();
    let secrets = Secrets { env: &config::variable, values: &values, file_base: None };
    let options = LoadOptions { secrets, gateway_port: 0, known: &HashMap::new() };
    let problems: Vec<Problem> = args
        .files
        .iter()
        .flat_map(|file| match load_file(file, &options) {
            Ok(source) => source.problems.clone(),
            Err(broken) => broken.problems,
        })
        .collect();
    if problems.is_empty() {
        report::line("no problems found");
    }
    report(&problems)
}
