package worker

import (
	"context"
	"os"
	"strconv"
	"sync"

	"pinhook/bridge"
)

// Hooks of one request share what they put into its context, as in Tyk (`*r = *r.WithContext(…)`). The gateway hands on
// the number under which this process keeps such a context.

// mostKept contexts; beyond that the oldest is gone.
const mostKept = 8192

// keptName is the metadata that bears the number. Another process must not take it for one of its own.
var keptName = "pinhook.context." + strconv.Itoa(os.Getpid())

var kept struct {
	lock     sync.Mutex
	last     uint64
	contexts map[uint64]context.Context
}

// restored are the values of an earlier hook's context behind what holds for this call.
type restored struct {
	bridge.Context
	earlier context.Context
}

// Value looks at this call before it looks at what earlier hooks have left.
func (r *restored) Value(key any) any {
	if found := r.Context.Value(key); found != nil {
		return found
	}
	return r.earlier.Value(key)
}

// restore gives the context of a call that earlier hooks of its request have left values for.
func (j *job) restore() {
	text, some := j.call.Metadata[keptName]
	if !some {
		return
	}
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return
	}
	kept.lock.Lock()
	earlier := kept.contexts[number]
	kept.lock.Unlock()
	if earlier == nil {
		return
	}
	if before := bridge.Of(earlier); before != nil {
		before.Retire()
	}
	j.context = &restored{bridge.Context{Call: &j.call}, earlier}
	j.request = j.request.WithContext(j.context)
}

// keep remembers the context of a request whose hook has put something into it.
func (j *job) keep() {
	now := j.request.Context()
	if now == j.context {
		return
	}
	kept.lock.Lock()
	kept.last++
	number := kept.last
	if kept.contexts == nil {
		kept.contexts = map[uint64]context.Context{}
	}
	kept.contexts[number] = now
	delete(kept.contexts, number-mostKept)
	kept.lock.Unlock()
	if j.call.Metadata == nil {
		j.call.Metadata = map[string]string{}
	}
	j.call.Metadata[keptName] = strconv.FormatUint(number, 10)
	j.call.MetadataChanged = true
}
