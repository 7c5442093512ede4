package logrus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"time"
)

// Formatter makes bytes of a line.
type Formatter interface {
	Format(*Entry) ([]byte, error)
}

// BufferPool is kept for callers that name it.
type BufferPool interface {
	Put(*bytes.Buffer)
	Get() *bytes.Buffer
}

// Hook is called for each line of its levels.
type Hook interface {
	Levels() []Level
	Fire(*Entry) error
}

// LevelHooks are hooks by level.
type LevelHooks map[Level][]Hook

// Add adds a hook to each of its levels.
func (hooks LevelHooks) Add(hook Hook) {
	for _, level := range hook.Levels() {
		hooks[level] = append(hooks[level], hook)
	}
}

// Fire calls the hooks of a level.
func (hooks LevelHooks) Fire(level Level, entry *Entry) error {
	for _, hook := range hooks[level] {
		if err := hook.Fire(entry); err != nil {
			return err
		}
	}
	return nil
}

type fieldKey string

// FieldMap gives other names to what formatters write beside the fields.
type FieldMap map[fieldKey]string

func (names FieldMap) name(key fieldKey) string {
	if name, ok := names[key]; ok {
		return name
	}
	return string(key)
}

// TextFormatter writes `time=… level=… msg=… field=…`. Colours are never used.
type TextFormatter struct {
	ForceColors, DisableColors, ForceQuote, DisableQuote, EnvironmentOverrideColors bool
	DisableTimestamp, FullTimestamp                                                 bool
	TimestampFormat                                                                 string
	DisableSorting                                                                  bool
	SortingFunc                                                                     func([]string)
	DisableLevelTruncation, PadLevelText, QuoteEmptyFields                          bool
	FieldMap                                                                        FieldMap
}

// Format makes a line.
func (f *TextFormatter) Format(entry *Entry) ([]byte, error) {
	var line bytes.Buffer
	if !f.DisableTimestamp {
		fmt.Fprintf(&line, "%s=%s ", f.FieldMap.name(FieldKeyTime), quote(stamp(entry.Time, f.TimestampFormat)))
	}
	fmt.Fprintf(&line, "%s=%s", f.FieldMap.name(FieldKeyLevel), entry.Level)
	if entry.Message != "" {
		fmt.Fprintf(&line, " %s=%s", f.FieldMap.name(FieldKeyMsg), quote(entry.Message))
	}
	names := make([]string, 0, len(entry.Data))
	for name := range entry.Data {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(&line, " %s=%s", name, quote(fmt.Sprint(entry.Data[name])))
	}
	line.WriteByte('\n')
	return line.Bytes(), nil
}

// JSONFormatter writes one object a line.
type JSONFormatter struct {
	TimestampFormat                                  string
	DisableTimestamp, DisableHTMLEscape, PrettyPrint bool
	DataKey                                          string
	FieldMap                                         FieldMap
}

// Format makes a line.
func (f *JSONFormatter) Format(entry *Entry) ([]byte, error) {
	fields := make(Fields, len(entry.Data)+3)
	for name, value := range entry.Data {
		if err, ok := value.(error); ok {
			value = err.Error()
		}
		fields[name] = value
	}
	data := fields
	if f.DataKey != "" {
		data = Fields{f.DataKey: fields}
	}
	if !f.DisableTimestamp {
		data[f.FieldMap.name(FieldKeyTime)] = stamp(entry.Time, f.TimestampFormat)
	}
	data[f.FieldMap.name(FieldKeyMsg)] = entry.Message
	data[f.FieldMap.name(FieldKeyLevel)] = entry.Level.String()
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(!f.DisableHTMLEscape)
	if f.PrettyPrint {
		encoder.SetIndent("", "  ")
	}
	err := encoder.Encode(data)
	return line.Bytes(), err
}

func stamp(t time.Time, layout string) string {
	if layout == "" {
		layout = time.RFC3339
	}
	return t.Format(layout)
}

func quote(text string) string {
	for _, c := range text {
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
			c == '-' || c == '.' || c == '_' || c == '/' || c == '@' || c == '^' || c == '+'
		if !plain {
			return strconv.Quote(text)
		}
	}
	return text
}
