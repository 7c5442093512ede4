use serde_json::{Value, json};

use super::{
    super::{EXTENSION, Wishes, api_id, extend, listen_path, public, set_api_id, set_servers, tidy},
    made, plain,
};

fn imported() -> Value {
    json!({
        "openapi": "3.0.3", "info": {"title": "Pets", "version": "1"},
        "servers": [{"url": "https://{host}/srv", "variables": {"host": {"default": "h.test"}}}],
        "paths": {"/p": {"get": {"operationId": "p"}, "post": {}}},
        "components": {"securitySchemes": {"t": {"type": "apiKey", "in": "header", "name": "X"}}},
        "security": [{"t": []}],
    })
}

#[test]
fn a_plain_document_becomes_an_api() {
    let mut document = imported();
    extend(&mut document, &Wishes::default()).unwrap();
    let definition = made(&document).definition;
    assert_eq!(definition.name, "Pets");
    assert_eq!((definition.proxy.listen_path.as_str(), definition.proxy.strip_listen_path), ("/", true));
    assert_eq!(definition.proxy.target_url, "https://h.test/srv");
    assert!(definition.active && !definition.internal && definition.use_keyless);
    assert!(definition.enable_context_vars && !definition.do_not_track);
}

#[test]
fn wishes_change_the_extension_and_leave_the_rest() {
    let mut document = imported();
    let wishes = Wishes {
        upstream: Some("http://up.test".into()),
        listen_path: Some("/pets/".into()),
        domain: Some("d.test".into()),
        api_id: Some("pets".into()),
        allow_list: Some(true),
        validate: Some(false),
        mock: None,
        authentication: Some(true),
    };
    extend(&mut document, &wishes).unwrap();
    let definition = made(&document).definition;
    assert_eq!((api_id(&document), listen_path(&document)), ("pets", "/pets/"));
    assert_eq!(definition.proxy.target_url, "http://up.test");
    assert_eq!((definition.domain.as_str(), definition.domain_disabled), ("d.test", false));
    assert!(!definition.use_keyless && definition.use_standard_auth);
    let listed = &definition.version_data.versions[""].extended_paths.white_list;
    assert_eq!(listed.iter().map(|entry| entry.method.as_str()).collect::<Vec<_>>(), ["GET", "POST"]);
    let operations = &document[EXTENSION]["middleware"]["operations"];
    assert_eq!(operations["p"]["validateRequest"]["enabled"], false);
    assert_eq!(operations["p"]["mockResponse"], Value::Null);
    assert_eq!(operations["ppost"]["allow"]["enabled"], true, "an operation without id gets one");

    extend(&mut document, &Wishes { allow_list: Some(false), ..Wishes::default() }).unwrap();
    assert_eq!(document[EXTENSION]["middleware"]["operations"]["p"]["allow"]["enabled"], false);
    assert_eq!(made(&document).definition.proxy.target_url, "http://up.test");
}

#[test]
fn a_document_needs_an_upstream_that_can_be_asked() {
    for (servers, place) in [
        (json!(null), "servers"),
        (json!([{"url": "/relative"}]), "servers[0].url"),
        (json!([{"url": "http://{host}/"}]), "servers[0].url"),
    ] {
        let mut document = imported();
        document["servers"] = servers;
        assert_eq!(extend(&mut document, &Wishes::default()).unwrap_err().path, place);
    }
}

#[test]
fn servers_follow_the_listen_path() {
    let mut document = plain();
    document["servers"] = json!([{"url": "http://mine.test"}]);
    set_servers(&mut document, None, "http://g:1");
    let first = json!([{"url": "http://g:1/a"}, {"url": "/a"}, {"url": "http://mine.test"}]);
    assert_eq!(document["servers"], first);
    let old = document.clone();
    document[EXTENSION]["server"]["listenPath"]["value"] = json!("/b/");
    set_servers(&mut document, Some(&old), "http://g:1");
    let second = json!([{"url": "http://g:1/b"}, {"url": "/b"}, {"url": "http://mine.test"}]);
    assert_eq!(document["servers"], second);
}

#[test]
fn a_document_is_kept_tidy_and_shown_without_the_gateways_part() {
    let mut document = plain();
    document[EXTENSION]["middleware"] = json!({"global": {}, "operations": {}});
    document["x-pinhook"] = json!({});
    tidy(&mut document);
    assert_eq!(document["components"], json!({}));
    assert!(document[EXTENSION].get("middleware").is_none());
    set_api_id(&mut document, "new");
    assert_eq!(api_id(&document), "new");
    let shown = public(&document);
    assert!(shown.get(EXTENSION).is_none() && shown.get("x-pinhook").is_none());
    assert_eq!(shown["info"]["title"], "t");
}
