//! `pinhook plugin build` and `plugin new`.

use std::{fs, path::Path, process::Command};

use super::go;
use crate::support::{gateway::Gateway, plugins::temporary, upstream::Upstream};

fn plugin_build(folder: &Path, args: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_pinhook"))
        .args(["plugin", "build"])
        .arg(folder)
        .args(args)
        .env("GOPROXY", "off")
        .output()
        .unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn source(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

const HOOK: &str =
    "package main\n\nimport \"net/http\"\n\nfunc Hook(w http.ResponseWriter, r *http.Request) {}\n";

#[test]
fn a_build_that_cannot_be_says_why() {
    let cases: [(&[(&str, &str)], &str); 6] = [
        (
            &[("main.go", "package main\n\nfunc Hook() { undefined() }\n")],
            "main.go:3:15: undefined: undefined",
        ),
        (&[("main.go", "package hooks\n\nfunc Hook() {}\n")], "it is `package hooks`"),
        (&[("main.go", "package main\n\nfunc hook() {}\n")], "it exports no function"),
        (&[("main.go", "package main\n\nimport \"C\"\n\nfunc Hook() {}\n")], "need cgo"),
        (&[("README.md", "nothing")], "no Go files"),
        (
            &[("main.go", "package main\n\nimport _ \"example.com/missing\"\n\nfunc Hook() {}\n")],
            "go mod vendor",
        ),
    ];
    for (files, expected) in cases {
        let folder = source(files);
        let (code, text) = plugin_build(folder.path(), &["-o", "/dev/null"]);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains(expected), "{expected}: {text}");
    }
    for (import, remedy) in [
        ("tyk/gateway", "by ctx, storage and log"),
        ("tyk/coprocess", "docs/grpc.md"),
        ("tyk/certs", "take the import out"),
        ("tyk/internal/cache", "no other module import it"),
        ("tyk-pump/pumps", "the record type alone"),
    ] {
        let import = format!("github.com/TykTechnologies/{import}");
        let main = format!("package main\n\nimport _ \"{import}\"\n\nfunc Hook() {{}}\n");
        let folder = source(&[("main.go", &main)]);
        let (code, text) = plugin_build(folder.path(), &["-o", "/dev/null"]);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains(&format!("{import}: ")) && text.contains(remedy), "{text}");
        assert!(
            text.contains("hint: there are github.com/TykTechnologies/{tyk-pump/analytics, tyk/"),
            "{text}"
        );
    }
    let folder = source(&[("main.go", HOOK)]);
    let (code, text) = plugin_build(folder.path(), &["--go", "no-such-go"]);
    assert!(code == 2 && text.contains("go.dev/dl"), "{text}");
    let (code, text) = plugin_build(Path::new("/no/such/folder"), &[]);
    assert!(code == 2 && text.contains("no such folder"), "{text}");
}

