use serde_json::{Value, json};

use super::{faults, made, plain, remarks, with};

/// A guarded API: its schemes in OpenAPI, those of the extension, and the requirements.
fn guarded(declared: Value, own: Value, security: Value) -> Value {
    let mut document = with(&[("server.authentication", json!({"enabled": true, "securitySchemes": own}))]);
    document["components"] = json!({"securitySchemes": declared});
    document["security"] = security;
    document
}

fn one(declared: Value, own: Value) -> Value {
    json!(made(&guarded(json!({"s": declared}), json!({"s": own}), json!([{"s": []}]))).definition)
}

#[test]
fn without_authentication_an_api_is_keyless() {
    let mut document = plain();
    document["components"] =
        json!({"securitySchemes": {"s": {"type": "apiKey", "in": "header", "name": "X"}}});
    document["security"] = json!([{"s": []}]);
    assert!(made(&document).definition.use_keyless);
    let off = with(&[("server.authentication", json!({"enabled": false}))]);
    assert!(made(&off).definition.use_keyless);
    let on = with(&[("server.authentication", json!({"enabled": true, "stripAuthorizationData": true}))]);
    assert!(!made(&on).definition.use_keyless);
    assert!(made(&on).definition.strip_auth_data);
}

#[test]
fn a_token_is_where_openapi_says_unless_the_extension_says_so() {
    let header = one(json!({"type": "apiKey", "in": "header", "name": "X-Tok"}), json!({"enabled": true}));
    let auth = &header["auth_configs"]["authToken"];
    assert_eq!(header["use_standard_auth"], true);
    assert_eq!(auth["auth_header_name"], "X-Tok");
    assert_eq!((&auth["disable_header"], &auth["name"]), (&json!(false), &json!("s")));
    let query = one(json!({"type": "apiKey", "in": "query", "name": "tok"}), json!({"enabled": true}));
    let auth = &query["auth_configs"]["authToken"];
    assert_eq!((&auth["disable_header"], &auth["use_param"]), (&json!(true), &json!(true)));
    assert_eq!(auth["param_name"], "tok");
    let own = json!({
        "enabled": true, "header": {"enabled": true, "name": "X-Own"}, "cookie": {"enabled": true, "name": "c"},
        "enableClientCertificate": true,
        "signatureValidation": {"enabled": true, "secret": "s", "errorCode": 403},
    });
    let own = one(json!({"type": "apiKey", "in": "header", "name": "X-Tok"}), own);
    let auth = &own["auth_configs"]["authToken"];
    assert_eq!((&auth["auth_header_name"], &auth["cookie_name"]), (&json!("X-Own"), &json!("c")));
    assert_eq!((&auth["use_certificate"], &auth["validate_signature"]), (&json!(true), &json!(true)));
    assert_eq!(auth["signature"]["error_code"], 403);
}

