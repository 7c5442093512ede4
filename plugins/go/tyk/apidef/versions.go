package apidef

// VersionDefinition says how the version of an API is chosen.
type VersionDefinition struct {
	Enabled              bool              `json:"enabled"`
	Name                 string            `json:"name"`
	Default              string            `json:"default"`
	Location             string            `json:"location"`
	Key                  string            `json:"key"`
	StripPath            bool              `json:"strip_path"`
	StripVersioningData  bool              `json:"strip_versioning_data"`
	UrlVersioningPattern string            `json:"url_versioning_pattern"`
	FallbackToDefault    bool              `json:"fallback_to_default"`
	Versions             map[string]string `json:"versions"`
	BaseID               string            `json:"base_id"`
}

// VersionData are the versions of an API.
type VersionData struct {
	NotVersioned   bool                   `json:"not_versioned"`
	DefaultVersion string                 `json:"default_version"`
	Versions       map[string]VersionInfo `json:"versions"`
}

// VersionInfo is one version of an API.
type VersionInfo struct {
	Name                        string            `json:"name"`
	Expires                     string            `json:"expires"`
	Paths                       VersionInfoPaths  `json:"paths"`
	UseExtendedPaths            bool              `json:"use_extended_paths"`
	ExtendedPaths               ExtendedPathsSet  `json:"extended_paths"`
	GlobalHeaders               map[string]string `json:"global_headers"`
	GlobalHeadersRemove         []string          `json:"global_headers_remove"`
	GlobalResponseHeaders       map[string]string `json:"global_response_headers"`
	GlobalResponseHeadersRemove []string          `json:"global_response_headers_remove"`
	IgnoreEndpointCase          bool              `json:"ignore_endpoint_case"`
	GlobalSizeLimit             int64             `json:"global_size_limit"`
	OverrideTarget              string            `json:"override_target"`
}

// VersionInfoPaths are plain lists of paths.
type VersionInfoPaths struct {
	Ignored   []string `json:"ignored"`
	WhiteList []string `json:"white_list"`
	BlackList []string `json:"black_list"`
}

// EndPointMeta is a path on a list.
type EndPointMeta struct {
	Disabled      bool                          `json:"disabled"`
	Path          string                        `json:"path"`
	Method        string                        `json:"method"`
	IgnoreCase    bool                          `json:"ignore_case"`
	MethodActions map[string]EndpointMethodMeta `json:"method_actions,omitempty"`
}

// EndpointMethodMeta is what a path does with a method.
type EndpointMethodMeta struct {
	Action  EndpointMethodAction `json:"action"`
	Code    int                  `json:"code"`
	Data    string               `json:"data"`
	Headers map[string]string    `json:"headers"`
}

// TrackEndpointMeta is a path that is tracked, or not.
type TrackEndpointMeta struct {
	Disabled bool   `json:"disabled"`
	Path     string `json:"path"`
	Method   string `json:"method"`
}

// InternalMeta is a path for calls of the gateway itself.
type InternalMeta TrackEndpointMeta

// CacheMeta is a path that is cached.
type CacheMeta struct {
	Disabled               bool   `json:"disabled"`
	Method                 string `json:"method"`
	Path                   string `json:"path"`
	CacheKeyRegex          string `json:"cache_key_regex"`
	CacheOnlyResponseCodes []int  `json:"cache_response_codes"`
	Timeout                int64  `json:"timeout"`
}

// HeaderInjectionMeta adds and removes headers.
type HeaderInjectionMeta struct {
	Disabled      bool              `json:"disabled"`
	DeleteHeaders []string          `json:"delete_headers"`
	AddHeaders    map[string]string `json:"add_headers"`
	Path          string            `json:"path"`
	Method        string            `json:"method"`
	ActOnResponse bool              `json:"act_on"`
}

// HardTimeoutMeta limits how long the upstream may take.
type HardTimeoutMeta struct {
	Disabled bool   `json:"disabled"`
	Path     string `json:"path"`
	Method   string `json:"method"`
	TimeOut  int    `json:"timeout"`
}

// RequestSizeMeta limits the size of requests.
type RequestSizeMeta struct {
	Disabled  bool   `json:"disabled"`
	Path      string `json:"path"`
	Method    string `json:"method"`
	SizeLimit int64  `json:"size_limit"`
}

// CircuitBreakerMeta stops requests to an upstream that fails.
type CircuitBreakerMeta struct {
	Disabled             bool    `json:"disabled"`
	Path                 string  `json:"path"`
	Method               string  `json:"method"`
	ThresholdPercent     float64 `json:"threshold_percent"`
	Samples              int64   `json:"samples"`
	ReturnToServiceAfter int     `json:"return_to_service_after"`
	DisableHalfOpenState bool    `json:"disable_half_open_state"`
}

