//go:build linux

package engine

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (e *Engine) sandboxRoutes(handle func(string, handler)) {
	handle("POST /sandbox", e.postSandbox)
	handle("GET /sandbox", e.getSandboxes)
	handle("GET /sandbox/{id}", e.getSandbox)
	handle("DELETE /sandbox/{id}", e.deleteSandbox)
	handle("POST /sandbox/{id}/start", e.move(func(ctx context.Context, c *cell) error { return c.Start(ctx) }))
	handle("POST /sandbox/{id}/stop", e.postStop)
	// Rest on disk is all that an archive would be here.
	handle("POST /sandbox/{id}/archive", e.move(func(_ context.Context, c *cell) error {
		if c.state() != stateStopped {
			return fail(http.StatusBadRequest, "Sandbox is not stopped")
		}
		return nil
	}))
	handle("POST /sandbox/{id}/backup", e.move(func(ctx context.Context, c *cell) error {
		// Here and below: what has begun is ended, whether anybody waits or not.
		// The commands of runsc that it takes have time limits of their own.
		return c.Backup(context.WithoutCancel(ctx))
	}))
	handle("POST /sandbox/{id}/snapshot", e.postFreeze)
	handle("POST /sandbox/{id}/autostop/{n}", e.setInterval(0, func(r *record, n int) { r.AutoStop = n }))
	handle("POST /sandbox/{id}/autoarchive/{n}", e.setInterval(0, func(r *record, n int) { r.AutoArchive = n }))
	handle("POST /sandbox/{id}/autodelete/{n}", e.setInterval(-1, func(r *record, n int) { r.AutoDelete = n }))
	handle("POST /sandbox/{id}/public/{public}", e.postPublic)
	handle("PUT /sandbox/{id}/labels", e.putLabels)
	handle("POST /sandbox/{id}/last-activity", e.postActivity)
	handle("GET /sandbox/{id}/toolbox-proxy-url", e.getToolboxURL)
	handle("GET /sandbox/{id}/ports/{port}/preview-url", e.getPreview)
	handle("GET /sandbox/{id}/ports/{port}/signed-preview-url", e.getSignedPreview)
	handle("POST /sandbox/{id}/ports/{port}/signed-preview-url/{token}/expire", e.expireSignedPreview)
	handle("GET /volumes", func(w http.ResponseWriter, _ *http.Request) error {
		writeAnswer(w, http.StatusOK, []any{})
		return nil
	})
}

// sandboxJSON is a sandbox as Daytona describes it.
type sandboxJSON struct {
	ID             string            `json:"id"`
	OrganizationID string            `json:"organizationId"`
	Name           string            `json:"name"`
	Snapshot       string            `json:"snapshot"`
	User           string            `json:"user"`
	Env            map[string]string `json:"env,omitzero"`
	Labels         map[string]string `json:"labels"`
	Public         bool              `json:"public"`
	BlockAll       bool              `json:"networkBlockAll"`
	Target         string            `json:"target"`
	CPU            float64           `json:"cpu"`
	GPU            float64           `json:"gpu"`
	Memory         float64           `json:"memory"`
	Disk           float64           `json:"disk"`
	State          string            `json:"state"`
	DesiredState   string            `json:"desiredState"`
	ErrorReason    string            `json:"errorReason,omitempty"`
	Recoverable    bool              `json:"recoverable"`
	BackupState    string            `json:"backupState"`
	BackupAt       *time.Time        `json:"backupCreatedAt,omitempty"`
	AutoStop       int               `json:"autoStopInterval"`
	AutoArchive    int               `json:"autoArchiveInterval"`
	AutoDelete     int               `json:"autoDeleteInterval"`
	Volumes        []any             `json:"volumes"`
	CreatedAt      time.Time         `json:"createdAt"`
	UpdatedAt      time.Time         `json:"updatedAt"`
	LastActivityAt time.Time         `json:"lastActivityAt"`
	Class          string            `json:"sandboxClass"`
	ToolboxURL     string            `json:"toolboxProxyUrl"`
}

