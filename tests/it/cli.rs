//! The program as users run it: exit codes, messages, the echo upstream.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/config");

fn pinhook() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pinhook"));
    command.env_clear();
    command
}

fn run(args: &[&str]) -> (i32, String) {
    finish(pinhook().args(args).output().unwrap())
}

fn finish(output: Output) -> (i32, String) {
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// A folder with one config file in it.
fn conf(name: &str, text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    fs::create_dir(folder.path().join("apps")).unwrap();
    (folder, path)
}

/// Checks a config in its folder, which is where its definitions are.
fn check(path: &Path) -> (i32, String) {
    finish(
        pinhook().args(["check", "--conf"]).arg(path).current_dir(path.parent().unwrap()).output().unwrap(),
    )
}

#[test]
fn a_good_config_passes_the_check() {
    let (_folder, path) = conf("pinhook.yaml", "secret: something\n");

    assert_eq!(check(&path), (0, "no problems found\n".to_owned()));
}

#[test]
fn a_whole_tyk_conf_passes_with_warnings() {
    let apps = tempfile::tempdir().unwrap();
    let mut command = pinhook();
    // Files of its own machine, and a Redis of a kind that we cannot speak to yet: both are errors.
    command.env("TYK_GW_APPPATH", apps.path()).env("TYK_GW_STORAGE_ENABLECLUSTER", "false");
    command.env("TYK_GW_POLICIES_POLICYPATH", apps.path());
    command.env("TYK_GW_STORAGE_USESSL", "false").env("TYK_GW_HTTPSERVEROPTIONS_USESSL", "false");

    let output = command.args(["check", "--conf"]).arg(Path::new(FIXTURES).join("full_tyk.conf")).output();

    let (code, text) = finish(output.unwrap());
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("slave_options.use_rpc: not supported yet"), "{text}");
    assert!(!text.contains("error: "), "{text}");
}

#[test]
fn a_wrong_type_exits_2_and_says_where() {
    let text = "{\n\"secret\": \"x\",\n\"http_server_options\": {\n\"read_timeout\": \"abc\"}}";
    let (_folder, path) = conf("tyk.conf", text);

    for command in ["check", "run"] {
        let (code, text) = run(&[command, "--conf", path.to_str().unwrap()]);
        assert_eq!(code, 2, "{text}");
        let expected =
            "tyk.conf:4: http_server_options.read_timeout: expected an integer, found \"abc\"\n1 error\n";
        assert!(text.starts_with("error: ") && text.ends_with(expected), "{text}");
    }
}

#[test]
fn broken_syntax_exits_2() {
    let (_folder, path) = conf("tyk.conf", "{\n\"secret\": ");

    let (code, text) = check(&path);

    assert_eq!(code, 2);
    assert!(text.contains("tyk.conf:2: broken JSON"), "{text}");
}

#[test]
fn a_missing_config_exits_2_with_a_hint() {
    let (code, text) = run(&["run", "--conf", "/no/such/tyk.conf"]);
    assert_eq!(code, 2);
    assert!(text.contains("/no/such/tyk.conf: cannot read the config file"), "{text}");

    let empty = tempfile::tempdir().unwrap();
    let (code, text) = finish(pinhook().arg("check").current_dir(empty.path()).output().unwrap());
    if !Path::new("/etc/pinhook/pinhook.yaml").exists() {
        assert_eq!(code, 2);
        assert!(
            text.contains("no config file") && text.contains("hint: name one with --conf FILE"),
            "{text}"
        );
    }
}

#[test]
fn the_config_of_the_current_folder_is_found() {
    let (folder, _path) = conf("pinhook.yaml", "secret: x\nlisten_prt: 1\n");

    let (code, text) = finish(pinhook().arg("check").current_dir(folder.path()).output().unwrap());

    assert_eq!(code, 0);
    assert!(text.contains("pinhook.yaml:2: listen_prt: unknown key"), "{text}");
    assert!(text.contains("hint: did you mean `listen_port`?\n1 warning\n"), "{text}");
}

#[test]
fn the_environment_is_read_and_judged() {
    let (_folder, path) = conf("pinhook.yaml", "secret: x\n");

    let output =
        pinhook().args(["check", "--conf"]).arg(&path).env("TYK_GW_LISTENPORT", "http").output().unwrap();

    let (code, text) = finish(output);
    assert_eq!(code, 2);
    assert!(text.contains("error: TYK_GW_LISTENPORT: listen_port: expected an integer"), "{text}");
}

#[test]
fn wrong_arguments_exit_2() {
    for args in [&["nonsense"][..], &["run", "--port", "0"], &["echo", "--name", "a\nb"], &[]] {
        let (code, text) = run(args);
        assert_eq!(code, 2, "{args:?} {text}");
    }
    assert_eq!(run(&["--help"]).0, 0);
}

