package projects

import (
	"context"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/sandbox"
)

// Parts is what the modules above projects add to a project's life. Each
// field may be empty.
type Parts struct {
	// Created is called in the mutation that makes a project.
	Created []func(ctx *function.MutationCtx, id ID) error
	// Deleted is called in the mutation that removes a project, while its
	// document is still there: to stop what runs and free what is unique.
	Deleted []func(ctx *function.MutationCtx, p *Project) error
	// Busy tells whether something works in a project's sandbox, or is about to,
	// so that it must not be put to sleep.
	Busy []func(ctx *function.MutationCtx, id ID) (bool, error)
	// Purge removes up to n rows that belong to a removed project and tells
	// whether some are left. It is called again until none are.
	Purge []func(ctx *function.MutationCtx, id ID, n int) (left bool, err error)
	// Stats counts a project's sessions and commits.
	Stats func(ctx context.Context, r store.Reader, id ID) (sessions, commits int, err error)
	// Restore puts the files of the newest checkpoint into a fresh sandbox and
	// tells whether there was one.
	Restore func(ctx context.Context, id ID, tb sandbox.Toolbox) (bool, error)
	// Removed is called by a job after the project is gone: to remove what is
	// not a document. It may be called again.
	Removed []func(ctx context.Context, id ID) error
}

// Linker makes links to previews.
type Linker interface {
	// Link returns a signed link that opens one port of a sandbox once and goes
	// on to a path there.
	Link(sandboxID string, port int, path string) string
}
