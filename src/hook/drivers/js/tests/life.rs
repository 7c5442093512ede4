//! What lasts from one call to the next, and what does not.

use super::{super::engine, *};

#[test]
fn nothing_a_call_does_is_there_for_the_next() {
    // One hides what it leaves, the other does not: that is watched for in another way.
    let hidden =
        "Object.defineProperty(globalThis, 'fixed', {value: 1, configurable: !request.Params.hard});";
    for (dialect, last) in [
        (Dialect::Otto, hidden),
        (Dialect::Otto, ""),
        (Dialect::JavaScript, hidden),
        (Dialect::JavaScript, ""),
    ] {
        let text = "var count = 0; stray = (typeof stray === 'undefined' ? 0 : stray) + 1;".to_owned()
            + &handler(&format!(
                "count++;
                 request.SetHeaders.x = [count, stray, typeof leaked, [].polluted, ({{}}).polluted, typeof TykJS.x,
                     typeof m.q, typeof globalThis.fixed, String(config.config_data.tier), JSON.x].join();
                 leaked = 1;
                 try {{ Object.getPrototypeOf([]).polluted = 1; }} catch (e) {{}}
                 try {{ ({{}}).__proto__.polluted = 1; }} catch (e) {{}}
                 try {{ TykJS.x = 1; JSON.x = 1; Object.getPrototypeOf(m).q = 1; }} catch (e) {{}}
                 config.config_data.tier = 'bad';
                 {last}"
            ));
        let hook = load(dialect, &source(HookKind::Pre, &text));
        for target in ["/", "/?hard=1", "/"] {
            let left = dispatch(&*hook, HookKind::Pre, object(target)).unwrap();
            assert_eq!(header(&left, "x"), Some("1,1,undefined,,,undefined,undefined,undefined,gold,"));
        }
    }
}

#[test]
fn a_frozen_language_does_not_forbid_members_of_the_same_name() {
    let text = "function Point() {} Point.prototype.toString = function () { return 'p'; };
        function Own(t) { this.message = t; } Own.prototype = Object.create(Error.prototype);
        Own.prototype.constructor = Own; Own.prototype.name = 'Own';
        class Sub extends Array { get two() { return 2; } }
        const o = {}; o.toString = () => 'o'; o.constructor = 1; o.hasOwnProperty = 2;"
        .to_owned()
        + &handler(
            "request.SetHeaders.x = [new Point(), new Own('t').name, new Own('t').message, o, o.constructor,
                 o.hasOwnProperty, new Sub().two, Object.keys(o).length].join();",
        );
    let left = pre(Dialect::JavaScript, &text, object("/")).unwrap();
    assert_eq!(header(&left, "x"), Some("p,Own,t,o,1,2,2,3"));
}

#[test]
fn a_script_that_extends_the_language_may_for_its_own_call() {
    let text = "String.prototype.twice = function () { return this + this; };".to_owned()
        + &handler("request.SetHeaders.x = 'a'.twice() + typeof ''.later; String.prototype.later = 1;");
    let hook = load(Dialect::Otto, &source(HookKind::Pre, &text));
    for _ in 0..2 {
        let left = dispatch(&*hook, HookKind::Pre, object("/")).unwrap();
        assert_eq!(header(&left, "x"), Some("aaundefined"));
    }
}

#[test]
fn both_dialects_take_old_and_new_scripts() {
    for text in [
        "const m = new TykJS.TykMiddleware.NewMiddleware({});
         m.NewProcessRequest((request, session) => { request.SetHeaders.x = `${[1, 2].includes(2)}`;
            return m.ReturnData(request, {}); });",
        "m = new TykJS.TykMiddleware.NewMiddleware({});
         m.NewProcessRequest(function (r) { with (r) { SetHeaders.x = 'true' } return m.ReturnData(r) });",
        "const m = new TykJS.TykMiddleware.NewMiddleware({});
         m.NewProcessRequest(async (r) => { r.SetHeaders.x = 'true'; return m.ReturnData(r) }) // end",
    ] {
        for dialect in [Dialect::Otto, Dialect::JavaScript] {
            let left = pre(dialect, text, object("/")).unwrap();
            assert_eq!(header(&left, "x"), Some("true"), "{text}");
        }
    }
}

#[test]
fn contexts_go_with_their_programs() {
    let driver = driver(Dialect::Otto);
    let before = engine::live();
    for round in 0..20 {
        let text = handler(&format!("request.SetHeaders.x = '{round}';"));
        let hook = driver.load(&source(HookKind::Pre, &text)).unwrap();
        // A reload without a change is the same program.
        let again = driver.load(&source(HookKind::Pre, &text)).unwrap();
        for hook in [hook, again] {
            dispatch(&*hook, HookKind::Pre, object("/")).unwrap();
        }
        // Those of earlier rounds are gone by now.
        assert_eq!(engine::live(), before + 1, "{round}");
    }
    assert_eq!(driver.programs.lock().unwrap().len(), 1);
}

#[test]
fn a_library_runs_before_every_script() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("lib.js");
    std::fs::write(&library, "var greeting = 'hi';\n").unwrap();
    for dialect in [Dialect::Otto, Dialect::JavaScript] {
        let driver = driver_with(dialect, |settings| settings.jsvm.library = Some(library.clone()));
        let wanted = source(HookKind::Pre, &handler("request.SetHeaders.x = greeting;"));
        let left = dispatch(&*driver.load(&wanted).unwrap(), HookKind::Pre, object("/")).unwrap();
        assert_eq!(header(&left, "x"), Some("hi"));
    }
}
