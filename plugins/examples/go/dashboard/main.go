// One answer made of several: other APIs of the gateway, or any URL, asked at once.
package main

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/TykTechnologies/tyk/ctx"
	"pinhook"
)

// Dashboard runs as an endpoint hook: `config_data` has the parts by name, such as {"user": "tyk://users/me"}.
func Dashboard(w http.ResponseWriter, r *http.Request) {
	definition := ctx.GetDefinition(r)
	if definition == nil {
		return
	}
	parts, _ := definition.ConfigData["parts"].(map[string]interface{})
	names, asks := make([]string, 0, len(parts)), make([]pinhook.Ask, 0, len(parts))
	for name, url := range parts {
		if text, ok := url.(string); ok {
			names = append(names, name)
			asks = append(asks, pinhook.Ask{
				URL: text, Timeout: 2 * time.Second,
				Header: http.Header{"Authorization": r.Header["Authorization"]},
			})
		}
	}
	answer := map[string]interface{}{}
	for i, reply := range pinhook.CallAll(r, asks...) {
		var part interface{}
		switch {
		case reply.Err != nil:
			answer[names[i]] = map[string]string{"error": "no answer"}
		case json.Unmarshal(reply.Body, &part) != nil:
			answer[names[i]] = string(reply.Body)
		default:
			answer[names[i]] = part
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

func main() {}
