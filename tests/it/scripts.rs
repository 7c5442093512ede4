//! JavaScript through the whole gateway: what the chain does for scripts. What the engine does is in `drivers`.

mod answers;
mod auth;
mod folders;
mod virtual_endpoints;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::support::{
    definition::{Definition, api},
    gateway::{Builder, Gateway},
    until,
    upstream::Upstream,
};

/// A gateway with scripts switched on, whose folder of scripts is its own.
fn build() -> Builder {
    let builder = Gateway::build();
    let scripts = builder.folder().join("middleware").display().to_string();
    builder.config(|config| {
        config.enable_jsvm = true;
        config.middleware_path = scripts;
    })
}

/// Writes a script beside the definitions; its path.
fn script(builder: &Builder, name: &str, text: &str) -> PathBuf {
    let path = builder.folder().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

/// A script with a hook `m` whose handler has this body.
fn hook(body: &str) -> String {
    format!(
        "var m = new TykJS.TykMiddleware.NewMiddleware({{}});\n\
         m.NewProcessRequest(function (request, session, config) {{ {body} }});\n"
    )
}

fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("plugins/examples/js").join(name)
}

/// An entry of `virtual`.
fn endpoint(path: &str, function: &str, file: &Path, more: Value) -> Value {
    let mut entry = json!({
        "path": path, "method": "GET", "response_function_name": function,
        "function_source_type": "file", "function_source_uri": file,
    });
    entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    entry
}
