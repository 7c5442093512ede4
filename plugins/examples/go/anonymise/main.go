// Changes analytics records before they are stored.
package main

import "github.com/TykTechnologies/tyk-pump/analytics"

// Anonymise runs as an analytics hook.
func Anonymise(record *analytics.AnalyticsRecord) {
	record.IPAddress = ""
	record.APIKey = "hidden"
	record.Tags = append(record.Tags, "anonymised")
}

func main() {}
