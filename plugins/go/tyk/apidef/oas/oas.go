// Package oas stands in for Tyk's package of that name: OpenAPI documents with Tyk's extension.
package oas

import (
	"encoding/json"

	"github.com/getkin/kin-openapi/openapi3"
)

// ExtensionTykAPIGateway is the member of a document that Tyk reads.
const ExtensionTykAPIGateway = "x-tyk-api-gateway"

// OAS is an OpenAPI document with Tyk's extension.
type OAS struct {
	openapi3.T
}

// UnmarshalJSON reads a document; Tyk's extension becomes an *XTykAPIGateway.
func (s *OAS) UnmarshalJSON(data []byte) error {
	if err := s.T.UnmarshalJSON(data); err != nil {
		return err
	}
	var ours struct {
		Extension *XTykAPIGateway `json:"x-tyk-api-gateway"`
	}
	if err := json.Unmarshal(data, &ours); err != nil {
		return err
	}
	if ours.Extension != nil {
		s.SetTykExtension(ours.Extension)
	}
	return nil
}

// MarshalJSON writes the document.
func (s OAS) MarshalJSON() ([]byte, error) { return json.Marshal(&s.T) }

// GetTykExtension is Tyk's extension, or nil.
func (s *OAS) GetTykExtension() *XTykAPIGateway {
	found, _ := s.Extensions[ExtensionTykAPIGateway].(*XTykAPIGateway)
	return found
}

// SetTykExtension sets Tyk's extension in this copy of the document.
func (s *OAS) SetTykExtension(extension *XTykAPIGateway) {
	if s.Extensions == nil {
		s.Extensions = map[string]any{}
	}
	s.Extensions[ExtensionTykAPIGateway] = extension
}

// RemoveTykExtension takes Tyk's extension out of this copy of the document.
func (s *OAS) RemoveTykExtension() { delete(s.Extensions, ExtensionTykAPIGateway) }

// GetTykMiddleware is the middleware part of the extension, or nil.
func (s *OAS) GetTykMiddleware() *Middleware {
	if extension := s.GetTykExtension(); extension != nil {
		return extension.Middleware
	}
	return nil
}

// XTykAPIGateway is Tyk's extension.
type XTykAPIGateway struct {
	Info       Info        `json:"info"`
	Upstream   Upstream    `json:"upstream"`
	Server     Server      `json:"server"`
	Middleware *Middleware `json:"middleware,omitempty"`
}

// Info says what the API is.
type Info struct {
	ID         string      `json:"id,omitempty"`
	DBID       string      `json:"dbId,omitempty"`
	OrgID      string      `json:"orgId,omitempty"`
	Name       string      `json:"name"`
	Expiration string      `json:"expiration,omitempty"`
	State      State       `json:"state"`
	Versioning *Versioning `json:"versioning,omitempty"`
}

// State of an API.
type State struct {
	Active   bool `json:"active"`
	Internal bool `json:"internal,omitempty"`
}

// Versioning says how the version is chosen.
type Versioning struct {
	Enabled           bool          `json:"enabled"`
	Name              string        `json:"name,omitempty"`
	Default           string        `json:"default"`
	Location          string        `json:"location"`
	Key               string        `json:"key"`
	Versions          []VersionToID `json:"versions"`
	StripVersionData  bool          `json:"stripVersioningData,omitempty"`
	FallbackToDefault bool          `json:"fallbackToDefault,omitempty"`
}

// VersionToID names the API of a version.
type VersionToID struct {
	Name string `json:"name"`
	ID   string `json:"id"`
}

// Upstream says where requests go.
type Upstream struct {
	URL              string         `json:"url"`
	ServiceDiscovery map[string]any `json:"serviceDiscovery,omitempty"`
	LoadBalancing    *LoadBalancing `json:"loadBalancing,omitempty"`
	RateLimit        *RateLimit     `json:"rateLimit,omitempty"`
	Authentication   map[string]any `json:"authentication,omitempty"`
	TLSTransport     map[string]any `json:"tlsTransport,omitempty"`
	Proxy            map[string]any `json:"proxy,omitempty"`
}

// LoadBalancing names several upstreams.
type LoadBalancing struct {
	Enabled bool                  `json:"enabled"`
	Targets []LoadBalancingTarget `json:"targets,omitempty"`
}

// LoadBalancingTarget is one upstream.
type LoadBalancingTarget struct {
	URL    string `json:"url"`
	Weight int    `json:"weight"`
}

// RateLimit is a number of requests in a time.
type RateLimit struct {
	Enabled bool   `json:"enabled"`
	Rate    int    `json:"rate"`
	Per     string `json:"per"`
}

// Server says where the API listens.
type Server struct {
	ListenPath           ListenPath       `json:"listenPath"`
	Authentication       *Authentication  `json:"authentication,omitempty"`
	ClientCertificates   map[string]any   `json:"clientCertificates,omitempty"`
	GatewayTags          *GatewayTags     `json:"gatewayTags,omitempty"`
	CustomDomain         *Domain          `json:"customDomain,omitempty"`
	DetailedActivityLogs *Switch          `json:"detailedActivityLogs,omitempty"`
	DetailedTracing      *Switch          `json:"detailedTracing,omitempty"`
	EventHandlers        []map[string]any `json:"eventHandlers,omitempty"`
	IPAccessControl      map[string]any   `json:"ipAccessControl,omitempty"`
	Port                 int              `json:"port,omitempty"`
	Protocol             string           `json:"protocol,omitempty"`
	BatchProcessing      *Switch          `json:"batchProcessing,omitempty"`
}

// Switch is on or off.
type Switch struct {
	Enabled bool `json:"enabled"`
}

// ListenPath is the path of the API.
type ListenPath struct {
	Value string `json:"value"`
	Strip bool   `json:"strip,omitempty"`
}

// GatewayTags say which gateways load the API.
type GatewayTags struct {
	Enabled bool     `json:"enabled"`
	Tags    []string `json:"tags"`
}

// Domain is the host of the API.
type Domain struct {
	Enabled      bool     `json:"enabled"`
	Name         string   `json:"name"`
	Certificates []string `json:"certificates,omitempty"`
}

// Authentication says who may call.
type Authentication struct {
	Enabled                bool           `json:"enabled"`
	StripAuthorizationData bool           `json:"stripAuthorizationData,omitempty"`
	BaseIdentityProvider   string         `json:"baseIdentityProvider,omitempty"`
	SecuritySchemes        map[string]any `json:"securitySchemes,omitempty"`
	Custom                 map[string]any `json:"custom,omitempty"`
	HMAC                   map[string]any `json:"hmac,omitempty"`
	OIDC                   map[string]any `json:"oidc,omitempty"`
}
