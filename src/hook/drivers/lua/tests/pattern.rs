//! Patterns that are matched in Rust, against those that LuaJIT matches.

use std::{rc::Rc, time::Instant};

use mlua::{Function, Lua, LuaString, StdLib};
use proptest::prelude::*;

use super::super::{
    engine::{Live, STRINGS},
    pattern::register,
};
use super::*;

/// Every function of `string` that knows patterns, over the same arguments; what each gives, as one text.
const ALL: &str = r##"
    local find, match, gmatch, gsub = string.find, string.match, string.gmatch, string.gsub
    local function shown(...)
        local out = {}
        for at = 1, select("#", ...) do
            local value = select(at, ...)
            -- Where in a program an error was is not the same.
            out[at] = type(value) .. ":" .. gsub(tostring(value), "^[%w=]+:%d+: ", "")
        end
        return table.concat(out, ",")
    end
    return function(subject, pattern, init, by)
        local function each()
            local out = {}
            for a, b in gmatch(subject, pattern) do out[#out + 1] = shown(a, b) end
            return table.concat(out, ";")
        end
        return table.concat({
            shown(pcall(find, subject, pattern, init)),
            shown(pcall(match, subject, pattern, init)),
            shown(pcall(each)),
            shown(pcall(gsub, subject, pattern, by)),
            shown(pcall(gsub, subject, pattern, by, 2)),
            shown(pcall(gsub, subject, pattern, { a = "A", ab = false, [1] = "one" })),
            shown(pcall(gsub, subject, pattern, function(...) return "<" .. shown(...) .. ">" end)),
        }, "\n")
    end
"##;

fn lua(ours: bool) -> (Lua, Function) {
    let lua = Lua::new_with(StdLib::STRING | StdLib::TABLE, mlua::LuaOptions::default()).unwrap();
    if ours {
        let host = lua.create_table().unwrap();
        let live = Rc::new(Live::new(Instant::now() + Duration::from_secs(60)));
        register(&lua, &host, &live).unwrap();
        // Whatever the length.
        let text = STRINGS.replace("and #subject > limit(pattern)", "");
        assert_ne!(text, STRINGS);
        lua.load(text).set_name("=pinhook").call::<()>(host).unwrap();
    }
    let all = lua.load(ALL).set_name("=test").call(()).unwrap();
    (lua, all)
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "b", ".", "%a", "%d", "%s", "%W", "%g", "%%", "[ab]", "[^a]", "[a-c%d]", "[]]", "[%]]", "[a-]",
        "(", ")", "()", "(a", ".-)", "*", "+", "-", "?", "$", "^", "%b()", "%bxx", "%f[%a]", "%f[%z]", "%1",
        "%2", "%0", "[", "%", "%b", "%f", "-", "-", "*", "é",
    ]);
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn all_is_as_in_luajit(
        subject in "[abxc ()\\]1é\\-]{0,14}",
        pattern in pieces(),
        init in -20_i32..20,
        by in prop::sample::select(vec!["", "x", "<%0>", "%1-%1", "%2", "%%", "a%"]),
    ) {
        thread_local! {
            static BOTH: [(Lua, Function); 2] = [lua(true), lua(false)];
        }
        let shown = BOTH.with(|both| both.each_ref().map(|(_, all)| {
            let shown: LuaString = all.call((subject.as_str(), pattern.as_str(), init, by)).unwrap();
            shown.to_string_lossy()
        }));
        // Whether LuaJIT refuses those depends on what becomes of the capture.
        if !shown[0].contains("unfinished capture") {
            prop_assert_eq!(&shown[0], &shown[1]);
        }
    }
}
