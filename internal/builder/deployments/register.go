package deployments

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/release"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/kit/keylock"
	"surgent.dev/surgent/sandbox"
)

// Config joins the module to its parts. All are required but AppLog.
type Config struct {
	Sandboxes sandbox.Client
	Target    deploy.Target
	Blobs     *release.Blobs
	// AppURL returns where an app of this name answers.
	AppURL func(name string) string
	// AppLog returns what the app of this name wrote last; nil where the target
	// keeps no logs.
	AppLog func(name string) string
	Logger *slog.Logger
}

type module struct {
	Config
	owner string // this process, in leases

	// places is held by name while something is published there or taken down,
	// from the look at who may do so until the documents say what came of it.
	places keylock.Keys

	mu   sync.Mutex // guards busy
	busy map[ID]bool
}

// Register adds this module's functions.
func Register(r *function.Registry, c Config) error {
	if c.Sandboxes == nil || c.Target == nil || c.Blobs == nil || c.AppURL == nil || c.Logger == nil {
		return errors.New("register deployments: sandboxes, target, blobs, addresses and logger are required")
	}
	m := &module{Config: c, owner: rand.Text(), busy: map[ID]bool{}}
	function.Mutation(r, "projects:deployProject", m.deployProject)
	function.Query(r, "deployments:listByProject", listByProject)
	function.Query(r, "deployments:checkName", m.checkName)
	function.Action(r, "deployments:appLog", m.appLog)
	function.InternalQuery(r, "deployments:findName", findName)
	function.InternalQuery(r, "deployments:live", live)
	function.InternalMutation(r, "deployments:claim", claimRun)
	function.InternalMutation(r, "deployments:advance", advance)
	function.InternalMutation(r, "deployments:finish", finish)
	function.InternalMutation(r, "deployments:expire", expire)
	function.InternalMutation(r, "deployments:free", free)
	function.InternalMutation(r, "deployments:recover", recoverAll)
	function.LongInternalAction(r, "deployments:run", m.run)
	function.LongInternalAction(r, "deployments:takeDown", m.takeDown)
	function.LongInternalAction(r, "deployments:redirect", m.redirect)
	return nil
}

// listByProject returns a project's deployments, newest first.
func listByProject(ctx *function.QueryCtx, a projectArgs) ([]Deployment, error) {
	p, err := projects.Visible(ctx, ctx.DB, a.ProjectID)
	if err != nil || p == nil {
		return []Deployment{}, err
	}
	all, err := Deployments.Query(ctx.DB, "by_project", p.ID).Desc().Take(ctx, maxListed)
	for i := range all {
		all[i].Owner, all[i].Until = "", 0
	}
	return all, err
}

const maxListed = 50

// Deleted stops what waits in a project that is being deleted and gives up
// its names.
func Deleted(ctx *function.MutationCtx, p *projects.Project) error {
	if err := supersede(ctx, p.ID, "The project was deleted."); err != nil {
		return err
	}
	return giveUpAll(ctx, p.ID)
}

// Busy tells whether a deployment of a project is under way or waits.
func Busy(ctx *function.MutationCtx, id projects.ID) (bool, error) {
	for _, s := range open {
		d, err := Deployments.Query(ctx.DB, "by_status", s, id).First(ctx)
		if err != nil || d != nil {
			return d != nil, err
		}
	}
	return false, nil
}

// Purge removes up to n deployments of a removed project.
func Purge(ctx *function.MutationCtx, id projects.ID, n int) (left bool, err error) {
	all, err := Deployments.Query(ctx.DB, "by_project", id).Take(ctx, n)
	if err != nil {
		return false, err
	}
	for _, d := range all {
		if err := Deployments.Delete(ctx, ctx.DB, d.ID); err != nil {
			return false, err
		}
	}
	return len(all) == n, nil
}

// Live returns the newest deployment of a project that succeeded, nil when
// there is none.
func Live(ctx projects.Caller, r store.Reader, id projects.ID) (*Deployment, error) {
	return Deployments.Query(r, "by_status", Deployed, id).Desc().First(ctx)
}

// setProject mirrors a deployment into its project's document.
func setProject(ctx *function.MutationCtx, d *Deployment) error {
	p, err := projects.Projects.Get(ctx, ctx.DB, d.ProjectID)
	if err != nil || p == nil {
		return err
	}
	state := projects.Deployment{Status: string(d.Status), Name: d.Name, Stage: d.Stage, Error: d.Error}
	if p.Deployment != nil {
		state.PreviewURL = p.Deployment.PreviewURL // the last good one stays live
	}
	if d.Status == Deployed {
		state.PreviewURL = d.URL
	}
	return projects.Projects.Patch(ctx, ctx.DB, p.ID, value.Object{"deployment": state})
}
