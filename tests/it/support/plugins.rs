//! Native plugins for tests: the examples, the fixtures, and single C files. Each is built once per test binary.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

/// The library of a package in the `plugins` workspace: an example, or the fixture `rough`.
pub(crate) fn build(name: &str) -> PathBuf {
    built(&format!("package {name}"), || cargo_build(name, "debug", &[]))
}

/// The same with optimizations, for benches.
#[allow(dead_code, reason = "the benches share this file with the tests")]
pub(crate) fn build_release(name: &str) -> PathBuf {
    built(&format!("package {name}, release"), || cargo_build(name, "release", &["--release"]))
}

/// The library of a C file among the fixtures. `args` are further ones for the compiler.
pub(crate) fn build_c(name: &str, args: &[&str]) -> PathBuf {
    let key = format!("{name} {}", args.join(" "));
    built(&key, || {
        let library = temporary(&format!("{}.so", key.replace(|c: char| !c.is_ascii_alphanumeric(), "_")));
        run(compiler("cc").args(args).arg("-o").arg(&library).arg(fixture(name)));
        library
    })
}

/// The library of an example in C or C++. `args` are further ones for the compiler.
pub(crate) fn build_example(program: &str, file: &str, args: &[&str]) -> PathBuf {
    built(file, || {
        let library = temporary(&format!("{}.so", file.replace(|c: char| !c.is_ascii_alphanumeric(), "_")));
        let source = root().join("plugins/examples/native").join(file);
        run(compiler(program).args(args).arg("-o").arg(&library).arg(source));
        library
    })
}

/// What `pinhook plugin build` makes of a folder of Go source.
#[allow(dead_code, reason = "the benches share this file with the tests")]
pub(crate) fn build_go(folder: &str) -> PathBuf {
    built(folder, || {
        let file = temporary(&format!("{}.so", folder.replace(|c: char| !c.is_ascii_alphanumeric(), "_")));
        run(Command::new(env!("CARGO_BIN_EXE_pinhook"))
            .args(["plugin", "build"])
            .arg(root().join(folder))
            .arg("-o")
            .arg(&file));
        file
    })
}

/// A compiler call that knows the header and spares nothing.
pub(crate) fn compiler(program: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-shared", "-fPIC", "-I"]);
    command.arg(root().join("plugins/sdk/include"));
    command
}

/// A file among the native fixtures.
pub(crate) fn fixture(name: &str) -> PathBuf {
    root().join("tests/fixtures/native").join(name)
}

/// A path below `target` that is this process's own.
pub(crate) fn temporary(name: &str) -> PathBuf {
    static DIR: OnceLock<tempfile::TempDir> = OnceLock::new();
    DIR.get_or_init(|| tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()).path().join(name)
}

/// Runs a command; one that fails fails the test.
pub(crate) fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn cargo_build(name: &str, profile: &str, args: &[&str]) -> PathBuf {
    // Beside the gateway's own build, so that `cargo clean` takes it along.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("plugins");
    run(Command::new(env!("CARGO"))
        .args(["build", "--locked", "--quiet", "--package", name, "--manifest-path"])
        .arg(root().join("plugins/Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .args(args));
    target.join(profile).join(format!("lib{name}.so"))
}

fn built(key: &str, make: impl FnOnce() -> PathBuf) -> PathBuf {
    static BUILT: Mutex<Option<HashMap<String, Arc<OnceLock<PathBuf>>>>> = Mutex::new(None);
    let slot = {
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(built.get_or_insert_default().entry(key.to_owned()).or_default())
    };
    slot.get_or_init(make).clone()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
