package projects

import (
	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/internal/builder/users"
)

type projectArgs struct {
	ProjectID ID `json:"projectId"`
}

// listProjects returns the caller's projects, newest first.
func listProjects(ctx *function.QueryCtx, _ struct{}) ([]Project, error) {
	user := users.Current(ctx)
	if user == "" {
		return []Project{}, nil
	}
	return Projects.Query(ctx.DB, "by_user", user).Desc().All(ctx)
}

// getProject returns a project to its owner, null to others.
func getProject(ctx *function.QueryCtx, a projectArgs) (*Project, error) {
	return Visible(ctx, ctx.DB, a.ProjectID)
}

type stats struct {
	SessionCount int `json:"sessionCount"`
	CommitCount  int `json:"commitCount"`
}

func (m *module) getProjectStats(ctx *function.QueryCtx, a projectArgs) (*stats, error) {
	p, err := Visible(ctx, ctx.DB, a.ProjectID)
	if err != nil || p == nil {
		return nil, err
	}
	if m.parts.Stats == nil {
		return &stats{}, nil
	}
	sessions, commits, err := m.parts.Stats(ctx, ctx.DB, p.ID)
	if err != nil {
		return nil, err
	}
	return &stats{SessionCount: sessions, CommitCount: commits}, nil
}

// bySandbox returns the project that uses a sandbox now, for the preview.
func bySandbox(ctx *function.QueryCtx, a struct {
	SandboxID string `json:"sandboxId"`
},
) (*Project, error) {
	return Projects.Query(ctx.DB, "by_sandbox", a.SandboxID).First(ctx)
}

// find returns a project to the program itself.
func find(ctx *function.QueryCtx, a projectArgs) (*Project, error) {
	return Projects.Get(ctx, ctx.DB, a.ProjectID)
}

// active returns the projects whose sandbox runs or is on its way.
func active(ctx *function.QueryCtx, _ struct{}) ([]Project, error) {
	all, err := Projects.Query(ctx.DB, "").All(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Project, 0, len(all))
	for _, p := range all {
		if p.Sandbox != nil && (p.Sandbox.Status == Pending || p.Sandbox.Status == Starting || p.Sandbox.Status == Started) {
			out = append(out, p)
		}
	}
	return out, nil
}

// ping reads nothing but a snapshot: it tells that the database answers.
func ping(ctx *function.QueryCtx, _ struct{}) (any, error) {
	_, err := Projects.Query(ctx.DB, "").Take(ctx, 1)
	return nil, err
}
