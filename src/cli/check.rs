//! `pinhook check`: everything that a start would load, without starting.

use std::{path::PathBuf, process::ExitCode};

use super::report::{self, report};
use crate::{
    config,
    error::{Error, Problem},
    gateway,
};

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Config file, YAML or JSON [default: ./pinhook.yaml, then /etc/pinhook/pinhook.yaml]
    #[arg(long, short, value_name = "FILE")]
    conf: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let problems = problems(args);
    if problems.is_empty() {
        report::line("no problems found");
    }
    report(&problems)
}

fn problems(args: &Args) -> Vec<Problem> {
    let loaded = match config::load(args.conf.as_deref()) {
        Ok(loaded) => loaded,
        Err(problems) => return problems,
    };
    let mut problems = loaded.problems;
    match gateway::check(loaded.config) {
        Ok(found) => problems.extend(found),
        Err(Error::Input(problem)) => problems.push(problem),
        Err(fault) => problems.push(Problem::error("gateway config", "", fault.chain())),
    }
    problems
}
