package worker

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/TykTechnologies/tyk-pump/analytics"
	"pinhook/bridge"
)

// job is one call of a hook, with all that it hands to the function.
type job struct {
	call     bridge.Call
	function any
	writer   answer
	request  *http.Request
	context  context.Context
	url      url.URL
	method   string
	host     string
	headers  sent
	body     body
	response *http.Response
	status   int
	resSent  sent
	resBody  body
	record   string
	failed   error
}

var noRequest http.Request

// read takes a call apart. Texts of the request are parts of head.
func (j *job) read(head string, requestBody, responseBody []byte) bool {
	j.context = bridge.Context{Call: &j.call}
	j.request = noRequest.WithContext(j.context)
	request, r := j.request, reader{text: head}
	var target, scheme string
	if !r.open('{') {
		return false
	}
	for first := true; r.next(&first, '}'); {
		switch r.key() {
		case "method":
			request.Method = r.str()
		case "url":
			target = r.str()
		case "host":
			request.Host = r.str()
		case "scheme":
			scheme = r.str()
		case "proto":
			request.Proto = r.str()
		case "remote_addr":
			request.RemoteAddr = r.str()
		case "headers":
			request.Header, j.headers = r.headers()
		case "session":
			j.call.RawSession = r.raw()
		case "token":
			j.call.Token = r.str()
		case "metadata":
			j.readMetadata(&r)
		case "response":
			j.readResponse(&r)
		case "record":
			j.record = r.raw()
		default:
			r.raw()
		}
	}
	if r.bad {
		return false
	}
	if j.record == "" {
		j.fill(target, scheme, requestBody)
		j.restore()
	}
	if j.response != nil {
		j.resBody.data = responseBody
		j.response.Body, j.response.ContentLength = &j.resBody, int64(len(responseBody))
		j.response.Request = j.request
	}
	return true
}

// fill completes the request as a Go server would have made it.
func (j *job) fill(target, scheme string, requestBody []byte) {
	request := j.request
	parsed, err := url.ParseRequestURI(target)
	if err != nil {
		path, query, _ := strings.Cut(target, "?")
		parsed = &url.URL{Path: path, RawQuery: query}
	}
	request.URL, request.RequestURI, j.url = parsed, target, *parsed
	j.method, j.host = request.Method, request.Host
	if request.Header == nil {
		request.Header = http.Header{}
	}
	switch request.Proto {
	case "HTTP/1.0":
		request.ProtoMajor, request.ProtoMinor = 1, 0
	case "HTTP/2.0", "HTTP/2":
		request.ProtoMajor = 2
	default:
		request.ProtoMajor, request.ProtoMinor = 1, 1
	}
	if scheme == "https" {
		request.TLS = &tls.ConnectionState{HandshakeComplete: true}
	}
	j.body.data = requestBody
	request.Body, request.ContentLength = &j.body, int64(len(requestBody))
	if len(requestBody) == 0 {
		request.Body = http.NoBody
	}
}

func (j *job) readMetadata(r *reader) {
	j.call.Metadata = map[string]string{}
	if !r.open('{') {
		return
	}
	for first := true; r.next(&first, '}'); {
		name := r.key()
		j.call.Metadata[name] = r.str()
	}
}