#[test]
fn http_schemes_are_basic_auth_and_tokens_with_claims() {
    let header = json!({"enabled": true, "name": "Authorization"});
    let basic = one(
        json!({"type": "http", "scheme": "basic"}),
        json!({"enabled": true, "header": header, "cacheTTL": 5,
            "extractCredentialsFromBody": {"enabled": true, "userRegexp": "u"}}),
    );
    assert_eq!(basic["use_basic_auth"], true);
    assert_eq!(
        (&basic["basic_auth"]["cache_ttl"], &basic["basic_auth"]["body_user_regexp"]),
        (&json!(5), &json!("u"))
    );
    let jwt = one(
        json!({"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}),
        json!({
            "enabled": true, "header": header, "source": "c2VjcmV0", "signingMethod": "hmac", "subjectClaims": ["sub", "id"],
            "policyFieldName": "pol", "defaultPolicies": ["p"], "issuedAtValidationSkew": 3,
            "jwksURIs": [{"url": "http://k", "cacheTimeout": "5m"}],
            "scopes": {"claims": ["scope"], "scopeToPolicyMapping": [{"scope": "read", "policyId": "p1"}]},
        }),
    );
    for (name, expected) in [
        ("enable_jwt", json!(true)),
        ("jwt_source", json!("c2VjcmV0")),
        ("jwt_signing_method", json!("hmac")),
        ("jwt_identity_base_field", json!("sub")),
        ("jwt_policy_field_name", json!("pol")),
        ("jwt_default_policies", json!(["p"])),
        ("jwt_issued_at_validation_skew", json!(3)),
        ("jwt_jwks_uris", json!([{"url": "http://k", "cache_timeout": "5m0s"}])),
    ] {
        assert_eq!(jwt[name], expected, "{name}");
    }
    assert_eq!(jwt["scopes"]["jwt"], json!({"scope_claim_name": "scope", "scope_to_policy": {"read": "p1"}}));
    assert_eq!(jwt["auth_configs"]["jwt"]["disable_header"], false);
}

#[test]
fn oauth_takes_its_grants_from_the_flows() {
    let flows = json!({"type": "oauth2", "flows": {"clientCredentials": {}, "authorizationCode": {}}});
    let own = json!({"enabled": true, "allowedAuthorizeTypes": ["code"], "refreshToken": true});
    let made = one(flows, own);
    assert_eq!(made["use_oauth2"], true);
    let grants = json!(["authorization_code", "client_credentials", "refresh_token"]);
    assert_eq!(made["oauth_meta"]["allowed_access_types"], grants);
    let external =
        one(json!({"type": "oauth2"}), json!({"enabled": true, "providers": [{"jwt": {"enabled": true}}]}));
    assert_eq!(
        (&external["external_oauth"]["enabled"], &external["use_oauth2"]),
        (&json!(true), &json!(false))
    );
}

#[test]
fn methods_without_a_scheme_are_settings_of_their_own() {
    let document = with(&[(
        "server.authentication",
        json!({
            "enabled": true, "baseIdentityProvider": "custom_auth",
            "customKeyLifetime": {"enabled": true, "value": "1m", "respectValidity": true},
            "hmac": {"enabled": true, "header": {"enabled": true, "name": "Authorization"}, "allowedClockSkew": 5},
            "custom": {"enabled": true, "header": {"enabled": true, "name": "X"}, "config": {
                "enabled": true, "functionName": "f", "path": "p",
                "idExtractor": {"enabled": true, "source": "header", "with": "value", "config": {"headerName": "X"}},
            }},
        }),
    )]);
    let made = json!(made(&document).definition);
    for (pointer, expected) in [
        ("/session_lifetime", json!(60)),
        ("/session_lifetime_respects_key_expiration", json!(true)),
        ("/enable_signature_checking", json!(true)),
        ("/hmac_allowed_clock_skew", json!(5)),
        ("/custom_plugin_auth_enabled", json!(true)),
        ("/auth_configs/coprocess/auth_header_name", json!("X")),
        ("/custom_middleware/auth_check/name", json!("f")),
        ("/custom_middleware/auth_check/disabled", json!(false)),
        ("/custom_middleware/id_extractor/disabled", json!(false)),
        ("/custom_middleware/id_extractor/extractor_config", json!({"header_name": "X"})),
    ] {
        assert_eq!(made.pointer(pointer), Some(&expected), "{pointer}");
    }
    assert_eq!(remarks(&document), []);
}

#[test]
fn only_the_first_requirement_counts_and_the_rest_is_named() {
    let token = json!({"type": "apiKey", "in": "header", "name": "X"});
    let basic = json!({"type": "http", "scheme": "basic"});
    let document = guarded(
        json!({"t": token, "b": basic}),
        json!({"t": {"enabled": true}, "b": {"enabled": true}}),
        json!([{"t": []}, {"b": []}]),
    );
    let made = made(&document);
    assert!(made.definition.use_standard_auth && !made.definition.use_basic_auth);
    let said: Vec<String> = remarks(&document).into_iter().map(|(path, _)| path).collect();
    assert_eq!(said, ["security[1]", "server.authentication.securitySchemes.b"]);
}

#[test]
fn a_scheme_that_is_not_declared_is_a_fault() {
    let mut document = guarded(json!({}), json!({"x": {"enabled": true}}), json!([{"x": []}]));
    assert_eq!(faults(&document), ["Missing required Security Scheme 'x' in Components.SecuritySchemes."]);
    document["components"] = json!({});
    assert_eq!(faults(&document), ["No components or security schemes present in OAS"]);
}
