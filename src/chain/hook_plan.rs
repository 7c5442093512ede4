//! The hooks that an API has: those of its definition, and scripts found in its folder (plugins reference 2.2).

use std::{path::PathBuf, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    config::Config,
    definition::{AnalyticsPlugin, ApiDefinition, CustomMiddleware, HookEntry},
    hook::{Code, bundle::Bundle},
};

/// Drivers whose scripts make up one program per API.
const SCRIPTS: [&str; 2] = ["otto", "javascript"];

/// Which hooks an API has, once everything that may add or replace some has had its say.
pub struct HookPlan {
    /// The lists, as a definition would hold them.
    pub custom: CustomMiddleware,
    /// The hook on analytics records.
    pub analytics: AnalyticsPlugin,
    /// All JavaScript of the API, in load order.
    pub scripts: Arc<[Code]>,
}

impl HookPlan {
    /// The plan of a definition, or of its bundle, whose hooks take the place of the definition's.
    pub fn new(definition: &ApiDefinition, _config: &Config, bundle: Option<&Bundle>) -> Self {
        let custom = match bundle {
            Some(bundle) => of_bundle(bundle),
            None => definition.custom_middleware.clone(),
        };
        let analytics = bundle
            .and_then(|_| analytics(&custom.traffic_logs))
            .unwrap_or_else(|| definition.analytics_plugin.clone());
        let scripts = scripts(&custom, definition);
        Self { custom, analytics, scripts }
    }

    /// The driver of an entry.
    pub fn driver<'a>(&'a self, entry: &'a HookEntry) -> &'a str {
        entry.pinhook.as_ref().and_then(|own| own.driver.as_deref()).unwrap_or(&self.custom.driver)
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

/// Where the code of an entry is.
///
/// # Errors
/// Inline code that is no base64 of a text.
pub fn code_of(entry: &HookEntry) -> Result<Code, String> {
    if entry.code.is_empty() {
        return Ok(Code::File(PathBuf::from(&entry.path)));
    }
    inline(&entry.code)
}

/// Code in base64.
///
/// # Errors
/// It is none, or no text.
pub fn inline(text: &str) -> Result<Code, String> {
    let bytes = STANDARD.decode(text.trim()).map_err(|error| format!("is no base64: {error}"))?;
    let source = String::from_utf8(bytes).map_err(|error| format!("is no text: {error}"))?;
    Ok(Code::Text(source.into()))
}

fn scripts(custom: &CustomMiddleware, _definition: &ApiDefinition) -> Arc<[Code]> {
    let lists = [&custom.pre, &custom.post_key_auth, &custom.post, &custom.response];
    let entries = std::iter::once(&custom.auth_check).chain(lists.into_iter().flatten());
    let mut all: Vec<Code> = Vec::new();
    for entry in entries.filter(|entry| !entry.disabled && !entry.name.is_empty()) {
        let own = entry.pinhook.as_ref().and_then(|own| own.driver.as_deref());
        if !SCRIPTS.contains(&own.unwrap_or(&custom.driver)) {
            continue;
        }
        match code_of(entry) {
            Ok(code) if !all.contains(&code) => all.push(code),
            _ => {}
        }
    }
    all.into()
}
