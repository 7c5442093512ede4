// Package log stands in for Tyk's package of that name: loggers whose lines become those of the gateway's log.
package log

import (
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/sirupsen/logrus"
	"pinhook/bridge"
)

var logger, rawLogger = create(), create()

func create() *logrus.Logger {
	made := logrus.New()
	made.Out, made.Formatter, made.Level = output{}, &formatter{}, level()
	return made
}

// level is what Tyk reads from TYK_LOGLEVEL.
func level() logrus.Level {
	switch strings.ToLower(os.Getenv("TYK_LOGLEVEL")) {
	case "error":
		return logrus.ErrorLevel
	case "warn":
		return logrus.WarnLevel
	case "debug":
		return logrus.DebugLevel
	case "trace":
		return logrus.TraceLevel
	}
	return logrus.InfoLevel
}

// Get is the logger of the gateway.
func Get() *logrus.Logger { return logger }

// GetRaw is a logger of its own that writes to the same place.
func GetRaw() *logrus.Logger { return rawLogger }

// LoadTranslations is kept for callers; texts are not translated.
func LoadTranslations(map[string]any) {}

// TranslationFormatter is kept for callers; texts are not translated.
type TranslationFormatter struct{ *logrus.TextFormatter }

// RawFormatter writes the text alone.
type RawFormatter struct{}

// Format makes a line.
func (*RawFormatter) Format(entry *logrus.Entry) ([]byte, error) { return []byte(entry.Message), nil }

// formatter makes lines that output takes apart: the level, a blank, the text and its fields.
type formatter struct{}

func (*formatter) Format(entry *logrus.Entry) ([]byte, error) {
	word := "error"
	switch entry.Level {
	case logrus.WarnLevel:
		word = "warning"
	case logrus.InfoLevel:
		word = "info"
	case logrus.DebugLevel, logrus.TraceLevel:
		word = "debug"
	}
	names := make([]string, 0, len(entry.Data))
	for name := range entry.Data {
		names = append(names, name)
	}
	sort.Strings(names)
	line := append([]byte(word+" "), entry.Message...)
	for _, name := range names {
		line = fmt.Appendf(line, " %s=%v", name, entry.Data[name])
	}
	return line, nil
}

type output struct{}

func (output) Write(line []byte) (int, error) {
	word, text, ours := strings.Cut(string(line), " ")
	switch word {
	case "error", "warning", "info", "debug":
	default:
		// A plugin has set a formatter of its own.
		ours = false
	}
	if !ours {
		word, text = "info", strings.TrimRight(string(line), "\n")
	}
	if bridge.Log != nil {
		bridge.Log(word, text)
	} else {
		fmt.Fprintln(os.Stderr, word+":", text)
	}
	return len(line), nil
}