// describe makes the answer for one sandbox. Lists leave the environment out.
func describe(r *http.Request, rec *record, detail bool) sandboxJSON {
	const gib = 1 << 30
	scheme, host := origin(r)
	s := sandboxJSON{
		ID: rec.ID, OrganizationID: "local", Name: rec.Name, Snapshot: rec.Snapshot, User: "daytona",
		Labels: rec.Labels, Public: rec.Public, BlockAll: rec.BlockAll, Target: "local",
		CPU: rec.CPU, Memory: float64(rec.Memory) / gib, Disk: float64(rec.Disk) / gib,
		State: rec.State, ErrorReason: rec.ErrorReason, BackupState: "None",
		AutoStop: rec.AutoStop, AutoArchive: rec.AutoArchive, AutoDelete: rec.AutoDelete, Volumes: []any{},
		CreatedAt: rec.CreatedAt, UpdatedAt: rec.UpdatedAt, LastActivityAt: rec.LastActivityAt,
		Class: "container", ToolboxURL: scheme + "://" + host + "/toolbox",
	}
	switch rec.State {
	case stateStopping, stateStopped:
		s.DesiredState = stateStopped
	case stateDestroying, stateDestroyed:
		s.DesiredState = stateDestroyed
	default:
		s.DesiredState = stateStarted
	}
	if !rec.SavedAt.IsZero() {
		s.BackupState, s.BackupAt = "Completed", &rec.SavedAt
	}
	if detail {
		s.Env = rec.Env
	}
	return s
}

func (e *Engine) postSandbox(w http.ResponseWriter, r *http.Request) error {
	var req createRequest
	if err := decode(w, r, &req); err != nil {
		return err
	}
	c, err := e.create(r.Context(), req)
	if err != nil {
		return err
	}
	writeAnswer(w, http.StatusOK, describe(r, c.snapshot(), true))
	return nil
}

func (e *Engine) getSandbox(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	c, err := e.cell(id)
	if err == nil {
		writeAnswer(w, http.StatusOK, describe(r, c.snapshot(), true))
		return nil
	}
	if rec := e.tomb(id); rec != nil {
		writeAnswer(w, http.StatusOK, describe(r, rec, true))
		return nil
	}
	return err
}

func (e *Engine) deleteSandbox(w http.ResponseWriter, r *http.Request) error {
	c, err := e.cell(r.PathValue("id"))
	if err != nil {
		return err
	}
	// A client that goes away meanwhile wants it no less.
	if err := c.Delete(context.WithoutCancel(r.Context())); err != nil {
		return err
	}
	writeAnswer(w, http.StatusOK, describe(r, c.snapshot(), true))
	return nil
}

// move makes a handler of a change of state; the answer is the sandbox after
// it.
func (e *Engine) move(do func(context.Context, *cell) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		c, err := e.cell(r.PathValue("id"))
		if err != nil {
			return err
		}
		if err := do(r.Context(), c); err != nil {
			return err
		}
		writeAnswer(w, http.StatusOK, describe(r, c.snapshot(), true))
		return nil
	}
}

func (e *Engine) postStop(w http.ResponseWriter, r *http.Request) error {
	return e.move(func(ctx context.Context, c *cell) error {
		// A stop that has begun is ended, whether anybody waits or not.
		ctx = context.WithoutCancel(ctx)
		if c.snapshot().AutoDelete == 0 {
			return c.Delete(ctx)
		}
		return c.Stop(ctx)
	})(w, r)
}

// postFreeze makes a live snapshot: {name, live: true}. Snapshots of files
// only are not offered.
func (e *Engine) postFreeze(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		Name string `json:"name"`
		Live bool   `json:"live"`
	}
	if err := decode(w, r, &req); err != nil {
		return err
	}
	if req.Name == "" || !req.Live {
		return fail(http.StatusBadRequest, "a snapshot of a sandbox needs a name and live: true")
	}
	if s, err := e.catalog.find(req.Name); err != nil {
		return err
	} else if s != nil {
		return fail(http.StatusConflict, "Snapshot with name %q already exists", req.Name)
	}
	return e.move(func(ctx context.Context, c *cell) error {
		return c.freeze(context.WithoutCancel(ctx), req.Name)
	})(w, r)
}

// setInterval makes a handler that sets a number of minutes.
func (e *Engine) setInterval(least int, set func(*record, int)) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		n, err := strconv.Atoi(r.PathValue("n"))
		if err != nil || n < least {
			return fail(http.StatusBadRequest, "the interval must be a number of minutes, at least %d", least)
		}
		return e.change(w, r, func(rec *record) { set(rec, n) })
	}
}