/// A module as plugins of Tyk have it: its go.mod asks for Tyk and for much that Tyk alone needs, and a folder beside the hook
/// holds more of its code.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn modules_build_offline_with_and_without_vendor() {
    let go_mod = "module example.com/plugin\n\ngo 1.21\n\nrequire (\n\tgithub.com/TykTechnologies/tyk v1.9.2-0.20230330071232-370295d796b5\n\t\
                  github.com/hashicorp/nowhere v1.2.3 // indirect\n)\n\nreplace github.com/TykTechnologies/tyk => ../tyk\n";
    let main = "package main\n\nimport (\n\t\"net/http\"\n\n\t\"example.com/plugin/inner\"\n\t\"github.com/TykTechnologies/tyk/log\"\n)\n\n\
                func Hook(w http.ResponseWriter, r *http.Request) {\n\tlog.Get().Info(\"called\")\n\tr.Header.Set(\"Foo\", inner.Text)\n}\n\nfunc main() {}\n";
    let inner = "package inner\n\nconst Text = \"inner\"\n";
    let plain = source(&[("go.mod", go_mod), ("main.go", main), ("inner/inner.go", inner)]);
    let vendored = source(&[
        ("go.mod", go_mod),
        (
            "main.go",
            &main.replace("inner.Text", "inner.Text + far.Text").replace(
                "\"github.com/TykTechnologies/tyk/log\"",
                "\"github.com/TykTechnologies/tyk/log\"\n\t\"github.com/hashicorp/nowhere/far\"",
            ),
        ),
        ("inner/inner.go", inner),
        ("vendor/github.com/hashicorp/nowhere/far/far.go", "package far\n\nconst Text = \"+far\"\n"),
        (
            "vendor/github.com/TykTechnologies/tyk/log/log.go",
            "package log\n\nimport _ \"github.com/never/there\"\n",
        ),
        (
            "vendor/modules.txt",
            "# github.com/TykTechnologies/tyk v1.9.2-0.20230330071232-370295d796b5 => ../tyk\n## explicit; go 1.16\n\
             github.com/TykTechnologies/tyk/log\n# github.com/hashicorp/nowhere v1.2.3\n## explicit; go 1.16\n\
             github.com/hashicorp/nowhere/far\n# github.com/TykTechnologies/tyk => ../tyk\n",
        ),
    ]);
    let (first, second) = (temporary("plain.so"), temporary("vendored.so"));
    for (folder, file) in [(&plain, &first), (&vendored, &second)] {
        let (code, text) = plugin_build(folder.path(), &["-o", file.to_str().unwrap()]);
        assert_eq!(code, 0, "{text}");
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(
            left.len() <= 4 && fs::read_to_string(folder.path().join("go.mod")).unwrap() == go_mod,
            "{left:?}"
        );
    }
    let upstream = Upstream::named("up").await;
    let gateway = Gateway::build()
        .api(go("plain", &upstream).hook("pre", &first, "Hook"))
        .api(go("vendored", &upstream).hook("pre", &second, "Hook"))
        .start()
        .await;
    for (api, expected) in [("plain", "inner"), ("vendored", "inner+far")] {
        gateway.get(&format!("/{api}/x")).send().await;
        assert_eq!(
            upstream.last().header("foo").as_deref(),
            Some(expected),
            "two plugins with one module path"
        );
    }
}

#[test]
fn a_new_plugin_builds_and_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let new = || {
        Command::new(env!("CARGO_BIN_EXE_pinhook"))
            .args(["plugin", "new"])
            .arg(folder.path())
            .output()
            .unwrap()
            .status
    };
    assert!(new().success());
    let (code, text) = plugin_build(folder.path(), &["-o", folder.path().join("a.so").to_str().unwrap()]);
    assert!(code == 0 && text.contains("functions: Request, Response"), "{text}");
    assert_eq!(new().code(), Some(2));
}

#[test]
fn the_default_name_tells_what_it_is_built_for() {
    let folder = source(&[("main.go", HOOK)]);
    let name = folder.path().file_name().unwrap().to_str().unwrap().to_owned();
    let (code, text) = plugin_build(folder.path(), &["--os", "linux", "--arch", "arm64"]);
    assert_eq!(code, 0, "{text}");
    let file = folder.path().join(format!("{name}_abi1_linux_arm64.so"));
    assert_eq!(fs::read(file).unwrap()[18..20], [0xb7, 0], "the processor of its ELF header");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_for_another_processor_is_refused() {
    let upstream = Upstream::named("up").await;
    let folder = source(&[("main.go", HOOK)]);
    let file = folder.path().join("other.so");
    let arch = if cfg!(target_arch = "x86_64") { "arm64" } else { "amd64" };
    assert_eq!(plugin_build(folder.path(), &["--arch", arch, "-o", file.to_str().unwrap()]).0, 0);
    let gateway = Gateway::build().api(go("a", &upstream).hook("pre", &file, "Hook")).start().await;
    assert_eq!(gateway.get("/a/x").send().await.status, 500);
}
