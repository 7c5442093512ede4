// Package config stands in for Tyk's package of that name: what the gateway's configuration says, as far as hooks ask.
package config

import (
	"encoding/json"
	"sync"

	"pinhook/bridge"
)

// Config is the configuration of the gateway.
type Config struct {
	ListenAddress              string                  `json:"listen_address"`
	ListenPort                 int                     `json:"listen_port"`
	HostName                   string                  `json:"hostname"`
	ControlAPIPort             int                     `json:"control_api_port"`
	AppPath                    string                  `json:"app_path"`
	TemplatePath               string                  `json:"template_path"`
	MiddlewarePath             string                  `json:"middleware_path"`
	TykJSPath                  string                  `json:"tyk_js_path"`
	LogLevel                   string                  `json:"log_level"`
	UseDBAppConfigs            bool                    `json:"use_db_app_configs"`
	HashKeys                   bool                    `json:"hash_keys"`
	HashKeyFunction            string                  `json:"hash_key_function"`
	EnableAnalytics            bool                    `json:"enable_analytics"`
	EnableJSVM                 bool                    `json:"enable_jsvm"`
	EnableBundleDownloader     bool                    `json:"enable_bundle_downloader"`
	BundleBaseURL              string                  `json:"bundle_base_url"`
	EnforceOrgDataAge          bool                    `json:"enforce_org_data_age"`
	GlobalSessionLifetime      int64                   `json:"global_session_lifetime"`
	ForceGlobalSessionLifetime bool                    `json:"force_global_session_lifetime"`
	Storage                    StorageOptionsConf      `json:"storage"`
	HttpServerOptions          HttpServerOptionsConfig `json:"http_server_options"`
	DBAppConfOptions           DBAppConfOptionsConfig  `json:"db_app_conf_options"`
	CoProcessOptions           CoProcessConfig         `json:"coprocess_options"`
	Secrets                    map[string]string       `json:"secrets"`
}

// StorageOptionsConf says where Redis is.
type StorageOptionsConf struct {
	Type                  string            `json:"type"`
	Host                  string            `json:"host"`
	Port                  int               `json:"port"`
	Hosts                 map[string]string `json:"hosts"`
	Addrs                 []string          `json:"addrs"`
	MasterName            string            `json:"master_name"`
	SentinelPassword      string            `json:"sentinel_password"`
	Username              string            `json:"username"`
	Password              string            `json:"password"`
	Database              int               `json:"database"`
	MaxIdle               int               `json:"optimisation_max_idle"`
	MaxActive             int               `json:"optimisation_max_active"`
	Timeout               int               `json:"timeout"`
	EnableCluster         bool              `json:"enable_cluster"`
	UseSSL                bool              `json:"use_ssl"`
	SSLInsecureSkipVerify bool              `json:"ssl_insecure_skip_verify"`
}

// HttpServerOptionsConfig says how the gateway listens.
type HttpServerOptionsConfig struct {
	UseSSL             bool `json:"use_ssl"`
	EnableWebSockets   bool `json:"enable_websockets"`
	EnableStrictRoutes bool `json:"enable_strict_routes"`
	ReadTimeout        int  `json:"read_timeout"`
	WriteTimeout       int  `json:"write_timeout"`
}

// DBAppConfOptionsConfig says what is loaded from a dashboard.
type DBAppConfOptionsConfig struct {
	ConnectionString string   `json:"connection_string"`
	NodeIsSegmented  bool     `json:"node_is_segmented"`
	Tags             []string `json:"tags"`
}

// CoProcessConfig says how rich plugins are run.
type CoProcessConfig struct {
	EnableCoProcess     bool   `json:"enable_coprocess"`
	CoProcessGRPCServer string `json:"coprocess_grpc_server"`
}

var global = sync.OnceValue(func() Config {
	var all struct {
		Config Config `json:"config"`
	}
	if data := bridge.Settings(); len(data) > 0 {
		_ = json.Unmarshal(data, &all)
	}
	return all.Config
})

// Global is the configuration of the gateway that runs this plugin. Secrets of the gateway itself are not in it.
var Global = func() Config { return global() }
