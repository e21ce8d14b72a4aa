package projects

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/internal/builder/devserver"
	"surgent.dev/surgent/internal/builder/templates"
	"surgent.dev/surgent/internal/kit/errs"
	"surgent.dev/surgent/sandbox"
)

// How long parts of a boot may take. Waiting for a snapshot that is being
// made has no limit: it says where it is.
const (
	createLimit = 3 * time.Minute
	devLimit    = 90 * time.Second
)

// errStale ends a boot whose attempt is no longer the newest.
var errStale = errors.New("another attempt has begun")

// boot brings a project's sandbox up, whatever its state: missing, lost,
// asleep, running. It ends in settle, with success or a reason; only a server
// that dies leaves an attempt open, and recoverProject starts the next.
func (l *Life) boot(ctx *function.ActionCtx, a bootArgs) (any, error) {
	var todo bootPlan
	if err := ctx.RunQuery("projects:plan", a, &todo); err != nil || todo.Project == nil {
		return nil, err
	}
	b := &booting{Life: l, ctx: ctx, args: a, project: todo.Project, template: todo.Template}
	dev, err := b.run()
	switch {
	case errors.Is(err, errStale):
		return nil, b.giveUp()
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx) // the server stops; the next one takes it up
	case err != nil:
		l.Logger.ErrorContext(ctx, "sandbox did not start", "project", a.ProjectID, "attempt", a.Attempt, "error", err)
		return nil, ctx.RunMutation("projects:settle", settleArgs{ProjectID: a.ProjectID, Attempt: a.Attempt, Error: reason(err)}, nil)
	}
	var still bool
	if err := ctx.RunMutation("projects:settle", settleArgs{ProjectID: a.ProjectID, Attempt: a.Attempt, DevServer: dev}, &still); err != nil {
		return nil, err
	}
	if !still {
		return nil, nil
	}
	l.Watcher.Watch(a.ProjectID, b.id)
	return nil, b.keepIfAsked()
}

// keepIfAsked turns the auto stop off when the owner asked for it while the
// sandbox was made, too late for the request that made it.
func (b *booting) keepIfAsked() error {
	var now *Project
	if err := b.ctx.RunQuery("projects:find", projectArgs{b.args.ProjectID}, &now); err != nil {
		return err
	}
	if now == nil || now.Sandbox == nil || !now.Sandbox.kept() || b.project.Sandbox.kept() {
		return nil
	}
	if err := b.Sandboxes.SetAutoStop(b.ctx, b.id, 0); err != nil {
		return fmt.Errorf("keep sandbox awake: %w", err)
	}
	return nil
}

// giveUp ends a run that is no longer wanted. When the project was deleted
// meanwhile, the sandbox goes too: the job that removed it may have looked
// before there was one. Another attempt finds it by its name.
func (b *booting) giveUp() error {
	var p *Project
	if err := b.ctx.RunQuery("projects:find", projectArgs{b.args.ProjectID}, &p); err != nil || p != nil || b.id == "" {
		return err
	}
	if err := b.Sandboxes.Delete(b.ctx, b.id); err != nil {
		return fmt.Errorf("remove sandbox of a deleted project: %w", err)
	}
	return nil
}

// reason is the one line that a person reads. Errors that were made for
// people keep their text; of others the innermost cause is the most telling.
func reason(err error) string {
	var coded *errs.Error
	if errors.As(err, &coded) && coded.Code != errs.Internal {
		return coded.Message
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "It took too long."
	}
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	if len(line) > 300 {
		line = strings.ToValidUTF8(line[:300], "") + "…"
	}
	return line
}

// booting is one run of the boot job.
type booting struct {
	*Life
	ctx      *function.ActionCtx
	args     bootArgs
	project  *Project
	template *templates.Template
	id       string // of the sandbox, once there is one
}

func (b *booting) run() (*DevServer, error) {
	fresh, warm, err := b.find()
	if err != nil {
		return nil, err
	}
	tb := b.Sandboxes.Toolbox(b.id)
	workDir, err := tb.WorkDir(b.ctx)
	if err != nil {
		return nil, fmt.Errorf("ask for working folder: %w", err)
	}
	if fresh || !b.project.Sandbox.IsInitialized {
		if err := b.begin(stepCopy, ""); err != nil {
			return nil, err
		}
		if err := b.fill(tb, workDir, warm); err != nil {
			return nil, err
		}
	}
	if err := b.begin(stepDev, ""); err != nil {
		return nil, err
	}
	return b.startDev(tb, workDir)
}

// begin notes a step and ends the run when it is no longer wanted.
func (b *booting) begin(name, sandboxID string) error {
	return b.note(stepArgs{Begin: name, SandboxID: sandboxID})
}

func (b *booting) note(a stepArgs) error {
	a.ProjectID, a.Attempt = b.args.ProjectID, b.args.Attempt
	var wanted bool
	err := b.ctx.RunMutation("projects:step", a, &wanted)
	if err == nil && !wanted {
		return errStale
	}
	return err
}

