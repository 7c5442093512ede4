use super::*;

#[tokio::test]
async fn cjson_is_cjson() {
    let bench = Bench::new();
    for (expression, expected) in [
        ("cjson.encode({})", "{}"),
        ("cjson.encode({1, 2.5, 'a/b', true, cjson.null})", r#"[1,2.5,"a\/b",true,null]"#),
        ("cjson.encode({a = {b = 'c\\n\\1'}})", r#"{"a":{"b":"c\n\u0001"}}"#),
        ("cjson.encode({[1] = 1, [3] = 3})", "[1,null,3]"),
        ("cjson.encode(setmetatable({}, cjson.array_mt))", "[]"),
        ("cjson.encode(cjson.empty_array)", "[]"),
        ("(function() cjson.encode_empty_table_as_object(false) return cjson.encode({}) end)()", "[]"),
        ("cjson.encode({})", "{}"),
        (
            "cjson.encode(0.1) .. cjson.encode(1e15) .. ' ' .. cjson.encode(123456789012)",
            "0.11e+15 123456789012",
        ),
        ("cjson.encode({[2] = 'x', a = 1}):find('\"2\":\"x\"', 1, true) ~= nil", "true"),
        ("cjson.decode('{\"a\":[1,{\"b\":null}]}').a[2].b == cjson.null", "true"),
        ("cjson.decode('\"\\\\u00e9\"')", "\u{e9}"),
        (
            "select(2, pcall(cjson.encode, print)):match('Cannot serialise function: type not supported')",
            "Cannot serialise function: type not supported",
        ),
        (
            "select(2, require('cjson.safe').encode({[1000] = 1}))",
            "Cannot serialise table: excessively sparse array",
        ),
        (
            "select(2, require('cjson.safe').encode(0/0))",
            "Cannot serialise number: must not be NaN or Infinity",
        ),
        (
            "select(2, require('cjson.safe').decode('{x}'))",
            "Expected value but found invalid token at character 2",
        ),
        (
            "select(2, require('cjson.safe').encode((function() local t = {} t.t = t return t end)()))",
            "Cannot serialise, excessive depth (129)",
        ),
        ("require('cjson').null == cjson.null", "true"),
    ] {
        let body = format!("request.set_headers['X-Out'] = tostring({expression})");
        let left = bench.pre(&body).await.unwrap_or_else(|failure| panic!("{expression}: {}", failure.error));
        let out = left.request.headers["x-out"].as_bytes();
        assert_eq!(std::str::from_utf8(out).unwrap(), expected, "{expression}");
    }
}

#[test]
fn numbers_are_written_as_lua_writes_them() {
    for (number, text) in [
        (0.0, "0"),
        (-1.5, "-1.5"),
        (1e15, "1e+15"),
        (0.1 + 0.2, "0.3"),
        (1e-7, "1e-07"),
        (123456.789, "123456.789"),
        (1e100, "1e+100"),
        (99_999_999_999_999.0, "99999999999999"),
        (1.0 / 3.0, "0.33333333333333"),
    ] {
        assert_eq!(cjson::number(number), text);
    }
}
