// A post hook, last before the upstream: wraps a JSON body, and edits method and query.
package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"

	"github.com/TykTechnologies/tyk/ctx"
	"github.com/TykTechnologies/tyk/log"
)

// Envelope runs as a post hook.
func Envelope(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || len(body) > 0 && !json.Valid(body) {
		http.Error(w, "a JSON body is needed", http.StatusBadRequest)
		return
	}
	if len(body) > 0 {
		body, err = json.Marshal(map[string]any{"api": ctx.GetDefinition(r).APIID, "data": json.RawMessage(body)})
		if err != nil {
			log.Get().WithError(err).Error("no envelope")
			http.Error(w, "no envelope", http.StatusInternalServerError)
			return
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	if r.Method == http.MethodPatch {
		r.Method = http.MethodPost
		r.Header.Set("X-HTTP-Method-Override", http.MethodPatch)
	}
	query := r.URL.Query()
	query.Del("debug")
	query.Set("via", "gateway")
	r.URL.RawQuery = query.Encode()
}

func main() {}
