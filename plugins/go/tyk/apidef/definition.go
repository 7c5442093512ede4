// Package apidef stands in for Tyk's package of that name: Classic API definitions. Fields that hooks have no use for
// are left out; their JSON is skipped.
package apidef

// Middleware drivers and kinds of authentication, as definitions call them.
const (
	OttoDriver     MiddlewareDriver = "otto"
	PythonDriver   MiddlewareDriver = "python"
	LuaDriver      MiddlewareDriver = "lua"
	GrpcDriver     MiddlewareDriver = "grpc"
	GoPluginDriver MiddlewareDriver = "goplugin"

	AuthTokenType     = "authToken"
	JWTType           = "jwt"
	HMACType          = "hmac"
	BasicType         = "basic"
	CoprocessType     = "coprocess"
	OAuthType         = "oauth"
	ExternalOAuthType = "externalOAuth"
	OIDCType          = "oidc"
	OAuth2Type        = "oauth2"

	HeaderLocation   = "header"
	URLParamLocation = "url-param"
	URLLocation      = "url"

	AuthToken  AuthTypeEnum = "auth_token"
	CustomAuth AuthTypeEnum = "custom_auth"
	HMACKey    AuthTypeEnum = "hmac_key"
	BasicAuth  AuthTypeEnum = "basic_auth_user"
	JWTClaim   AuthTypeEnum = "jwt_claim"
	OIDCUser   AuthTypeEnum = "oidc_user"
	OAuthKey   AuthTypeEnum = "oauth_key"
	UnsetAuth  AuthTypeEnum = ""
)

type (
	// MiddlewareDriver names what runs hooks.
	MiddlewareDriver string
	// AuthTypeEnum names a kind of authentication.
	AuthTypeEnum string
	// IdExtractorSource says where an id is read.
	IdExtractorSource string
	// IdExtractorType says how an id is read.
	IdExtractorType string
	// TykEvent names an event.
	TykEvent string
	// TykEventHandlerName names a kind of event handler.
	TykEventHandlerName string
	// EndpointMethodAction says what a path does with a method.
	EndpointMethodAction string
	// RoutingTriggerOnType says how conditions are joined.
	RoutingTriggerOnType string
)

// Event handlers.
const (
	EventHandlerLogHandler     TykEventHandlerName = "eh_log_handler"
	EventHandlerWebhookHandler TykEventHandlerName = "eh_web_hook_handler"
	EventHandlerJSVMHandler    TykEventHandlerName = "eh_dynamic_handler"
)

