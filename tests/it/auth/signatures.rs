//! Signed requests. The signatures of `date` alone were recorded with the real gateway.

use super::*;

const DATE: &str = "Mon, 02 Jan 2023 03:04:05 GMT";
const SHA256: &str = "L676gZecqipa8nmRlS2bxIQFOeUmzE1VXnCBh4EQbyg%3D";
const INVALID: &str = "Authorization field missing, malformed or invalid";

fn signature(key: &str, algorithm: &str, value: &str) -> String {
    format!("Signature keyId=\"{key}\",algorithm=\"{algorithm}\",signature=\"{value}\"")
}

async fn call(gateway: &Gateway, target: &str, date: &str, credential: &str) -> Response {
    gateway.get(target).header("Date", date).header("Authorization", credential).send().await
}

#[tokio::test]
async fn signed_requests() {
    let up = Upstream::named("up").await;
    let api = |id: &str| protected(id, &up).set("enable_signature_checking", true);
    let gateway = gateway([
        api("a"),
        api("skew").set("hmac_allowed_clock_skew", 1000),
        api("only").set("hmac_allowed_algorithms", json!(["hmac-sha512"])),
    ])
    .await;
    key(&gateway, "hkey", json!({ "hmac_enabled": true, "hmac_string": "hsecret" })).await;
    key(&gateway, "also", json!({ "enable_http_signature_validation": true, "hmac_string": "hsecret" }))
        .await;
    key(&gateway, "off", json!({ "hmac_string": "hsecret" })).await;
    key(&gateway, "bare", json!({ "enable_http_signature_validation": true })).await;
    key(&gateway, "rsa", json!({ "enable_http_signature_validation": true, "rsa_certificate_id": "gone" }))
        .await;
    for name in ["hkey", "also"] {
        assert_eq!(
            call(&gateway, "/a/x", DATE, &signature(name, "hmac-sha256", SHA256)).await.status,
            200,
            "{name}"
        );
    }
    for (target, date, name, algorithm, value) in [
        ("/a/x", DATE, "hkey", "hmac-sha256", "bad"),
        ("/a/x", DATE, "hkey", "hmac-sha512", SHA256),
        ("/a/x", DATE, "nobody", "hmac-sha256", SHA256),
        ("/a/x", DATE, "off", "hmac-sha256", SHA256),
        ("/a/x", DATE, "bare", "hmac-sha256", SHA256),
        ("/a/x", DATE, "hkey", "rsa-sha256", SHA256),
        ("/a/x", "2023-01-02", "hkey", "hmac-sha256", SHA256),
        ("/skew/x", DATE, "hkey", "hmac-sha256", SHA256),
        ("/only/x", DATE, "hkey", "hmac-sha256", SHA256),
    ] {
        let refusal = call(&gateway, target, date, &signature(name, algorithm, value)).await.error();
        assert_eq!(refusal, refused(400, INVALID), "{target} {date} {name} {algorithm} {value}");
    }
    let gone = call(&gateway, "/a/x", DATE, &signature("rsa", "rsa-sha256", "YQ==")).await;
    assert_eq!(gone.error(), refused(500, "Certificate not found"));
    assert_eq!(error(gateway.get("/a/x")).await, refused(400, INVALID));
}
