//! `use_mutual_tls_auth`: who is on the list.

use serde_json::json;

use super::*;

fn unlisted(identity: &Identity) -> (u16, String) {
    (403, format!("Certificate with SHA256 {} not allowed", identity.fingerprint()))
}

#[tokio::test]
async fn only_who_is_listed_comes_in() {
    let up = Upstream::named("up").await;
    let authority = Authority::new("CA");
    let (alice, bob) = (authority.issue("alice"), authority.issue("bob"));
    let old = authority.issue_until("old", 2021);
    let gateway =
        gateway([guarded("a", &up, json!([alice.id(), old.id()])), api("open").target(&up)], |_| {}).await;
    assert_eq!(client(Some(&alice)).get(&gateway, "/a/x").await.error(), unlisted(&alice), "not stored yet");
    let missing = refused(403, "Client TLS certificate is required");
    assert_eq!(client(None).get(&gateway, "/a/x").await.error(), missing);
    let id = keep(&gateway, &alice.pem).await;
    assert_eq!(id, alice.id());
    for version in VERSIONS {
        let call = async |identity| client(identity).version(version).get(&gateway, "/a/x").await;
        assert_eq!(call(Some(&alice)).await.status, 200);
        assert_eq!(call(None).await.error(), missing);
        assert_eq!(call(Some(&bob)).await.error(), unlisted(&bob));
        assert_eq!(call(Some(&old)).await.error(), refused(403, "Certificate has expired"));
    }
    for identity in [None, Some(&bob), Some(&old)] {
        assert_eq!(client(identity).get(&gateway, "/open/x").await.status, 200);
    }
    assert_eq!(client(None).control(&gateway, "DELETE", &format!("/tyk/certs/{id}"), "").await.status, 200);
    assert_eq!(client(Some(&alice)).get(&gateway, "/a/x").await.error(), unlisted(&alice), "deleted");
}

#[tokio::test]
async fn an_authority_on_the_list_admits_what_it_signed() {
    let up = Upstream::named("up").await;
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    // Same name, other key.
    let impostor = Authority::new("ours");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, ours.pem()).unwrap();
    let listed = theirs.issue("listed");
    let gateway = gateway([guarded("a", &up, json!([file, "/nowhere.pem"]))], |config| {
        config.security.certificates.apis = vec![listed.id()];
    })
    .await;
    keep(&gateway, &listed.pem).await;
    let call = async |identity: &Identity| client(Some(identity)).get(&gateway, "/a/x").await;
    assert_eq!(call(&ours.issue("alice")).await.status, 200);
    assert_eq!(call(&listed).await.status, 200, "security.certificates.apis");
    for identity in [theirs.issue("bob"), impostor.issue("mallory")] {
        assert_eq!(call(&identity).await.error(), unlisted(&identity));
    }
    let old = ours.issue_until("old", 2021);
    assert_eq!(call(&old).await.error(), refused(403, "Certificate has expired"));
}

#[tokio::test]
async fn a_reload_changes_the_list_also_for_connections_that_stay() {
    let up = Upstream::named("up").await;
    let authority = Authority::new("CA");
    let (alice, bob) = (authority.issue("alice"), authority.issue("bob"));
    let gateway = gateway([guarded("a", &up, json!([alice.id()]))], |_| {}).await;
    for identity in [&alice, &bob] {
        keep(&gateway, &identity.pem).await;
    }
    let request = "GET /a/x HTTP/1.1\r\nHost: one.test\r\n\r\n";
    let mut kept = client(Some(&alice)).open(&gateway).await;
    kept.send(request).await;
    assert_eq!(kept.response().await.status, 200);
    assert_eq!(client(Some(&bob)).get(&gateway, "/a/x").await.status, 403);
    gateway.put(&guarded("a", &up, json!([bob.id()])));
    gateway.reload().await;
    assert_eq!(client(Some(&bob)).get(&gateway, "/a/x").await.status, 200);
    kept.send(request).await;
    assert_eq!(kept.response().await.error(), unlisted(&alice));
}

#[tokio::test]
async fn every_request_of_an_http2_connection_carries_its_certificate() {
    let up = Upstream::named("up").await;
    let authority = Authority::new("CA");
    let alice = authority.issue("alice");
    let gateway = gateway([guarded("a", &up, json!([alice.id()]))], |_| {}).await;
    keep(&gateway, &alice.pem).await;
    for (identity, status) in [(Some(&alice), 200), (None, 403)] {
        let stream = client(identity).connect(&gateway, b"h2").await;
        let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(async move {
            // The gateway ends with the test.
            let _ = connection.await;
        });
        for _ in 0..2 {
            let request = http::Request::get("https://one.test/a/x").body(()).unwrap();
            let (answer, _) = client.send_request(request, true).unwrap();
            assert_eq!(in_time("an answer", answer).await.unwrap().status(), status);
        }
    }
}
