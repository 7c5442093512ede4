//! What users get wrong.

use std::fs;

use super::*;

fn refusal(dialect: Dialect, source: &HookSource) -> String {
    match driver(dialect).load(source) {
        Ok(_) => panic!("{source:?} was loaded"),
        Err(error) => error.chain(),
    }
}

#[test]
fn what_does_not_parse_is_refused_with_its_place() {
    for dialect in [Dialect::Otto, Dialect::JavaScript] {
        let said = refusal(dialect, &source(HookKind::Pre, "var a;\nvar m = new ((( ;"));
        assert!(said.contains("code:2:17: SyntaxError"), "{said}");
        let said = refusal(dialect, &source(HookKind::Pre, "\n\nnull.x;"));
        assert!(said.contains("code:3:") && said.contains("TypeError"), "{said}");
        let said = refusal(dialect, &source(HookKind::Pre, "function m() {"));
        assert!(said.contains("SyntaxError"), "{said}");
    }
}

#[test]
fn what_is_not_there_is_refused() {
    let of = |text: &str| refusal(Dialect::Otto, &source(HookKind::Pre, text));
    assert!(of("var n = 1;").contains("code defines no m"));
    assert!(of("var m = 1;").contains("it is no object"));
    assert!(of("var m = {};").contains("it has no DoProcessRequest"));
    assert!(of("var m = new TykJS.TykMiddleware.NewMiddleware({});").contains("NewProcessRequest"));
    assert!(of("while (true) {}").contains("did not end"));
    let mut named = source(HookKind::Pre, "");
    named.name = "a b".into();
    assert!(refusal(Dialect::Otto, &named).contains("no name of JavaScript"));
    named.code = Code::File("/nowhere/x.js".into());
    named.name = "m".into();
    assert!(refusal(Dialect::Otto, &named).contains("/nowhere/x.js"));
    named.code = Code::File("/etc/hostname".into());
    assert!(refusal(Dialect::Otto, &named).contains(".js"));
    assert!(refusal(Dialect::Otto, &source(HookKind::Virtual, &handler(""))).contains("it is no function"));
}

#[test]
fn without_enable_jsvm_nothing_runs() {
    let driver = driver_with(Dialect::Otto, |settings| settings.jsvm.enabled = false);
    let Err(error) = driver.load(&source(HookKind::Pre, &handler(""))) else { panic!("it was loaded") };
    assert!(matches!(error, Error::Hook(HookError::SwitchedOff { setting: "enable_jsvm", .. })), "{error:?}");
}

#[test]
fn one_bad_file_is_the_trouble_of_its_own_functions_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        Code::File(path)
    };
    let lib = file("lib.js", "var shared = 'lib';\n");
    let bad = file("bad.js", "var before = 1;\nsyntax error here\n");
    let good = file("good.js", &handler("request.SetHeaders.x = shared;\nif (request.Params.f) { null.f }"));
    let twice = file("twice.js", "const shared = 1;");
    let siblings: Arc<[Code]> = [lib, bad.clone(), good.clone(), twice.clone()].into();
    let of = |code: &Code| {
        let mut wanted = source(HookKind::Pre, "");
        wanted.code = code.clone();
        wanted.siblings = siblings.clone();
        wanted
    };
    let hook = load(Dialect::Otto, &of(&good));
    assert_eq!(header(&dispatch(&*hook, HookKind::Pre, object("/")).unwrap(), "x"), Some("lib"));
    // Its own file and line, though three files make the program.
    let said = reason(dispatch(&*hook, HookKind::Pre, object("/?f=1")).unwrap_err());
    assert!(said.contains("good.js:4:") && said.contains("TypeError"), "{said}");
    let said = refusal(Dialect::Otto, &of(&bad));
    assert!(said.contains("bad.js:2:") && said.contains("SyntaxError"), "{said}");
    let said = refusal(Dialect::Otto, &of(&twice));
    assert!(said.contains("twice.js:1:") && said.contains("SyntaxError"), "{said}");
    // Of javascript each file stands alone.
    let hook = load(Dialect::JavaScript, &of(&good));
    let said = reason(dispatch(&*hook, HookKind::Pre, object("/")).unwrap_err());
    assert!(said.contains("shared is not defined"), "{said}");
}

