// Package bridge joins the worker, which talks to the gateway, and the packages that plugins import. Plugins do not use
// it themselves.
package bridge

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// API is one API definition that hooks of this worker run for.
type API struct {
	ID, OrgID, Name string
	// Classic and OAS are the definition as JSON; at most one is there.
	Classic, OAS []byte
}

// Call is one call of a hook and the context of its request.
type Call struct {
	Number uint32
	API    *API
	// RawSession is the session as the gateway sent it, JSON; empty while nobody is known.
	RawSession string
	// Session is a *user.SessionState once somebody asked for it or set one.
	Session any
	// Before is the JSON of Session as it was decoded; nil if the hook brought its own.
	Before []byte
	// SessionSet: the hook handed a session over, and SessionKept tells whether it wants it stored.
	SessionSet, SessionKept bool
	Token                   string
	TokenSet                bool
	// Target is where this one request goes.
	Target string
	// Metadata are the texts that the hooks of one request leave for each other.
	Metadata        map[string]string
	MetadataChanged bool

	lock      sync.Mutex
	done      chan struct{}
	cancelled bool
	retired   atomic.Bool
}

type key struct{}

// Lookup answers numbered context keys. Package ctx sets it.
var Lookup func(call *Call, key any) any

// Of finds the call that a context belongs to; nil outside of calls.
func Of(ctx context.Context) *Call {
	call, _ := ctx.Value(key{}).(*Call)
	return call
}

// Context is the context of a call's request. It ends when nobody waits for the call any more.
type Context struct{ Call *Call }

// Deadline says that there is none: the gateway watches the time.
func (c Context) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done is closed when nobody waits for the call any more.
func (c Context) Done() <-chan struct{} {
	call := c.Call
	call.lock.Lock()
	defer call.lock.Unlock()
	if call.done == nil {
		call.done = make(chan struct{})
		if call.cancelled {
			close(call.done)
		}
	}
	return call.done
}

// Err tells whether somebody still waits.
func (c Context) Err() error {
	c.Call.lock.Lock()
	defer c.Call.lock.Unlock()
	if c.Call.cancelled {
		return context.Canceled
	}
	return nil
}

// Value answers for the call itself and for the keys of package ctx.
func (c Context) Value(k any) any {
	if _, own := k.(key); own {
		return c.Call
	}
	if Lookup != nil && !c.Call.retired.Load() {
		return Lookup(c.Call, k)
	}
	return nil
}

// Cancel ends the context.
func (c *Call) Cancel() {
	c.lock.Lock()
	defer c.lock.Unlock()
	if !c.cancelled {
		c.cancelled = true
		if c.done != nil {
			close(c.done)
		}
	}
}

// Retire has the context tell nothing any more of session and token: a later call of the same request knows better.
func (c *Call) Retire() { c.retired.Store(true) }

// Ask is a wish to the gateway: its head is a JSON object without `ask` and `call`, which are added.
type Ask struct {
	Name  string
	Call  uint32
	Head  map[string]any
	Parts [][]byte
}

// Answer is the outcome of an Ask.
type Answer struct {
	Head  []byte
	Parts [][]byte
}

// ErrNoGateway is the outcome of every Ask in a program that is not run by a gateway.
var ErrNoGateway = errors.New("pinhook: this program is not run by a gateway")

// Send puts an Ask to the gateway and waits for its outcome. The worker sets it.
var Send = func(Ask) (Answer, error) { return Answer{}, ErrNoGateway }

// Log hands a line to the gateway's log; level is debug, info, warning or error. The worker sets it.
var Log func(level, text string)

// Settings is the JSON that the gateway gave this worker; it waits until the worker is configured.
var Settings = func() []byte { return nil }
