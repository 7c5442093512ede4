//! The hooks that an API has: those of its definition, and scripts found in its folder (plugins reference 2.2).

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::hook_folder;
use crate::{
    config::Config,
    definition::{AnalyticsPlugin, ApiDefinition, CustomMiddleware, HookEntry, Pinhook, Virtual},
    hook::{Code, bundle::Bundle},
};

/// Drivers of JavaScript.
const SCRIPTS: [&str; 2] = ["otto", "javascript"];

/// Which hooks an API has, once everything that may add or replace some has had its say.
pub struct HookPlan {
    /// The lists, as a definition would hold them.
    pub custom: CustomMiddleware,
    /// The hook on analytics records.
    pub analytics: AnalyticsPlugin,
    /// What is wrong with its folder: place and text.
    pub complaints: Vec<(String, String)>,
    /// All code of the API by driver, in load order.
    scripts: Vec<(String, Arc<[Code]>)>,
    /// gRPC plugin server of entries that name none; else the gateway's.
    grpc_server: Option<Arc<str>>,
}

impl HookPlan {
    /// The plan of a definition, or of its bundle, whose hooks take the place of the definition's.
    pub fn new(definition: &ApiDefinition, config: &Config, bundle: Option<&Bundle>) -> Self {
        let mut custom = match bundle {
            Some(bundle) => of_bundle(bundle),
            None => definition.custom_middleware.clone(),
        };
        let analytics = bundle
            .and_then(|_| analytics(&custom.traffic_logs))
            .unwrap_or_else(|| definition.analytics_plugin.clone());
        let mut complaints = Vec::new();
        if SCRIPTS.contains(&&*custom.driver) {
            let folder = Path::new(&config.middleware_path).join(&definition.api_id);
            hook_folder::add(&mut custom, &folder, &mut complaints);
        }
        let scripts = scripts(&custom, definition, config);
        let grpc_server = definition.pinhook.grpc_server.as_deref().map(Arc::from);
        Self { custom, analytics, complaints, scripts, grpc_server }
    }

    /// True if scripts may appear in the folder of such an API.
    pub fn looks_around(definition: &ApiDefinition) -> bool {
        SCRIPTS.contains(&&*definition.custom_middleware.driver)
    }

    /// All code of the API that is written for this driver, in load order.
    pub fn siblings(&self, driver: &str) -> Arc<[Code]> {
        let found = self.scripts.iter().find(|(other, _)| other == driver);
        found.map(|(_, codes)| codes.clone()).unwrap_or_default()
    }

    /// The driver of an entry.
    pub fn driver<'a>(&'a self, entry: &'a HookEntry) -> &'a str {
        named(entry.pinhook.as_ref()).unwrap_or(&self.custom.driver)
    }

    /// The gRPC plugin server that an entry names, or its API.
    pub fn server(&self, own: Option<&str>) -> Option<Arc<str>> {
        own.map(Arc::from).or_else(|| self.grpc_server.clone())
    }
}

/// The hooks of a bundle: its files are in its folder.
fn of_bundle(bundle: &Bundle) -> CustomMiddleware {
    let mut custom = bundle.manifest.custom_middleware.clone();
    // Python has one module per bundle; entries name its functions.
    let module = match &*bundle.manifest.file_list {
        [only] => only,
        _ => "middleware.py",
    };
    let module = (custom.driver == "python").then_some(module);
    let lists = [&mut custom.pre, &mut custom.post_key_auth, &mut custom.post, &mut custom.response];
    let single = [&mut custom.auth_check, &mut custom.traffic_logs];
    for entry in lists.into_iter().flatten().chain(single) {
        let file = if entry.path.is_empty() { module } else { Some(&*entry.path) };
        entry.path = file.map(|file| bundle.folder.join(file).display().to_string()).unwrap_or_default();
    }
    custom
}

/// The analytics hook of a bundle; in a definition Tyk does not look there.
fn analytics(entry: &HookEntry) -> Option<AnalyticsPlugin> {
    (!entry.disabled && !entry.name.is_empty()).then(|| AnalyticsPlugin {
        enable: true,
        plugin_path: entry.path.clone(),
        func_name: entry.name.clone(),
        pinhook: entry.pinhook.clone(),
        ..AnalyticsPlugin::default()
    })
}

