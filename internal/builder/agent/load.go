package agent

import (
	"context"
	"slices"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/internal/builder/commits"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/builder/sessions"
)

// entry is one run with its journal.
type entry struct {
	Run    Run    `json:"run"`
	Prompt string `json:"prompt"`
	Steps  []Step `json:"steps"`
	Calls  []Call `json:"calls"`
}

// size is about how many bytes of text the entry holds.
func (e *entry) size() int {
	n := len(e.Prompt)
	for _, s := range e.Steps {
		n += len(s.Raw)
	}
	for _, c := range e.Calls {
		n += len(c.Text) + len(c.Input)
	}
	return n
}

// lastSign returns when the journal was last written, in ms: from then on
// until it is taken up again nobody has worked on the run.
func (e *entry) lastSign() float64 {
	at := max(e.Run.StartedAt, e.Run.ResumedAt)
	for _, s := range e.Steps {
		at = max(at, s.StartedAt, s.EndedAt)
	}
	for _, c := range e.Calls {
		at = max(at, c.StartedAt, c.EndedAt)
	}
	return at
}

// maxJournal is how much of a session's journal, in bytes, a run looks back
// on: more than any model's window, less than one query may read.
const maxJournal = 16 << 20

// loaded is what a worker needs to go on with a run: the journals of its
// session up to and with it, oldest first.
type loaded struct {
	Entries []entry `json:"entries"`
	// Slug is the template that the project started from.
	Slug string `json:"slug"`
	// Version and SHA are of the project's newest checkpoint; 0 and "" when
	// there is none.
	Version int    `json:"version"`
	SHA     string `json:"sha"`
}

type runArgs struct {
	RunID RunID `json:"runId"`
}

// load returns a run with the history of its session.
func load(ctx *function.QueryCtx, a runArgs) (*loaded, error) {
	r, err := Runs.Get(ctx, ctx.DB, a.RunID)
	if err != nil || r == nil {
		return nil, err
	}
	p, err := projects.Projects.Get(ctx, ctx.DB, r.ProjectID)
	if err != nil || p == nil {
		return nil, err
	}
	out := &loaded{Slug: p.Slug()}
	if out.Version, out.SHA, err = newestCheckpoint(ctx, ctx.DB, p.ID); err != nil {
		return nil, err
	}
	all, err := Runs.Query(ctx.DB, "by_session", r.SessionID).Lte(r.CreationTime).Desc().All(ctx)
	if err != nil {
		return nil, err
	}
	for total, i := 0, 0; i < len(all) && total < maxJournal; i++ {
		e, err := journalOf(ctx, all[i])
		if err != nil {
			return nil, err
		}
		total += e.size()
		out.Entries = append(out.Entries, e)
	}
	slices.Reverse(out.Entries)
	return out, nil
}

func journalOf(ctx *function.QueryCtx, r Run) (e entry, err error) {
	e.Run = r
	row, err := sessions.Rows.Get(ctx, ctx.DB, r.PromptID)
	if err != nil {
		return e, err
	}
	if row != nil {
		e.Prompt, _ = row.Raw.(string) // a prompt is a plain string
	}
	if e.Steps, err = steps.Query(ctx.DB, "by_run", r.ID).All(ctx); err != nil {
		return e, err
	}
	e.Calls, err = calls.Query(ctx.DB, "by_run", r.ID).All(ctx)
	return e, err
}

func newestCheckpoint(ctx context.Context, r store.Reader, id projects.ID) (version int, sha string, err error) {
	c, err := commits.Newest(ctx, r, id)
	if err != nil || c == nil {
		return 0, "", err
	}
	if c.Version != nil {
		version = int(*c.Version)
	}
	return version, c.SHA, nil
}
