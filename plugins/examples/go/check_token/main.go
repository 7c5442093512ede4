// Decides who calls, and tells the upstream.
package main

import (
	"net/http"
	"strings"

	"github.com/TykTechnologies/tyk/ctx"
	"github.com/TykTechnologies/tyk/log"
	"github.com/TykTechnologies/tyk/user"
)

var (
	logger = log.Get()
	// callers would come from a service of yours.
	callers = map[string]string{"let-ann-in": "ann", "let-bob-in": "bob"}
)

// CheckToken runs as an auth_check hook: it lets callers in with a session of five requests a minute.
func CheckToken(w http.ResponseWriter, r *http.Request) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	name, known := callers[token]
	if !known {
		logger.WithField("path", r.URL.Path).Warn("a token that nobody has")
		http.Error(w, "who are you?", http.StatusForbidden)
		return
	}
	session := &user.SessionState{
		OrgID: "default", Alias: name, KeyID: token, Rate: 5, Per: 60,
		MetaData: map[string]interface{}{"tier": "gold"},
	}
	ctx.SetSession(r, session, true)
}

// TellCaller runs as a post_key_auth hook: the upstream learns who calls and of which API.
func TellCaller(w http.ResponseWriter, r *http.Request) {
	session := ctx.GetSession(r)
	if session == nil {
		return
	}
	tier, _ := session.MetaData["tier"].(string)
	r.Header.Set("X-Caller", session.Alias)
	r.Header.Set("X-Tier", tier)
	if definition := ctx.GetDefinition(r); definition != nil {
		r.Header.Set("X-Api", definition.Name)
	}
}

func main() {}
