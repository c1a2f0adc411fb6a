package group

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/lni/dragonboat/v4/logger"
)

// dragonboat has one logger factory a process, which can be set once. It hands out bridges that write to the slog.Logger
// of the last Host opened, lower than dragonboat thinks: every election is a WARNING to it, every lost connection an ERROR.

var (
	bridgeOnce   sync.Once
	bridgeTarget atomic.Pointer[slog.Logger]
)

func bridgeLogs(log *slog.Logger) {
	bridgeTarget.Store(log)
	bridgeOnce.Do(func() {
		logger.SetLoggerFactory(func(pkg string) logger.ILogger { return &bridge{pkg: pkg} })
	})
}

type bridge struct{ pkg string }

func (b *bridge) SetLevel(logger.LogLevel) {}

func (b *bridge) log(level slog.Level, format string, args []any) {
	log := bridgeTarget.Load()
	if log == nil || !log.Enabled(context.Background(), level) {
		return
	}
	log.Log(context.Background(), level, fmt.Sprintf(format, args...), "component", "raft/"+b.pkg)
}

func (b *bridge) Debugf(format string, args ...any)   { b.log(slog.LevelDebug-4, format, args) }
func (b *bridge) Infof(format string, args ...any)    { b.log(slog.LevelDebug-2, format, args) }
func (b *bridge) Warningf(format string, args ...any) { b.log(slog.LevelDebug, format, args) }

// Errorf keeps the transport quiet: a node that is down is told of by those who need it, once, and not at every attempt.
func (b *bridge) Errorf(format string, args ...any) {
	level := slog.LevelWarn
	if b.pkg == "transport" {
		level = slog.LevelDebug
	}
	b.log(level, format, args)
}

// Panicf is dragonboat saying that it cannot go on: a full disk, a damaged log.
func (b *bridge) Panicf(format string, args ...any) {
	b.log(slog.LevelError+4, format, args)
	panic(fmt.Sprintf(b.pkg+": "+format, args...))
}
