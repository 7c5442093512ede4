// Package worker runs a plugin's hooks for a gateway: it speaks the worker protocol (docs/worker-protocol.md) over file
// descriptor 3. `pinhook plugin build` adds a file to the plugin that calls Run.
package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/TykTechnologies/tyk-pump/analytics"
	"pinhook/bridge"
)

const (
	protocol   = 1
	descriptor = 3
	marker     = "PINHOOK_WORKER"
	usageExit  = 2
	// collectAt lets the heap grow further before it is collected than Go does by default: a worker's is small.
	collectAt = 400
)

var (
	out        writer
	functions  map[string]any
	configured = make(chan struct{})
	ready      atomic.Bool
	settings   []byte
	inFlight   sync.WaitGroup
	running    = inProgress{jobs: map[uint32]*job{}}
	apis       = map[uint32]*bridge.API{}
	hooks      = map[uint32]hook{}
)

// inProgress are the calls that the gateway may cancel.
type inProgress struct {
	lock sync.Mutex
	jobs map[uint32]*job
}

func (p *inProgress) add(j *job) {
	p.lock.Lock()
	p.jobs[j.call.Number] = j
	p.lock.Unlock()
}

func (p *inProgress) remove(j *job) {
	p.lock.Lock()
	delete(p.jobs, j.call.Number)
	p.lock.Unlock()
}

func (p *inProgress) cancel(id uint32) {
	p.lock.Lock()
	found := p.jobs[id]
	p.lock.Unlock()
	if found != nil {
		found.call.Cancel()
	}
}

type hook struct {
	api      *bridge.API
	function any
	name     string
}

