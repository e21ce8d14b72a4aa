package app

import (
	"context"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/internal/builder/agent"
	"surgent.dev/surgent/internal/builder/commits"
	"surgent.dev/surgent/internal/builder/deployments"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/builder/sessions"
)

// parts is what the modules above projects add to a project's life.
func (a *App) parts() projects.Parts {
	repos := agent.NewRepos(a.config.Data)
	return projects.Parts{
		Created: []func(*function.MutationCtx, projects.ID) error{sessions.Created},
		Deleted: []func(*function.MutationCtx, *projects.Project) error{a.agent.Deleted, deployments.Deleted},
		Busy:    []func(*function.MutationCtx, projects.ID) (bool, error){agent.Busy, deployments.Busy},
		Purge: []func(*function.MutationCtx, projects.ID, int) (bool, error){
			a.agent.Purge, commits.Purge, deployments.Purge, sessions.Purge,
		},
		Stats:   countParts,
		Restore: repos.Restore,
		Removed: []func(context.Context, projects.ID) error{repos.Remove},
	}
}

func countParts(ctx context.Context, r store.Reader, id projects.ID) (sessionCount, commitCount int, err error) {
	if sessionCount, err = sessions.Count(ctx, r, id); err != nil {
		return 0, 0, err
	}
	commitCount, err = commits.Count(ctx, r, id)
	return sessionCount, commitCount, err
}
