//! Hooks that run in worker processes, by the example of Python: whatever a plugin does, the gateway lives and other
//! calls are none the worse.

mod examples;
mod faults;
mod gateway_api;
mod load;
mod reload;

use std::{path::Path, time::Duration};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};

use crate::support::{
    client::Response,
    definition::{Definition, api},
    gateway::{Builder, Gateway},
    upstream::Upstream,
};

/// What every plugin of these tests begins with.
const START: &str =
    "import os, sys, time\nfrom tyk.decorators import *\nfrom gateway import TykGateway as tyk\n";

/// A pre hook that answers with what an expression is, as text.
fn says(expression: &str) -> String {
    format!(
        "@Hook\ndef Say(request, session, spec):\n    \
         overrides = request.object.return_overrides\n    \
         overrides.response_code = 200\n    \
         overrides.response_body = str({expression})\n    \
         return request, session\n"
    )
}

/// A pre hook with these lines.
fn pre(name: &str, lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("    {line}\n")).collect();
    format!("@Hook\ndef {name}(request, session, spec):\n{lines}    return request, session\n")
}

/// A gateway that runs Python in so many workers per plugin.
fn gateway(workers: usize) -> Builder {
    Gateway::build().config(|config| {
        config.coprocess_options.enable_coprocess = true;
        config.pinhook.python.workers = workers;
    })
}

/// An API with one hook.
fn hooked(id: &str, upstream: &Upstream, list: &str, entry: Value) -> Definition {
    api(id).target(upstream).set("custom_middleware.driver", "python").entry(list, entry)
}

fn entry(file: &Path, name: &str) -> Value {
    json!({ "name": name, "path": file })
}

/// A gateway with a plugin: an API `say` that tells the process id, and one per other pre hook, by its name in lower
/// case. A call may take half a second.
async fn with_plugin(workers: usize, upstream: &Upstream, plugin: &str, hooks: &[&str]) -> Gateway {
    let text = format!("{START}{}\n{plugin}", says("os.getpid()"));
    let mut builder = gateway(workers).file("plugin.py", text);
    let file = builder.folder().join("plugin.py");
    for name in hooks.iter().chain(&["Say"]) {
        let mut entry = entry(&file, name);
        entry["pinhook"] = json!({ "timeout_ms": 500 });
        builder = builder.api(hooked(&name.to_lowercase(), upstream, "pre", entry));
    }
    builder.start().await
}

async fn get(gateway: &Gateway, target: &str) -> Response {
    gateway.get(target).send().await
}

/// The process that takes the next call.
async fn worker(gateway: &Gateway) -> Pid {
    let answer = get(gateway, "/say/").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    Pid::from_raw(answer.text().parse().unwrap()).unwrap()
}

fn kill(worker: Pid) {
    kill_process(worker, Signal::KILL).unwrap();
}

/// True once the process is no more, or only to be buried.
fn is_gone(worker: Pid) -> bool {
    let process = format!("/proc/{}", worker.as_raw_nonzero());
    let state = std::fs::read_to_string(format!("{process}/stat"));
    // The first thread may end before others, which still hold the connection.
    let threads = std::fs::read_dir(format!("{process}/task")).map_or(0, |threads| threads.count());
    test_kill_process(worker).is_err() || threads <= 1 && state.is_ok_and(|state| state.contains(") Z "))
}

/// A number that is kept per plugin of workers, of the one plugin.
fn metric(gateway: &Gateway, family: &str) -> Option<f64> {
    let metrics = gateway.metrics();
    let mut lines = metrics.lines().filter(|line| line.starts_with(&format!("{family}{{driver=")));
    lines.next()?.rsplit(' ').next()?.parse().ok()
}

const MIDDLEWARE_ERROR: (u16, &str) = (500, "Middleware error");
const SERVER_ERROR: (u16, &str) = (500, "Internal Server Error");

fn assert_error(answer: &Response, expected: (u16, &str)) {
    let (status, text) = answer.error();
    assert_eq!((status, text.as_str()), expected);
}

/// Within which a worker that died has to be served by another.
const SOON: Duration = Duration::from_secs(1);
