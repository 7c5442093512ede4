package user

import "time"

// AccessSpec is a path that a key may use, and with which methods.
type AccessSpec struct {
	URL     string   `json:"url"`
	Methods []string `json:"methods"`
}

// RateLimitSmoothing lets a rate limit grow and shrink with use.
type RateLimitSmoothing struct {
	Enabled   bool    `json:"enabled"`
	Threshold int64   `json:"threshold"`
	Trigger   float64 `json:"trigger"`
	Step      int64   `json:"step"`
	Delay     int64   `json:"delay"`
}

// RateLimit is a number of requests in a number of seconds.
type RateLimit struct {
	Rate      float64             `json:"rate,omitempty"`
	Per       float64             `json:"per,omitempty"`
	Smoothing *RateLimitSmoothing `json:"smoothing,omitempty"`
}

// APILimit are limits for one API.
type APILimit struct {
	RateLimit
	ThrottleInterval   float64 `json:"throttle_interval,omitempty"`
	ThrottleRetryLimit int     `json:"throttle_retry_limit,omitempty"`
	MaxQueryDepth      int     `json:"max_query_depth,omitempty"`
	QuotaMax           int64   `json:"quota_max,omitempty"`
	QuotaRenews        int64   `json:"quota_renews,omitempty"`
	QuotaRemaining     int64   `json:"quota_remaining,omitempty"`
	QuotaRenewalRate   int64   `json:"quota_renewal_rate,omitempty"`
	SetBy              string  `json:"-"`
}

// IsEmpty tells whether no limit is set.
func (l APILimit) IsEmpty() bool {
	return l.Rate == 0 && l.Per == 0 && l.ThrottleInterval == 0 && l.ThrottleRetryLimit == 0 && l.MaxQueryDepth == 0 &&
		l.QuotaMax == 0 && l.QuotaRenews == 0 && l.QuotaRemaining == 0 && l.QuotaRenewalRate == 0
}

// AccessDefinition is what a key may do with one API.
type AccessDefinition struct {
	APIName              string                  `json:"api_name"`
	APIID                string                  `json:"api_id"`
	Versions             []string                `json:"versions,omitempty"`
	AllowedURLs          []AccessSpec            `json:"allowed_urls,omitempty"`
	RestrictedTypes      []GraphQLType           `json:"restricted_types,omitempty"`
	AllowedTypes         []GraphQLType           `json:"allowed_types,omitempty"`
	Limit                APILimit                `json:"limit"`
	FieldAccessRights    []FieldAccessDefinition `json:"field_access_rights,omitempty"`
	DisableIntrospection bool                    `json:"disable_introspection,omitempty"`
	AllowanceScope       string                  `json:"allowance_scope,omitempty"`
	Endpoints            Endpoints               `json:"endpoints,omitempty"`
}

// GraphQLType names fields of a type.
type GraphQLType struct {
	Name   string   `json:"name"`
	Fields []string `json:"fields"`
}

// FieldAccessDefinition are limits for one GraphQL field.
type FieldAccessDefinition struct {
	TypeName  string      `json:"type_name"`
	FieldName string      `json:"field_name"`
	Limits    FieldLimits `json:"limits"`
}

// FieldLimits is how deep a query may go.
type FieldLimits struct {
	MaxQueryDepth int `json:"max_query_depth"`
}

type (
	// Endpoints have rate limits of their own.
	Endpoints []Endpoint
	// EndpointMethods of one endpoint.
	EndpointMethods []EndpointMethod
)

// Endpoint is a path with rate limits of its own.
type Endpoint struct {
	Path    string          `json:"path,omitempty"`
	Methods EndpointMethods `json:"methods,omitempty"`
}

// EndpointMethod is a method with a rate limit of its own.
type EndpointMethod struct {
	Name  string    `json:"name,omitempty"`
	Limit RateLimit `json:"limit,omitempty"`
}

// PolicyPartitions says which parts of a policy count.
type PolicyPartitions struct {
	Quota      bool `json:"quota"`
	RateLimit  bool `json:"rate_limit"`
	Complexity bool `json:"complexity"`
	Acl        bool `json:"acl"`
	PerAPI     bool `json:"per_api"`
}

// Policy is a template that sessions are filled from.
type Policy struct {
	MID                           string                      `json:"_id,omitempty"`
	ID                            string                      `json:"id"`
	Name                          string                      `json:"name"`
	OrgID                         string                      `json:"org_id"`
	Rate                          float64                     `json:"rate"`
	Per                           float64                     `json:"per"`
	QuotaMax                      int64                       `json:"quota_max"`
	QuotaRenewalRate              int64                       `json:"quota_renewal_rate"`
	ThrottleInterval              float64                     `json:"throttle_interval"`
	ThrottleRetryLimit            int                         `json:"throttle_retry_limit"`
	MaxQueryDepth                 int                         `json:"max_query_depth"`
	AccessRights                  map[string]AccessDefinition `json:"access_rights"`
	HMACEnabled                   bool                        `json:"hmac_enabled"`
	EnableHTTPSignatureValidation bool                        `json:"enable_http_signature_validation"`
	Active                        bool                        `json:"active"`
	IsInactive                    bool                        `json:"is_inactive"`
	DateCreated                   time.Time                   `json:"date_created"`
	Tags                          []string                    `json:"tags"`
	KeyExpiresIn                  int64                       `json:"key_expires_in"`
	Partitions                    PolicyPartitions            `json:"partitions"`
	LastUpdated                   string                      `json:"last_updated"`
	MetaData                      map[string]interface{}      `json:"meta_data"`
	Smoothing                     *RateLimitSmoothing         `json:"smoothing,omitempty"`
	PostExpiryAction              PostExpiryAction            `json:"post_expiry_action,omitempty"`
	PostExpiryGracePeriod         int64                       `json:"post_expiry_grace_period,omitempty"`
}
