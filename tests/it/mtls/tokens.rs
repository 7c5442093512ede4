//! Certificates as keys, and keys that are bound to certificates.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::*;

const DISALLOWED: &str = "Access to this API has been disallowed";

fn by_certificate(id: &str, upstream: &Upstream) -> Definition {
    api(id).target(upstream).set("use_keyless", false).set("auth_configs.authToken.use_certificate", true)
}

/// Makes a key with these members.
async fn key(gateway: &Gateway, target: &str, members: Value) -> String {
    let mut session = json!({ "org_id": "org", "quota_max": -1, "access_rights": {
        "a": { "api_id": "a", "versions": ["Default"] }, "b": { "api_id": "b", "versions": ["Default"] },
    } });
    session.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let response = client(None).control(gateway, "POST", target, &session.to_string()).await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()["key"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_certificate_is_a_key_and_nothing_else_is() {
    let up = Upstream::named("up").await;
    for function in ["", "murmur64"] {
        let authority = Authority::new("CA");
        let [alice, bob, old] = ["alice", "bob", "old"].map(|name| authority.issue(name));
        let gateway = gateway([by_certificate("a", &up)], |config| {
            config.hash_key_function = function.to_owned();
        })
        .await;
        for identity in [&alice, &bob] {
            keep(&gateway, &identity.pem).await;
        }
        let token = key(&gateway, "/tyk/keys/create", json!({ "certificate": alice.id() })).await;
        key(&gateway, "/tyk/keys/create", json!({ "certificate": old.id() })).await;
        let plain = key(&gateway, "/tyk/keys/plain", json!({})).await;
        assert_eq!(client(Some(&alice)).get(&gateway, "/a/x").await.status, 200, "{function}");
        let none = client(None).with_token(&gateway, "/a/x", &token).await;
        assert_eq!(none.error(), refused(401, "Client certificate required"));
        let unknown = client(Some(&bob)).with_token(&gateway, "/a/x", &plain).await;
        assert_eq!(unknown.error(), refused(401, DISALLOWED), "the token does not count");
        let unstored = client(Some(&old)).get(&gateway, "/a/x").await;
        assert_eq!(unstored.error(), refused(403, DISALLOWED));
        let over = authority.issue_until("over", 2021);
        let over = client(Some(&over)).get(&gateway, "/a/x").await;
        assert_eq!(over.error(), refused(403, "Certificate has expired"));
    }
}

#[tokio::test]
async fn tokens_beside_certificates_have_to_be_allowed() {
    let up = Upstream::named("up").await;
    let authority = Authority::new("CA");
    let (alice, bob) = (authority.issue("alice"), authority.issue("bob"));
    let gateway = gateway([by_certificate("a", &up)], |config| {
        config.security.allow_unsafe_dynamic_mtls_token = true;
    })
    .await;
    for identity in [&alice, &bob] {
        keep(&gateway, &identity.pem).await;
    }
    let token = key(&gateway, "/tyk/keys/create", json!({ "certificate": alice.id() })).await;
    assert_eq!(client(Some(&alice)).get(&gateway, "/a/x").await.status, 200);
    assert_eq!(client(None).with_token(&gateway, "/a/x", &token).await.status, 200);
    assert_eq!(client(None).get(&gateway, "/a/x").await.error(), refused(401, "Authorization field missing"));
    // The key is now used with another certificate, and says so.
    assert_eq!(client(Some(&bob)).with_token(&gateway, "/a/x", &token).await.status, 200);
    let target = format!("/tyk/keys/{token}?org_id=org");
    let state = client(None).control(&gateway, "GET", &target, "").await.json();
    assert_eq!(state["certificate"], bob.id());
    let wrong = client(Some(&alice)).with_token(&gateway, "/a/x", "nobody").await;
    assert_eq!(wrong.error(), refused(403, DISALLOWED));
}

#[tokio::test]
async fn a_bound_key_needs_one_of_its_certificates() {
    let up = Upstream::named("up").await;
    let authority = Authority::new("CA");
    let (alice, bob) = (authority.issue("alice"), authority.issue("bob"));
    let bound = guarded("a", &up, json!([alice.id(), bob.id()])).set("use_keyless", false);
    let gateway = gateway([bound, api("b").target(&up).set("use_keyless", false)], |_| {}).await;
    for identity in [&alice, &bob] {
        keep(&gateway, &identity.pem).await;
    }
    let bound = json!({ "mtls_static_certificate_bindings": [alice.id()] });
    let token = key(&gateway, "/tyk/keys/bound", bound).await;
    let free = key(&gateway, "/tyk/keys/free", json!({})).await;
    let call = async |identity, token| client(Some(identity)).with_token(&gateway, "/a/x", token).await;
    assert_eq!(call(&alice, &token).await.status, 200);
    assert_eq!(call(&bob, &token).await.error(), refused(401, DISALLOWED));
    assert_eq!(call(&bob, &free).await.status, 200);
    assert_eq!(client(None).with_token(&gateway, "/b/x", &token).await.status, 200, "no mutual TLS there");
}

#[tokio::test]
async fn signatures_are_checked_with_stored_certificates() {
    let up = Upstream::named("up").await;
    let signed = api("a").target(&up).set("use_keyless", false).set("enable_signature_checking", true);
    let gateway = gateway([signed], |_| {}).await;
    let jwt = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/jwt");
    let public = keep(&gateway, &std::fs::read_to_string(jwt.join("rsa.pub.pem")).unwrap()).await;
    let curve = keep(&gateway, &Authority::new("CA").issue("curve").pem).await;
    let date = "Mon, 02 Jan 2023 03:04:05 GMT";
    let pair = ring_key(&jwt);
    let mut signature = vec![0; pair.public().modulus_len()];
    let random = ::ring::rand::SystemRandom::new();
    let text = format!("date: {date}");
    pair.sign(&::ring::signature::RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature).unwrap();
    let signature = STANDARD.encode(signature);
    let invalid = "Authorization field missing, malformed or invalid";
    for (id, value, expected) in [
        (&public, &signature, Ok(())),
        (&public, &"YQ==".to_owned(), Err((400, invalid))),
        (&curve, &signature, Err((500, "Certificate doesn't contain RSA Public key"))),
    ] {
        let members = json!({ "enable_http_signature_validation": true, "rsa_certificate_id": id });
        key(&gateway, "/tyk/keys/signer", members).await;
        let head = format!(
            "GET /a/x HTTP/1.1\r\nHost: one.test\r\nDate: {date}\r\n\
             Authorization: Signature keyId=\"signer\",algorithm=\"rsa-sha256\",signature=\"{value}\"\r\n\r\n"
        );
        let answer = client(None).send(&gateway, &head).await;
        match expected {
            Ok(()) => assert_eq!(answer.status, 200, "{}", answer.text()),
            Err((status, text)) => assert_eq!(answer.error(), refused(status, text)),
        }
    }
}

fn ring_key(folder: &Path) -> ::ring::signature::RsaKeyPair {
    ::ring::signature::RsaKeyPair::from_pkcs8(&std::fs::read(folder.join("rsa.pk8")).unwrap()).unwrap()
}