// APIDefinition is a Classic API definition.
type APIDefinition struct {
	Id                                   string                 `json:"id,omitempty"`
	Name                                 string                 `json:"name"`
	Slug                                 string                 `json:"slug"`
	ListenPort                           int                    `json:"listen_port"`
	Protocol                             string                 `json:"protocol"`
	EnableProxyProtocol                  bool                   `json:"enable_proxy_protocol"`
	Expiration                           string                 `json:"expiration,omitempty"`
	APIID                                string                 `json:"api_id"`
	OrgID                                string                 `json:"org_id"`
	UseKeylessAccess                     bool                   `json:"use_keyless"`
	UseOauth2                            bool                   `json:"use_oauth2"`
	UseOpenID                            bool                   `json:"use_openid"`
	UseBasicAuth                         bool                   `json:"use_basic_auth"`
	UseMutualTLSAuth                     bool                   `json:"use_mutual_tls_auth"`
	UseStandardAuth                      bool                   `json:"use_standard_auth"`
	UseGoPluginAuth                      bool                   `json:"use_go_plugin_auth"`
	EnableCoProcessAuth                  bool                   `json:"enable_coprocess_auth"`
	CustomPluginAuthEnabled              bool                   `json:"custom_plugin_auth_enabled"`
	EnableJWT                            bool                   `json:"enable_jwt"`
	EnableSignatureChecking              bool                   `json:"enable_signature_checking"`
	ClientCertificates                   []string               `json:"client_certificates"`
	UpstreamCertificates                 map[string]string      `json:"upstream_certificates"`
	PinnedPublicKeys                     map[string]string      `json:"pinned_public_keys"`
	JWTSigningMethod                     string                 `json:"jwt_signing_method"`
	JWTSource                            string                 `json:"jwt_source"`
	JWTIdentityBaseField                 string                 `json:"jwt_identity_base_field"`
	JWTClientIDBaseField                 string                 `json:"jwt_client_base_field"`
	JWTPolicyFieldName                   string                 `json:"jwt_policy_field_name"`
	JWTDefaultPolicies                   []string               `json:"jwt_default_policies"`
	JWTIssuedAtValidationSkew            uint64                 `json:"jwt_issued_at_validation_skew"`
	JWTExpiresAtValidationSkew           uint64                 `json:"jwt_expires_at_validation_skew"`
	JWTNotBeforeValidationSkew           uint64                 `json:"jwt_not_before_validation_skew"`
	JWTSkipKid                           bool                   `json:"jwt_skip_kid"`
	Scopes                               Scopes                 `json:"scopes"`
	BaseIdentityProvidedBy               AuthTypeEnum           `json:"base_identity_provided_by"`
	StripAuthData                        bool                   `json:"strip_auth_data"`
	AuthConfigs                          map[string]AuthConfig  `json:"auth_configs"`
	Auth                                 AuthConfig             `json:"auth"`
	VersionDefinition                    VersionDefinition      `json:"definition"`
	VersionData                          VersionData            `json:"version_data"`
	UptimeTests                          UptimeTests            `json:"uptime_tests"`
	Proxy                                ProxyConfig            `json:"proxy"`
	DisableRateLimit                     bool                   `json:"disable_rate_limit"`
	DisableQuota                         bool                   `json:"disable_quota"`
	GlobalRateLimit                      GlobalRateLimit        `json:"global_rate_limit"`
	CustomMiddleware                     MiddlewareSection      `json:"custom_middleware"`
	CustomMiddlewareBundle               string                 `json:"custom_middleware_bundle"`
	CustomMiddlewareBundleDisabled       bool                   `json:"custom_middleware_bundle_disabled"`
	CacheOptions                         CacheOptions           `json:"cache_options"`
	SessionLifetimeRespectsKeyExpiration bool                   `json:"session_lifetime_respects_key_expiration,omitempty"`
	SessionLifetime                      int64                  `json:"session_lifetime"`
	Active                               bool                   `json:"active"`
	Internal                             bool                   `json:"internal"`
	EventHandlers                        EventHandlerMetaConfig `json:"event_handlers"`
	EnableBatchRequestSupport            bool                   `json:"enable_batch_request_support"`
	EnableIpWhiteListing                 bool                   `json:"enable_ip_whitelisting"`
	AllowedIPs                           []string               `json:"allowed_ips"`
	EnableIpBlacklisting                 bool                   `json:"enable_ip_blacklisting"`
	BlacklistedIPs                       []string               `json:"blacklisted_ips"`
	DontSetQuotasOnCreate                bool                   `json:"dont_set_quota_on_create"`
	ExpireAnalyticsAfter                 int64                  `json:"expire_analytics_after"`
	ResponseProcessors                   []ResponseProcessor    `json:"response_processors"`
	CORS                                 CORSConfig             `json:"CORS"`
	Domain                               string                 `json:"domain"`
	DomainDisabled                       bool                   `json:"domain_disabled,omitempty"`
	Certificates                         []string               `json:"certificates"`
	DoNotTrack                           bool                   `json:"do_not_track"`
	EnableContextVars                    bool                   `json:"enable_context_vars"`
	ConfigData                           map[string]interface{} `json:"config_data"`
	ConfigDataDisabled                   bool                   `json:"config_data_disabled"`
	TagHeaders                           []string               `json:"tag_headers"`
	GlobalHeaders                        map[string]string      `json:"global_headers,omitempty"`
	EnableDetailedRecording              bool                   `json:"enable_detailed_recording"`
	Tags                                 []string               `json:"tags"`
	TagsDisabled                         bool                   `json:"tags_disabled"`
	IsOAS                                bool                   `json:"is_oas,omitempty"`
	AnalyticsPlugin                      AnalyticsPluginConfig  `json:"analytics_plugin,omitempty"`
	DetailedTracing                      bool                   `json:"detailed_tracing"`
	RequestSigning                       map[string]interface{} `json:"request_signing"`
	GraphQL                              map[string]interface{} `json:"graphql"`
}

