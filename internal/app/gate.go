package app

import (
	"context"

	"surgent.dev/surgent/convex"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/server/preview"
	"surgent.dev/surgent/sandbox"
)

// gate is the product as the preview door sees it.
type gate struct {
	runtime   *convex.Runtime
	sandboxes sandbox.Client
}

type sandboxArgs struct {
	SandboxID string `json:"sandboxId"`
}

func (g *gate) Find(ctx context.Context, id string) (*preview.Sandbox, error) {
	var p *projects.Project
	if err := g.runtime.RunQuery(ctx, "projects:bySandbox", sandboxArgs{id}, &p); err != nil || p == nil || p.Sandbox == nil {
		return nil, err
	}
	return &preview.Sandbox{Public: p.Public(), State: preview.State(p.Sandbox.Status)}, nil
}

func (g *gate) Wake(ctx context.Context, id string) error {
	return g.runtime.RunMutation(ctx, "projects:wakeFromPreview", sandboxArgs{id}, nil)
}

func (g *gate) Target(ctx context.Context, id string, port int) (preview.Target, error) {
	t, err := g.sandboxes.Preview(ctx, id, port)
	return preview.Target{URL: t.URL, Token: t.Token}, err
}
