// Package logrus stands in for the logger of that name, for plugins that do not bring the real one. It has the same
// names; what it writes is for pinhook's log.
package logrus

import (
	"fmt"
	"strings"
)

// Level says how grave a line is.
type Level uint32

// The levels, gravest first.
const (
	PanicLevel Level = iota
	FatalLevel
	ErrorLevel
	WarnLevel
	InfoLevel
	DebugLevel
	TraceLevel
)

// AllLevels are all of them, gravest first.
var AllLevels = []Level{PanicLevel, FatalLevel, ErrorLevel, WarnLevel, InfoLevel, DebugLevel, TraceLevel}

var levelNames = []string{"panic", "fatal", "error", "warning", "info", "debug", "trace"}

// String is the name of a level.
func (level Level) String() string {
	if int(level) < len(levelNames) {
		return levelNames[level]
	}
	return "unknown"
}

// MarshalText is the name of a level.
func (level Level) MarshalText() ([]byte, error) { return []byte(level.String()), nil }

// UnmarshalText reads the name of a level.
func (level *Level) UnmarshalText(text []byte) error {
	parsed, err := ParseLevel(string(text))
	if err == nil {
		*level = parsed
	}
	return err
}

// ParseLevel reads the name of a level.
func ParseLevel(text string) (Level, error) {
	name := strings.ToLower(text)
	if name == "warn" {
		return WarnLevel, nil
	}
	for i, known := range levelNames {
		if known == name {
			return Level(i), nil
		}
	}
	return PanicLevel, fmt.Errorf("not a valid logrus Level: %q", text)
}
