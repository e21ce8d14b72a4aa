package deployments

import (
	"context"
	"errors"
	"fmt"
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
	defer j.leavePlace()
	stop := j.keepAlive()
	end := j.deploy()
	stop()
	end.Log = j.pending() // last: what could not be written is back in it
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
		return nil, m.removeOrphan(ctx, d)
	}
	return nil, nil
}

// removeOrphan takes down an app whose project was deleted while it went live:
// whoever took its name down may have been a moment too early. The job still
// holds the app's place.
func (m *module) removeOrphan(ctx *function.ActionCtx, d *Deployment) error {
	var n *Name
	if err := ctx.RunQuery("deployments:findName", nameArgs{Name: d.Name}, &n); err != nil {
		return err
	}
	if n != nil && !n.Leaving {
		return nil // the next owner's, or the project's in another process
	}
	if err := m.Target.Remove(ctx, d.Name); err != nil {
		return fmt.Errorf("take down app %s of a deleted project: %w", d.Name, err)
	}
	return nil
}

// job is one run of a deployment.
type job struct {
	*module
	ctx  *function.ActionCtx
	work context.Context // done when the process stops or the lease is lost
	lose context.CancelCauseFunc
	d    *Deployment

	unlock func() // of the app's place, nil before it is held

	writing sync.Mutex // held while progress is written, so that the log keeps its order
	mu      sync.Mutex // guards log
	log     strings.Builder
}

// say adds a line to the log, which goes out a moment later.
func (j *job) say(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.log.WriteString(strings.TrimRight(line, "\n") + "\n")
}

func (j *job) talks() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.log.Len() > 0
}

func (j *job) pending() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	text := j.log.String()
	j.log.Reset()
	return text
}

// restore puts back what pending gave and could not be written.
func (j *job) restore(text string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	text = keepTail(text + j.log.String())
	j.log.Reset()
	j.log.WriteString(text)
}

// takePlace waits until nothing else changes what answers under the app's name.
func (j *job) takePlace() error {
	unlock, ok := j.places.TryLock(j.d.Name)
	if !ok {
		j.say("Waiting until " + j.AppURL(j.d.Name) + " has settled.")
		var err error
		if unlock, err = j.places.Lock(j.work, j.d.Name); err != nil {
			return err
		}
	}
	j.unlock = unlock
	return nil
}

func (j *job) leavePlace() {
	if j.unlock != nil {
		j.unlock()
	}
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
			if !j.talks() && time.Since(last) < beat {
				continue
			}
			last = time.Now()
			if err := j.advance(advanceArgs{}); err != nil {
				j.Logger.WarnContext(ctx, "deployment's progress was not written", "deployment", j.d.ID, "error", err)
			}
		}
	})
	return func() { cancel(); done.Wait() }
}

// advance writes progress, with all that was said until now, in order.
func (j *job) advance(a advanceArgs) error {
	j.writing.Lock()
	defer j.writing.Unlock()
	a.ID, a.Owner, a.Log = j.d.ID, j.owner, j.pending()
	var still bool
	if err := j.ctx.RunMutation("deployments:advance", a, &still); err != nil {
		j.restore(a.Log)
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
	return j.advance(advanceArgs{Status: &status, Stage: &stage, Step: step})
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
	end.URL = url
	return end
}

// words is what a person reads about a failure.
func words(err error) string {
	if reason, refused := release.IsRefused(err); refused && reason != "" {
		return reason
	}
	var coded *errs.Error
	var outage *deploy.Outage
	switch {
	case errors.As(err, &coded) && coded.Code != errs.Internal:
		return coded.Message
	case errors.As(err, &outage) && outage.Reason != "":
		return strings.ToUpper(outage.Reason[:1]) + outage.Reason[1:] + "."
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
	if err := j.takePlace(); err != nil {
		return "", DeployFailed, err
	}
	// In the place, it looks once more whether the name is still the project's:
	// from here on nobody takes it down before this has ended.
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
	ctx := *j.ctx
	ctx.Context = j.work // a lost lease ends the wait
	p, err := projects.Await(&ctx, p, sandboxLimit)
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