// StringRegexMap is a condition on a text.
type StringRegexMap struct {
	MatchPattern string `json:"match_rx"`
	Reverse      bool   `json:"reverse"`
}

// RoutingTriggerOptions are the conditions of a trigger.
type RoutingTriggerOptions struct {
	HeaderMatches         map[string]StringRegexMap `json:"header_matches"`
	QueryValMatches       map[string]StringRegexMap `json:"query_val_matches"`
	PathPartMatches       map[string]StringRegexMap `json:"path_part_matches"`
	SessionMetaMatches    map[string]StringRegexMap `json:"session_meta_matches"`
	RequestContextMatches map[string]StringRegexMap `json:"request_context_matches"`
	PayloadMatches        StringRegexMap            `json:"payload_matches"`
}

// RoutingTrigger sends a request elsewhere where its conditions hold.
type RoutingTrigger struct {
	On        RoutingTriggerOnType  `json:"on"`
	Options   RoutingTriggerOptions `json:"options"`
	RewriteTo string                `json:"rewrite_to"`
}

// URLRewriteMeta rewrites URLs.
type URLRewriteMeta struct {
	Disabled     bool             `json:"disabled"`
	Path         string           `json:"path"`
	Method       string           `json:"method"`
	MatchPattern string           `json:"match_pattern"`
	RewriteTo    string           `json:"rewrite_to"`
	Triggers     []RoutingTrigger `json:"triggers"`
}

// VirtualMeta is an endpoint that a script answers.
type VirtualMeta struct {
	Disabled             bool   `json:"disabled"`
	ResponseFunctionName string `json:"response_function_name"`
	FunctionSourceType   string `json:"function_source_type"`
	FunctionSourceURI    string `json:"function_source_uri"`
	Path                 string `json:"path"`
	Method               string `json:"method"`
	UseSession           bool   `json:"use_session"`
	ProxyOnError         bool   `json:"proxy_on_error"`
}

// GoPluginMeta is an endpoint with a hook.
type GoPluginMeta struct {
	Disabled   bool   `json:"disabled"`
	Path       string `json:"path"`
	Method     string `json:"method"`
	PluginPath string `json:"plugin_path"`
	SymbolName string `json:"func_name"`
}

// MethodTransformMeta changes methods.
type MethodTransformMeta struct {
	Disabled bool   `json:"disabled"`
	Path     string `json:"path"`
	Method   string `json:"method"`
	ToMethod string `json:"to_method"`
}

// ValidatePathMeta checks bodies.
type ValidatePathMeta struct {
	Disabled          bool                   `json:"disabled"`
	Path              string                 `json:"path"`
	Method            string                 `json:"method"`
	Schema            map[string]interface{} `json:"schema"`
	ErrorResponseCode int                    `json:"error_response_code"`
}

// ExtendedPathsSet is what single paths do.
type ExtendedPathsSet struct {
	Ignored                 []EndPointMeta        `json:"ignored,omitempty"`
	WhiteList               []EndPointMeta        `json:"white_list,omitempty"`
	BlackList               []EndPointMeta        `json:"black_list,omitempty"`
	AdvanceCacheConfig      []CacheMeta           `json:"advance_cache_config,omitempty"`
	TransformHeader         []HeaderInjectionMeta `json:"transform_headers,omitempty"`
	TransformResponseHeader []HeaderInjectionMeta `json:"transform_response_headers,omitempty"`
	HardTimeouts            []HardTimeoutMeta     `json:"hard_timeouts,omitempty"`
	CircuitBreaker          []CircuitBreakerMeta  `json:"circuit_breakers,omitempty"`
	URLRewrite              []URLRewriteMeta      `json:"url_rewrites,omitempty"`
	Virtual                 []VirtualMeta         `json:"virtual,omitempty"`
	SizeLimit               []RequestSizeMeta     `json:"size_limits,omitempty"`
	MethodTransforms        []MethodTransformMeta `json:"method_transforms,omitempty"`
	TrackEndpoints          []TrackEndpointMeta   `json:"track_endpoints,omitempty"`
	DoNotTrackEndpoints     []TrackEndpointMeta   `json:"do_not_track_endpoints,omitempty"`
	ValidateJSON            []ValidatePathMeta    `json:"validate_json,omitempty"`
	Internal                []InternalMeta        `json:"internal,omitempty"`
	GoPlugin                []GoPluginMeta        `json:"go_plugin,omitempty"`
}
