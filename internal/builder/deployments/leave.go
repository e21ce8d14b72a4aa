package deployments

import (
	"cmp"
	"context"
	"fmt"
	"html"
	"slices"
	"strings"
	"time"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/internal/builder/projects"
)

// movedFor is how long the old address of a renamed app leads to the new one.
// Until then nobody else can have it, so that old links don't end at a
// stranger's.
const movedFor = 7 * 24 * time.Hour

// maxMoved is how many old addresses a project holds at once: renaming must
// not be a way to collect names.
const maxMoved = 5

// settleNames gives up the names that a project no longer needs. It needs the
// one that is live, those of deployments on their way, and the last one tried,
// so that trying again after a failure finds it free.
func settleNames(ctx *function.MutationCtx, id projects.ID) error {
	keep := map[string]bool{}
	live, err := Live(ctx, ctx.DB, id)
	if err != nil {
		return err
	}
	if live != nil {
		keep[live.Name] = true
	}
	for _, s := range open {
		some, err := Deployments.Query(ctx.DB, "by_status", s, id).All(ctx)
		if err != nil {
			return err
		}
		for _, d := range some {
			keep[d.Name] = true
		}
	}
	last, err := Deployments.Query(ctx.DB, "by_project", id).Desc().First(ctx)
	if err != nil {
		return err
	}
	if last != nil && (live == nil || last.ID != live.ID) {
		keep[last.Name] = true
	}
	return giveUp(ctx, id, live, keep)
}

// giveUp lets the names go that a project doesn't keep: those under which its
// app has been live lead to where it is now, the others are taken down.
func giveUp(ctx *function.MutationCtx, id projects.ID, live *Deployment, keep map[string]bool) error {
	held, err := names.Query(ctx.DB, "by_project", id).All(ctx)
	if err != nil {
		return err
	}
	for _, n := range held {
		if keep[n.Name] || n.Leaving || n.MovedTo != "" {
			continue
		}
		stood, err := stoodThere(ctx, id, n.Name)
		if err != nil {
			return err
		}
		if live != nil && stood {
			err = move(ctx, n, live.Name)
		} else {
			err = leave(ctx, n)
		}
		if err != nil {
			return err
		}
	}
	return leaveOldest(ctx, id)
}

