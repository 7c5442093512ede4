// Package pinhook is what hooks can do beyond Tyk's packages: send one request elsewhere, ask other services and other
// APIs of the gateway, keep data in its store.
package pinhook

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"pinhook/bridge"
)

// SetTarget sends this one request to an absolute URL or to `host:port`. No other request is touched.
func SetTarget(r *http.Request, target string) {
	if call := bridge.Of(r.Context()); call != nil {
		call.Target = target
	}
}

// Metadata is a text that an earlier hook left for this request, or "".
func Metadata(r *http.Request, name string) string {
	if call := bridge.Of(r.Context()); call != nil {
		return call.Metadata[name]
	}
	return ""
}

// SetMetadata leaves a text for later hooks of this request, in whatever language they are written.
func SetMetadata(r *http.Request, name, text string) {
	call := bridge.Of(r.Context())
	if call == nil {
		return
	}
	if call.Metadata == nil {
		call.Metadata = map[string]string{}
	}
	call.Metadata[name] = text
	call.MetadataChanged = true
}

// Ask is a request that a hook makes. Its URL is `http(s)://…`, or `tyk://api_id_or_name/path` for an API of this gateway,
// internal ones included.
type Ask struct {
	URL     string
	Method  string
	Header  http.Header
	Body    []byte
	Timeout time.Duration
}

// Reply is the answer to an Ask. One that got none has status 0 and Err.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
	Err    error
}

// Call makes one request and waits for its answer.
func Call(r *http.Request, ask Ask) Reply {
	return CallAll(r, ask)[0]
}

// CallAll makes requests at once and gives their answers in the same order.
func CallAll(r *http.Request, asks ...Ask) []Reply {
	replies := make([]Reply, len(asks))
	if len(asks) == 0 {
		return replies
	}
	calls, parts := make([]map[string]any, len(asks)), make([][]byte, 0, len(asks))
	for i, ask := range asks {
		one := map[string]any{"url": ask.URL}
		if ask.Method != "" {
			one["method"] = ask.Method
		}
		headers := map[string][]string{}
		for name, values := range ask.Header {
			if len(values) > 0 {
				headers[name] = values
			}
		}
		if len(headers) > 0 {
			one["headers"] = headers
		}
		if ask.Timeout > 0 {
			one["timeout_ms"] = ask.Timeout.Milliseconds()
		}
		if ask.Body != nil {
			one["body"] = true
			parts = append(parts, ask.Body)
		}
		calls[i] = one
	}
	var heads struct {
		Replies []struct {
			Status  int                 `json:"status"`
			Headers map[string][]string `json:"headers"`
			Error   string              `json:"error"`
		} `json:"replies"`
	}
	answer, err := bridge.Send(bridge.Ask{
		Name: "call", Call: number(r), Head: map[string]any{"calls": calls}, Parts: parts,
	})
	if err == nil {
		err = json.Unmarshal(answer.Head, &heads)
	}
	for i := range replies {
		switch {
		case err != nil:
			replies[i].Err = err
		case i >= len(heads.Replies):
			replies[i].Err = errors.New("pinhook: the gateway gave no reply")
		default:
			head := heads.Replies[i]
			replies[i].Status, replies[i].Header = head.Status, http.Header{}
			for name, values := range head.Headers {
				for _, value := range values {
					replies[i].Header.Add(name, value)
				}
			}
			if head.Error != "" {
				replies[i].Err = errors.New(head.Error)
			}
			if i < len(answer.Parts) {
				replies[i].Body = answer.Parts[i]
			}
		}
	}
	return replies
}

func number(r *http.Request) uint32 {
	if r == nil {
		return 0
	}
	if call := bridge.Of(r.Context()); call != nil {
		return call.Number
	}
	return 0
}

// StoreData keeps a value in the gateway's store; a life of 0 is for ever. Hooks in every language find it under the
// same key.
func StoreData(key string, value []byte, life time.Duration) error {
	head := map[string]any{"key": key, "ttl": int64((life + time.Second - 1) / time.Second)}
	_, err := bridge.Send(bridge.Ask{Name: "store_data", Head: head, Parts: [][]byte{value}})
	return err
}

// GetData is a value of StoreData, or nil.
func GetData(key string) ([]byte, error) {
	answer, err := bridge.Send(bridge.Ask{Name: "get_data", Head: map[string]any{"key": key}})
	if err != nil || len(answer.Parts) == 0 {
		return nil, err
	}
	return answer.Parts[0], nil
}

// TriggerEvent fires an event for the handlers of the gateway's configuration.
func TriggerEvent(name, payload string) error {
	_, err := bridge.Send(bridge.Ask{Name: "trigger_event", Head: map[string]any{"name": name, "payload": payload}})
	return err
}
