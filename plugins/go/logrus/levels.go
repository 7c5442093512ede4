package logrus

import (
	"context"
	"io"
	"time"
)

// StdLogger is what Go's own logger can do, too.
type StdLogger interface {
	Print(...any)
	Printf(string, ...any)
	Println(...any)
	Fatal(...any)
	Fatalf(string, ...any)
	Fatalln(...any)
	Panic(...any)
	Panicf(string, ...any)
	Panicln(...any)
}

// FieldLogger is what loggers and entries have in common.
type FieldLogger interface {
	WithField(key string, value any) *Entry
	WithFields(fields Fields) *Entry
	WithError(err error) *Entry

	Debugf(format string, args ...any)
	Debug(args ...any)
	Debugln(args ...any)

	Infof(format string, args ...any)
	Info(args ...any)
	Infoln(args ...any)

	Printf(format string, args ...any)
	Print(args ...any)
	Println(args ...any)

	Warnf(format string, args ...any)
	Warn(args ...any)
	Warnln(args ...any)

	Warningf(format string, args ...any)
	Warning(args ...any)
	Warningln(args ...any)

	Errorf(format string, args ...any)
	Error(args ...any)
	Errorln(args ...any)

	Fatalf(format string, args ...any)
	Fatal(args ...any)
	Fatalln(args ...any)

	Panicf(format string, args ...any)
	Panic(args ...any)
	Panicln(args ...any)
}

// Ext1FieldLogger adds the level trace.
type Ext1FieldLogger interface {
	FieldLogger
	Tracef(format string, args ...any)
	Trace(args ...any)
	Traceln(args ...any)
}

var std = New()

// StandardLogger is the logger of the functions of this package.
func StandardLogger() *Logger { return std }

// The rest of this file is one function of each level for entries, loggers and the standard logger.

// SetOutput is that of the standard logger, as are all functions below.
func SetOutput(out io.Writer) { std.SetOutput(out) }

func SetFormatter(formatter Formatter) { std.SetFormatter(formatter) }

func SetReportCaller(report bool) { std.SetReportCaller(report) }

func SetLevel(level Level) { std.SetLevel(level) }

func GetLevel() Level { return std.GetLevel() }

func IsLevelEnabled(level Level) bool { return std.IsLevelEnabled(level) }

func AddHook(hook Hook) { std.AddHook(hook) }

func WithField(key string, value any) *Entry { return std.WithField(key, value) }

func WithFields(fields Fields) *Entry { return std.WithFields(fields) }

func WithError(err error) *Entry { return std.WithError(err) }

func WithContext(ctx context.Context) *Entry { return std.WithContext(ctx) }

func WithTime(t time.Time) *Entry { return std.WithTime(t) }

func Exit(code int) { std.Exit(code) }

func (entry *Entry) Trace(args ...any) { entry.Log(TraceLevel, args...) }

func (logger *Logger) Trace(args ...any) { logger.entry().Trace(args...) }

func Trace(args ...any) { std.Trace(args...) }

func (entry *Entry) Tracef(format string, args ...any) { entry.Logf(TraceLevel, format, args...) }

func (logger *Logger) Tracef(format string, args ...any) { logger.entry().Tracef(format, args...) }

func Tracef(format string, args ...any) { std.Tracef(format, args...) }

func (entry *Entry) Traceln(args ...any) { entry.Logln(TraceLevel, args...) }

func (logger *Logger) Traceln(args ...any) { logger.entry().Traceln(args...) }

func Traceln(args ...any) { std.Traceln(args...) }

func (entry *Entry) Debug(args ...any) { entry.Log(DebugLevel, args...) }

func (logger *Logger) Debug(args ...any) { logger.entry().Debug(args...) }

func Debug(args ...any) { std.Debug(args...) }

func (entry *Entry) Debugf(format string, args ...any) { entry.Logf(DebugLevel, format, args...) }

func (logger *Logger) Debugf(format string, args ...any) { logger.entry().Debugf(format, args...) }

func Debugf(format string, args ...any) { std.Debugf(format, args...) }

func (entry *Entry) Debugln(args ...any) { entry.Logln(DebugLevel, args...) }

func (logger *Logger) Debugln(args ...any) { logger.entry().Debugln(args...) }

func Debugln(args ...any) { std.Debugln(args...) }

func (entry *Entry) Info(args ...any) { entry.Log(InfoLevel, args...) }

func (logger *Logger) Info(args ...any) { logger.entry().Info(args...) }

func Info(args ...any) { std.Info(args...) }

func (entry *Entry) Infof(format string, args ...any) { entry.Logf(InfoLevel, format, args...) }

func (logger *Logger) Infof(format string, args ...any) { logger.entry().Infof(format, args...) }

func Infof(format string, args ...any) { std.Infof(format, args...) }

func (entry *Entry) Infoln(args ...any) { entry.Logln(InfoLevel, args...) }

func (logger *Logger) Infoln(args ...any) { logger.entry().Infoln(args...) }

func Infoln(args ...any) { std.Infoln(args...) }

func (entry *Entry) Print(args ...any) { entry.Log(InfoLevel, args...) }

func (logger *Logger) Print(args ...any) { logger.entry().Print(args...) }

func Print(args ...any) { std.Print(args...) }

func (entry *Entry) Printf(format string, args ...any) { entry.Logf(InfoLevel, format, args...) }

func (logger *Logger) Printf(format string, args ...any) { logger.entry().Printf(format, args...) }

func Printf(format string, args ...any) { std.Printf(format, args...) }

func (entry *Entry) Println(args ...any) { entry.Logln(InfoLevel, args...) }

func (logger *Logger) Println(args ...any) { logger.entry().Println(args...) }

