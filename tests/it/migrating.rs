//! `docs/migrating.md`, pasted into a shell as its reader would, with paths and ports of the test's own. A block `text` is what
//! the block `sh` above it prints.

use std::{fmt::Write as _, fs, path::Path, process::Command};

use crate::support::{free_port, plugins::run};

const MARK: &str = "=== block ";

/// The shell blocks of a page, each with what it has to print.
fn blocks(page: &str) -> Vec<(String, Option<String>)> {
    let mut blocks: Vec<(String, Option<String>)> = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else { continue };
        let text: String =
            lines.by_ref().take_while(|line| *line != "```").flat_map(|line| [line, "\n"]).collect();
        match language {
            "sh" => blocks.push((text, None)),
            "text" => blocks.last_mut().unwrap().1 = Some(text),
            _ => {}
        }
    }
    blocks
}

/// A python that can speak gRPC, as `venv/bin/python`, in the place of one that is fetched.
fn venv(folder: &Path) -> bool {
    let root = env!("CARGO_MANIFEST_DIR");
    let output = Command::new(format!("{root}/scripts/grpc-python")).output().unwrap();
    let python = String::from_utf8(output.stdout).unwrap();
    let modules = Command::new("go")
        .args(["mod", "download"])
        .current_dir(format!("{root}/plugins/examples/grpc-go"))
        .output();
    if !output.status.success() || !modules.is_ok_and(|output| output.status.success()) {
        return false;
    }
    fs::create_dir_all(folder.join("venv/bin")).unwrap();
    let program = folder.join("venv/bin/python");
    fs::write(&program, format!("#!/bin/sh\nexec {} \"$@\"\n", python.trim())).unwrap();
    run(Command::new("chmod").arg("+x").arg(program));
    true
}

#[test]
fn the_page_can_be_pasted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    fs::create_dir(&site).unwrap();
    let with_grpc = venv(&site);
    if !with_grpc {
        eprintln!("SKIPPED: gRPC in docs/migrating.md: its tools cannot be had here");
    }
    let page = fs::read_to_string(root.join("docs/migrating.md")).unwrap();
    let blocks: Vec<_> =
        blocks(&page).into_iter().filter(|(text, _)| with_grpc || !text.contains("grpc")).collect();
    assert!(
        blocks.iter().filter(|(_, printed)| printed.is_some()).count() >= 7,
        "the page has changed its form"
    );
    let mut script = "set -euo pipefail\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n".to_owned();
    for (number, (text, _)) in blocks.iter().enumerate() {
        let _ = write!(script, "echo '{MARK}{number}'\n{text}\n");
    }
    let (gateway, upstream) = (free_port(), free_port());
    let script = script
        .replace("/tmp/site", site.to_str().unwrap())
        .replace("8080", &gateway.to_string())
        .replace("9999", &upstream.to_string())
        .replace("python3 -m venv venv && venv/bin/pip install -q grpcio grpcio-tools\n", "");
    let file = folder.path().join("page.sh");
    fs::write(&file, script).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_pinhook")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var_os("PATH").unwrap().display());
    let output = Command::new("bash").arg(&file).env("PATH", path).env("PINHOOK", root).output().unwrap();
    let log = fs::read_to_string(site.join("gateway.log")).unwrap_or_default();
    let (printed, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}\n{errors}\n{log}");
    for (number, (text, expected)) in blocks.iter().enumerate() {
        let start = format!("{MARK}{number}\n");
        let after = printed.split_once(&start).unwrap().1;
        let found = after.split(MARK).next().unwrap();
        assert_eq!(found, expected.as_deref().unwrap_or_default(), "{text}\n{errors}\n{log}");
    }
}