func (j *job) readResponse(r *reader) {
	response := &http.Response{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if !r.open('{') {
		return
	}
	for first := true; r.next(&first, '}'); {
		switch r.key() {
		case "status":
			response.StatusCode = r.number()
		case "headers":
			response.Header, j.resSent = r.headers()
		default:
			r.raw()
		}
	}
	if response.Header == nil {
		response.Header = http.Header{}
	}
	response.Status = strconv.Itoa(response.StatusCode) + " " + http.StatusText(response.StatusCode)
	j.response, j.status = response, response.StatusCode
}

// run calls the function and gives the reply. The record of an analytics hook is all that it has.
func (j *job) run(buffer []byte) ([]byte, error) {
	var parts [3][]byte
	out := object{}
	switch function := j.function.(type) {
	case func(http.ResponseWriter, *http.Request):
		function(&j.writer, j.request)
	case func(http.ResponseWriter, *http.Response, *http.Request):
		function(&j.writer, j.response, j.request)
	case func(*analytics.AnalyticsRecord):
		out.buffer = startFrame(buffer, typeReply, j.call.Number, 0)
		if err := j.runRecord(function, &out); err != nil {
			return nil, err
		}
		return endFrame(out.end()), nil
	}
	out.buffer = startFrame(buffer, typeReply, j.call.Number, len(parts))
	if err := j.reply(&out, &parts); err != nil {
		return nil, err
	}
	return endFrame(out.end(), parts[:]...), nil
}

func (j *job) reply(out *object, parts *[3][]byte) error {
	if j.response == nil {
		if err := j.replyRequest(out, parts); err != nil {
			return err
		}
	} else if j.writer.status == 0 {
		if err := j.replyResponse(out, parts); err != nil {
			return err
		}
	}
	if err := j.replySession(out); err != nil {
		return err
	}
	j.keep()
	if j.call.MetadataChanged {
		data, err := json.Marshal(j.call.Metadata)
		if err != nil {
			return err
		}
		out.raw("metadata", data)
	}
	if j.call.Target != "" {
		out.text("target", j.call.Target)
	}
	switch {
	case j.writer.status != 0:
		out.name("answer")
		inner := object{buffer: out.buffer}
		inner.raw("status", strconv.AppendInt(nil, int64(j.writer.status), 10))
		inner.headers("headers", j.writer.sent)
		out.buffer = inner.end()
		parts[2] = j.writer.body.Bytes()
		if parts[2] == nil {
			parts[2] = []byte{}
		}
	case len(j.writer.header) > 0 && j.response == nil:
		out.headers("answer_headers", j.writer.header)
	}
	return nil
}

func (j *job) replyRequest(out *object, parts *[3][]byte) error {
	request := j.request
	if request.Method != j.method {
		out.text("method", request.Method)
	}
	if request.Host != j.host {
		out.text("host", request.Host)
	}
	if request.URL != nil && *request.URL != j.url {
		target := request.URL.RequestURI()
		if request.URL.Scheme != "" && request.URL.Host != "" {
			target = request.URL.String()
		} else if !strings.HasPrefix(target, "/") {
			// As on Tyk's way to the upstream.
			target = "/" + target
		}
		out.text("url", target)
	}
	if !j.headers.same(request.Header) {
		out.headers("headers", request.Header)
	}
	if len(j.body.data) == 0 && request.Body == http.NoBody {
		return nil
	}
	changed, err := j.body.changed(request.Body)
	parts[0] = changed
	return err
}

func (j *job) replyResponse(out *object, parts *[3][]byte) error {
	response := j.response
	for name, values := range j.writer.header {
		response.Header[name] = append(response.Header[name], values...)
	}
	if response.StatusCode != j.status || !j.resSent.same(response.Header) {
		out.name("response")
		inner := object{buffer: out.buffer}
		inner.raw("status", strconv.AppendInt(nil, int64(response.StatusCode), 10))
		inner.headers("headers", response.Header)
		out.buffer = inner.end()
	}
	changed, err := j.resBody.changed(response.Body)
	parts[1] = changed
	return err
}

// replySession sends a session that was handed over, or one that was edited where it lies, which counts for this
// request only.
func (j *job) replySession(out *object) error {
	call := &j.call
	if call.Session == nil {
		return nil
	}
	data, err := json.Marshal(call.Session)
	if err != nil {
		return err
	}
	if !call.SessionSet && bytes.Equal(data, call.Before) {
		return nil
	}
	out.raw("session", data)
	if call.TokenSet {
		out.text("token", call.Token)
	}
	if !call.SessionKept {
		out.raw("session_unsaved", []byte("true"))
	}
	return nil
}

func (j *job) runRecord(function func(*analytics.AnalyticsRecord), out *object) error {
	var record analytics.AnalyticsRecord
	if err := json.Unmarshal([]byte(j.record), &record); err != nil {
		return err
	}
	before, err := members(&record)
	if err != nil {
		return err
	}
	function(&record)
	after, err := members(&record)
	if err != nil {
		return err
	}
	changed := map[string]json.RawMessage{}
	for name, value := range after {
		if !bytes.Equal(value, before[name]) {
			changed[name] = value
		}
	}
	data, err := json.Marshal(changed)
	if err == nil && len(changed) > 0 {
		out.raw("record", data)
	}
	return err
}

func members(record *analytics.AnalyticsRecord) (all map[string]json.RawMessage, err error) {
	data, err := json.Marshal(record)
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	return all, err
}
