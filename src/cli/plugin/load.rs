//! `pinhook plugin load`: opens files as the gateway would and looks functions up, without a definition.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use crate::{
    cli::report::{self, report},
    config::{self, Config},
    error::Problem,
    hook::{Code, HookKind, HookSource, Hooks, Host, drivers::DriverSettings},
    store::MemoryStore,
};

/// Every place a function may be meant for.
const KINDS: &[HookKind] = &[
    HookKind::Pre,
    HookKind::Auth,
    HookKind::PostKeyAuth,
    HookKind::Endpoint,
    HookKind::Post,
    HookKind::Virtual,
    HookKind::Response,
    HookKind::Analytics,
    HookKind::Event,
];

/// Arguments of `plugin load`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files, joined by commas: libraries, what `plugin build` made, .py, .js, .lua
    #[arg(short, long, value_name = "FILES", required = true, value_delimiter = ',')]
    file: Vec<PathBuf>,
    /// Function to look up
    #[arg(short, long, value_name = "NAME")]
    symbol: String,
    /// Driver, as definitions name it [default: what the file's name says, else goplugin]
    #[arg(long, value_name = "DRIVER")]
    driver: Option<String>,
    /// Config file, for its settings of plugins [default: none]
    #[arg(long, value_name = "FILE")]
    conf: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let mut config = match &args.conf {
        None => Config::default(),
        Some(file) => match config::load(Some(file)) {
            Ok(loaded) => loaded.config,
            Err(problems) => return report(&problems),
        },
    };
    // Whether a gateway runs such plugins at all is not what is asked.
    config.enable_jsvm = true;
    config.coprocess_options.enable_coprocess = true;
    let host = Host::new(Arc::default(), Arc::new(MemoryStore::default()), config.pinhook.buffered_body());
    let hooks = Hooks::start(&DriverSettings::new(&config, Arc::new(host)));
    for file in &args.file {
        let driver = args.driver.as_deref().unwrap_or_else(|| driver_of(file));
        match load(&hooks, driver, file, &args.symbol) {
            Ok(kinds) => report::line(&format!(
                "[file={}, symbol={}] loaded ok, driver {driver}, may be used as {}",
                file.display(),
                args.symbol,
                kinds.join(", ")
            )),
            Err(reason) => return report(&[Problem::error(file.display().to_string(), "", reason)]),
        }
    }
    ExitCode::SUCCESS
}

/// The places that the function fits.
///
/// # Errors
/// Why it fits none, as the first place says it.
fn load(hooks: &Hooks, driver: &str, file: &Path, symbol: &str) -> Result<Vec<&'static str>, String> {
    let code = Code::File(file.to_owned());
    let (mut fits, mut reason) = (Vec::new(), None);
    for &kind in KINDS {
        let source = HookSource {
            api_id: Arc::default(),
            kind,
            name: symbol.into(),
            siblings: [code.clone()].into(),
            code: code.clone(),
            timeout: None,
            wants_session: false,
            raw_body_only: false,
            server: None,
        };
        match hooks.load(driver, &source) {
            Ok(_) => fits.push(kind.name()),
            Err(error) => {
                reason.get_or_insert_with(|| error.chain());
            }
        }
    }
    match (fits.is_empty(), reason) {
        (true, Some(reason)) => Err(reason),
        _ => Ok(fits),
    }
}

fn driver_of(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("py") => "python",
        Some("js") => "javascript",
        Some("lua") => "lua",
        _ => "goplugin",
    }
}
