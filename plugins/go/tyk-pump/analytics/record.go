// Package analytics stands in for Tyk Pump's package of that name: the record that an analytics hook is given.
package analytics

import "time"

// PredefinedTagGraphAnalytics marks records of GraphQL APIs.
const PredefinedTagGraphAnalytics = "tyk-graph-analytics"

// AnalyticsRecord is one request as it is recorded. A hook may change every field.
type AnalyticsRecord struct {
	Method        string       `json:"method"`
	Host          string       `json:"host"`
	Path          string       `json:"path"`
	RawPath       string       `json:"raw_path"`
	ContentLength int64        `json:"content_length"`
	UserAgent     string       `json:"user_agent"`
	Day           int          `json:"day"`
	Month         time.Month   `json:"month"`
	Year          int          `json:"year"`
	Hour          int          `json:"hour"`
	ResponseCode  int          `json:"response_code"`
	APIKey        string       `json:"api_key"`
	TimeStamp     time.Time    `json:"timestamp"`
	APIVersion    string       `json:"api_version"`
	APIName       string       `json:"api_name"`
	APIID         string       `json:"api_id"`
	OrgID         string       `json:"org_id"`
	OauthID       string       `json:"oauth_id"`
	RequestTime   int64        `json:"request_time"`
	RawRequest    string       `json:"raw_request"`
	RawResponse   string       `json:"raw_response"`
	IPAddress     string       `json:"ip_address"`
	Geo           GeoData      `json:"geo"`
	Network       NetworkStats `json:"network"`
	Latency       Latency      `json:"latency"`
	Tags          []string     `json:"tags"`
	Alias         string       `json:"alias"`
	TrackPath     bool         `json:"track_path"`
	ExpireAt      time.Time    `json:"expireAt"`
	ApiSchema     string       `json:"api_schema"`
	OriginalPath  string       `json:"original_path"`
	ListenPath    string       `json:"listen_path"`
}

// NetworkStats counts connections and bytes.
type NetworkStats struct {
	OpenConnections  int64 `json:"open_connections"`
	ClosedConnection int64 `json:"closed_connections"`
	BytesIn          int64 `json:"bytes_in"`
	BytesOut         int64 `json:"bytes_out"`
}

// Latency is in milliseconds.
type Latency struct {
	Total    int64 `json:"total"`
	Upstream int64 `json:"upstream"`
	Gateway  int64 `json:"gateway"`
}

// GeoData is where the client is.
type GeoData struct {
	Country  Country  `json:"country"`
	City     City     `json:"city"`
	Location Location `json:"location"`
}

// Country of the client.
type Country struct {
	ISOCode string `json:"iso_code"`
}

// City of the client.
type City struct {
	GeoNameID uint              `json:"geoname_id"`
	Names     map[string]string `json:"names"`
}

// Location of the client.
type Location struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	TimeZone  string  `json:"time_zone"`
}

// IsGraphRecord tells whether the record is tagged as one of a GraphQL API.
func (a *AnalyticsRecord) IsGraphRecord() bool {
	for _, tag := range a.Tags {
		if tag == PredefinedTagGraphAnalytics {
			return true
		}
	}
	return false
}

// SetExpiry says for how many seconds the record is kept; 0 is for about a hundred years.
func (a *AnalyticsRecord) SetExpiry(seconds int64) {
	life := time.Duration(seconds) * time.Second
	if seconds == 0 {
		life = 100 * 365 * 24 * time.Hour
	}
	a.ExpireAt = time.Now().Add(life)
}

// TrimRawData cuts the raw request and response to a number of bytes.
func (a *AnalyticsRecord) TrimRawData(size int) {
	for _, text := range []*string{&a.RawRequest, &a.RawResponse} {
		if size >= 0 && len(*text) > size {
			*text = (*text)[:size]
		}
	}
}
