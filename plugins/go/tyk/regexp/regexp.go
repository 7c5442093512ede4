// Package regexp stands in for Tyk's package of that name, which is Go's with a cache of compiled expressions.
package regexp

import (
	"regexp"
	"sync"
)

// Regexp is a compiled expression.
type Regexp struct {
	*regexp.Regexp
	// FromCache: it had been compiled before.
	FromCache bool
}

// most expressions that are kept.
const most = 4096

var (
	lock  sync.RWMutex
	known = map[string]*regexp.Regexp{}
)

// Compile reads an expression, or finds it among those that were read before.
func Compile(text string) (*Regexp, error) {
	lock.RLock()
	found := known[text]
	lock.RUnlock()
	if found != nil {
		return &Regexp{found, true}, nil
	}
	compiled, err := regexp.Compile(text)
	if err != nil {
		return nil, err
	}
	lock.Lock()
	if len(known) < most {
		known[text] = compiled
	}
	lock.Unlock()
	return &Regexp{compiled, false}, nil
}

// MustCompile is Compile for expressions that are known to be good.
func MustCompile(text string) *Regexp {
	compiled, err := Compile(text)
	if err != nil {
		panic("regexp: Compile(" + text + "): " + err.Error())
	}
	return compiled
}

// Match looks for an expression in bytes.
func Match(text string, in []byte) (bool, error) {
	compiled, err := Compile(text)
	return err == nil && compiled.Match(in), err
}

// MatchString looks for an expression in a text.
func MatchString(text, in string) (bool, error) {
	compiled, err := Compile(text)
	return err == nil && compiled.MatchString(in), err
}

// QuoteMeta escapes what has a meaning in expressions.
func QuoteMeta(text string) string { return regexp.QuoteMeta(text) }
