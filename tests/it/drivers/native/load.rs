//! What is loaded, and what is refused before or after it is opened.

use std::{fs, path::Path, process::Command};

use pinhook::hook::{DriverGauges, HookKind, Hooks};

use super::*;
use crate::support::plugins::{build, build_c, compiler, fixture, run, temporary};

#[test]
fn the_header_is_clean_c99_and_cpp17() {
    for (program, language) in [("cc", &["-std=c99"][..]), ("c++", &["-x", "c++", "-std=c++17"][..])] {
        let library = temporary(&format!("header_{program}.so"));
        run(compiler(program).args(language).arg("-o").arg(&library).arg(fixture("c_hook.c")));
        load(&library, "SetFromC");
    }
}

#[test]
fn every_name_of_the_driver_loads() {
    let hooks = Hooks::start(&settings(1));
    let path = build("add_header");
    for name in ["goplugin", "native", "golang"] {
        assert!(hooks.load(name, &source(&path, "AddFooHeader")).is_ok(), "{name}");
    }
    assert!(hooks.load("fortran", &source(&path, "AddFooHeader")).is_err());
}

#[test]
fn what_is_no_plugin_is_refused_with_the_reason() {
    let text = temporary("text.so");
    fs::write(&text, "#!/bin/sh\nexit 0\n").unwrap();
    let broken = temporary("broken.so");
    let whole = fs::read(build("add_header")).unwrap();
    fs::write(&broken, &whole[..whole.len() / 3]).unwrap();
    let bare = temporary("bare.c");
    fs::write(&bare, "int Nothing(void);\nint Nothing(void) { return 0; }\n").unwrap();
    let no_abi = temporary("no_abi.so");
    run(compiler("cc").arg("-o").arg(&no_abi).arg(&bare));

    for (path, name, reasons) in [
        (Path::new("/nowhere/gone.so"), "X", &["no such file", "/nowhere/gone.so", "_abi1_", "gone_v"][..]),
        (&text, "X", &["not an ELF library but a text"]),
        (&broken, "AddFooHeader", &["broken.so"]),
        (&no_abi, "Nothing", &["no `pinhook_abi`"]),
        (&build_c("other_abi.c", &[]), "Nothing", &["ABI 7", "ABI 1"]),
        (&build("add_header"), "AddFooHeadr", &["\"AddFooHeadr\"", "AddFooHeader"]),
        (&build("rough"), "panic", &["Panics"]),
        (&build("rough"), "pinhook_abi", &["exports no function"]),
        (&build("rough"), "Nothing_flags", &["exports no function"]),
        (&build_c("c_hook.c", &[]), "pinhook_on_reload", &["exports no function"]),
        (&build("rough"), "WantsTheFuture", &["0x100000", "does not know"]),
        (&build_c("c_hook.c", &[]), "UnknownCode", &["8 bytes"]),
    ] {
        let refusal = refusal(path, name);
        for reason in reasons {
            assert!(refusal.contains(reason), "{}: {refusal}", path.display());
        }
    }
}

#[test]
fn what_go_built_never_runs_in_this_process() {
    let plugin = refusal(&build_c("go_like.c", &["-DBUILD_MODE=\"plugin\""]), "AddFooHeader");
    assert!(plugin.contains("`pinhook plugin build`") && plugin.contains("-buildmode=plugin"), "{plugin}");
    let shared = refusal(&build_c("go_like.c", &["-DBUILD_MODE=\"c-shared\""]), "AddFooHeader");
    assert!(shared.contains("built by Go") && !shared.contains("-buildmode=plugin"), "{shared}");
}

#[test]
fn a_real_go_plugin_is_known_even_when_stripped() {
    if Command::new("go").arg("version").output().is_err() {
        eprintln!("no Go here: the look-alikes of the test above have to do");
        return;
    }
    for (name, flags) in [("go_plain.so", ""), ("go_stripped.so", "-s -w")] {
        let library = temporary(name);
        run(Command::new("go")
            .current_dir(fixture("go_plugin"))
            .env("CGO_ENABLED", "1")
            .args(["build", "-buildmode=plugin", "-ldflags", flags, "-o"])
            .arg(&library)
            .arg("."));
        let refusal = refusal(&library, "AddFooHeader");
        assert!(refusal.contains("`pinhook plugin build`"), "{refusal}");
    }
}

#[tokio::test]
async fn new_code_in_the_same_file_is_loaded_and_the_old_keeps_running() {
    let driver = driver(1);
    let file = temporary("replaced.so");
    fs::copy(build("add_header"), &file).unwrap();
    let old = driver.load(&source(&file, "AddFooHeader")).unwrap();
    assert_eq!(driver.gauges(), DriverGauges { libraries: 1, threads: 0, stuck_threads: 0 });

    // In place: the very file that a careless `cp` writes into.
    fs::write(&file, fs::read(build_c("c_hook.c", &[])).unwrap()).unwrap();
    let new = driver.load(&source(&file, "SetFromC")).unwrap();
    let edited = old.dispatch(HookKind::Pre, object("/", &[])).await.unwrap();
    assert_eq!(header(&edited, "foo"), Some("Bar"));
    let edited = new.dispatch(HookKind::Pre, object("/", &[])).await.unwrap();
    assert_eq!(header(&edited, "from"), Some("C"));

    for _ in 0..100 {
        assert!(driver.load(&source(&file, "SetFromC")).is_ok());
        assert!(driver.load(&source(build_c("other_abi.c", &[]), "Nothing")).is_err());
    }
    assert_eq!(driver.gauges().libraries, 3, "a content is opened once, however often it is loaded");
}

#[test]
fn a_twin_for_this_machine_wins() {
    let machine = if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" };
    let file = temporary("twin.so");
    fs::write(&file, "no library").unwrap();
    fs::copy(build("add_header"), file.with_file_name(format!("twin_abi1_linux_{machine}.so"))).unwrap();
    load(&file, "AddFooHeader");
}

#[tokio::test]
async fn the_c_plugin_of_the_guide_works() {
    let guide = include_str!("../../../../docs/native-plugins.md");
    let code = guide.split("```c\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let (file, library) = (temporary("guide.c"), temporary("guide.so"));
    fs::write(&file, code).unwrap();
    run(compiler("cc").arg("-o").arg(&library).arg(&file));
    let edited = load(&library, "AddFooHeader").dispatch(HookKind::Pre, object("/", &[])).await.unwrap();
    assert_eq!(header(&edited, "foo"), Some("Bar"));
}
