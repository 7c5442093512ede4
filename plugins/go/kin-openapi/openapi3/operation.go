package openapi3

import (
	"bytes"
	"encoding/json"
	"strings"
)

// PathItem are the operations of one path.
type PathItem struct {
	Extensions  map[string]any `json:"-"`
	Ref         string         `json:"$ref,omitempty"`
	Summary     string         `json:"summary,omitempty"`
	Description string         `json:"description,omitempty"`
	Connect     *Operation     `json:"connect,omitempty"`
	Delete      *Operation     `json:"delete,omitempty"`
	Get         *Operation     `json:"get,omitempty"`
	Head        *Operation     `json:"head,omitempty"`
	Options     *Operation     `json:"options,omitempty"`
	Patch       *Operation     `json:"patch,omitempty"`
	Post        *Operation     `json:"post,omitempty"`
	Put         *Operation     `json:"put,omitempty"`
	Trace       *Operation     `json:"trace,omitempty"`
	Servers     Servers        `json:"servers,omitempty"`
	Parameters  Parameters     `json:"parameters,omitempty"`
}

// UnmarshalJSON reads a path; members `x-…` become extensions.
func (p *PathItem) UnmarshalJSON(data []byte) error {
	type plain PathItem
	return withExtensions(data, (*plain)(p), &p.Extensions)
}

// MarshalJSON writes a path with its extensions.
func (p PathItem) MarshalJSON() ([]byte, error) {
	type plain PathItem
	return joinExtensions(plain(p), p.Extensions)
}

// Operations are those that are there, by method.
func (p *PathItem) Operations() map[string]*Operation {
	all := map[string]*Operation{
		"CONNECT": p.Connect, "DELETE": p.Delete, "GET": p.Get, "HEAD": p.Head, "OPTIONS": p.Options,
		"PATCH": p.Patch, "POST": p.Post, "PUT": p.Put, "TRACE": p.Trace,
	}
	for method, operation := range all {
		if operation == nil {
			delete(all, method)
		}
	}
	return all
}

// GetOperation is the operation of a method, or nil.
func (p *PathItem) GetOperation(method string) *Operation { return p.Operations()[method] }

// Operation is one method of one path.
type Operation struct {
	Extensions  map[string]any        `json:"-"`
	Tags        []string              `json:"tags,omitempty"`
	Summary     string                `json:"summary,omitempty"`
	Description string                `json:"description,omitempty"`
	OperationID string                `json:"operationId,omitempty"`
	Parameters  Parameters            `json:"parameters,omitempty"`
	RequestBody any                   `json:"requestBody,omitempty"`
	Responses   map[string]any        `json:"responses,omitempty"`
	Deprecated  bool                  `json:"deprecated,omitempty"`
	Security    *SecurityRequirements `json:"security,omitempty"`
	Servers     *Servers              `json:"servers,omitempty"`
}

// UnmarshalJSON reads an operation; members `x-…` become extensions.
func (o *Operation) UnmarshalJSON(data []byte) error {
	type plain Operation
	return withExtensions(data, (*plain)(o), &o.Extensions)
}

// MarshalJSON writes an operation with its extensions.
func (o Operation) MarshalJSON() ([]byte, error) {
	type plain Operation
	return joinExtensions(plain(o), o.Extensions)
}

// Parameters of an operation or a path.
type Parameters []*ParameterRef

// ParameterRef holds a parameter.
type ParameterRef struct {
	Ref   string     `json:"-"`
	Value *Parameter `json:"-"`
}

// UnmarshalJSON reads a reference or a parameter.
func (p *ParameterRef) UnmarshalJSON(data []byte) error {
	var ref struct {
		Ref string `json:"$ref"`
	}
	if err := json.Unmarshal(data, &ref); err != nil {
		return err
	}
	p.Ref, p.Value = ref.Ref, &Parameter{}
	return json.Unmarshal(data, p.Value)
}

// MarshalJSON writes what it holds.
func (p ParameterRef) MarshalJSON() ([]byte, error) {
	if p.Ref != "" {
		return json.Marshal(map[string]string{"$ref": p.Ref})
	}
	return json.Marshal(p.Value)
}

// Parameter of an operation.
type Parameter struct {
	Name        string `json:"name,omitempty"`
	In          string `json:"in,omitempty"`
	Description string `json:"description,omitempty"`
	Required    bool   `json:"required,omitempty"`
	Schema      any    `json:"schema,omitempty"`
	Example     any    `json:"example,omitempty"`
}

func withExtensions(data []byte, into any, extensions *map[string]any) error {
	if err := json.Unmarshal(data, into); err != nil {
		return err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	for name, raw := range members {
		if !strings.HasPrefix(name, "x-") {
			continue
		}
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			return err
		}
		if *extensions == nil {
			*extensions = map[string]any{}
		}
		(*extensions)[name] = value
	}
	return nil
}

func joinExtensions(plain any, extensions map[string]any) ([]byte, error) {
	data, err := json.Marshal(plain)
	if err != nil || len(extensions) == 0 {
		return data, err
	}
	more, err := json.Marshal(extensions)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(data, []byte("{}")) {
		return more, nil
	}
	return append(append(data[:len(data)-1], ','), more[1:]...), nil
}
