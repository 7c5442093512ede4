//! Who is asked, by the name that a client wants to see.

use serde_json::json;

use super::*;

#[tokio::test]
async fn nobody_is_asked_where_no_api_cares() {
    let up = Upstream::named("up").await;
    let gateway = gateway([api("a").target(&up)], |_| {}).await;
    let client = client(None);
    assert_eq!(client.get(&gateway, "/a/x").await.status, 200);
    assert_eq!(client.asked(), None);
    gateway.put(&guarded("b", &up, json!([])));
    gateway.reload().await;
    assert_eq!(client.get(&gateway, "/a/x").await.status, 200);
    assert_eq!(client.asked(), Some(Vec::new()), "asked, and any will do: the list is empty");
}

#[tokio::test]
async fn the_names_of_other_apis_are_not_asked() {
    let up = Upstream::named("up").await;
    let authority = Authority::new("CA");
    let alice = authority.issue("alice");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let guarded = guarded("a", &up, json!([file])).set("domain", "one.test");
    let gateway = gateway([guarded, api("b").target(&up).set("domain", "two.test")], |_| {}).await;
    let one = client(Some(&alice));
    assert_eq!(one.get(&gateway, "/a/x").await.status, 200);
    let hints = one.asked().unwrap();
    assert_eq!(hints.len(), 1);
    assert!(hints[0].windows(2).any(|part| part == b"CA"), "the authority is named");
    let two = client(Some(&alice)).host("two.test");
    assert_eq!(two.get(&gateway, "/b/x").await.status, 200);
    assert_eq!(two.asked(), None);
    // The name of one API, the host of another: no certificate, no entry.
    let mixed = two.send(&gateway, "GET /a/x HTTP/1.1\r\nHost: one.test\r\n\r\n").await;
    assert_eq!(mixed.error(), refused(403, "Client TLS certificate is required"));
}

#[tokio::test]
async fn the_announcement_can_be_left_out() {
    let up = Upstream::named("up").await;
    let authority = Authority::new("CA");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let gateway = gateway([guarded("a", &up, json!([file]))], |config| {
        config.http_server_options.skip_client_ca_announcement = true;
    })
    .await;
    let client = client(None);
    client.get(&gateway, "/a/x").await;
    assert_eq!(client.asked(), Some(Vec::new()));
}