#[test]
fn echo_on_a_port_in_use_exits_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();

    let (code, text) = run(&["echo", "--listen", &address]);

    assert_eq!(code, 1);
    assert!(text.contains(&format!("cannot listen on {address}: Address already in use")), "{text}");
}

/// A running `pinhook echo`.
struct Echo {
    child: Child,
    address: String,
}

impl Echo {
    fn start(name: &str) -> Self {
        let mut child = pinhook()
            .args(["echo", "--listen", "127.0.0.1:0", "--name", name])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit("http://").next().unwrap().to_owned();
        Self { child, address }
    }

    fn connect(&self) -> Connection {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Connection(BufReader::new(stream))
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

struct Connection(BufReader<TcpStream>);

impl Connection {
    fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// The head of the next answer, in lower case.
    fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.0.read_line(&mut head).unwrap(), 0, "closed after {head:?}");
        }
        head.to_ascii_lowercase()
    }

    /// The next answer, which must be a 200 with JSON.
    fn json(&mut self) -> (String, Value) {
        let head = self.head();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let length = head.split("content-length: ").nth(1).unwrap();
        let length = length.split("\r\n").next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        (head, serde_json::from_slice(&body).unwrap())
    }
}

#[test]
fn echo_answers_what_it_saw_and_keeps_the_connection() {
    let echo = Echo::start("blue");
    let mut connection = echo.connect();

    connection.send(b"GET /a/b?x=1&y HTTP/1.1\r\nHost: h\r\nX-Two: 1\r\nX-Two: 2\r\n\r\n");
    let (head, seen) = connection.json();
    assert!(head.contains("x-upstream: blue"), "{head}");
    let expected = json!({
        "upstream": "blue", "method": "GET", "path": "/a/b", "query": "x=1&y",
        "headers": {"Host": "h", "X-Two": ["1", "2"]}, "body": ""
    });
    assert_eq!(seen, expected);

    connection.send(
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    );
    let (_, seen) = connection.json();
    assert_eq!((&seen["method"], &seen["body"]), (&json!("POST"), &json!("abcde")));
}

#[test]
fn echo_takes_large_bodies_and_refuses_huge_ones() {
    let echo = Echo::start("big");

    let mut connection = echo.connect();
    connection.send(b"PUT /big HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n");
    connection.send(&vec![b'x'; 3_000_000]);
    assert_eq!(connection.json().1["body"].as_str().unwrap().len(), 3_000_000);

    let mut connection = echo.connect();
    connection.send(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 16777217\r\n\r\n");
    connection.send(&vec![b'x'; 16_777_217]);
    assert!(connection.head().starts_with("http/1.1 413"));
}

#[test]
fn echo_answers_head_and_expect() {
    let echo = Echo::start("patient");

    let mut connection = echo.connect();
    connection.send(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(connection.head().starts_with("http/1.1 200"));
    connection.send(b"GET /after HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(connection.json().1["path"], "/after");

    connection.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert!(connection.head().starts_with("http/1.1 100"));
    connection.send(b"ok");
    assert_eq!(connection.json().1["body"], "ok");
}

/// What `plugin load` says of a file among the examples.
fn load(file: &str, symbol: &str) -> (i32, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = pinhook();
    command.env("PATH", std::env::var_os("PATH").unwrap()).current_dir(root);
    finish(command.args(["plugin", "load", "-f", file, "-s", symbol]).output().unwrap())
}

#[test]
fn a_plugin_that_loads_tells_where_it_may_be_used() {
    let native = crate::support::plugins::build("add_header");
    let go = crate::support::plugins::build_go("plugins/examples/go/stamp_response");
    let python = "plugins/examples/python/check_token.py";
    let requests = "pre, auth_check, post_key_auth, go_plugin, post";
    for (file, symbol, kinds) in [
        (native.to_str().unwrap(), "AddFooHeader", requests),
        (go.to_str().unwrap(), "StampResponse", "response\n"),
        (python, "CheckToken", "auth_check"),
    ] {
        let (code, text) = load(file, symbol);
        assert_eq!(code, 0, "{text}");
        assert!(text.contains(&format!("[file={file}, symbol={symbol}] loaded ok, driver ")), "{text}");
        assert!(text.contains(kinds), "{text}");
    }
    let both = format!("{},{python}", go.display());
    let (code, text) = load(&both, "StampResponse");
    assert_eq!(code, 2, "the second file has no such function: {text}");
    assert!(text.contains("loaded ok") && text.contains("check_token.py: "), "{text}");
}

#[test]
fn a_plugin_that_does_not_load_exits_2_and_says_why() {
    for (file, why) in [("no/such.so", "there is no such file"), ("README.md", "not an ELF")] {
        let (code, text) = load(file, "Hook");
        assert_eq!(code, 2, "{text}");
        assert!(text.contains(why), "{text}");
    }
    assert_eq!(run(&["plugin", "load", "-s", "Hook"]).0, 2);
}
