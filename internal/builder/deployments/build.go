package deployments

import (
	"context"
	"errors"
	"strings"
	"time"

	"surgent.dev/surgent/internal/kit/ansi"
	"surgent.dev/surgent/internal/kit/errs"
	"surgent.dev/surgent/sandbox"
)

// unprintable is what a log has no use for once its colours are gone.
var unprintable = strings.NewReplacer("\r", "", "\x00", "")

// build runs the project's build in a session of its own, whose id is the
// deployment's: a job that takes the deployment over follows the build that
// runs, or reads the log of the one that has ended.
func (j *job) build(tb sandbox.Toolbox, workDir string) error {
	ctx, cancel := context.WithTimeout(j.work, buildLimit)
	defer cancel()
	session := "deploy-" + string(j.d.ID)
	id, err := startBuild(ctx, tb, session, workDir)
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "The build couldn't be started.")
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(j.work), 10*time.Second)
		defer cancel()
		if j.ctx.Err() == nil { // else the next process follows it
			_ = tb.DeleteSession(ctx, session) // best effort: it holds nothing but a log
		}
	}()
	lines := &lineWriter{say: j.say}
	err = tb.FollowLogs(ctx, session, id, func(_ sandbox.Stream, p []byte) error { lines.write(p); return nil })
	lines.end()
	if err != nil {
		if ctx.Err() != nil && j.work.Err() == nil {
			return errs.New(errs.Unavailable, "bun run build took longer than %d seconds and was ended.", int(buildLimit.Seconds()))
		}
		return errs.Wrap(errs.Unavailable, err, "The sandbox was lost during the build.")
	}
	cmd, err := tb.GetCommand(ctx, session, id)
	switch {
	case err != nil:
		return errs.Wrap(errs.Unavailable, err, "The sandbox was lost during the build.")
	case cmd.ExitCode == nil:
		return errs.New(errs.Unavailable, "The sandbox was lost during the build.")
	case *cmd.ExitCode != 0:
		return errs.New(errs.Invalid, "bun run build ended with exit code %d.", *cmd.ExitCode)
	}
	return nil
}

func startBuild(ctx context.Context, tb sandbox.Processes, session, workDir string) (string, error) {
	s, err := tb.GetSession(ctx, session)
	if errors.Is(err, sandbox.ErrNotFound) {
		if err = tb.CreateSession(ctx, session); err == nil || errors.Is(err, sandbox.ErrConflict) {
			return tb.StartCommand(ctx, session, "cd '"+workDir+"' && bun run build")
		}
	}
	if err != nil {
		return "", err
	}
	if n := len(s.Commands); n > 0 {
		return s.Commands[n-1].ID, nil
	}
	return tb.StartCommand(ctx, session, "cd '"+workDir+"' && bun run build")
}

// lineWriter cuts output into lines without escapes.
type lineWriter struct {
	rest string
	say  func(string)
}

func (w *lineWriter) write(p []byte) {
	w.rest += string(p)
	for {
		line, rest, found := strings.Cut(w.rest, "\n")
		if !found {
			break
		}
		w.line(line)
		w.rest = rest
	}
	if len(w.rest) > 8<<10 {
		w.line(w.rest)
		w.rest = ""
	}
}

func (w *lineWriter) line(s string) {
	s = strings.ToValidUTF8(unprintable.Replace(ansi.Strip(s)), "�")
	if len(s) > 2000 {
		s = strings.ToValidUTF8(s[:2000], "") + "…"
	}
	w.say(s)
}

func (w *lineWriter) end() {
	if w.rest != "" {
		w.line(w.rest)
		w.rest = ""
	}
}
