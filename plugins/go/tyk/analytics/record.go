// Package analytics is where older versions of Tyk kept what is Tyk Pump's package now.
package analytics

import pump "github.com/TykTechnologies/tyk-pump/analytics"

type (
	// AnalyticsRecord is one request as it is recorded.
	AnalyticsRecord = pump.AnalyticsRecord
	// GeoData is where the client is.
	GeoData = pump.GeoData
	// NetworkStats counts connections and bytes.
	NetworkStats = pump.NetworkStats
	// Latency is in milliseconds.
	Latency = pump.Latency
)
