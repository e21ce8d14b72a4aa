package agent

import (
	"context"
	_ "embed"
	"errors"
	"io"
	"path"
	"strings"
	"text/template"
	"time"

	"surgent.dev/surgent/internal/builder/agent/tools"
	"surgent.dev/surgent/internal/kit/clock"
	"surgent.dev/surgent/sandbox"
)

// readyEvery is how often a run that waits looks at its sandbox at first,
// readySlowest how often in the end: many may wait, some of them for long.
const (
	readyEvery   = 250 * time.Millisecond
	readySlowest = time.Second
)

// errNotReady is returned when there is no more time to wait for a sandbox.
var errNotReady = errors.New("agent: the sandbox is not ready")

// ready waits until the project's sandbox is up and answers. missed says that
// it did not answer a moment ago, although it should be up.
func (t *task) ready(ctx context.Context, missed bool) error {
	told := ""
	for pause := readyEvery; ; pause = min(pause*9/8, readySlowest) {
		var at where
		if err := t.query(ctx, "agent:place", projectArgs{t.fence.ProjectID}, &at); err != nil {
			return orCause(ctx, err)
		}
		if at.Gone {
			return errFenced
		}
		if at.Ready && !missed {
			tb := t.Sandboxes.Toolbox(at.SandboxID)
			dir, err := tb.WorkDir(ctx)
			if err == nil {
				t.box, t.tb, t.root = at.SandboxID, tb, dir
				return nil
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			t.Logger.WarnContext(ctx, "sandbox does not answer", "project", t.fence.ProjectID, "sandbox", at.SandboxID, "error", err)
			missed = true
		}
		if missed || at.Asleep {
			if err := t.mutate(ctx, "agent:rouse", rouseArgs{t.fence, missed}, nil); err != nil {
				return orCause(ctx, err)
			}
			missed = false
		}
		if !t.patience.IsZero() && t.Now().After(t.patience) {
			return errNotReady
		}
		if at.Reason != told && t.cur.Run.StartedAt == 0 {
			told = at.Reason
			if err := t.mutate(ctx, "agent:note", noteArgs{t.fence, t.cur.Run.ID, at.Reason}, nil); err != nil {
				return orCause(ctx, err)
			}
		}
		if err := clock.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// touchEvery is how often a working run tells its sandbox that it is in use.
const touchEvery = time.Minute

func (t *task) touch() {
	if t.Now().Sub(t.touched) < touchEvery {
		return
	}
	t.touched = t.Now()
	if err := t.Sandboxes.Touch(t.ctx, t.box); err != nil && !errors.Is(err, sandbox.ErrNotFound) {
		// Only its auto stop comes sooner; the next step would wake it.
		t.Logger.DebugContext(t.ctx, "touch sandbox", "sandbox", t.box, "error", err)
	}
}

//go:embed prompts/system.md
var systemPrompt string

var systemTemplate = template.Must(template.New("system").Parse(systemPrompt))

// maxMemory is how much of the project's own notes the model gets.
const maxMemory = 8 << 10

// systemText makes the system prompt. It holds nothing that changes from step
// to step: the provider's cache lives on that.
func (t *task) systemText(mode tools.Mode) string {
	var b strings.Builder
	err := systemTemplate.Execute(&b, map[string]any{
		"Dir": t.root, "Ask": mode == tools.Ask, "Slug": t.slug, "Memory": t.memory(),
	})
	if err != nil {
		panic("agent: system prompt: " + err.Error()) // fixed text, fixed fields
	}
	return strings.TrimSpace(b.String())
}

// memory returns the project's notes for agents, "" when it has none.
func (t *task) memory() string {
	for _, name := range []string{"AGENTS.md", "CLAUDE.md"} {
		body, err := t.tb.Download(t.live, path.Join(t.root, name))
		if err != nil {
			continue // absent, or the sandbox fails and the first step will tell
		}
		raw, err := io.ReadAll(io.LimitReader(body, maxMemory))
		_ = body.Close() // what is missing is only advice
		if err == nil && len(raw) > 0 {
			return strings.TrimSpace(strings.ToValidUTF8(string(raw), ""))
		}
	}
	return ""
}
