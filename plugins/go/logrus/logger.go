package logrus

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// ErrorKey is the field of WithError.
var ErrorKey = "error"

// Names of what formatters write beside the fields.
const (
	FieldKeyMsg         = "msg"
	FieldKeyLevel       = "level"
	FieldKeyTime        = "time"
	FieldKeyLogrusError = "logrus_error"
	FieldKeyFunc        = "func"
	FieldKeyFile        = "file"
)

type (
	// Fields are what a line says beside its text.
	Fields map[string]any
	// LogFunction makes the arguments of a line when it is wanted.
	LogFunction func() []any
	// MutexWrap is the lock of a logger's output.
	MutexWrap struct{ lock sync.Mutex }
)

// Logger writes lines of its level and graver ones.
type Logger struct {
	Out          io.Writer
	Hooks        LevelHooks
	Formatter    Formatter
	ReportCaller bool
	Level        Level
	ExitFunc     func(int)
	mu           MutexWrap
}

// New is a logger of level info that writes text to standard error.
func New() *Logger {
	return &Logger{
		Out: os.Stderr, Formatter: &TextFormatter{}, Hooks: LevelHooks{}, Level: InfoLevel, ExitFunc: os.Exit,
	}
}

func (logger *Logger) entry() *Entry { return &Entry{Logger: logger, Data: Fields{}} }

// IsLevelEnabled tells whether lines of a level are written.
func (logger *Logger) IsLevelEnabled(level Level) bool { return logger.GetLevel() >= level }

// GetLevel is the least grave level that is written.
func (logger *Logger) GetLevel() Level { return Level(atomic.LoadUint32((*uint32)(&logger.Level))) }

// SetLevel sets the least grave level that is written.
func (logger *Logger) SetLevel(level Level) {
	atomic.StoreUint32((*uint32)(&logger.Level), uint32(level))
}

// SetOutput sets where lines go.
func (logger *Logger) SetOutput(out io.Writer) {
	logger.mu.lock.Lock()
	defer logger.mu.lock.Unlock()
	logger.Out = out
}

// SetFormatter sets how lines look.
func (logger *Logger) SetFormatter(formatter Formatter) {
	logger.mu.lock.Lock()
	defer logger.mu.lock.Unlock()
	logger.Formatter = formatter
}

// SetReportCaller is kept for callers that set it; nothing is added to lines.
func (logger *Logger) SetReportCaller(report bool) { logger.ReportCaller = report }

// SetNoLock is kept for callers that set it; lines are always written one at a time.
func (logger *Logger) SetNoLock() {}

// SetBufferPool is kept for callers that set one.
func (logger *Logger) SetBufferPool(BufferPool) {}

// Exit ends the program.
func (logger *Logger) Exit(code int) {
	if logger.ExitFunc == nil {
		logger.ExitFunc = os.Exit
	}
	logger.ExitFunc(code)
}

// AddHook has a hook called for each line.
func (logger *Logger) AddHook(hook Hook) {
	logger.mu.lock.Lock()
	defer logger.mu.lock.Unlock()
	if logger.Hooks == nil {
		logger.Hooks = LevelHooks{}
	}
	logger.Hooks.Add(hook)
}

// ReplaceHooks sets the hooks and gives those that were there.
func (logger *Logger) ReplaceHooks(hooks LevelHooks) LevelHooks {
	logger.mu.lock.Lock()
	defer logger.mu.lock.Unlock()
	old := logger.Hooks
	logger.Hooks = hooks
	return old
}

// WithField is an entry with a field.
func (logger *Logger) WithField(key string, value any) *Entry {
	return logger.entry().WithField(key, value)
}

// WithFields is an entry with fields.
func (logger *Logger) WithFields(fields Fields) *Entry { return logger.entry().WithFields(fields) }

// WithError is an entry with an error.
func (logger *Logger) WithError(err error) *Entry { return logger.entry().WithError(err) }

// WithContext is an entry with a context.
func (logger *Logger) WithContext(ctx context.Context) *Entry { return logger.entry().WithContext(ctx) }

