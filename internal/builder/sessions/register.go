package sessions

import (
	"context"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/internal/builder/projects"
)

type module struct{ starter Starter }

// Register adds this module's functions. starter is required.
func Register(r *function.Registry, starter Starter) {
	m := &module{starter: starter}
	function.Query(r, "sessions:getSession", getSession)
	function.Query(r, "sessions:listSessionsByProject", listSessionsByProject)
	function.Query(r, "sessions:listMessagesBySession", listMessagesBySession)
	function.Query(r, "sessions:listMessagesPage", listMessagesPage)
	function.Mutation(r, "sessions:createSession", createSession)
	function.Mutation(r, "sessions:renameSession", renameSession)
	function.Mutation(r, "sessions:deleteSession", m.deleteSession)
	function.Mutation(r, "sessions:createMessageAndRunAgent", m.createMessageAndRunAgent)
	function.Mutation(r, "sessions:stopAgent", m.stopAgent)
	function.InternalMutation(r, "sessions:purge", purge)
}

// Created gives a new project its first session.
func Created(ctx *function.MutationCtx, id projects.ID) error {
	_, err := Sessions.Insert(ctx, ctx.DB, Session{ProjectID: id, Title: DefaultTitle})
	return err
}

// Count returns the number of a project's sessions.
func Count(ctx context.Context, r store.Reader, id projects.ID) (int, error) {
	all, err := Sessions.Query(r, "by_project", id).All(ctx)
	return len(all), err
}

// purgeRows is how many rows one run of a purge removes.
const purgeRows = 500

// purge removes the rows of a session that is gone.
func purge(ctx *function.MutationCtx, a sessionArgs) (any, error) {
	left, err := purgeSession(ctx, a.SessionID, purgeRows)
	if err == nil && left {
		_, err = ctx.Scheduler.RunAfter(ctx, 0, "sessions:purge", a)
	}
	return nil, err
}

func purgeSession(ctx *function.MutationCtx, id ID, n int) (left bool, err error) {
	rows, err := Rows.Query(ctx.DB, "by_session", id).Take(ctx, n)
	if err != nil {
		return false, err
	}
	for _, row := range rows {
		if err := Rows.Delete(ctx, ctx.DB, row.ID); err != nil {
			return false, err
		}
	}
	return len(rows) == n, nil
}

// Purge removes up to about n rows of a removed project's sessions, and the
// sessions once they are empty.
func Purge(ctx *function.MutationCtx, id projects.ID, n int) (left bool, err error) {
	s, err := Sessions.Query(ctx.DB, "by_project", id).First(ctx)
	if err != nil || s == nil {
		return false, err
	}
	if left, err = purgeSession(ctx, s.ID, n); err != nil || left {
		return left, err
	}
	return true, Sessions.Delete(ctx, ctx.DB, s.ID)
}
