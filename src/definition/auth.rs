//! Who may call: the objects behind the auth switches (api-definition reference 2.1).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{member::members, value::ReadableDuration};

members! {
    /// Entry of `auth_configs`, and the older `auth`: where a credential is found.
    pub struct AuthConfig {
        /// Name of the OAS security scheme.
        name: String,
        /// Looks at the query.
        use_param: bool,
        /// Query parameter; else the header's name.
        param_name: String,
        /// Looks at cookies.
        use_cookie: bool,
        /// Cookie; else the header's name.
        cookie_name: String,
        /// Does not look at headers.
        disable_header: bool,
        /// Header; `Authorization` when empty.
        auth_header_name: String,
        /// The client certificate is the credential.
        use_certificate: bool,
        /// Also checks a signature.
        validate_signature: bool,
        /// How.
        signature: SignatureConfig,
    }

    /// `auth_configs.*.signature`.
    pub struct SignatureConfig {
        /// Algorithm.
        algorithm: String,
        /// Header that holds it.
        header: String,
        /// Looks at the query.
        use_param: bool,
        /// Query parameter.
        param_name: String,
        /// Shared secret.
        secret: String,
        /// Seconds.
        allowed_clock_skew: i64,
        /// Status of a refusal; 401 when 0.
        error_code: i64,
        /// Text of a refusal.
        error_message: String,
    }

    /// `basic_auth`.
    pub struct BasicAuth {
        /// Checks the password every time.
        disable_caching: bool,
        /// Seconds.
        cache_ttl: i64,
        /// Credentials are in the body.
        extract_from_body: bool,
        /// Regex of the user.
        body_user_regexp: String,
        /// Regex of the password.
        body_password_regexp: String,
    }

    /// Entry of `jwt_jwks_uris`.
    pub struct JwksUri {
        /// Key set.
        url: String,
        /// How long it is kept.
        cache_timeout: ReadableDuration,
    }

    /// `scopes`.
    pub struct Scopes {
        /// Of JWTs.
        jwt: ScopeClaim,
        /// Of OpenID tokens.
        oidc: ScopeClaim,
    }

    /// Which claim names scopes, and the policies behind them.
    pub struct ScopeClaim {
        /// Claim.
        scope_claim_name: String => omit,
        /// Scope to policy id.
        scope_to_policy: BTreeMap<String, String> => omit,
    }

    /// `openid_options`.
    pub struct OpenIdOptions {
        /// Issuers and their clients.
        providers: Vec<OpenIdProvider>,
        /// One session per client.
        segregate_by_client: bool,
    }

    /// One OpenID issuer.
    pub struct OpenIdProvider {
        /// Issuer.
        issuer: String,
        /// Client id (base64) to policy id.
        client_ids: BTreeMap<String, String>,
    }

    /// `oauth_meta`.
    pub struct OauthMeta {
        /// Grants that give tokens.
        allowed_access_types: Vec<String>,
        /// Grants of the authorize endpoint.
        allowed_authorize_types: Vec<String>,
        /// Where a login happens.
        auth_login_redirect: String,
    }

    /// `external_oauth`.
    pub struct ExternalOauth {
        /// The switch.
        enabled: bool,
        /// Who issues tokens.
        providers: Vec<Value>,
    }

    /// `notifications`.
    pub struct Notifications {
        /// Sent along.
        shared_secret: String,
        /// Told when an OAuth key changes.
        oauth_on_keychange_url: String,
    }

    /// `auth_provider` and `session_provider`: storage engines.
    pub struct Provider {
        /// Name.
        name: String,
        /// Engine.
        storage_engine: String,
        /// Settings.
        meta: Map<String, Value>,
    }

    /// `request_signing`: signs requests to the upstream.
    pub struct RequestSigning {
        /// The switch.
        is_enabled: bool,
        /// Shared secret.
        secret: String,
        /// Key id.
        key_id: String,
        /// `hmac-sha1`, `hmac-sha256`, `hmac-sha384`, `hmac-sha512`, `rsa-sha256`.
        algorithm: String,
        /// Headers that are signed.
        header_list: Vec<String>,
        /// Certificate of the RSA key.
        certificate_id: String,
        /// Header for the signature; `Authorization` when empty.
        signature_header: String,
    }

    /// `upstream_auth`: credentials for the upstream.
    pub struct UpstreamAuth {
        /// The switch.
        enabled: bool,
        /// User and password.
        basic_auth: UpstreamBasicAuth,
        /// Tokens.
        oauth: UpstreamOauth,
    }

    /// `upstream_auth.basic_auth`.
    pub struct UpstreamBasicAuth {
        /// The switch.
        enabled: bool => omit,
        /// User.
        username: String,
        /// Password.
        password: String,
        /// Where it goes.
        header: AuthSource,
    }

    /// A header that can be switched.
    pub struct AuthSource {
        /// The switch.
        enabled: bool,
        /// Its name.
        name: String,
    }

    /// `upstream_auth.oauth`.
    pub struct UpstreamOauth {
        /// The switch.
        enabled: bool,
        /// `clientCredentials`, `password`.
        allowed_authorize_types: Vec<String>,
        /// Settings of that grant.
        client_credentials: Map<String, Value>,
        /// Settings of that grant.
        password: Map<String, Value>,
    }
}