// WithTime is an entry of another time.
func (logger *Logger) WithTime(t time.Time) *Entry { return logger.entry().WithTime(t) }

// Entry is a line that is being made.
type Entry struct {
	Logger  *Logger
	Data    Fields
	Time    time.Time
	Level   Level
	Message string
	Context context.Context
}

// NewEntry is an empty entry of a logger.
func NewEntry(logger *Logger) *Entry { return logger.entry() }

// Dup is a copy of an entry.
func (entry *Entry) Dup() *Entry { return entry.WithFields(nil) }

// WithField is a copy with a field more.
func (entry *Entry) WithField(key string, value any) *Entry {
	return entry.WithFields(Fields{key: value})
}

// WithFields is a copy with fields more.
func (entry *Entry) WithFields(fields Fields) *Entry {
	data := make(Fields, len(entry.Data)+len(fields))
	for key, value := range entry.Data {
		data[key] = value
	}
	for key, value := range fields {
		data[key] = value
	}
	return &Entry{Logger: entry.Logger, Data: data, Time: entry.Time, Context: entry.Context}
}

// WithError is a copy with an error.
func (entry *Entry) WithError(err error) *Entry { return entry.WithField(ErrorKey, err) }

// WithContext is a copy with a context.
func (entry *Entry) WithContext(ctx context.Context) *Entry {
	other := entry.Dup()
	other.Context = ctx
	return other
}

// WithTime is a copy of another time.
func (entry *Entry) WithTime(t time.Time) *Entry {
	other := entry.Dup()
	other.Time = t
	return other
}

// String is the line as its logger would write it.
func (entry *Entry) String() (string, error) {
	data, err := entry.Bytes()
	return string(data), err
}

// Bytes is the line as its logger would write it.
func (entry *Entry) Bytes() ([]byte, error) { return entry.Logger.Formatter.Format(entry) }

func (entry *Entry) write(level Level, text string) {
	line := entry.Dup()
	line.Level, line.Message = level, text
	if line.Time.IsZero() {
		line.Time = time.Now()
	}
	logger := entry.Logger
	logger.mu.lock.Lock()
	hooks, formatter := logger.Hooks[level], logger.Formatter
	logger.mu.lock.Unlock()
	for _, hook := range hooks {
		if err := hook.Fire(line); err != nil {
			fmt.Fprintln(os.Stderr, "Failed to fire hook:", err)
		}
	}
	data, err := formatter.Format(line)
	if err != nil {
		fmt.Fprintln(os.Stderr, "Failed to obtain reader:", err)
	} else {
		logger.mu.lock.Lock()
		_, _ = logger.Out.Write(data)
		logger.mu.lock.Unlock()
	}
	if level == PanicLevel {
		panic(line)
	}
}

// Log writes a line of a level.
func (entry *Entry) Log(level Level, args ...any) {
	if entry.Logger.IsLevelEnabled(level) {
		entry.write(level, fmt.Sprint(args...))
	}
}

// Logf writes a line of a level.
func (entry *Entry) Logf(level Level, format string, args ...any) {
	if entry.Logger.IsLevelEnabled(level) {
		entry.write(level, fmt.Sprintf(format, args...))
	}
}

// Logln writes a line of a level.
func (entry *Entry) Logln(level Level, args ...any) {
	if entry.Logger.IsLevelEnabled(level) {
		text := fmt.Sprintln(args...)
		entry.write(level, text[:len(text)-1])
	}
}

// Log writes a line of a level.
func (logger *Logger) Log(level Level, args ...any) { logger.entry().Log(level, args...) }

// Logf writes a line of a level.
func (logger *Logger) Logf(level Level, format string, args ...any) {
	logger.entry().Logf(level, format, args...)
}

// Logln writes a line of a level.
func (logger *Logger) Logln(level Level, args ...any) { logger.entry().Logln(level, args...) }

// LogFn writes a line of a level whose arguments are made only when it is wanted.
func (logger *Logger) LogFn(level Level, fn LogFunction) {
	if logger.IsLevelEnabled(level) {
		logger.Log(level, fn()...)
	}
}
