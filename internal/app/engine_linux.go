//go:build linux

package app

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"golang.org/x/sys/unix"

	"surgent.dev/surgent/deploy/workerd"
	"surgent.dev/surgent/sandbox/engine"
	toolboxbin "surgent.dev/surgent/sandbox/toolbox/bin"
	defaultenv "surgent.dev/surgent/snapshots/default-env"
)

// engineSettings are what app decides about an engine.
type engineSettings struct {
	data, cache, key string
	baseImage        string // "" lets the engine choose
	binary           string // this program, which is also runsc
	reserve          int64  // bytes of memory to leave to the machine, 0 for the default
}

// embedded is the engine in this process.
type embedded struct {
	engine  *engine.Engine
	handler http.Handler
	key     string
}

func newEmbedded(s engineSettings, logger *slog.Logger) (*embedded, error) {
	if err := checkStatic(s.binary); err != nil {
		return nil, err
	}
	toolbox, err := toolboxbin.Binary()
	if err != nil {
		return nil, err
	}
	e, err := engine.New(engine.Config{
		DataDir: s.data, CacheDir: s.cache, BaseImage: s.baseImage, APIKey: s.key, Runsc: []string{s.binary, "runsc"},
		Toolbox: toolbox, Recipe: defaultenv.Files, Reserve: s.reserve, Logger: logger.With("part", "engine"),
	})
	if err != nil {
		return nil, err
	}
	return &embedded{engine: e, handler: e.Handler(), key: s.key}, nil
}

func (e *embedded) run(ctx context.Context) error { return e.engine.Run(ctx) }

// boxes joins the engine's boxes to the target that runs apps in them: neither
// knows the other.
func (e *embedded) boxes() workerd.Boxes { return engineBoxes{e.engine} }

type engineBoxes struct{ engine *engine.Engine }

func (b engineBoxes) New(ctx context.Context, label string) (workerd.Box, error) {
	box, err := b.engine.NewBox(ctx, label)
	if err != nil {
		return nil, err
	}
	return engineBox{box}, nil
}

type engineBox struct{ *engine.Box }

func (b engineBox) Start(ctx context.Context, p workerd.Program) error {
	return b.Box.Start(ctx, engine.Program(p))
}

// ready waits until sandboxes can be made and says why they can't.
func (e *embedded) ready(ctx context.Context) error { return e.engine.Ready(ctx) }

// step says in words what is being built, "" for nothing.
func (e *embedded) step() string { return e.engine.BaseStep() }

// checkStatic refuses a binary that needs a loader: gVisor runs it again where
// there is none, and fails in words that nobody understands.
func checkStatic(path string) error {
	f, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("read own binary: %w", err)
	}
	defer func() { _ = f.Close() }() // only read from
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return errors.New("this binary is not static, so it can't run sandboxes: build it with `make build`, or with CGO_ENABLED=0")
		}
	}
	return nil
}

// awaitExit returns when another process has ended. It may be anybody's.
func awaitExit(ctx context.Context, pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("watch process %d: %w", pid, err)
	}
	defer func() { _ = unix.Close(fd) }()
	const tick = 200 // milliseconds between looks at ctx
	for ctx.Err() == nil {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, tick)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("watch process %d: %w", pid, err)
		}
		if n > 0 {
			return nil
		}
	}
	return context.Cause(ctx)
}

// probeEngine tries what the engine needs of this machine.
func probeEngine(ctx context.Context) []Finding {
	binary, err := os.Executable()
	if err != nil {
		return []Finding{{Part: "sandboxes", Text: err.Error(), Missing: true}}
	}
	var out []Finding
	for _, problem := range engine.Check(ctx, []string{binary, "runsc"}) {
		out = append(out, Finding{Part: "sandboxes", Text: problem.Error(), Missing: true})
	}
	return out
}
