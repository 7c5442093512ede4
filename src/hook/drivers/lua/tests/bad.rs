//! What scripts do wrong, and what they try to leave behind.

use super::*;

#[tokio::test]
async fn what_cannot_be_loaded_is_named() {
    let bench = Bench::new();
    for (name, text, expected) in [
        ("F", "function F(\nrequest) x = = 1 end", "hook.lua:2:"),
        ("F", "function G() end", "no global function 'F'"),
        ("F", "F = 7", "'F' but a number"),
        ("F", "error('at the top')", "hook.lua:1: at the top"),
        ("F", "while true do end", "did not end within"),
        ("F", "local m = require 'gone' function F() end", "module 'gone' not found"),
        ("F", "\x1bLJ", "compiled Lua"),
        ("", "function F() end", "names no function"),
        ("F", "call('http://x') function F() end", "waits for the gateway"),
    ] {
        let refused = bench.refused(name, text);
        assert!(refused.contains(expected), "{text}: {refused}");
    }
    let mut source = bench.source(HookKind::Pre, "F", "");
    source.code = Code::File("/nowhere/x.lua".into());
    assert!(bench.driver.load(&source).is_err());
    source.code = Code::Text("function F(request) end".into());
    assert!(bench.driver.load(&source).is_ok());
}

#[tokio::test]
async fn errors_carry_their_place() {
    let bench = Bench::new();
    let text = "local function inner() error('on purpose') end\nfunction F() inner() end";
    let failed = reason(bench.load(HookKind::Pre, "F", text).dispatch(HookKind::Pre, object()).await);
    assert!(failed.contains("hook.lua:1: on purpose") && failed.contains("stack traceback"), "{failed}");
    for (body, expected) in [
        ("return 'text'", "returned a string where a request is expected"),
        ("request.set_headers = 7", "set_headers is a"),
        ("request.set_header('X-A', {})", "X-A is a table"),
        ("request.set_header('a b', 'x')", "header name"),
        ("request.set_header('X-A', 'a\\nb')", "header X-A"),
        ("request.url = 'nowhere'", "url \"nowhere\""),
        ("request.method = 'A B'", "method \"A B\""),
        ("request.return_overrides.response_code = 7", "status 7"),
        ("request.return_overrides.response_code = 1e300", "response_code"),
        ("request.set_target('::')", "target"),
        ("local x = nil; x.y = 1", "hook.lua:2:"),
        ("error({})", "F failed"),
    ] {
        let failed = reason(bench.pre(body).await);
        assert!(failed.contains(expected), "{body}: {failed}");
    }
}

#[tokio::test]
async fn a_script_that_does_not_end_costs_its_request_alone() {
    let bench = Bench::new();
    for body in [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "local co = coroutine.wrap(function() while true do end end) co()",
        "local function f() return pcall(f) end while true do f() end",
        "for _ = 1, 1e12 do end",
        "local s = ('x'):rep(1000) while true do s:gsub('x', function() end) end",
        "local _ = ('x'):rep(1e5):find(('.-'):rep(50) .. 'y')",
        "local _ = ('x'):rep(1e6):match('(.-)%s*y$')",
        "local _ = (' '):rep(1e6):gsub('%s+y', '')",
        "for _ in ('('):rep(1e6):gmatch('%b()') do end",
        "while true do pcall(string.find, ('x'):rep(1e6), '.-.-.-y') end",
    ] {
        let failed = reason(bench.pre(body).await);
        assert!(failed.contains("did not return within 300ms"), "{body}: {failed}");
        assert_eq!(bench.eval("1 + 1").await, "2");
    }
}

#[tokio::test]
async fn a_script_that_eats_memory_costs_its_request_alone() {
    let bench = Bench::with(|settings| settings.script_memory = 8 << 20);
    for body in [
        "local t = {} for at = 1, 1e9 do t[at] = ('x'):rep(1000) .. at end",
        "local s = ('x'):rep(1e9)",
        "local s = 'x' while true do s = s .. s end",
        "local t = {} while true do pcall(function() t[#t + 1] = ('x'):rep(100000) .. #t end) end",
        "local function f(n) return 1 + f(n) end f(1)",
        "local function f() coroutine.wrap(f)() end f()",
        "local function f() ('x'):gsub('x', f) end f()",
        "local function f() table.sort({ 2, 1 }, f) end f()",
        "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k .. k] end local _ = t.x",
        "local t = setmetatable({}, {}) getmetatable(t).__tostring = function(t) return tostring(t) end tostring(t)",
        "local function f() xpcall(f, f) error('x') end f()",
        "assert(load('return ' .. ('('):rep(100000)))",
        "assert(load('return ' .. ('{'):rep(100000)))",
        "local t = {} for _ = 1, 100000 do t = { t } end cjson.encode(t)",
        "cjson.decode(('['):rep(100000))",
    ] {
        let failed = reason(bench.pre(body).await);
        let expected =
            ["memory", "overflow", "did not return", "levels", "depth", "Expected value", "error in error"];
        assert!(expected.iter().any(|text| failed.contains(text)), "{body}: {failed}");
        assert_eq!(bench.eval("1 + 1").await, "2");
    }
    // Garbage of many calls is no reason to fail.
    let text = "function F(request) local s = ('x'):rep(1e6) request.set_header('X-Out', #s) end";
    let hook = bench.load(HookKind::Pre, "F", text);
    for _ in 0..50 {
        assert_eq!(header(&hook.dispatch(HookKind::Pre, object()).await.unwrap(), "x-out"), "1000000");
    }
}