/// Where the code of an entry for this driver is. A script's object may be in the file of another entry.
///
/// # Errors
/// Inline code that is no base64 of a text.
pub fn code_of(entry: &HookEntry, driver: &str) -> Result<Code, String> {
    match (entry.code.is_empty(), entry.path.is_empty()) {
        (false, _) => inline(&entry.code),
        (true, true) if SCRIPTS.contains(&driver) => Ok(Code::Text("".into())),
        (true, _) => Ok(Code::File(PathBuf::from(&entry.path))),
    }
}

/// Code in base64.
///
/// # Errors
/// It is none, or no text.
fn inline(text: &str) -> Result<Code, String> {
    let bytes = STANDARD.decode(text.trim()).map_err(|error| format!("is no base64: {error}"))?;
    let source = String::from_utf8(bytes).map_err(|error| format!("is no text: {error}"))?;
    Ok(Code::Text(source.into()))
}

/// The code of each driver that an entry names, in Tyk's load order: scripts of virtual endpoints come first.
fn scripts(
    custom: &CustomMiddleware,
    definition: &ApiDefinition,
    config: &Config,
) -> Vec<(String, Arc<[Code]>)> {
    let mut all: Vec<(String, Vec<Code>)> = Vec::new();
    let mut add = |driver: &str, code: Result<Code, String>| {
        let Ok(code) = code else { return };
        match all.iter_mut().find(|(other, _)| other == driver) {
            Some((_, codes)) if codes.contains(&code) => {}
            Some((_, codes)) => codes.push(code),
            None => all.push((driver.to_owned(), vec![code])),
        }
    };
    let versions = definition.version_data.versions.values().filter(|version| version.use_extended_paths);
    for paths in versions.map(|version| &version.extended_paths) {
        for entry in paths.virtual_endpoints.iter().filter(|entry| !entry.disabled) {
            add(driver_of_virtual(custom, entry), code_of_virtual(entry, config));
        }
        for entry in paths.go_plugin.iter().filter(|entry| !entry.disabled) {
            if let Some(driver) = named(entry.pinhook.as_ref()) {
                add(driver, Ok(Code::File(PathBuf::from(&entry.plugin_path))));
            }
        }
    }
    let lists = [&custom.pre, &custom.post_key_auth, &custom.post, &custom.response];
    let entries = std::iter::once(&custom.auth_check).chain(lists.into_iter().flatten());
    for entry in entries.filter(|entry| !entry.disabled && !entry.name.is_empty()) {
        let driver = named(entry.pinhook.as_ref()).unwrap_or(&custom.driver);
        add(driver, code_of(entry, driver));
    }
    all.into_iter().map(|(driver, codes)| (driver, codes.into())).collect()
}

fn named(own: Option<&Pinhook>) -> Option<&str> {
    own.and_then(|own| own.driver.as_deref())
}

/// The driver of a virtual endpoint: Tyk's are JavaScript, whatever the API's driver.
pub fn driver_of_virtual<'a>(custom: &'a CustomMiddleware, entry: &'a Virtual) -> &'a str {
    let own = || if custom.driver == "javascript" { "javascript" } else { "otto" };
    named(entry.pinhook.as_ref()).unwrap_or_else(own)
}

/// Where the code of a virtual endpoint is.
///
/// # Errors
/// Why it cannot be used.
pub fn code_of_virtual(entry: &Virtual, config: &Config) -> Result<Code, String> {
    match &*entry.function_source_type {
        "file" => Ok(Code::File(PathBuf::from(&entry.function_source_uri))),
        "blob" if config.disable_virtual_path_blobs => {
            Err("is a blob, and disable_virtual_path_blobs is on".to_owned())
        }
        "blob" => inline(&entry.function_source_uri),
        other => Err(format!("is of type {other:?}, expected file or blob")),
    }
}

#[cfg(test)]
mod tests;
