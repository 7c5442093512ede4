//! The Python side of a worker, carried in the binary: standard library only, Python 3.8 and later. Nothing of it is
//! written to disk: the program that the interpreter is started with takes the rest out of its first frame.

use serde_json::{Value, json};

/// What the interpreter is told to run.
pub(super) const BOOT: &str = include_str!("shim/boot.py");

/// Modules by name, in the order in which they are made.
const MODULES: &[(&str, &str)] = &[
    ("tyk", ""),
    ("tyk.decorators", include_str!("shim/decorators.py")),
    ("pinhook_objects", include_str!("shim/objects.py")),
    ("pinhook_wire", include_str!("shim/wire.py")),
    ("pinhook_gateway", include_str!("shim/gateway.py")),
    // The names that plugins for Tyk import.
    ("gateway", "from pinhook_gateway import *\nfrom pinhook_gateway import TykGateway"),
    ("tyk.gateway", "from pinhook_gateway import *\nfrom pinhook_gateway import TykGateway"),
    ("tyk.session", "from pinhook_objects import SessionState\nTykSession = SessionState"),
    ("tyk.request", "from pinhook_objects import Request\nTykCoProcessRequest = Request"),
    ("tyk.object", "from pinhook_objects import CoProcessObject\nTykCoProcessObject = CoProcessObject"),
    ("pinhook_compat", include_str!("shim/compat.py")),
    ("pinhook_worker", include_str!("shim/worker.py")),
];

/// `shim` of the settings.
pub(super) fn modules() -> Value {
    MODULES.iter().map(|(name, source)| json!([name, source])).collect()
}
