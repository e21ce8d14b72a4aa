package deployments

import (
	"slices"
	"strings"
	"time"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/internal/builder/commits"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/kit/errs"
)

// lease is how long a job may be silent before another may take its
// deployment over. Deployments are few and short, so each renews its own; runs
// of the agent share one heartbeat (decision 22).
const lease = 30 * time.Second

type scheduled struct {
	Scheduled bool `json:"scheduled"`
}

// deployProject queues a deployment. One that waits already gives way to it.
func (m *module) deployProject(ctx *function.MutationCtx, a struct {
	ProjectID projects.ID `json:"projectId"`
	Name      *string     `json:"deployName,omitempty"`
},
) (scheduled, error) {
	p, err := projects.Owned(ctx, ctx.DB, a.ProjectID)
	if err != nil {
		return scheduled{}, err
	}
	wanted := p.Name
	switch {
	case a.Name != nil && strings.TrimSpace(*a.Name) != "":
		wanted = *a.Name
	case p.Deployment != nil && p.Deployment.Name != "":
		wanted = p.Deployment.Name
	}
	name, err := judge(ctx, ctx.DB, p.ID, wanted)
	if err != nil {
		return scheduled{}, err
	}
	if err := claim(ctx, p.ID, name); err != nil {
		return scheduled{}, err
	}
	if err := supersede(ctx, p.ID, "A newer deployment took its place."); err != nil {
		return scheduled{}, err
	}
	now := float64(ctx.Now().UnixMilli())
	d := Deployment{ProjectID: p.ID, Name: name, Status: Queued, StartedAt: now, Steps: newSteps(now)}
	if d.ID, err = Deployments.Insert(ctx, ctx.DB, d); err != nil {
		return scheduled{}, err
	}
	if err := setProject(ctx, &d); err != nil {
		return scheduled{}, err
	}
	if err := settleNames(ctx, p.ID); err != nil {
		return scheduled{}, err
	}
	if err := projects.EnsureAwake(ctx, p); err != nil {
		return scheduled{}, err
	}
	_, err = ctx.Scheduler.RunAfter(ctx, 0, "deployments:run", runArgs{d.ID})
	return scheduled{true}, err
}

// supersede ends the project's deployments that have not begun.
func supersede(ctx *function.MutationCtx, id projects.ID, why string) error {
	waiting, err := Deployments.Query(ctx.DB, "by_status", Queued, id).All(ctx)
	if err != nil {
		return err
	}
	for _, d := range waiting {
		if err := Deployments.Patch(ctx, ctx.DB, d.ID, value.Object{
			"status": DeployFailed, "stage": stageSuperseded, "error": why, "endedAt": float64(ctx.Now().UnixMilli()),
		}); err != nil {
			return err
		}
	}
	return nil
}

type runArgs struct {
	ID ID `json:"deploymentId"`
}

type claimArgs struct {
	ID    ID     `json:"deploymentId"`
	Owner string `json:"owner"`
	Mine  bool   `json:"mine,omitempty"` // the owner's process doesn't work on it
}

// claimRun gives a deployment to a job: one that waits while no other of its
// project works, or one whose worker is gone. null means that there is nothing
// to do now; whoever works will send for the next.
func claimRun(ctx *function.MutationCtx, a claimArgs) (*Deployment, error) {
	d, err := Deployments.Get(ctx, ctx.DB, a.ID)
	if err != nil || d == nil {
		return nil, err
	}
	now := float64(ctx.Now().UnixMilli())
	switch {
	case d.Status == Queued:
		for _, s := range working {
			other, err := Deployments.Query(ctx.DB, "by_status", s, d.ProjectID).First(ctx)
			if err != nil || other != nil {
				return nil, err
			}
		}
	case !isWorking(d.Status):
		return nil, nil
	case d.Until > now && (d.Owner != a.Owner || !a.Mine):
		return nil, nil
	default:
		d.Log = keepTail(d.Log + "Picked up after a restart.\n")
	}
	checkpoint, err := commits.Newest(ctx, ctx.DB, d.ProjectID)
	if err != nil {
		return nil, err
	}
	if checkpoint != nil {
		d.CommitSHA, d.Checkpoint = checkpoint.SHA, checkpoint.Version
	}
	d.Status, d.Stage, d.Owner, d.Until = Starting, "", a.Owner, now+float64(lease.Milliseconds())
	if err := Deployments.Replace(ctx, ctx.DB, d.ID, *d); err != nil {
		return nil, err
	}
	return d, setProject(ctx, d)
}

func isWorking(s Status) bool { return slices.Contains(working, s) }

type advanceArgs struct {
	ID     ID      `json:"deploymentId"`
	Owner  string  `json:"owner"`
	Status *Status `json:"status,omitempty"`
	Stage  *string `json:"stage,omitempty"`
	Step   string  `json:"step,omitempty"` // the step that begins; those before have ended
	Log    string  `json:"log,omitempty"`  // to be added
}

