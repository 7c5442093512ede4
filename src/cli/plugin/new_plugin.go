package main

import (
	"net/http"

	"github.com/TykTechnologies/tyk/ctx"
	"github.com/TykTechnologies/tyk/log"
)

var logger = log.Get()

// Request is for `pre`, `auth_check`, `post_key_auth`, `post` and for single endpoints. What it writes to w answers the
// request; without that the request goes on as it leaves it.
func Request(w http.ResponseWriter, r *http.Request) {
	if definition := ctx.GetDefinition(r); definition != nil {
		r.Header.Set("X-Api", definition.Name)
	}
	logger.Debug("a request of ", r.RemoteAddr)
}

// Response is for `response`: it edits the upstream's answer.
func Response(w http.ResponseWriter, res *http.Response, r *http.Request) {
	res.Header.Set("X-Seen", "yes")
}

func main() {}
