package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/stream"
	"surgent.dev/surgent/convex/wire"
)

// one reads a call and runs it.
func (h *Handler) one(r *request, run func(*request, function.Call) function.Result) (any, error) {
	a, err := r.ask()
	if err != nil {
		return nil, err
	}
	c, err := r.call(a)
	if err != nil {
		return nil, err
	}
	return c.outcome(run(r, c.Call))
}

func (h *Handler) query(r *request) (any, error) {
	return h.one(r, func(r *request, c function.Call) function.Result {
		return h.config.Runner.QueryNow(r.Context(), c).Result
	})
}

func (h *Handler) mutation(r *request) (any, error) { return h.one(r, h.mutate) }
func (h *Handler) action(r *request) (any, error)   { return h.one(r, h.act) }

func (h *Handler) mutate(r *request, c function.Call) function.Result {
	return h.config.Runner.Mutation(r.work, c, function.MutationOptions{})
}

func (h *Handler) act(r *request, c function.Call) function.Result {
	return h.config.Runner.Action(r.work, c)
}

// queryTS answers the newest timestamp, for queryAtTS.
func (h *Handler) queryTS(r *request) (any, error) {
	var ts store.Timestamp
	err := h.config.Store.View(r.Context(), func(s store.Snapshot) error {
		ts = s.Timestamp()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read newest timestamp: %w", err)
	}
	return map[string]string{"ts": wire.FormatTimestamp(ts)}, nil
}

// queryAtTS answers a query as of an earlier timestamp. Old snapshots are not
// kept: the query runs now, and its answer holds for then if nothing that it
// read was written in between.
func (h *Handler) queryAtTS(r *request) (any, error) {
	a, err := r.ask()
	if err != nil {
		return nil, err
	}
	c, err := r.call(a)
	if err != nil {
		return nil, err
	}
	if a.TS == nil {
		return nil, badRequest("BadTimestamp", "The field ts is missing")
	}
	ts, err := wire.ParseTimestamp(*a.TS)
	if err != nil {
		return nil, badRequest("BadTimestamp", "%s", err)
	}
	var res function.QueryResult
	stale := false
	err = h.pinned(r.Context(), func(snap store.Snapshot, streams stream.View) error {
		res = h.config.Runner.Query(r.Context(), snap, streams, c.Call, nil)
		stale, err = h.stale(r.Context(), snap, ts, res.Reads)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case stale:
		return nil, &requestError{http.StatusServiceUnavailable, "SnapshotTooOld", "The data has changed since the requested timestamp. Take a new one and try again."}
	}
	return c.outcome(res.Result)
}

// stale reports whether one of the reads may have had another result at ts.
func (h *Handler) stale(ctx context.Context, snap store.Snapshot, ts store.Timestamp, reads []store.Key) (bool, error) {
	if ts >= snap.Timestamp() {
		return false, nil
	}
	changes, ok, err := snap.Changes(ctx, ts)
	if err != nil {
		return false, fmt.Errorf("read change log: %w", err)
	}
	set := store.NewReadSet()
	for _, k := range reads {
		set.Add(k)
	}
	for _, ch := range changes {
		if set.Meets(ch.Keys) {
			return true, nil
		}
	}
	return !ok, nil
}

// maxBatch is how many queries one request may ask: all hold one snapshot.
const maxBatch = 1000

// queryBatch answers several queries at one timestamp.
func (h *Handler) queryBatch(r *request) (any, error) {
	var body struct {
		Queries []ask `json:"queries"`
	}
	if err := json.Unmarshal(r.body, &body); err != nil {
		return nil, badRequest("BadJsonBody", "The request body is not valid JSON: %s", err)
	}
	if len(body.Queries) > maxBatch {
		return nil, badRequest("TooManyQueries", "A batch has at most %d queries, not %d", maxBatch, len(body.Queries))
	}
	results := []any{}
	err := h.pinned(r.Context(), func(snap store.Snapshot, streams stream.View) error {
		for _, a := range body.Queries {
			c, err := r.call(a)
			if err != nil {
				return err
			}
			out, err := c.outcome(h.config.Runner.Query(r.Context(), snap, streams, c.Call, nil).Result)
			if err != nil {
				return err
			}
			results = append(results, out)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{"results": results}, nil
}

// pinned runs fn with the newest snapshot and the streams that belong to it.
func (h *Handler) pinned(ctx context.Context, fn func(store.Snapshot, stream.View) error) error {
	var streams stream.View
	snaps, release, err := h.config.Store.Pin(ctx, 1, func() { streams = h.config.Streams.View() })
	if err != nil {
		return fmt.Errorf("pin snapshot: %w", err)
	}
	defer release()
	return fn(snaps[0], streams)
}

// anyFunction is for administrators, of whom there are none.
func (h *Handler) anyFunction(*request) (any, error) {
	return nil, &requestError{http.StatusForbidden, "BadAdminKey", "This endpoint needs an admin key"}
}

// run calls a function of any kind by its path: /api/run/dir/module/function.
func (h *Handler) run(r *request) (any, error) {
	a, err := r.ask()
	if err != nil {
		return nil, err
	}
	module, fn, ok := cutLast(r.PathValue("path"))
	if !ok {
		return nil, badRequest("BadConvexFunctionIdentifier", "%s does not name a module and a function", r.PathValue("path"))
	}
	a.Path = module + ":" + fn
	c, err := r.call(a)
	if err != nil {
		return nil, err
	}
	f, ok := h.config.Registry.Lookup(c.Path)
	switch {
	case ok && f.Kind == function.KindMutation:
		return c.outcome(h.mutate(r, c.Call))
	case ok && f.Kind == function.KindAction:
		return c.outcome(h.act(r, c.Call))
	default:
		// A function that does not exist gets its error from the runner.
		return c.outcome(h.config.Runner.QueryNow(r.Context(), c.Call).Result)
	}
}

func cutLast(path string) (before, after string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", "", false
	}
	return path[:i], path[i+1:], true
}