#[tokio::test]
async fn nothing_is_left_for_the_next_call() {
    let bench = Bench::new();
    let text = "count = (count or 0) + 1
        function F(request)
            request.set_header('X-Out', table.concat({ count, tostring(stray), type(string.upper),
                tostring(table.mine), ('x'):upper(), type(pairs), tostring(cjson.mine), tostring(package.loaded.mine),
                tostring(math.pi > 3), tostring(getmetatable('')), tostring(tyk.mine), #cjson.empty_array .. type(call) }, ' '))
            count, stray = 5, 'yes'
            string.upper, table.mine, cjson.mine, tyk.mine = nil, 1, 1, 1
            package.loaded.mine = 1
            cjson.empty_array[1] = 'x'
            rawset(string, 'format', nil) rawset(_G, 'pairs', nil)
            math.pi = 1
            pcall(function() getmetatable('').__index = {} end)
            pcall(setmetatable, string, { __index = function() return 1 end })
            setmetatable(_G, { __index = function() return 'trap' end })
        end";
    let hook = bench.load(HookKind::Pre, "F", text);
    for _ in 0..3 {
        let left = hook.dispatch(HookKind::Pre, object()).await.unwrap();
        assert_eq!(header(&left, "x-out"), "1 nil function nil X function nil nil true nil nil 0function");
    }
    for gone in [
        "jit",
        "ffi",
        "debug",
        "io",
        "os.execute",
        "os.getenv",
        "os.exit",
        "os.remove",
        "os.tmpname",
        "package.loadlib",
        "getfenv",
        "setfenv",
        "dofile",
        "loadfile",
        "newproxy",
        "string.dump",
        "package.preload",
    ] {
        assert_eq!(bench.eval(gone).await, "nil", "{gone}");
    }
    assert_eq!(bench.eval("pcall(require, 'ffi')").await, "false");
    assert_eq!(bench.eval("pcall(require, 'jit.util')").await, "false");
    assert_eq!(bench.eval("select(2, loadstring('\\27LJ'))").await, "attempt to load a binary chunk");
    assert_eq!(bench.eval("load('return type(request), stray')()").await, "nil");
    assert_eq!(bench.eval("load(function() return nil end) ~= nil").await, "true");
}

#[tokio::test]
async fn modules_beside_the_script_are_required() {
    let bench = Bench::new();
    std::fs::create_dir(bench.folder.path().join("lib")).unwrap();
    std::fs::write(
        bench.folder.path().join("lib/a.lua"),
        "local M = { n = 0 } loads = (loads or 0) + 1 return M",
    )
    .unwrap();
    let text = "local a = require('lib.a')
        function F(request)
            a.n = a.n + 1
            request.set_header('X-Out', a.n .. ' ' .. loads .. ' ' .. tostring(require 'lib.a' == a))
        end";
    let hook = bench.load(HookKind::Pre, "F", text);
    for _ in 0..2 {
        let left = hook.dispatch(HookKind::Pre, object()).await.unwrap();
        assert_eq!(header(&left, "x-out"), "1 1 true");
    }
    assert_eq!(bench.eval("pcall(require, '../hook')").await, "false");
}

#[tokio::test]
async fn states_of_programs_that_are_gone_are_dropped() {
    let bench = Bench::new();
    for round in 0..20 {
        let text = format!("function F(request) request.set_header('X-Out', {round}) end");
        let hook = bench.load(HookKind::Pre, "F", &text);
        let left = hook.dispatch(HookKind::Pre, object()).await.unwrap();
        assert_eq!(header(&left, "x-out"), round.to_string());
        drop(hook);
        assert!(engine::held() <= 2, "{}", engine::held());
    }
}