// AuthConfig says where a key is presented.
type AuthConfig struct {
	Name              string          `json:"name"`
	UseParam          bool            `json:"use_param"`
	ParamName         string          `json:"param_name"`
	UseCookie         bool            `json:"use_cookie"`
	CookieName        string          `json:"cookie_name"`
	DisableHeader     bool            `json:"disable_header"`
	AuthHeaderName    string          `json:"auth_header_name"`
	UseCertificate    bool            `json:"use_certificate"`
	ValidateSignature bool            `json:"validate_signature"`
	Signature         SignatureConfig `json:"signature,omitempty"`
}

// SignatureConfig says how a key is signed.
type SignatureConfig struct {
	Algorithm        string `json:"algorithm"`
	Header           string `json:"header"`
	UseParam         bool   `json:"use_param"`
	ParamName        string `json:"param_name"`
	Secret           string `json:"secret"`
	AllowedClockSkew int64  `json:"allowed_clock_skew"`
	ErrorCode        int    `json:"error_code"`
	ErrorMessage     string `json:"error_message"`
}

// Scopes map scopes of tokens to policies.
type Scopes struct {
	JWT  ScopeClaim `json:"jwt,omitempty"`
	OIDC ScopeClaim `json:"oidc,omitempty"`
}

// ScopeClaim maps scopes to policies.
type ScopeClaim struct {
	ScopeClaimName string            `json:"scope_claim_name,omitempty"`
	ScopeToPolicy  map[string]string `json:"scope_to_policy,omitempty"`
}

// ProxyConfig is where an API listens and where it sends.
type ProxyConfig struct {
	PreserveHostHeader          bool                          `json:"preserve_host_header"`
	ListenPath                  string                        `json:"listen_path"`
	TargetURL                   string                        `json:"target_url"`
	DisableStripSlash           bool                          `json:"disable_strip_slash"`
	StripListenPath             bool                          `json:"strip_listen_path"`
	EnableLoadBalancing         bool                          `json:"enable_load_balancing"`
	Targets                     []string                      `json:"target_list"`
	CheckHostAgainstUptimeTests bool                          `json:"check_host_against_uptime_tests"`
	ServiceDiscovery            ServiceDiscoveryConfiguration `json:"service_discovery"`
	Transport                   Transport                     `json:"transport"`
}

// Transport says how the upstream is reached.
type Transport struct {
	SSLInsecureSkipVerify   bool     `json:"ssl_insecure_skip_verify"`
	SSLCipherSuites         []string `json:"ssl_ciphers"`
	SSLMinVersion           uint16   `json:"ssl_min_version"`
	SSLMaxVersion           uint16   `json:"ssl_max_version"`
	SSLForceCommonNameCheck bool     `json:"ssl_force_common_name_check"`
	ProxyURL                string   `json:"proxy_url"`
}

// ServiceDiscoveryConfiguration says where targets are asked for.
type ServiceDiscoveryConfiguration struct {
	UseDiscoveryService bool   `json:"use_discovery_service"`
	QueryEndpoint       string `json:"query_endpoint"`
	UseNestedQuery      bool   `json:"use_nested_query"`
	ParentDataPath      string `json:"parent_data_path"`
	DataPath            string `json:"data_path"`
	PortDataPath        string `json:"port_data_path"`
	TargetPath          string `json:"target_path"`
	UseTargetList       bool   `json:"use_target_list"`
	CacheDisabled       bool   `json:"cache_disabled"`
	CacheTimeout        int64  `json:"cache_timeout"`
	EndpointReturnsList bool   `json:"endpoint_returns_list"`
}