#[test]
fn what_a_call_gets_wrong_fails_it_and_leaves_the_request_alone() {
    for (body, expected) in [
        ("throw new Error('boom');", "code:3:11: Error: boom"),
        ("throw 'text';", "it threw text"),
        ("throw null;", "it threw null"),
        ("return;", "its handler returned nothing: return m.ReturnData(...)"),
        ("return 7;", "its handler returned nothing"),
        ("return {};", "has no Request"),
        ("request.SetHeaders['X Y'] = 'a';", "no header name"),
        ("request.SetHeaders.x = 'a\\r\\nb: c';", "cannot be the value of header x"),
        ("request.SetHeaders.x = 1;", "x is int, not a text"),
        ("request.SetHeaders = 'x';", "SetHeaders is no object"),
        ("request.DeleteHeaders = {};", "DeleteHeaders is no list"),
        ("request.URL = 'http://[';", "URL"),
        ("request.ReturnOverrides.ResponseCode = 99;", "99 is no status"),
        ("request.ReturnOverrides.ResponseCode = 1000;", "1000 is no status"),
        ("request.ReturnOverrides.ResponseCode = 'x';", "ResponseCode is no whole number"),
        ("request.ReturnOverrides = {ResponseCode: 200, ResponseHeaders: {'a b': 'c'}};", "no header name"),
        ("request.Body = {};", "Body is object, not a text"),
        ("(function f() { f(); })();", "stack"),
    ] {
        let said = handler(&format!("request.SetHeaders.y = 'z'; {body}"));
        let text = handler(body);
        let failure = pre(Dialect::Otto, &text, object("/a")).unwrap_err();
        let left = failure.object.as_deref().unwrap();
        assert_eq!((left.url.path(), header(left, "x"), left.answer.is_none()), ("/a", None, true));
        let failure = reason(failure);
        assert!(failure.contains(expected), "{said}: {failure}");
    }
}

#[test]
fn an_endless_loop_is_stopped_and_the_next_call_works() {
    let text = handler("while (request.Params.f) {}\nrequest.SetHeaders.x = '1';");
    let hook = load(Dialect::Otto, &source(HookKind::Pre, &text));
    let started = std::time::Instant::now();
    let failure = dispatch(&*hook, HookKind::Pre, object("/?f=1")).unwrap_err();
    assert!(matches!(failure.error, HookError::Timeout { .. }), "{failure:?}");
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(header(&dispatch(&*hook, HookKind::Pre, object("/")).unwrap(), "x"), Some("1"));
    for endless in [
        "(function f() { Promise.resolve().then(f); })();",
        "try { while (true) {} } catch (e) {}",
        "/(a+)+$/.test(new Array(40).join('a') + 'b');",
    ] {
        let failure = pre(Dialect::Otto, &handler(endless), object("/")).unwrap_err();
        assert!(matches!(failure.error, HookError::Timeout { .. }), "{endless}: {failure:?}");
    }
}

#[test]
fn a_memory_bomb_fails_its_call_alone() {
    let driver = driver_with(Dialect::Otto, |settings| settings.script_memory = 8 << 20);
    let text = handler(
        "var all = []; while (request.Params.f) { all.push(new Array(1000).join('xyz') + all.length); }",
    );
    let mut wanted = source(HookKind::Pre, &text);
    wanted.timeout = Some(Duration::from_secs(20));
    let hook = driver.load(&wanted).unwrap();
    let said = reason(dispatch(&*hook, HookKind::Pre, object("/?f=1")).unwrap_err());
    assert!(said.contains("memory") || said.contains("null"), "{said}");
    assert!(dispatch(&*hook, HookKind::Pre, object("/")).is_ok());
}

#[test]
fn big_and_binary_bodies_pass() {
    let big = "x".repeat(10 << 20);
    let mut given = object("/");
    given.body = Some(big.clone().into());
    let mut wanted = source(HookKind::Pre, &handler("request.Body = request.Body + '!';"));
    wanted.timeout = Some(Duration::from_secs(20));
    let left = dispatch(&*load(Dialect::Otto, &wanted), HookKind::Pre, given).unwrap();
    assert_eq!(left.body.as_ref().map(|body| body.len()), Some(big.len() + 1));
    // As Tyk does: a body that is no text is damaged unless the script ignores it.
    let binary: &[u8] = b"\x00\xff\xfe\n";
    for (body, expected) in [
        ("request.IgnoreBody = true;", binary),
        ("request.SetHeaders.x = String(request.Body.length);", "\0\u{fffd}\u{fffd}\n".as_bytes()),
        ("request.SetHeaders.x = '1';", binary),
    ] {
        let mut given = object("/");
        let hook = load(Dialect::Otto, &source(HookKind::Pre, &handler(body)));
        given.body = hook.needs().request_body.then(|| binary.into());
        let left = dispatch(&*hook, HookKind::Pre, given).unwrap();
        assert_eq!(left.body.as_deref().unwrap_or(binary), expected, "{body}");
    }
}
