//! The hooks that an API has: those of its definition, and scripts found in its folder (plugins reference 2.2).

use std::{path::PathBuf, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    config::Config,
    definition::{ApiDefinition, CustomMiddleware, HookEntry},
    hook::Code,
};

/// Drivers whose scripts make up one program per API.
const SCRIPTS: [&str; 2] = ["otto", "javascript"];

/// Which hooks an API has, once everything that may add or replace some has had its say.
pub struct HookPlan {
    /// The lists, as a definition would hold them.
    pub custom: CustomMiddleware,
    /// All JavaScript of the API, in load order.
    pub scripts: Arc<[Code]>,
}

impl HookPlan {
    /// The plan of a definition.
    pub fn new(definition: &ApiDefinition, _config: &Config) -> Self {
        let custom = definition.custom_middleware.clone();
        let scripts = scripts(&custom, definition);
        Self { custom, scripts }
    }

    /// The driver of an entry.
    pub fn driver<'a>(&'a self, entry: &'a HookEntry) -> &'a str {
        entry.pinhook.as_ref().and_then(|own| own.driver.as_deref()).unwrap_or(&self.custom.driver)
    }
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