// advance notes progress and renews the lease. It answers false to a job that
// has lost its deployment: to another process, or with its project.
func advance(ctx *function.MutationCtx, a advanceArgs) (bool, error) {
	d, err := held(ctx, a.ID, a.Owner)
	if err != nil || d == nil {
		return false, err
	}
	now := float64(ctx.Now().UnixMilli())
	moved := a.Status != nil || a.Stage != nil
	if a.Status != nil {
		d.Status = *a.Status
	}
	if a.Stage != nil {
		d.Stage = *a.Stage
	}
	if a.Step != "" {
		d.Steps = projects.BeginStep(d.Steps, a.Step, now)
	}
	d.Log, d.Until = keepTail(d.Log+a.Log), now+float64(lease.Milliseconds())
	if err := Deployments.Replace(ctx, ctx.DB, d.ID, *d); err != nil {
		return false, err
	}
	if moved {
		return true, setProject(ctx, d)
	}
	return true, nil
}

// held returns a deployment that the owner works on, nil when it doesn't.
func held(ctx *function.MutationCtx, id ID, owner string) (*Deployment, error) {
	d, err := Deployments.Get(ctx, ctx.DB, id)
	if err != nil || d == nil || !isWorking(d.Status) || d.Owner != owner {
		return nil, err
	}
	p, err := projects.Projects.Get(ctx, ctx.DB, d.ProjectID)
	if err != nil || p == nil {
		return nil, err
	}
	return d, nil
}

type finishArgs struct {
	ID     ID     `json:"deploymentId"`
	Owner  string `json:"owner"`
	Status Status `json:"status"`
	URL    string `json:"url,omitempty"`
	Error  string `json:"error,omitempty"`
	Log    string `json:"log,omitempty"`
}

// finish ends a deployment, sends for the one that waits and gives up the
// names that the project no longer needs.
func finish(ctx *function.MutationCtx, a finishArgs) (bool, error) {
	d, err := held(ctx, a.ID, a.Owner)
	if err != nil || d == nil {
		return false, err
	}
	now := float64(ctx.Now().UnixMilli())
	d.Status, d.Stage, d.URL, d.Error, d.EndedAt = a.Status, "", a.URL, a.Error, now
	d.Log, d.Owner, d.Until = keepTail(d.Log+a.Log), "", 0
	for i := range d.Steps {
		if d.Steps[i].StartedAt != 0 && d.Steps[i].EndedAt == 0 {
			d.Steps[i].EndedAt, d.Steps[i].Failed = now, a.Status != Deployed
		}
	}
	if a.Status == Deployed {
		d.Stage = stageLive
	}
	if err := Deployments.Replace(ctx, ctx.DB, d.ID, *d); err != nil {
		return false, err
	}
	if err := setProject(ctx, d); err != nil {
		return false, err
	}
	next, err := Deployments.Query(ctx.DB, "by_status", Queued, d.ProjectID).First(ctx)
	if err != nil {
		return false, err
	}
	if next != nil {
		if err := setProject(ctx, next); err != nil {
			return false, err
		}
		if _, err := ctx.Scheduler.RunAfter(ctx, 0, "deployments:run", runArgs{next.ID}); err != nil {
			return false, err
		}
	}
	return true, settleNames(ctx, d.ProjectID)
}

// recoverAll takes up what a server that is gone has left: it runs once at
// start, before any job of this process.
func recoverAll(ctx *function.MutationCtx, _ struct{}) (int, error) {
	n := 0
	for _, s := range open {
		left, err := Deployments.Query(ctx.DB, "by_status", s).All(ctx)
		if err != nil {
			return n, err
		}
		for _, d := range left {
			if err := Deployments.Patch(ctx, ctx.DB, d.ID, value.Object{"until": value.Undefined}); err != nil {
				return n, err
			}
			if _, err := ctx.Scheduler.RunAfter(ctx, 0, "deployments:run", runArgs{d.ID}); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

// Bounds of the log that a document keeps.
const (
	keptLines = 200
	keptBytes = 48 << 10
)

// keepTail returns the last lines of a log, whole.
func keepTail(log string) string {
	if len(log) > keptBytes {
		log = log[len(log)-keptBytes:]
		if i := strings.IndexByte(log, '\n'); i >= 0 {
			log = log[i+1:]
		}
		log = strings.ToValidUTF8(log, "")
	}
	if over := strings.Count(log, "\n") - keptLines; over > 0 {
		for range over {
			_, log, _ = strings.Cut(log, "\n")
		}
	}
	return log
}

// errLost ends the work of a job whose deployment is another's or gone.
var errLost = errs.New(errs.Conflict, "the deployment is no longer this job's")