// UptimeTests are checks of the upstream.
type UptimeTests struct {
	Disabled  bool                     `json:"disabled"`
	CheckList []map[string]interface{} `json:"check_list"`
}

// GlobalRateLimit is a rate limit of all callers together.
type GlobalRateLimit struct {
	Disabled bool    `json:"disabled"`
	Rate     float64 `json:"rate"`
	Per      float64 `json:"per"`
}

// CacheOptions say what is cached.
type CacheOptions struct {
	CacheTimeout               int64    `json:"cache_timeout"`
	EnableCache                bool     `json:"enable_cache"`
	CacheAllSafeRequests       bool     `json:"cache_all_safe_requests"`
	CacheOnlyResponseCodes     []int    `json:"cache_response_codes"`
	EnableUpstreamCacheControl bool     `json:"enable_upstream_cache_control"`
	CacheControlTTLHeader      string   `json:"cache_control_ttl_header"`
	CacheByHeaders             []string `json:"cache_by_headers"`
}

// ResponseProcessor is a step of the response chain.
type ResponseProcessor struct {
	Name    string      `json:"name"`
	Options interface{} `json:"options"`
}

// CORSConfig says which origins may call.
type CORSConfig struct {
	Enable             bool     `json:"enable"`
	AllowedOrigins     []string `json:"allowed_origins"`
	AllowedMethods     []string `json:"allowed_methods"`
	AllowedHeaders     []string `json:"allowed_headers"`
	ExposedHeaders     []string `json:"exposed_headers"`
	AllowCredentials   bool     `json:"allow_credentials"`
	MaxAge             int      `json:"max_age"`
	OptionsPassthrough bool     `json:"options_passthrough"`
	Debug              bool     `json:"debug"`
}

// EventHandlerMetaConfig are handlers by event.
type EventHandlerMetaConfig struct {
	Events map[TykEvent][]EventHandlerTriggerConfig `json:"events"`
}

// EventHandlerTriggerConfig is one handler.
type EventHandlerTriggerConfig struct {
	Handler     TykEventHandlerName    `json:"handler_name"`
	HandlerMeta map[string]interface{} `json:"handler_meta"`
}

// AnalyticsPluginConfig names the analytics hook.
type AnalyticsPluginConfig struct {
	Enabled    bool   `json:"enable"`
	PluginPath string `json:"plugin_path,omitempty"`
	FuncName   string `json:"func_name,omitempty"`
}

// MiddlewareDefinition names one hook.
type MiddlewareDefinition struct {
	Disabled       bool   `json:"disabled"`
	Name           string `json:"name"`
	Path           string `json:"path"`
	Code           string `json:"code,omitempty"`
	RequireSession bool   `json:"require_session"`
	RawBodyOnly    bool   `json:"raw_body_only"`
}

// MiddlewareIdExtractor says how an id is read from a request.
type MiddlewareIdExtractor struct {
	Disabled        bool                   `json:"disabled"`
	ExtractFrom     IdExtractorSource      `json:"extract_from"`
	ExtractWith     IdExtractorType        `json:"extract_with"`
	ExtractorConfig map[string]interface{} `json:"extractor_config"`
}

// MiddlewareSection are the hooks of an API.
type MiddlewareSection struct {
	Pre         []MiddlewareDefinition `json:"pre"`
	Post        []MiddlewareDefinition `json:"post"`
	PostKeyAuth []MiddlewareDefinition `json:"post_key_auth"`
	AuthCheck   MiddlewareDefinition   `json:"auth_check"`
	Response    []MiddlewareDefinition `json:"response"`
	TrafficLogs MiddlewareDefinition   `json:"traffic_logs"`
	Driver      MiddlewareDriver       `json:"driver"`
	IdExtractor MiddlewareIdExtractor  `json:"id_extractor"`
}

// GetAPIDomain is the domain of the API, unless it is switched off.
func (a *APIDefinition) GetAPIDomain() string {
	if a.DomainDisabled {
		return ""
	}
	return a.Domain
}
