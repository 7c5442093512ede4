package oas

// Middleware is what happens to requests.
type Middleware struct {
	Global     *Global    `json:"global,omitempty"`
	Operations Operations `json:"operations,omitempty"`
}

// Operations are settings by operation id.
type Operations map[string]*Operation

// Global holds for all operations.
type Global struct {
	PluginConfig              *PluginConfig    `json:"pluginConfig,omitempty"`
	CORS                      *CORS            `json:"cors,omitempty"`
	PrePlugin                 *PluginList      `json:"prePlugin,omitempty"`
	PrePlugins                CustomPlugins    `json:"prePlugins,omitempty"`
	PostAuthenticationPlugin  *PluginList      `json:"postAuthenticationPlugin,omitempty"`
	PostAuthenticationPlugins CustomPlugins    `json:"postAuthenticationPlugins,omitempty"`
	PostPlugin                *PluginList      `json:"postPlugin,omitempty"`
	PostPlugins               CustomPlugins    `json:"postPlugins,omitempty"`
	ResponsePlugin            *PluginList      `json:"responsePlugin,omitempty"`
	ResponsePlugins           CustomPlugins    `json:"responsePlugins,omitempty"`
	Cache                     *Cache           `json:"cache,omitempty"`
	TransformRequestHeaders   *TransformHeader `json:"transformRequestHeaders,omitempty"`
	TransformResponseHeaders  *TransformHeader `json:"transformResponseHeaders,omitempty"`
	ContextVariables          *Switch          `json:"contextVariables,omitempty"`
	TrafficLogs               *TrafficLogs     `json:"trafficLogs,omitempty"`
	RequestSizeLimit          map[string]any   `json:"requestSizeLimit,omitempty"`
	IgnoreCase                *Switch          `json:"ignoreCase,omitempty"`
	SkipRateLimit             bool             `json:"skipRateLimit,omitempty"`
	SkipQuota                 bool             `json:"skipQuota,omitempty"`
	SkipQuotaReset            bool             `json:"skipQuotaReset,omitempty"`
}

// PluginConfig is what holds for all hooks.
type PluginConfig struct {
	Driver string            `json:"driver,omitempty"`
	Bundle *PluginBundle     `json:"bundle,omitempty"`
	Data   *PluginConfigData `json:"data,omitempty"`
}

// PluginBundle names a bundle.
type PluginBundle struct {
	Enabled bool   `json:"enabled"`
	Path    string `json:"path"`
}

// PluginConfigData is handed to hooks.
type PluginConfigData struct {
	Enabled bool                   `json:"enabled"`
	Value   map[string]interface{} `json:"value"`
}

// CustomPlugins are hooks in order.
type CustomPlugins []CustomPlugin

// CustomPlugin names one hook.
type CustomPlugin struct {
	Enabled        bool   `json:"enabled"`
	FunctionName   string `json:"functionName"`
	Path           string `json:"path"`
	RawBodyOnly    bool   `json:"rawBodyOnly,omitempty"`
	RequireSession bool   `json:"requireSession,omitempty"`
}

// PluginList is the older form of a list of hooks.
type PluginList struct {
	Plugins CustomPlugins `json:"plugins,omitempty"`
}

// CORS says which origins may call.
type CORS struct {
	Enabled            bool     `json:"enabled"`
	MaxAge             int      `json:"maxAge,omitempty"`
	AllowCredentials   bool     `json:"allowCredentials,omitempty"`
	ExposedHeaders     []string `json:"exposedHeaders,omitempty"`
	AllowedHeaders     []string `json:"allowedHeaders,omitempty"`
	OptionsPassthrough bool     `json:"optionsPassthrough,omitempty"`
	Debug              bool     `json:"debug,omitempty"`
	AllowedOrigins     []string `json:"allowedOrigins,omitempty"`
	AllowedMethods     []string `json:"allowedMethods,omitempty"`
}

// Cache says what is cached.
type Cache struct {
	Enabled            bool     `json:"enabled"`
	Timeout            int64    `json:"timeout,omitempty"`
	CacheAllSafe       bool     `json:"cacheAllSafeRequests,omitempty"`
	CacheResponseCodes []int    `json:"cacheResponseCodes,omitempty"`
	CacheByHeaders     []string `json:"cacheByHeaders,omitempty"`
}

// TransformHeader adds and removes headers.
type TransformHeader struct {
	Enabled bool     `json:"enabled"`
	Remove  []string `json:"remove,omitempty"`
	Add     []Header `json:"add,omitempty"`
}

// Header is a name and a value.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// TrafficLogs say what is recorded.
type TrafficLogs struct {
	Enabled    bool          `json:"enabled"`
	TagHeaders []string      `json:"tagHeaders,omitempty"`
	Plugins    CustomPlugins `json:"plugins,omitempty"`
}

// Operation are the settings of one operation.
type Operation struct {
	Allow                    map[string]any   `json:"allow,omitempty"`
	Block                    map[string]any   `json:"block,omitempty"`
	IgnoreAuthentication     map[string]any   `json:"ignoreAuthentication,omitempty"`
	Internal                 map[string]any   `json:"internal,omitempty"`
	TransformRequestMethod   map[string]any   `json:"transformRequestMethod,omitempty"`
	TransformRequestHeaders  *TransformHeader `json:"transformRequestHeaders,omitempty"`
	TransformResponseHeaders *TransformHeader `json:"transformResponseHeaders,omitempty"`
	URLRewrite               map[string]any   `json:"urlRewrite,omitempty"`
	Cache                    map[string]any   `json:"cache,omitempty"`
	EnforceTimeout           map[string]any   `json:"enforceTimeout,omitempty"`
	ValidateRequest          map[string]any   `json:"validateRequest,omitempty"`
	MockResponse             map[string]any   `json:"mockResponse,omitempty"`
	VirtualEndpoint          map[string]any   `json:"virtualEndpoint,omitempty"`
	PostPlugins              CustomPlugins    `json:"postPlugins,omitempty"`
	CircuitBreaker           map[string]any   `json:"circuitBreaker,omitempty"`
	RateLimit                *RateLimit       `json:"rateLimit,omitempty"`
}
