//! The functions of the matrix test as a plugin server has them.

use pinhook::hook::drivers::grpc::proto::{MiniRequestObject, Object, ReturnOverrides, SessionState};
use serde_json::{Value, json};

use crate::support::plugin_server::Reply;

/// The header in which a server says where a request goes.
pub(in crate::drivers) const ADDRESS: &str = "X-Service-Address";

pub(in crate::drivers) fn dispatch(mut object: Object) -> Reply {
    match &*object.hook_name.clone() {
        "Edit" => edit(request(&mut object)),
        "First" => append(request(&mut object), "1"),
        "Second" => append(request(&mut object), "2"),
        "Tier" => {
            let ids = format!("{}/{}", object.spec["APIID"], object.spec["OrgID"]);
            let tier = config(&object)["tier"].as_str().unwrap().to_owned();
            let request = request(&mut object);
            request.set_headers.extend([("X-Tier".into(), tier), ("X-Ids".into(), ids)]);
        }
        "Deny" => deny(request(&mut object)),
        "Move" => {
            let targets = config(&object)["targets"].clone();
            let request = request(&mut object);
            let user = request.headers.get("X-User").cloned().unwrap_or_default();
            if let Some(target) = targets[user].as_str() {
                request.set_headers.insert(ADDRESS.into(), target.into());
            }
        }
        "Path" => {
            let request = request(&mut object);
            request.url = request.url.replace("/old", "/new");
        }
        "Auth" => auth(&mut object),
        "Who" => {
            let alias = object.session.as_ref().map(|session| session.alias.clone()).unwrap_or_default();
            let who = format!("{alias}/{}", object.metadata["tier"]);
            request(&mut object).set_headers.insert("X-Who".into(), who);
        }
        "Mask" => mask(&mut object),
        "Page" => {
            let request = request(&mut object);
            let body = format!("page {}", request.headers["X-In"]);
            answer(request, 203, &body, ("X-Page", "grpc"));
        }
        "Note" => note(&mut object),
        _ => return Reply::Status(2, "on purpose"),
    }
    Reply::Object(Box::new(object))
}

fn request(object: &mut Object) -> &mut MiniRequestObject {
    object.request.as_mut().unwrap()
}

fn config(object: &Object) -> Value {
    serde_json::from_str(&object.spec["config_data"]).unwrap()
}

fn edit(request: &mut MiniRequestObject) {
    request.set_headers.extend([("X-Set".into(), "grpc".into()), ("X-Ow".into(), "new".into())]);
    request.delete_headers.push("X-Del".into());
    request.add_params.insert("b".into(), "2".into());
    request.delete_params.push("gone".into());
    if !request.raw_body.is_empty() {
        request.raw_body = [&request.raw_body[..], b"|edited"].concat().into();
    }
}

fn append(request: &mut MiniRequestObject, text: &str) {
    let before = request.headers.get("X-Order").cloned().unwrap_or_default();
    request.set_headers.insert("X-Order".into(), before + text);
}

fn answer(request: &mut MiniRequestObject, code: i32, body: &str, header: (&str, &str)) {
    request.return_overrides = Some(ReturnOverrides {
        response_code: code,
        response_body: body.into(),
        headers: [(header.0.into(), header.1.into())].into(),
        override_error: true,
        ..ReturnOverrides::default()
    });
}

fn deny(request: &mut MiniRequestObject) {
    if let Some(code) = request.headers.get("X-Code").map(|code| code.parse().unwrap()) {
        answer(request, code, "denied", ("X-Why", "because"));
    }
}

fn auth(object: &mut Object) {
    let request = request(object);
    if request.headers.get("X-Key").map(String::as_str) != Some("good") {
        return answer(request, 403, "no such key", ("X-Why", "unknown"));
    }
    object.session = Some(Box::new(SessionState {
        alias: "ann".into(),
        rate: 1000.0,
        per: 1.0,
        quota_max: -1,
        metadata: [("tier".into(), "gold".into())].into(),
        ..SessionState::default()
    }));
    object.metadata.insert("token".into(), "good".into());
}

fn mask(object: &mut Object) {
    let response = object.response.as_mut().unwrap();
    if response.status_code == 404 {
        response.status_code = 410;
    }
    response.headers.insert("X-Resp".into(), "grpc".into());
    response.headers.remove("X-Inner");
    response.raw_body = [&response.raw_body[..], b"|masked"].concat().into();
}

/// Records are ours: JSON in the metadata.
fn note(object: &mut Object) {
    let mut record: Value = serde_json::from_str(&object.metadata["record"]).unwrap();
    record["alias"] = json!("noted");
    record["tags"].as_array_mut().unwrap().push(json!("grpc"));
    object.metadata.insert("record".into(), record.to_string());
}