// find makes sure that there is a running sandbox. A sandbox that can't be
// asked for is an error and never a reason to make another: it holds work.
// Only one that is gone, or broken and given up by its owner, is replaced.
func (b *booting) find() (fresh, warm bool, err error) {
	for _, ref := range []string{deref(b.project.SandboxID), sandboxName(b.project.ID)} {
		if ref == "" {
			continue
		}
		info, err := b.Sandboxes.Get(b.ctx, ref)
		if errors.Is(err, sandbox.ErrNotFound) {
			continue
		}
		if err != nil {
			return false, false, errs.Wrap(errs.Unavailable, err, "The sandbox server doesn't answer.")
		}
		if broken(info.State) {
			if !b.args.Anew {
				return false, false, errs.New(errs.Unavailable, "%s", orElse(info.ErrorReason, "The sandbox is broken."))
			}
			if err := b.Sandboxes.Delete(b.ctx, info.ID); err != nil {
				return false, false, fmt.Errorf("remove broken sandbox: %w", err)
			}
			continue
		}
		return false, false, b.start(info.ID)
	}
	warm, err = b.create()
	return true, warm, err
}

func broken(s sandbox.State) bool {
	return s == sandbox.Failed || s == sandbox.BuildFailed
}

func (b *booting) start(id string) error {
	b.id = id
	if err := b.begin(stepCreate, id); err != nil {
		return err
	}
	return b.withRoom(func() error {
		ctx, cancel := context.WithTimeout(b.ctx, createLimit)
		defer cancel()
		if _, err := b.Sandboxes.Start(ctx, id); err != nil {
			return fmt.Errorf("start sandbox: %w", err)
		}
		return nil
	})
}

func (b *booting) create() (warm bool, err error) {
	if err := b.begin(stepCreate, ""); err != nil {
		return false, err
	}
	snapshot := templates.Base
	if b.template != nil {
		if snapshot, warm, err = b.Warm.Snapshot(b.ctx, b.template); err != nil {
			return false, err
		}
	}
	if err := b.withRoom(func() error { return b.createFrom(snapshot) }); err != nil {
		return false, err
	}
	return warm, b.begin(stepCreate, b.id)
}

func (b *booting) createFrom(snapshot string) error {
	ctx, cancel := context.WithTimeout(b.ctx, createLimit)
	defer cancel()
	minutes := autoStop
	if b.project.Sandbox.kept() {
		minutes = 0
	}
	info, err := b.Sandboxes.Create(ctx, sandbox.CreateRequest{
		Name: sandboxName(b.project.ID), Snapshot: snapshot, Labels: labels(b.project.ID),
		Env: map[string]string{}, AutoStopInterval: &minutes,
	})
	if errors.Is(err, sandbox.ErrConflict) {
		// Another run of this job was a moment earlier.
		info, err = b.Sandboxes.Get(b.ctx, sandboxName(b.project.ID))
	}
	if err != nil {
		return fmt.Errorf("create sandbox: %w", err)
	}
	b.id = info.ID
	return nil
}

// fill puts the project's files into a sandbox: the template's, unless the
// snapshot brought them, and over them those of the newest checkpoint. All of
// it may be done twice.
func (b *booting) fill(tb sandbox.Toolbox, workDir string, warm bool) error {
	if b.template != nil && !warm {
		if err := b.copyTemplate(tb, workDir); err != nil {
			return err
		}
	}
	if err := templates.Commit(b.ctx, tb, workDir); err != nil {
		return err
	}
	if b.parts.Restore == nil {
		return nil
	}
	if _, err := b.parts.Restore(b.ctx, b.project.ID, tb); err != nil {
		return fmt.Errorf("restore checkpoint: %w", err)
	}
	return nil
}

func (b *booting) copyTemplate(tb sandbox.Toolbox, workDir string) error {
	// A repository is there already when a run of this job was cut off later,
	// or when the sandbox came from a warm snapshot: the files are in it.
	res, err := tb.Execute(b.ctx, sandbox.ExecRequest{Command: "git rev-parse --verify -q HEAD", Dir: workDir})
	if err != nil {
		return fmt.Errorf("look for project files: %w", err)
	}
	if res.ExitCode == 0 {
		return nil
	}
	if t, ok := b.template.Embedded(); ok {
		return templates.Upload(b.ctx, tb, workDir, t)
	}
	return templates.Clone(b.ctx, tb, workDir, b.template)
}

// startDev starts the dev server and waits for its first answer. A server
// that ends or stays silent is no reason to call the sandbox broken: its files
// are there, and the project's page shows what the server said.
func (b *booting) startDev(tb sandbox.Toolbox, workDir string) (*DevServer, error) {
	command := "bun run dev"
	if b.template != nil {
		command = b.template.Start()
	}
	id, err := devserver.Start(b.ctx, tb, workDir, command)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(b.ctx, devLimit)
	defer cancel()
	err = devserver.Await(ctx, b.Sandboxes, b.id, id)
	var ended *devserver.ExitError
	switch {
	case err == nil:
		return &DevServer{Status: "running", LastLines: []string{}}, nil
	case errors.As(err, &ended):
		return &DevServer{Status: "exited", ExitCode: &ended.Code, LastLines: ended.Tail}, nil
	case ctx.Err() != nil && b.ctx.Err() == nil:
		return &DevServer{Status: "starting", LastLines: []string{}, Error: fmt.Sprintf("Nothing answers on port %d yet.", devserver.Port)}, nil
	}
	return nil, err
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
