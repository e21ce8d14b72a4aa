package deployments

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/release"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/kit/errs"
	"surgent.dev/surgent/sandbox"
)

// Limits of the parts of a deployment.
const (
	sandboxLimit = 10 * time.Minute // the base may still be built
	buildLimit   = 180 * time.Second
	packLimit    = 60 * time.Second
	publishLimit = 5 * time.Minute
	archiveBytes = 256 << 20
	beat         = 10 * time.Second // renews the lease
	flush        = 300 * time.Millisecond
)

// run is the job of one deployment. Every way out of it but the end of the
// process is a final status; the next process takes up what this one leaves.
func (m *module) run(ctx *function.ActionCtx, a runArgs) (any, error) {
	m.mu.Lock()
	if m.busy[a.ID] {
		m.mu.Unlock()
		return nil, nil
	}
	m.busy[a.ID] = true
	m.mu.Unlock()
	defer func() { m.mu.Lock(); delete(m.busy, a.ID); m.mu.Unlock() }()

	var d *Deployment
	if err := ctx.RunMutation("deployments:claim", claimArgs{a.ID, m.owner, true}, &d); err != nil || d == nil {
		return nil, err
	}
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	j := &job{module: m, ctx: ctx, work: work, lose: cancel, d: d}
	stop := j.keepAlive()
	end := j.deploy()
	stop()
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(context.Cause(work), errLost):
		return nil, nil
	}
	var still bool
	if err := ctx.RunMutation("deployments:finish", end, &still); err != nil {
		return nil, err
	}
	if !still && end.Status == Deployed {
		// Deleted while it went live. The name is leaving or gone already, and
		// whoever takes it down may have been a moment too early.
		return nil, ctx.RunAction("deployments:takeDown", nameArgs{Name: d.Name}, nil)
	}
	return nil, nil
}

// job is one run of a deployment.
type job struct {
	*module
	ctx  *function.ActionCtx
	work context.Context // done when the process stops or the lease is lost
	lose context.CancelCauseFunc
	d    *Deployment

	verifying bool // the step of that name has begun

	mu  sync.Mutex // guards log
	log strings.Builder
}

// say adds a line to the log, which goes out a moment later.
func (j *job) say(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.log.WriteString(strings.TrimRight(line, "\n") + "\n")
}

func (j *job) pending() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	text := j.log.String()
	j.log.Reset()
	return text
}

// keepAlive writes the log out as it grows and renews the lease. A lease that
// is lost ends the work. The function that it returns waits for its end.
func (j *job) keepAlive() (stop func()) {
	ctx, cancel := context.WithCancel(j.work)
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(flush)
		defer tick.Stop()
		last := time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			text := j.pending()
			if text == "" && time.Since(last) < beat {
				continue
			}
			last = time.Now()
			//nolint:contextcheck // the action's own context outlives this loop's
			if err := j.advance(advanceArgs{Log: text}); err != nil {
				j.Logger.WarnContext(ctx, "deployment's progress was not written", "deployment", j.d.ID, "error", err)
			}
		}
	})
	return func() { cancel(); done.Wait() }
}

func (j *job) advance(a advanceArgs) error {
	a.ID, a.Owner = j.d.ID, j.owner
	var still bool
	if err := j.ctx.RunMutation("deployments:advance", a, &still); err != nil {
		return err
	}
	if !still {
		j.lose(errLost)
		return errLost
	}
	return nil
}

// enter begins a step.
func (j *job) enter(status Status, stage, step string) error {
	return j.advance(advanceArgs{Status: &status, Stage: &stage, Step: step, Log: j.pending()})
}

// deploy does all the work and says how it ended.
func (j *job) deploy() finishArgs {
	end := finishArgs{ID: j.d.ID, Owner: j.owner, Status: Deployed}
	url, failedAs, err := j.stages()
	if err != nil {
		end.Status, end.Error = failedAs, words(err)
		j.say(end.Error)
		if errs.CodeOf(err) == errs.Internal {
			if _, refused := release.IsRefused(err); !refused {
				j.Logger.ErrorContext(j.ctx, "deployment failed", "deployment", j.d.ID, "error", err)
			}
		}
	}
	end.URL, end.Log = url, j.pending()
	return end
}

// words is what a person reads about a failure.
func words(err error) string {
	if reason, refused := release.IsRefused(err); refused && reason != "" {
		return reason
	}
	var coded *errs.Error
	switch {
	case errors.As(err, &coded) && coded.Code != errs.Internal:
		return coded.Message
	case errors.Is(err, deploy.ErrUnavailable):
		return "The deploy target can't be reached. Try again."
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, sandbox.ErrTimeout):
		return "It took too long."
	}
	return "Something unforeseen went wrong. The server's log says what."
}

