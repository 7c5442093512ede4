// Package openapi3 stands in for the OpenAPI package that Tyk's definitions are made of, for plugins that do not bring
// the real one. It reads documents; it neither checks them nor resolves references.
package openapi3

import (
	"encoding/json"
	"strings"
)

// T is an OpenAPI document.
type T struct {
	Extensions   map[string]any       `json:"-"`
	OpenAPI      string               `json:"openapi"`
	Components   *Components          `json:"components,omitempty"`
	Info         *Info                `json:"info"`
	Paths        Paths                `json:"paths"`
	Security     SecurityRequirements `json:"security,omitempty"`
	Servers      Servers              `json:"servers,omitempty"`
	Tags         Tags                 `json:"tags,omitempty"`
	ExternalDocs *ExternalDocs        `json:"externalDocs,omitempty"`
}

// UnmarshalJSON reads a document; members `x-…` become extensions.
func (t *T) UnmarshalJSON(data []byte) error {
	type plain T
	return withExtensions(data, (*plain)(t), &t.Extensions)
}

// MarshalJSON writes a document with its extensions.
func (t T) MarshalJSON() ([]byte, error) {
	type plain T
	return joinExtensions(plain(t), t.Extensions)
}

// Info says what an API is.
type Info struct {
	Extensions     map[string]any `json:"-"`
	Title          string         `json:"title"`
	Description    string         `json:"description,omitempty"`
	TermsOfService string         `json:"termsOfService,omitempty"`
	Contact        *Contact       `json:"contact,omitempty"`
	License        *License       `json:"license,omitempty"`
	Version        string         `json:"version"`
}

// Contact of an API.
type Contact struct {
	Name  string `json:"name,omitempty"`
	URL   string `json:"url,omitempty"`
	Email string `json:"email,omitempty"`
}

// License of an API.
type License struct {
	Name string `json:"name"`
	URL  string `json:"url,omitempty"`
}

// ExternalDocs points elsewhere.
type ExternalDocs struct {
	Description string `json:"description,omitempty"`
	URL         string `json:"url,omitempty"`
}

// Servers of an API.
type Servers []*Server

// Server is one place where an API is.
type Server struct {
	Extensions  map[string]any             `json:"-"`
	URL         string                     `json:"url"`
	Description string                     `json:"description,omitempty"`
	Variables   map[string]*ServerVariable `json:"variables,omitempty"`
}

// ServerVariable fills a gap in the URL of a server.
type ServerVariable struct {
	Enum        []string `json:"enum,omitempty"`
	Default     string   `json:"default,omitempty"`
	Description string   `json:"description,omitempty"`
}

// Tags of a document.
type Tags []*Tag

// Tag groups operations.
type Tag struct {
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
}

type (
	// SecurityRequirements are alternatives.
	SecurityRequirements []SecurityRequirement
	// SecurityRequirement names schemes that hold together.
	SecurityRequirement map[string][]string
)

// Components are named parts; those without a type of their own are kept as they were decoded.
type Components struct {
	Schemas         map[string]any                `json:"schemas,omitempty"`
	Parameters      map[string]any                `json:"parameters,omitempty"`
	Headers         map[string]any                `json:"headers,omitempty"`
	RequestBodies   map[string]any                `json:"requestBodies,omitempty"`
	Responses       map[string]any                `json:"responses,omitempty"`
	SecuritySchemes map[string]*SecuritySchemeRef `json:"securitySchemes,omitempty"`
	Examples        map[string]any                `json:"examples,omitempty"`
}

// SecuritySchemeRef holds a scheme.
type SecuritySchemeRef struct {
	Ref   string          `json:"-"`
	Value *SecurityScheme `json:"-"`
}

// UnmarshalJSON reads a reference or a scheme.
func (s *SecuritySchemeRef) UnmarshalJSON(data []byte) error {
	var ref struct {
		Ref string `json:"$ref"`
	}
	if err := json.Unmarshal(data, &ref); err != nil {
		return err
	}
	s.Ref, s.Value = ref.Ref, &SecurityScheme{}
	return json.Unmarshal(data, s.Value)
}

// MarshalJSON writes what it holds.
func (s SecuritySchemeRef) MarshalJSON() ([]byte, error) {
	if s.Ref != "" {
		return json.Marshal(map[string]string{"$ref": s.Ref})
	}
	return json.Marshal(s.Value)
}

// SecurityScheme is a way to prove who calls.
type SecurityScheme struct {
	Type             string `json:"type,omitempty"`
	Description      string `json:"description,omitempty"`
	Name             string `json:"name,omitempty"`
	In               string `json:"in,omitempty"`
	Scheme           string `json:"scheme,omitempty"`
	BearerFormat     string `json:"bearerFormat,omitempty"`
	OpenIdConnectUrl string `json:"openIdConnectUrl,omitempty"`
}

// Paths are the endpoints of a document.
type Paths map[string]*PathItem

// Map is all of them.
func (p Paths) Map() map[string]*PathItem { return p }

// Len counts them.
func (p Paths) Len() int { return len(p) }

// Value is the endpoint of exactly that path, or nil.
func (p Paths) Value(path string) *PathItem { return p[path] }

// Set adds an endpoint.
func (p Paths) Set(path string, item *PathItem) { p[path] = item }

// Find is the endpoint of that path, whatever its parameters are called, or nil.
func (p Paths) Find(path string) *PathItem {
	if found := p[path]; found != nil {
		return found
	}
	for other, item := range p {
		if nameless(other) == nameless(path) {
			return item
		}
	}
	return nil
}

func nameless(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if strings.HasPrefix(segment, "{") && strings.HasSuffix(segment, "}") {
			segments[i] = "{}"
		}
	}
	return strings.Join(segments, "/")
}