// leaveOldest gives up the old addresses that are too many, those first that
// would end first.
func leaveOldest(ctx *function.MutationCtx, id projects.ID) error {
	held, err := names.Query(ctx.DB, "by_project", id).All(ctx)
	if err != nil {
		return err
	}
	held = slices.DeleteFunc(held, func(n Name) bool { return n.MovedTo == "" })
	slices.SortFunc(held, func(a, b Name) int { return cmp.Compare(a.Until, b.Until) })
	for _, n := range held[:max(0, len(held)-maxMoved)] {
		if err := leave(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// giveUpAll takes down what a project has, wherever it stands or leads.
func giveUpAll(ctx *function.MutationCtx, id projects.ID) error {
	held, err := names.Query(ctx.DB, "by_project", id).All(ctx)
	if err != nil {
		return err
	}
	for _, n := range held {
		if n.Leaving {
			continue
		}
		if err := leave(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// stoodThere tells whether a project's app has been live under a name.
func stoodThere(ctx *function.MutationCtx, id projects.ID, name string) (bool, error) {
	all, err := Deployments.Query(ctx.DB, "by_status", Deployed, id).All(ctx)
	for _, d := range all {
		if d.Name == name {
			return true, nil
		}
	}
	return false, err
}

// leave has a name's app taken down by a job; until then nobody can have it.
func leave(ctx *function.MutationCtx, n Name) error {
	fields := value.Object{"leaving": true, "movedTo": value.Undefined, "until": value.Undefined}
	if err := names.Patch(ctx, ctx.DB, n.ID, fields); err != nil {
		return err
	}
	_, err := ctx.Scheduler.RunAfter(ctx, 0, "deployments:takeDown", nameArgs{Name: n.Name})
	return err
}

// move lets a name lead to another for a while.
func move(ctx *function.MutationCtx, n Name, to string) error {
	until := float64(ctx.Now().Add(movedFor).UnixMilli())
	if err := names.Patch(ctx, ctx.DB, n.ID, value.Object{"movedTo": to, "until": until}); err != nil {
		return err
	}
	if _, err := ctx.Scheduler.RunAfter(ctx, 0, "deployments:redirect", nameArgs{Name: n.Name}); err != nil {
		return err
	}
	_, err := ctx.Scheduler.RunAfter(ctx, movedFor, "deployments:expire", nameArgs{Name: n.Name})
	return err
}

type nameArgs struct {
	Name     string `json:"name"`
	Failures int    `json:"failures,omitempty"`
}

// again has a function that failed at the target try again later.
func (m *module) again(ctx *function.ActionCtx, what string, a nameArgs, cause error) error {
	a.Failures++
	return projects.Retry(ctx, m.Logger, what, a.Failures, a, fmt.Errorf("settle address of app %s: %w", a.Name, cause))
}

// takeDown removes an app whose name is being given up, then frees the name.
func (m *module) takeDown(ctx *function.ActionCtx, a nameArgs) (any, error) {
	unlock, err := m.places.Lock(ctx, a.Name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var n *Name
	if err := ctx.RunQuery("deployments:findName", a, &n); err != nil || n == nil || !n.Leaving {
		return nil, err
	}
	if err := m.Target.Remove(ctx, a.Name); err != nil {
		return nil, m.again(ctx, "deployments:takeDown", a, err)
	}
	return nil, ctx.RunMutation("deployments:free", a, nil)
}

// redirect publishes in a moved name's place what leads to the other. It holds
// the place from its look at the name to the end: a deployment that takes the
// name back meanwhile publishes after it.
func (m *module) redirect(ctx *function.ActionCtx, a nameArgs) (any, error) {
	unlock, err := m.places.Lock(ctx, a.Name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var n *Name
	if err := ctx.RunQuery("deployments:findName", a, &n); err != nil || n == nil || n.MovedTo == "" {
		return nil, err
	}
	rel, err := m.moved(n)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, publishLimit)
	defer cancel()
	if _, err := m.Target.Publish(limited, rel, nil); err != nil {
		return nil, m.again(ctx, "deployments:redirect", a, err)
	}
	return nil, nil
}

// moved is the release of an app that is elsewhere now.
func (m *module) moved(n *Name) (*deploy.Release, error) {
	to := m.AppURL(n.MovedTo)
	page := `<!doctype html><meta charset="utf-8"><title>Moved</title><p>This app is at <a href="` + html.EscapeString(to) + `">` + html.EscapeString(to) + `</a> now.`
	hash, size, err := m.Blobs.Put(strings.NewReader(page))
	if err != nil {
		return nil, fmt.Errorf("make redirect of %s: %w", n.Name, err)
	}
	return &deploy.Release{
		ID: "moved-" + n.Name + "-" + n.MovedTo, ProjectID: string(n.ProjectID), Name: n.Name, CompatibilityDate: deploy.OwnDate,
		Assets:       []deploy.Asset{{Path: "/index.html", Hash: hash, Size: size}},
		AssetsConfig: deploy.AssetsConfig{Redirects: "/* " + to + "/:splat 302\n"},
		Open:         m.Blobs.Open,
	}, nil
}

func findName(ctx *function.QueryCtx, a nameArgs) (*Name, error) {
	return names.Query(ctx.DB, "by_name", a.Name).First(ctx)
}

// expire ends a move whose time is up. One that was taken back, or that moved
// again since, is left alone.
func expire(ctx *function.MutationCtx, a nameArgs) (any, error) {
	n, err := names.Query(ctx.DB, "by_name", a.Name).First(ctx)
	if err != nil || n == nil || n.MovedTo == "" || n.Until > float64(ctx.Now().UnixMilli()) {
		return nil, err
	}
	return nil, leave(ctx, *n)
}

func free(ctx *function.MutationCtx, a nameArgs) (any, error) {
	held, err := names.Query(ctx.DB, "by_name", a.Name).First(ctx)
	if err != nil || held == nil || !held.Leaving {
		return nil, err
	}
	return nil, names.Delete(ctx, ctx.DB, held.ID)
}