// change updates a sandbox's record and answers with it.
func (e *Engine) change(w http.ResponseWriter, r *http.Request, set func(*record)) error {
	return e.move(func(_ context.Context, c *cell) error { return c.update(set) })(w, r)
}

func (e *Engine) postPublic(w http.ResponseWriter, r *http.Request) error {
	public, err := strconv.ParseBool(r.PathValue("public"))
	if err != nil {
		return fail(http.StatusBadRequest, "public must be true or false")
	}
	return e.change(w, r, func(rec *record) { rec.Public = public })
}

func (e *Engine) putLabels(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		Labels map[string]string `json:"labels"`
	}
	if err := decode(w, r, &req); err != nil {
		return err
	}
	if req.Labels == nil {
		req.Labels = map[string]string{}
	}
	c, err := e.cell(r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := c.update(func(rec *record) { rec.Labels = req.Labels }); err != nil {
		return err
	}
	writeAnswer(w, http.StatusOK, req)
	return nil
}

func (e *Engine) postActivity(w http.ResponseWriter, r *http.Request) error {
	c, err := e.cell(r.PathValue("id"))
	if err != nil {
		return err
	}
	c.touch()
	w.WriteHeader(http.StatusCreated)
	return nil
}

func (e *Engine) getToolboxURL(w http.ResponseWriter, r *http.Request) error {
	c, err := e.cell(r.PathValue("id"))
	if err != nil {
		return err
	}
	writeAnswer(w, http.StatusOK, map[string]string{"url": describe(r, c.snapshot(), false).ToolboxURL})
	return nil
}

// getSandboxes lists sandboxes: as a bare array for SDKs before 0.180, as
// pages after.
func (e *Engine) getSandboxes(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	var labels map[string]string
	if text := q.Get("labels"); text != "" {
		if err := json.Unmarshal([]byte(text), &labels); err != nil {
			return fail(http.StatusBadRequest, "labels must be a JSON object of strings")
		}
	}
	limit := 100
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1000 {
			return fail(http.StatusBadRequest, "limit must be between 1 and 1000")
		}
		limit = n
	}
	var all []*record
	for _, c := range e.all() {
		rec := c.snapshot()
		if rec.State != stateDestroyed && matches(rec, labels, q) {
			all = append(all, rec)
		}
	}
	slices.SortFunc(all, func(a, b *record) int {
		if n := a.CreatedAt.Compare(b.CreatedAt); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	old, known := sdkMinor(r)
	if known && old < 180 {
		writeAnswer(w, http.StatusOK, describeAll(r, all))
		return nil
	}
	if cursor := q.Get("cursor"); cursor != "" {
		at := slices.IndexFunc(all, func(rec *record) bool { return cursorOf(rec) > cursor })
		if at < 0 {
			at = len(all)
		}
		all = all[at:]
	}
	var next *string
	if len(all) > limit {
		all = all[:limit]
		text := cursorOf(all[limit-1])
		next = &text
	}
	writeAnswer(w, http.StatusOK, map[string]any{"items": describeAll(r, all), "nextCursor": next})
	return nil
}

// cursorOf orders as the list does.
func cursorOf(rec *record) string {
	return rec.CreatedAt.UTC().Format("20060102150405.000000000") + rec.ID
}

func describeAll(r *http.Request, recs []*record) []sandboxJSON {
	out := make([]sandboxJSON, 0, len(recs))
	for _, rec := range recs {
		out = append(out, describe(r, rec, false))
	}
	return out
}

// matches tells whether a sandbox fits the filters of a list.
func matches(rec *record, labels map[string]string, q map[string][]string) bool {
	for k, v := range labels {
		if rec.Labels[k] != v {
			return false
		}
	}
	first := func(name string) string {
		if v := q[name]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	among := func(name, value string) bool {
		var wanted []string
		for _, v := range q[name] {
			wanted = append(wanted, strings.Split(v, ",")...)
		}
		return len(wanted) == 0 || slices.Contains(wanted, value)
	}
	if public := first("isPublic"); public != "" && public != strconv.FormatBool(rec.Public) {
		return false
	}
	return strings.HasPrefix(rec.ID, first("id")) && strings.HasPrefix(rec.Name, first("name")) &&
		among("states", rec.State) && among("snapshots", rec.Snapshot)
}