func (j *job) stages() (url string, failedAs Status, err error) {
	tb, workDir, err := j.sandbox()
	if err != nil {
		return "", DeployFailed, err
	}
	if err := j.enter(Building, "", stepBuild); err != nil {
		return "", BuildFailed, err
	}
	if err := j.build(tb, workDir); err != nil {
		return "", BuildFailed, err
	}
	if err := j.enter(Uploading, stageCollecting, stepCollect); err != nil {
		return "", DeployFailed, err
	}
	rel, err := j.collect(tb, workDir)
	if err != nil {
		return "", DeployFailed, err
	}
	if err := j.enter(Uploading, "", stepUpload); err != nil {
		return "", DeployFailed, err
	}
	url, err = j.publish(rel)
	return url, DeployFailed, err
}

// sandbox waits for the project's sandbox and returns its tools.
func (j *job) sandbox() (sandbox.Toolbox, string, error) {
	var p *projects.Project
	if err := j.ctx.RunQuery("projects:find", map[string]any{"projectId": j.d.ProjectID}, &p); err != nil {
		return nil, "", err
	}
	if p == nil {
		return nil, "", errLost
	}
	p, err := projects.Await(j.ctx, p, sandboxLimit)
	if err != nil {
		return nil, "", err
	}
	tb := j.Sandboxes.Toolbox(*p.SandboxID)
	dir, err := tb.WorkDir(j.work)
	if err != nil {
		return nil, "", errs.Wrap(errs.Unavailable, err, "The sandbox doesn't answer.")
	}
	return tb, dir, nil
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;?]*[ -/]*[@-~]|\x1b\\][^\x07]*\x07|\r|\x00")

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
			return errs.New(errs.Unavailable, "The build took longer than %d seconds and was ended.", int(buildLimit.Seconds()))
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
		return errs.New(errs.Invalid, "The build ended with exit code %d.", *cmd.ExitCode)
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
	s = strings.ToValidUTF8(escapes.ReplaceAllString(s, ""), "�")
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

// collect brings the build's output to the server in one archive and makes a
// release of it. Nothing in it is trusted.
func (j *job) collect(tb sandbox.Toolbox, workDir string) (*deploy.Release, error) {
	archive := "/tmp/deploy-" + string(j.d.ID) + ".tar"
	res, err := tb.Execute(j.work, sandbox.ExecRequest{Command: release.PackCommand(archive), Dir: workDir, Timeout: packLimit})
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "The build's files couldn't be packed.")
	}
	if res.ExitCode != 0 {
		return nil, errs.New(errs.Invalid, "The build's files couldn't be packed: %s", strings.TrimSpace(res.Output))
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(j.work), 10*time.Second)
		defer cancel()
		_ = tb.DeleteFile(ctx, archive, false) // best effort: /tmp goes with the sandbox
	}()
	body, err := tb.Download(j.work, archive)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "The build's files couldn't be fetched.")
	}
	defer func() { _ = body.Close() }() // only read from
	collected, err := release.Collect(j.work, io.LimitReader(body, archiveBytes), j.Blobs, release.Limits{})
	if err != nil {
		return nil, fmt.Errorf("collect build: %w", err)
	}
	rel, warnings, err := release.New(collected, release.Options{
		ID: string(j.d.ID), ProjectID: string(j.d.ProjectID), Name: j.d.Name,
		DefaultDate: j.ctx.Now().UTC().Format(time.DateOnly),
	})
	if err != nil {
		return nil, fmt.Errorf("make release: %w", err)
	}
	j.say(fmt.Sprintf("Collected %d files, %.1f kB.", len(collected.Files), float64(collected.Bytes)/1000))
	for _, w := range warnings {
		j.say(w)
	}
	return rel, nil
}

func (j *job) publish(rel *deploy.Release) (string, error) {
	ctx, cancel := context.WithTimeout(j.work, publishLimit)
	defer cancel()
	published, err := j.Target.Publish(ctx, rel, func(line string) {
		j.say(line)
		// The first thing that a target does after it has the files is to start
		// them, to see whether they answer.
		if !j.verifying && strings.HasPrefix(line, "Starting") {
			j.verifying = true
			if err := j.enter(Uploading, stageVerifying, stepVerify); err != nil {
				cancel() // lost: what is live stays live
			}
		}
	})
	if err != nil {
		return "", err
	}
	for _, w := range published.Warnings {
		j.say(w)
	}
	if !j.verifying {
		if err := j.enter(Uploading, stageVerifying, stepVerify); err != nil {
			return "", err
		}
	}
	j.say("Live at " + published.URL)
	return published.URL, nil
}
