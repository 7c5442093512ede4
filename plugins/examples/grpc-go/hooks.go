package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"pinhook.example/grpc-go/coprocess"
)

// hooks are known under the names that API definitions give them.
var hooks = map[string]func(context.Context, *coprocess.Object) error{
	"AddFooHeader": addFooHeader,
	"Sticky":       sticky,
	"CheckToken":   checkToken,
	"TagCaller":    tagCaller,
	"Envelope":     envelope,
	"Aggregate":    aggregate,
	"MaskJson":     maskJSON,
	"Anonymise":    anonymise,
}

// config is what the hooks read of config_data; empty where an API has none.
type config struct {
	Targets map[string]string `json:"targets"`
	Tokens  map[string]string `json:"tokens"`
	Sources map[string]string `json:"sources"`
	Mask    []string          `json:"mask"`
}

func configOf(call *coprocess.Object) (c config, err error) {
	if text, ok := call.Spec["config_data"]; ok {
		err = json.Unmarshal([]byte(text), &c)
	}
	return c, err
}

// setHeader works where nothing has been set yet: a map that came empty is nil.
func setHeader(call *coprocess.Object, name, value string) {
	if call.Request.SetHeaders == nil {
		call.Request.SetHeaders = map[string]string{}
	}
	call.Request.SetHeaders[name] = value
}

// pre: a header.
func addFooHeader(_ context.Context, call *coprocess.Object) error {
	setHeader(call, "Foo", "Bar")
	return nil
}

// pre: sends this one request elsewhere. The gateway's pinhook.service_address_header names the header.
func sticky(_ context.Context, call *coprocess.Object) error {
	c, err := configOf(call)
	if target, ok := c.Targets[call.Request.Headers["X-User"]]; ok {
		setHeader(call, "X-Service-Address", target)
	}
	return err
}

// auth_check: who calls, and what they may do. The key of the session is the meta data "token".
func checkToken(_ context.Context, call *coprocess.Object) error {
	c, err := configOf(call)
	token := call.Request.Headers["Authorization"]
	user, known := c.Tokens[token]
	if !known {
		call.Request.ReturnOverrides.ResponseCode = http.StatusUnauthorized
		call.Request.ReturnOverrides.ResponseError = "unknown token"
		return err
	}
	call.Session = &coprocess.SessionState{Alias: user, Rate: 1000, Per: 1, QuotaMax: -1}
	call.Metadata = map[string]string{"token": token, "user": user}
	return err
}

// post_key_auth: the session can be read here. Edits of it do not count.
func tagCaller(_ context.Context, call *coprocess.Object) error {
	setHeader(call, "X-Caller", call.Session.GetAlias())
	setHeader(call, "X-Caller-User", call.Metadata["user"])
	return nil
}

// post: another body. What is in raw_body goes upstream; body is only for reading.
func envelope(_ context.Context, call *coprocess.Object) error {
	if body := call.Request.RawBody; len(body) > 0 {
		call.Request.RawBody = append(append([]byte(`{"payload":`), body...), '}')
	}
	return nil
}

// pre, for a path of its own: asks several services at once and answers in the upstream's place.
func aggregate(ctx context.Context, call *coprocess.Object) error {
	c, err := configOf(call)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var (
		group  sync.WaitGroup
		lock   sync.Mutex
		answer = map[string]any{}
	)
	for name, url := range c.Sources {
		group.Add(1)
		go func() {
			defer group.Done()
			got := fetch(ctx, url)
			lock.Lock()
			defer lock.Unlock()
			answer[name] = got
		}()
	}
	group.Wait()
	body, err := json.Marshal(answer)
	call.Request.ReturnOverrides = &coprocess.ReturnOverrides{
		ResponseCode: http.StatusOK,
		ResponseBody: string(body),
		Headers:      map[string]string{"Content-Type": "application/json"},
	}
	return err
}

func fetch(ctx context.Context, url string) map[string]any {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return map[string]any{"status": 0, "error": err.Error()}
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return map[string]any{"status": 0, "error": err.Error()}
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return map[string]any{"status": 0, "error": err.Error()}
	}
	return map[string]any{"status": answer.StatusCode, "body": string(body)}
}

// response: edits the answer. Touching headers carries the change over into multivalue_headers.
func maskJSON(_ context.Context, call *coprocess.Object) error {
	c, err := configOf(call)
	if err != nil {
		return err
	}
	if call.Response.Headers == nil {
		call.Response.Headers = map[string]string{}
	}
	call.Response.Headers["X-Masked"] = "1"
	var body map[string]any
	if json.Unmarshal(call.Response.RawBody, &body) != nil {
		return nil
	}
	for _, name := range c.Mask {
		if _, ok := body[name]; ok {
			body[name] = "***"
		}
	}
	call.Response.RawBody, err = json.Marshal(body)
	return err
}

// analytics_plugin (pinhook only): the record is JSON in the meta data.
func anonymise(_ context.Context, call *coprocess.Object) error {
	var record map[string]any
	if err := json.Unmarshal([]byte(call.Metadata["record"]), &record); err != nil {
		return err
	}
	record["ip_address"] = ""
	tags, _ := record["tags"].([]any)
	record["tags"] = append(tags, "anonymised")
	text, err := json.Marshal(record)
	call.Metadata["record"] = string(text)
	return err
}
