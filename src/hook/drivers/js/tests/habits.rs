use super::super::words::Habits;

fn of(text: &str) -> Habits {
    Habits::of(&[text])
}

#[test]
fn a_script_waits_that_names_a_helper_which_does() {
    for text in ["TykMakeHttpRequest(x)", "var f = TykStorageGet;", "x = call('tyk://a/')", "callAll([])"] {
        assert!(of(text).waits, "{text}");
    }
    for text in ["f.call(this)", "Array.prototype.slice\n  .call(a)", "recall(1)", "log('x')", "b64dec(x)"] {
        assert!(!of(text).waits, "{text}");
    }
}

#[test]
fn a_script_that_cannot_meet_a_body_gets_none() {
    for text in [
        "request.Body",
        "request['Body']",
        "r.IgnoreBody = true",
        "JSON.stringify(request)",
        "for (var k in request) {}",
        "Object.keys(request)",
        "f({...request})",
    ] {
        assert!(of(text).reads_bodies, "{text}");
    }
    for text in
        ["request.SetHeaders.a = 1 // values in here for later", "o.ReturnOverrides.ResponseBody = 'x'"]
    {
        assert!(!of(text).reads_bodies, "{text}");
    }
}

#[test]
fn a_script_that_extends_the_language_is_known() {
    for text in [
        "String.prototype.f = function () {}",
        "Array.prototype['f'] = 1",
        "Math.f = 1;",
        "Object.defineProperty(Array.prototype, 'f', {})",
        "Object.assign( String.prototype, x)".replace("( ", "(").as_str(),
    ] {
        assert!(of(text).extends_language, "{text}");
    }
    for text in [
        "Array.prototype.slice.call(x)",
        "if (Object.keys == 1) {}",
        "Foo.prototype.bar = 1",
        "MyString.prototype.a = 1",
        "var f = Math.abs(x) === 2",
        "Object.assign({}, x)",
    ] {
        assert!(!of(text).extends_language, "{text}");
    }
}

#[test]
fn a_script_that_may_hide_members_is_known() {
    for text in ["Object.defineProperty(o, 'a', {})", "o.__defineGetter__('a', f)", "Reflect.set(o, 'a', 1)"]
    {
        assert!(of(text).hides_members, "{text}");
    }
    for text in ["o.a = 1", "var defined = 1; function f() {}"] {
        assert!(!of(text).hides_members, "{text}");
    }
}