func Println(args ...any) { std.Println(args...) }

func (entry *Entry) Warn(args ...any) { entry.Log(WarnLevel, args...) }

func (logger *Logger) Warn(args ...any) { logger.entry().Warn(args...) }

func Warn(args ...any) { std.Warn(args...) }

func (entry *Entry) Warnf(format string, args ...any) { entry.Logf(WarnLevel, format, args...) }

func (logger *Logger) Warnf(format string, args ...any) { logger.entry().Warnf(format, args...) }

func Warnf(format string, args ...any) { std.Warnf(format, args...) }

func (entry *Entry) Warnln(args ...any) { entry.Logln(WarnLevel, args...) }

func (logger *Logger) Warnln(args ...any) { logger.entry().Warnln(args...) }

func Warnln(args ...any) { std.Warnln(args...) }

func (entry *Entry) Warning(args ...any) { entry.Log(WarnLevel, args...) }

func (logger *Logger) Warning(args ...any) { logger.entry().Warning(args...) }

func Warning(args ...any) { std.Warning(args...) }

func (entry *Entry) Warningf(format string, args ...any) { entry.Logf(WarnLevel, format, args...) }

func (logger *Logger) Warningf(format string, args ...any) { logger.entry().Warningf(format, args...) }

func Warningf(format string, args ...any) { std.Warningf(format, args...) }

func (entry *Entry) Warningln(args ...any) { entry.Logln(WarnLevel, args...) }

func (logger *Logger) Warningln(args ...any) { logger.entry().Warningln(args...) }

func Warningln(args ...any) { std.Warningln(args...) }

func (entry *Entry) Error(args ...any) { entry.Log(ErrorLevel, args...) }

func (logger *Logger) Error(args ...any) { logger.entry().Error(args...) }

func Error(args ...any) { std.Error(args...) }

func (entry *Entry) Errorf(format string, args ...any) { entry.Logf(ErrorLevel, format, args...) }

func (logger *Logger) Errorf(format string, args ...any) { logger.entry().Errorf(format, args...) }

func Errorf(format string, args ...any) { std.Errorf(format, args...) }

func (entry *Entry) Errorln(args ...any) { entry.Logln(ErrorLevel, args...) }

func (logger *Logger) Errorln(args ...any) { logger.entry().Errorln(args...) }

func Errorln(args ...any) { std.Errorln(args...) }

func (entry *Entry) Fatal(args ...any) {
	entry.Log(FatalLevel, args...)
	entry.Logger.Exit(1)
}

func (logger *Logger) Fatal(args ...any) { logger.entry().Fatal(args...) }

func Fatal(args ...any) { std.Fatal(args...) }

func (entry *Entry) Fatalf(format string, args ...any) {
	entry.Logf(FatalLevel, format, args...)
	entry.Logger.Exit(1)
}

func (logger *Logger) Fatalf(format string, args ...any) { logger.entry().Fatalf(format, args...) }

func Fatalf(format string, args ...any) { std.Fatalf(format, args...) }

func (entry *Entry) Fatalln(args ...any) {
	entry.Logln(FatalLevel, args...)
	entry.Logger.Exit(1)
}

func (logger *Logger) Fatalln(args ...any) { logger.entry().Fatalln(args...) }

func Fatalln(args ...any) { std.Fatalln(args...) }

func (entry *Entry) Panic(args ...any) { entry.Log(PanicLevel, args...) }

func (logger *Logger) Panic(args ...any) { logger.entry().Panic(args...) }

func Panic(args ...any) { std.Panic(args...) }

func (entry *Entry) Panicf(format string, args ...any) { entry.Logf(PanicLevel, format, args...) }

func (logger *Logger) Panicf(format string, args ...any) { logger.entry().Panicf(format, args...) }

func Panicf(format string, args ...any) { std.Panicf(format, args...) }

func (entry *Entry) Panicln(args ...any) { entry.Logln(PanicLevel, args...) }

func (logger *Logger) Panicln(args ...any) { logger.entry().Panicln(args...) }

func Panicln(args ...any) { std.Panicln(args...) }

func (logger *Logger) TraceFn(fn LogFunction) { logger.LogFn(TraceLevel, fn) }

func TraceFn(fn LogFunction) { std.TraceFn(fn) }

func (logger *Logger) DebugFn(fn LogFunction) { logger.LogFn(DebugLevel, fn) }

func DebugFn(fn LogFunction) { std.DebugFn(fn) }

func (logger *Logger) InfoFn(fn LogFunction) { logger.LogFn(InfoLevel, fn) }

func InfoFn(fn LogFunction) { std.InfoFn(fn) }

func (logger *Logger) PrintFn(fn LogFunction) { logger.LogFn(InfoLevel, fn) }

func PrintFn(fn LogFunction) { std.PrintFn(fn) }

func (logger *Logger) WarnFn(fn LogFunction) { logger.LogFn(WarnLevel, fn) }

func WarnFn(fn LogFunction) { std.WarnFn(fn) }

func (logger *Logger) WarningFn(fn LogFunction) { logger.LogFn(WarnLevel, fn) }

func WarningFn(fn LogFunction) { std.WarningFn(fn) }

func (logger *Logger) ErrorFn(fn LogFunction) { logger.LogFn(ErrorLevel, fn) }

func ErrorFn(fn LogFunction) { std.ErrorFn(fn) }

func (logger *Logger) FatalFn(fn LogFunction) { logger.LogFn(FatalLevel, fn) }

func FatalFn(fn LogFunction) { std.FatalFn(fn) }

func (logger *Logger) PanicFn(fn LogFunction) { logger.LogFn(PanicLevel, fn) }

func PanicFn(fn LogFunction) { std.PanicFn(fn) }
