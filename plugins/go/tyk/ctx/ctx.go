// Package ctx stands in for Tyk's package of that name: what a request's context holds.
package ctx

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/TykTechnologies/tyk/apidef"
	"github.com/TykTechnologies/tyk/apidef/oas"
	"github.com/TykTechnologies/tyk/log"
	"github.com/TykTechnologies/tyk/user"
	"pinhook/bridge"
)

// Key names something in a request's context.
type Key uint

// Keys, numbered as in Tyk. Session, token and definitions are there; the others are Tyk's own business.
const (
	SessionData Key = iota
	UpdateSession
	AuthToken
	HashedAuthToken
	VersionData
	VersionName
	VersionDefault
	OrgSessionContext
	ContextData
	RetainHost
	TrackThisEndpoint
	DoNotTrackThisEndpoint
	UrlRewritePath
	RequestMethod
	OrigRequestURL
	LoopLevel
	LoopLevelLimit
	ThrottleLevel
	ThrottleLevelLimit
	Trace
	CheckLoopLimits
	UrlRewriteTarget
	TransformedRequestMethod
	Definition
	RequestStatus
	GraphQLRequest
	GraphQLIsWebSocketUpgrade
	OASOperation
	CacheOptions
	OASDefinition
	SelfLooping
	RequestStartTime
)

func init() { bridge.Lookup = lookup }

func lookup(call *bridge.Call, name any) any {
	key, ok := name.(Key)
	if !ok {
		return nil
	}
	switch key {
	case SessionData:
		if session := session(call); session != nil {
			return session
		}
	case AuthToken:
		if call.Token != "" {
			return call.Token
		}
	case Definition:
		if found := definition(call); found != nil {
			return found
		}
	case OASDefinition:
		if found := oasDefinition(call); found != nil {
			return found
		}
	}
	return nil
}

func session(call *bridge.Call) *user.SessionState {
	if call.Session == nil && call.RawSession != "" {
		decoded := &user.SessionState{}
		if err := json.Unmarshal([]byte(call.RawSession), decoded); err != nil {
			log.Get().WithError(err).Error("the session of a request cannot be read")
			return nil
		}
		call.Before, _ = json.Marshal(decoded)
		decoded.KeyID = call.Token
		call.Session = decoded
	}
	found, _ := call.Session.(*user.SessionState)
	return found
}

func definition(call *bridge.Call) *apidef.APIDefinition {
	if call.API == nil || len(call.API.Classic) == 0 {
		return nil
	}
	decoded := &apidef.APIDefinition{}
	if !read(call.API.Classic, decoded) {
		return nil
	}
	return decoded
}

func oasDefinition(call *bridge.Call) *oas.OAS {
	if call.API == nil || len(call.API.OAS) == 0 {
		return nil
	}
	decoded := &oas.OAS{}
	if !read(call.API.OAS, decoded) {
		return nil
	}
	return decoded
}

// read decodes a definition. A member of another type than usual is left out, not the whole.
func read(data []byte, into any) bool {
	err := json.Unmarshal(data, into)
	var other *json.UnmarshalTypeError
	if err == nil || errors.As(err, &other) {
		return true
	}
	log.Get().WithError(err).Error("the definition of an API cannot be read")
	return false
}

// GetSession is the session of who calls, or nil. An edit counts for this request; SetSession has it stored.
func GetSession(r *http.Request) *user.SessionState {
	found, _ := r.Context().Value(SessionData).(*user.SessionState)
	return found
}

// SetSession makes a session that of the request. The first bool says whether it is stored; a text, as older versions
// took, names its key. Without one the key is the session's KeyID, or the token that is known already.
func SetSession(r *http.Request, session *user.SessionState, options ...any) {
	if session == nil {
		panic("setting a nil context SessionData")
	}
	call := bridge.Of(r.Context())
	if call == nil {
		return
	}
	kept, given := false, false
	for _, option := range options {
		switch value := option.(type) {
		case bool:
			if !given {
				kept, given = value, true
			}
		case string:
			session.KeyID = value
		}
	}
	if session.KeyID == "" {
		session.KeyID = call.Token
	}
	call.Session, call.SessionSet, call.SessionKept = session, true, kept
	call.Token, call.TokenSet = session.KeyID, true
}

// GetAuthToken is the token of who calls, or "".
func GetAuthToken(r *http.Request) string {
	token, _ := r.Context().Value(AuthToken).(string)
	return token
}

// GetDefinition is a copy of the definition of a Classic API; nil in others.
func GetDefinition(r *http.Request) *apidef.APIDefinition {
	found, _ := r.Context().Value(Definition).(*apidef.APIDefinition)
	return found
}

// GetOASDefinition is a copy of the definition of an OAS API; nil in others.
func GetOASDefinition(r *http.Request) *oas.OAS {
	found, _ := r.Context().Value(OASDefinition).(*oas.OAS)
	return found
}

// SetDefinition changes nothing: definitions are the gateway's.
func SetDefinition(*http.Request, *apidef.APIDefinition) {
	log.Get().Warn("ctx.SetDefinition has no effect: definitions are the gateway's")
}

// SetOASDefinition changes nothing: definitions are the gateway's.
func SetOASDefinition(*http.Request, *oas.OAS) {
	log.Get().Warn("ctx.SetOASDefinition has no effect: definitions are the gateway's")
}
