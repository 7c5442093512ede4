use std::time::{Duration, SystemTime};

use serde_json::json;

use super::*;
use crate::event::EventKind;

fn event(meta: Value) -> Event {
    let Value::Object(meta) = meta else { panic!("an object") };
    Event {
        name: EventKind::AuthFailure.name().into(),
        meta,
        at: SystemTime::UNIX_EPOCH + Duration::from_millis(1500),
    }
}

fn render(text: &str, meta: Value) -> String {
    Template::parse(text, false).unwrap().render(&event(meta))
}

#[test]
fn fields_are_filled_in_and_what_is_missing_is_empty() {
    let meta = json!({ "Message": "m", "org_id": "o", "trigger_limit": 80, "HostInfo": { "CheckURL": "u" } });
    for (text, expected) in [
        ("{{.Type}} at {{ .Meta.Message }}!", "AuthFailure at m!"),
        ("{{.Meta.OrgID}} {{.Meta.org_id}} {{.Meta.TriggerLimit}}", "o o 80"),
        ("{{.Meta.HostInfo.CheckURL}}|{{.Meta.Nothing}}|{{.Meta.Message.Deeper}}", "u||"),
        ("a {{- /* note */ -}} b", "ab"),
        ("x\n {{- .Type -}} \n y", "xAuthFailurey"),
        ("{{\"a\\\"b\"}}{{`raw`}}{{7}}", "a\"braw7"),
    ] {
        assert_eq!(render(text, meta.clone()), expected, "{text}");
    }
}

#[test]
fn conditions_choose_a_branch() {
    let text = "{{if eq .Type \"KeyExpired\" \"AuthFailure\"}}{{if .Meta.Path}}P{{else}}-{{end}}\
                {{else if true}}no{{end}}";
    assert_eq!(render(text, json!({ "Path": "/x" })), "P");
    assert_eq!(render(text, json!({ "Path": "" })), "-");
    let text = "{{if and (ne .Type \"X\") (not .Meta.Off) (or .Meta.A .Meta.B)}}yes{{else}}no{{end}}";
    assert_eq!(render(text, json!({ "B": 1 })), "yes");
    assert_eq!(render(text, json!({ "B": 0 })), "no");
    assert_eq!(render(text, json!({ "B": 1, "Off": true })), "no");
    assert_eq!(render("{{if eq .Meta.N 5}}five{{end}}", json!({ "N": 5.0 })), "five");
}

#[test]
fn json_bodies_stay_json_whatever_a_client_sends() {
    let template = Template::parse("{\"key\": \"{{.Meta.Key}}\"}", true).unwrap();
    let key = "\", \"event\": \"Forged\\";
    let body = template.render(&event(json!({ "Key": key })));
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), json!({ "key": key }));
}

#[test]
fn the_time_is_gos_and_known_to_be_shown() {
    let template = Template::parse("{{if .Type}}{{.TimeStamp}}{{end}}", false).unwrap();
    assert!(template.shows_time());
    let text = template.render(&event(json!({})));
    assert!(text.contains(":01.5 +") || text.contains(":01.5 -"), "{text}");
    assert!(!Template::parse("{{.Type}}", false).unwrap().shows_time());
}

#[test]
fn what_is_not_understood_is_said() {
    for (text, part) in [
        ("{{range .Meta}}x{{end}}", "range"),
        ("{{.Meta.Key | html}}", "|"),
        ("{{$x := .Type}}", "$"),
        ("{{printf \"%s\" .Type}}", "printf"),
        ("{{.Spec.ID}}", ".Spec.ID"),
        ("{{.Meta}}", ".Meta"),
        ("{{.}}", "."),
        ("{{if .Type}}x", "end"),
        ("{{if}}x{{end}}", "missing"),
        ("x{{end}}", "without an if"),
        ("{{if .Type}}a{{else}}b{{else}}c{{end}}", "end"),
        ("{{eq .Type}}", "arguments"),
        ("{{.Type", "no end"),
        ("{{\"open}}", "no end"),
        ("{{(.Type}}", "closed"),
    ] {
        let error = Template::parse(text, false).expect_err(text);
        assert!(error.contains(part), "{text}: {error}");
    }
    let deep = "{{if .Type}}".repeat(100) + &"{{end}}".repeat(100);
    assert!(Template::parse(&deep, false).is_err());
}
