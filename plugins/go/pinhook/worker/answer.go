package worker

import (
	"bytes"
	"io"
	"net/http"
)

// answer is the http.ResponseWriter of a call: what a hook writes here ends the request.
type answer struct {
	header http.Header
	// sent are the headers as they were when the status was written.
	sent   http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header {
	if a.header == nil {
		a.header = http.Header{}
	}
	return a.header
}

func (a *answer) WriteHeader(status int) {
	if a.status != 0 || status < 200 {
		return
	}
	a.status, a.sent = status, a.header.Clone()
}

func (a *answer) Write(data []byte) (int, error) {
	a.start(data)
	return a.body.Write(data)
}

// WriteString writes without a copy.
func (a *answer) WriteString(text string) (int, error) {
	if a.status == 0 {
		a.start([]byte(text))
	}
	return a.body.WriteString(text)
}

// Flush is there for hooks that ask for it. It is no answer, as in Tyk, and an answer is sent when the hook has returned.
func (a *answer) Flush() {}

func (a *answer) start(data []byte) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	_, typed := a.sent["Content-Type"]
	if a.body.Len() > 0 || typed || len(data) == 0 || a.sent.Get("Content-Encoding") != "" {
		return
	}
	// As a Go server does for its handlers.
	if a.sent == nil {
		a.sent = http.Header{}
	}
	a.sent.Set("Content-Type", http.DetectContentType(data))
}

// body is a request's or response's body. It begins anew once it was read to its end: reading it takes nothing from
// those who read it later.
type body struct {
	data []byte
	at   int
}

func (b *body) Read(into []byte) (int, error) {
	if b.at >= len(b.data) {
		b.at = 0
		return 0, io.EOF
	}
	n := copy(into, b.data[b.at:])
	b.at += n
	return n, nil
}

func (b *body) Close() error {
	b.at = 0
	return nil
}

// changed is what stands in the place of a body now; nil if it is still the same.
func (b *body) changed(now io.ReadCloser) ([]byte, error) {
	if now == io.ReadCloser(b) {
		return nil, nil
	}
	if now == nil || now == http.NoBody {
		if len(b.data) == 0 {
			return nil, nil
		}
		return []byte{}, nil
	}
	data, err := io.ReadAll(now)
	_ = now.Close()
	if err == nil && bytes.Equal(data, b.data) {
		return nil, nil
	}
	if data == nil {
		data = []byte{}
	}
	return data, err
}
