// Keeps callers at one upstream.
package main

import (
	"hash/fnv"
	"net/http"

	"github.com/TykTechnologies/tyk/ctx"
	"pinhook"
)

// Sticky runs as a pre or post hook: the cookie `sid` decides which of the upstreams in `config_data` gets this one request.
func Sticky(w http.ResponseWriter, r *http.Request) {
	if forced := r.Header.Get("Service-Address"); forced != "" {
		pinhook.SetTarget(r, forced)
		return
	}
	definition := ctx.GetDefinition(r)
	cookie, err := r.Cookie("sid")
	if definition == nil || err != nil {
		return
	}
	upstreams, _ := definition.ConfigData["upstreams"].([]interface{})
	if len(upstreams) == 0 {
		return
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(cookie.Value))
	if target, ok := upstreams[int(hash.Sum32())%len(upstreams)].(string); ok {
		pinhook.SetTarget(r, target)
	}
}

func main() {}
