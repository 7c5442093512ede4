//! `/tyk/certs`, and the control API behind mutual TLS.

use serde_json::json;

use super::*;

#[tokio::test]
async fn certificates_are_kept_shown_and_removed() {
    let gateway = gateway([], |_| {}).await;
    let authority = Authority::new("CA");
    let alice = authority.issue("alice");
    let call = async |method: &str, target: &str, body: &str| {
        client(None).control(&gateway, method, target, body).await
    };
    let added = call("POST", "/tyk/certs?org_id=org", &format!("{}{}", alice.pem, alice.key)).await;
    let (id, status) = (alice.id(), added.status);
    let expected = json!({ "id": id, "status": "ok", "message": "Certificate added" });
    assert_eq!((status, added.json()), (200, expected));
    let again = call("POST", "/tyk/certs?org_id=org", &alice.pem).await;
    let message = format!("Certificate with {id} id already exists");
    assert_eq!((again.status, again.json()), (403, json!({ "status": "error", "message": message })));
    let ca = keep(&gateway, &authority.pem()).await;
    let mut ids = vec![id.clone(), ca.clone()];
    ids.sort();
    assert_eq!(call("GET", "/tyk/certs?org_id=org", "").await.json(), json!({ "certs": ids }));
    assert_eq!(call("GET", "/tyk/certs?org_id=other", "").await.json(), json!({ "certs": [] }));
    let detailed = call("GET", "/tyk/certs?org_id=org&mode=detailed", "").await.json();
    let one = detailed["certs"].as_array().unwrap().iter().find(|one| one["id"] == *id).unwrap();
    assert_eq!(
        *one,
        json!({
            "id": id, "issuer_cn": "CA", "subject_cn": "alice", "dns_names": [], "has_private": true,
            "not_before": "2020-01-01T00:00:00Z", "not_after": "2090-01-01T00:00:00Z", "is_ca": false,
        })
    );
    let meta = call("GET", &format!("/tyk/certs/{id}"), "").await.json();
    assert_eq!(meta["fingerprint"], alice.fingerprint());
    assert_eq!(meta["subject"]["CommonName"], "alice");
    let several = call("GET", &format!("/tyk/certs/{id},{ca},gone"), "").await.json();
    assert_eq!(several.as_array().unwrap().len(), 2);
    assert_eq!(several[1]["is_ca"], true);
    let removed = call("DELETE", &format!("/tyk/certs/{id}"), "").await;
    assert_eq!(removed.json(), json!({ "status": "ok", "message": "removed" }));
    let gone = call("GET", &format!("/tyk/certs/{id}"), "").await;
    let text = "Certificate with given SHA256 fingerprint not found";
    assert_eq!((gone.status, gone.json()["message"].as_str()), (404, Some(text)));
    assert_eq!(call("GET", "/tyk/certs?org_id=org", "").await.json(), json!({ "certs": [ca] }));
}

#[tokio::test]
async fn the_control_api_can_want_a_certificate_beside_its_secret() {
    let up = Upstream::named("up").await;
    let authority = Authority::new("CA");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let gateway = gateway([api("a").target(&up)], |config| {
        config.security.control_api_use_mutual_tls = true;
        config.security.certificates.control_api = vec![file.display().to_string()];
    })
    .await;
    let message =
        |response: Response| (response.status, response.json()["message"].as_str().unwrap().to_owned());
    let call = async |identity| client(identity).control(&gateway, "GET", "/tyk/apis", "").await;
    assert_eq!(message(call(None).await), refused(403, "Client TLS certificate is required"));
    let stranger = Authority::new("other").issue("mallory");
    let text = format!("Certificate with SHA256 {} not allowed", stranger.fingerprint());
    assert_eq!(message(call(Some(&stranger)).await), (403, text));
    let admin = authority.issue("admin");
    assert_eq!(call(Some(&admin)).await.status, 200);
    let keyless = client(Some(&admin)).get(&gateway, "/tyk/apis").await;
    assert_eq!(message(keyless).0, 403, "the secret is still needed");
    for target in ["/hello", "/ready", "/a/x"] {
        assert_eq!(client(None).get(&gateway, target).await.status, 200, "{target}");
    }
}