// The gateway is listened to before the plugin's own initialisation runs: its end must be noticed meanwhile, too.
func init() {
	if os.Getenv(marker) != "1" {
		return
	}
	syscall.CloseOnExec(descriptor)
	if err := syscall.SetNonblock(descriptor, true); err != nil {
		fmt.Fprintln(os.Stderr, "pinhook: descriptor 3 is no connection to a gateway:", err)
		os.Exit(usageExit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	connection := os.NewFile(descriptor, "gateway")
	out.to = connection
	ready.Store(true)
	bridge.Send, bridge.Log = ask, logLine
	bridge.Settings = func() []byte {
		<-configured
		return settings
	}
	go func() {
		// End of file, or a gateway that cannot be understood: there is nobody to work for.
		_ = readFrames(connection, take)
		os.Exit(0)
	}()
}

// Run serves calls of these functions for ever.
func Run(table map[string]any) {
	if !ready.Load() {
		fmt.Fprintln(os.Stderr, "This is a plugin for pinhook: name its file in an API definition. "+
			"Its functions were listed when it was built.")
		os.Exit(usageExit)
	}
	<-configured
	functions = table
	hello()
	// Whoever called is the main goroutine of a program that is still being initialised.
	select {}
}

func hello() {
	type entry struct {
		Kinds      []string `json:"kinds"`
		Parameters int      `json:"parameters"`
	}
	table := map[string]entry{}
	for name, function := range functions {
		switch function.(type) {
		case func(http.ResponseWriter, *http.Request):
			kinds := []string{"pre", "auth_check", "post_key_auth", "post", "go_plugin"}
			table[name] = entry{kinds, 2}
		case func(http.ResponseWriter, *http.Response, *http.Request):
			table[name] = entry{[]string{"response"}, 3}
		case func(*analytics.AnalyticsRecord):
			table[name] = entry{[]string{"analytics"}, 1}
		}
	}
	head, err := json.Marshal(map[string]any{
		"protocol": protocol, "language": runtime.Version(), "concurrent": true, "functions": table,
	})
	if err != nil {
		fail(0, err.Error(), "")
		return
	}
	sendHead(typeHello, 0, head)
	flushLog()
}

func sendHead(kind byte, id uint32, head []byte, parts ...[]byte) {
	buffer := append(startFrame(nil, kind, id, len(parts)), head...)
	out.send(endFrame(buffer, parts...))
}

func fail(id uint32, message, trace string) {
	text := map[string]string{"message": message}
	if trace != "" {
		text["traceback"] = trace
	}
	head, _ := json.Marshal(text)
	sendHead(typeError, id, head)
}

// take handles one frame. Only the reader's goroutine runs it, so the tables need no lock.
func take(f *frame) {
	switch f.kind {
	case typeCall:
		start(f)
	case typeAnswer:
		answered(f)
	case typeCancel:
		running.cancel(f.id)
	case typeConfigure:
		configure(f.head)
		close(configured)
	case typeDefine:
		define(f.head)
	case typeForget:
		forget(f.head)
	case typeShutdown:
		go func() {
			inFlight.Wait()
			os.Exit(0)
		}()
	}
}

func start(f *frame) {
	known, ok := hooks[f.hook]
	if !ok {
		fail(f.id, fmt.Sprintf("there is no hook %d", f.hook), "")
		return
	}
	if known.function == nil {
		if known.function = functions[known.name]; known.function == nil {
			fail(f.id, fmt.Sprintf("there is no function %q", known.name), "")
			return
		}
		hooks[f.hook] = known
	}
	one := &job{function: known.function}
	one.call.Number, one.call.API = f.id, known.api
	head, requestBody, responseBody := string(f.head), f.part(0), f.part(1)
	inFlight.Add(1)
	running.add(one)
	go one.serve(head, requestBody, responseBody)
}

func (j *job) serve(head string, requestBody, responseBody []byte) {
	pointer := buffers.Get().(*[]byte)
	returned := false
	defer inFlight.Done()
	defer running.remove(j)
	defer func() {
		if returned {
			return
		}
		if cause := recover(); cause != nil {
			fail(j.call.Number, fmt.Sprint("panic: ", cause), string(debug.Stack()))
		} else {
			fail(j.call.Number, "it ended its goroutine (runtime.Goexit)", "")
		}
	}()
	if !j.read(head, requestBody, responseBody) {
		returned = true
		fail(j.call.Number, errJSON.Error(), "")
		return
	}
	reply, err := j.run(*pointer)
	returned = true
	if err != nil {
		fail(j.call.Number, err.Error(), "")
		return
	}
	out.send(reply)
	release(pointer, reply)
}

type apiHead struct {
	ID      uint32          `json:"id"`
	APIID   string          `json:"api_id"`
	OrgID   string          `json:"org_id"`
	Name    string          `json:"name"`
	Classic json.RawMessage `json:"classic"`
	OAS     json.RawMessage `json:"oas"`
}

type hookHead struct {
	ID       uint32 `json:"id"`
	API      uint32 `json:"api"`
	Function string `json:"function"`
}

func configure(head []byte) {
	var all struct {
		Protocol int             `json:"protocol"`
		Settings json.RawMessage `json:"settings"`
	}
	err := json.Unmarshal(head, &all)
	if err == nil && all.Protocol != protocol {
		err = errors.New("the gateway speaks another version of the worker protocol: build the plugin anew")
	}
	if err != nil {
		fail(0, err.Error(), "")
		os.Exit(1)
	}
	settings = all.Settings
	define(head)
}

func define(head []byte) {
	var all struct {
		APIs  []apiHead  `json:"apis"`
		Hooks []hookHead `json:"hooks"`
	}
	if err := json.Unmarshal(head, &all); err != nil {
		logLine("error", "pinhook: a definition that cannot be read: "+err.Error())
		return
	}
	for _, one := range all.APIs {
		apis[one.ID] = &bridge.API{
			ID: one.APIID, OrgID: one.OrgID, Name: one.Name, Classic: one.Classic, OAS: one.OAS,
		}
	}
	for _, one := range all.Hooks {
		hooks[one.ID] = hook{api: apis[one.API], name: one.Function}
	}
}

func forget(head []byte) {
	var all struct {
		APIs  []uint32 `json:"apis"`
		Hooks []uint32 `json:"hooks"`
	}
	if json.Unmarshal(head, &all) != nil {
		return
	}
	for _, id := range all.Hooks {
		delete(hooks, id)
	}
	for _, id := range all.APIs {
		delete(apis, id)
	}
}
