//! Security schemes: what OpenAPI says of one, joined with what the extension says under the same name.

use super::{
    super::{
        draft::Draft,
        lines::{Line, Take::*, take},
        read::Node,
    },
    SOURCES, first_of, scopes,
};

const TOKEN: &[Line] = &[
    Line("enableClientCertificate", "use_certificate", Flag),
    Line("signatureValidation.enabled", "validate_signature", Flag),
    Line("signatureValidation.algorithm", "signature.algorithm", Text),
    Line("signatureValidation.header", "signature.header", Text),
    Line("signatureValidation.query.enabled", "signature.use_param", Flag),
    Line("signatureValidation.query.name", "signature.param_name", Text),
    Line("signatureValidation.secret", "signature.secret", Text),
    Line("signatureValidation.allowedClockSkew", "signature.allowed_clock_skew", Whole),
    Line("signatureValidation.errorCode", "signature.error_code", Whole),
    Line("signatureValidation.errorMessage", "signature.error_message", Text),
];

const JWT: &[Line] = &[
    Line("enabled", "enable_jwt", Flag),
    Line("source", "jwt_source", Text),
    Line("signingMethod", "jwt_signing_method", Text),
    Line("skipKid", "jwt_skip_kid", Flag),
    Line("clientBaseField", "jwt_client_base_field", Text),
    Line("defaultPolicies", "jwt_default_policies", Texts),
    Line("issuedAtValidationSkew", "jwt_issued_at_validation_skew", Whole),
    Line("notBeforeValidationSkew", "jwt_not_before_validation_skew", Whole),
    Line("expiresAtValidationSkew", "jwt_expires_at_validation_skew", Whole),
    Line("idpClientIdMappingDisabled", "idp_client_id_mapping_disabled", Flag),
];

const BASIC: &[Line] = &[
    Line("enabled", "use_basic_auth", Flag),
    Line("disableCaching", "basic_auth.disable_caching", Flag),
    Line("cacheTTL", "basic_auth.cache_ttl", Whole),
    Line("extractCredentialsFromBody.enabled", "basic_auth.extract_from_body", Flag),
    Line("extractCredentialsFromBody.userRegexp", "basic_auth.body_user_regexp", Text),
    Line("extractCredentialsFromBody.passwordRegexp", "basic_auth.body_password_regexp", Text),
];

const OAUTH: &[Line] = &[
    Line("enabled", "use_oauth2", Flag),
    Line("allowedAuthorizeTypes", "oauth_meta.allowed_authorize_types", Texts),
    Line("authLoginRedirect", "oauth_meta.auth_login_redirect", Text),
    Line("notifications.sharedSecret", "notifications.shared_secret", Text),
    Line("notifications.onKeyChangeUrl", "notifications.oauth_on_keychange_url", Text),
];

/// Converts the schemes that `required` names; any other is named as unused.
pub(super) fn convert(document: &Node<'_>, settings: &Node<'_>, required: &[String], draft: &mut Draft) {
    let declared = document.at("components.securitySchemes");
    for name in required {
        let (scheme, own) = (declared.member(name), settings.member(name));
        if !scheme.exists() {
            continue;
        }
        match scheme.member("type").text().unwrap_or_default().as_str() {
            "apiKey" => token(name, &scheme, &own, draft),
            "http" => http(name, &scheme, &own, draft),
            "oauth2" => oauth(name, &scheme, &own, draft),
            "openIdConnect" => {
                draft.remark(&scheme, "has no effect: oidc of the extension says what is checked")
            }
            _ => scheme
                .member("type")
                .fault("must be one of the following: \"apiKey\", \"http\", \"oauth2\", \"openIdConnect\""),
        }
    }
    for (name, own) in settings.members() {
        if !required.contains(&name) {
            own.claim();
            draft.remark(&own, "has no effect: the first requirement of security does not name it");
        }
    }
}

/// Name of the scheme, and where its credential is found.
fn sources(name: &str, own: &Node<'_>, place: &str, draft: &mut Draft) {
    take(SOURCES, own, place, draft);
    draft.put(&format!("{place}.name"), name, own.path());
}

fn token(name: &str, scheme: &Node<'_>, own: &Node<'_>, draft: &mut Draft) {
    const PLACE: &str = "auth_configs.authToken";
    let on = own.member("enabled");
    if !on.is_on() && draft.is_on("use_standard_auth") {
        // Of several token schemes in one requirement the one that is on counts.
        own.claim();
        return;
    }
    draft.put("use_standard_auth", on.is_on(), on.path());
    let (place, key) = (scheme.member("in"), scheme.member("name"));
    let wanted = place.text().unwrap_or_default();
    sources(name, own, PLACE, draft);
    take(TOKEN, own, PLACE, draft);
    let (switch, to, value) = match wanted.as_str() {
        "header" => ("disable_header", "auth_header_name", false),
        "query" => ("use_param", "param_name", true),
        "cookie" => ("use_cookie", "cookie_name", true),
        _ => return place.fault("must be one of the following: \"header\", \"query\", \"cookie\""),
    };
    let source = own.member(&wanted);
    if !source.member("enabled").exists() {
        draft.put(&format!("{PLACE}.{switch}"), value, place.path());
    }
    if let Some(key) = key.text().filter(|_| !source.member("name").exists()) {
        draft.put(&format!("{PLACE}.{to}"), key, scheme.path());
    }
}

fn http(name: &str, scheme: &Node<'_>, own: &Node<'_>, draft: &mut Draft) {
    let kind = scheme.member("scheme");
    scheme.member("bearerFormat").claim();
    match kind.text().unwrap_or_default().to_ascii_lowercase().as_str() {
        "basic" => {
            take(BASIC, own, "", draft);
            sources(name, own, "auth_configs.basic", draft);
        }
        "bearer" => {
            take(JWT, own, "", draft);
            sources(name, own, "auth_configs.jwt", draft);
            first_of(own, ["identityBaseField", "subjectClaims"], "jwt_identity_base_field", draft);
            first_of(own, ["policyFieldName", "basePolicyClaims"], "jwt_policy_field_name", draft);
            scopes(&own.member("scopes"), "scopes.jwt", draft);
            for uri in own.member("jwksURIs").items() {
                let mut made = Draft::default();
                let table = &[Line("url", "url", Text), Line("cacheTimeout", "cache_timeout", Text)];
                take(table, &uri, "", &mut made);
                draft.push("jwt_jwks_uris", made, uri.path());
            }
        }
        _ => kind.fault("must be one of the following: \"basic\", \"bearer\""),
    }
}

fn oauth(name: &str, scheme: &Node<'_>, own: &Node<'_>, draft: &mut Draft) {
    if own.member("providers").exists() {
        let table: &[Line] = &[
            Line("enabled", "external_oauth.enabled", Flag),
            Line("providers", "external_oauth.providers", Raw),
        ];
        take(table, own, "", draft);
        return sources(name, own, "auth_configs.externalOAuth", draft);
    }
    take(OAUTH, own, "", draft);
    sources(name, own, "auth_configs.oauth", draft);
    let flows = scheme.member("flows");
    let flow = |name: &str| flows.member(name).exists();
    let grants: Vec<&str> = [
        ("authorization_code", flow("authorizationCode")),
        ("client_credentials", flow("clientCredentials")),
        ("password", flow("password")),
        ("refresh_token", own.member("refreshToken").is_on()),
    ]
    .into_iter()
    .filter_map(|(grant, on)| on.then_some(grant))
    .collect();
    draft.put("oauth_meta.allowed_access_types", grants, flows.path());
}
