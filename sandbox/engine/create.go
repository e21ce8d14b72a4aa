//go:build linux

package engine

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"runtime"
	"strings"

	"github.com/google/uuid"
)

// createRequest is the body of POST /sandbox, as far as the engine knows it.
type createRequest struct {
	Name        string            `json:"name"`
	Snapshot    string            `json:"snapshot"`
	BuildInfo   json.RawMessage   `json:"buildInfo"`
	Env         map[string]string `json:"env"`
	Labels      map[string]string `json:"labels"`
	Public      bool              `json:"public"`
	CPU         float64           `json:"cpu"`
	Memory      float64           `json:"memory"` // GiB
	Disk        float64           `json:"disk"`   // GiB
	AutoStop    *int              `json:"autoStopInterval"`
	AutoArchive *int              `json:"autoArchiveInterval"`
	AutoDelete  *int              `json:"autoDeleteInterval"`
	BlockAll    bool              `json:"networkBlockAll"`

	// What would be a promise if it were passed over in silence.
	User      string            `json:"user"`
	Volumes   []json.RawMessage `json:"volumes"`
	Networks  string            `json:"networkAllowList"`
	Domains   string            `json:"domainAllowList"`
	Secrets   []json.RawMessage `json:"secrets"`
	GPU       float64           `json:"gpu"`
	TTL       int               `json:"ttlMinutes"`
	OutProxy  string            `json:"outboundProxyUrl"`
	AutoPause int               `json:"autoPauseInterval"`
}

// unsupported names the first setting that this engine can't honour, "" for
// none.
func (r *createRequest) unsupported() string {
	for name, set := range map[string]bool{
		"user": r.User != "" && r.User != "daytona", "volumes": len(r.Volumes) > 0,
		"networkAllowList": r.Networks != "", "domainAllowList": r.Domains != "", "secrets": len(r.Secrets) > 0,
		"gpu": r.GPU > 0, "ttlMinutes": r.TTL > 0, "outboundProxyUrl": r.OutProxy != "", "autoPauseInterval": r.AutoPause > 0,
	} {
		if set {
			return name
		}
	}
	return ""
}

// create makes a sandbox and returns once it is started. When it can't be
// started nothing of it stays.
func (e *Engine) create(ctx context.Context, req createRequest) (*cell, error) {
	s, err := e.choose(ctx, &req)
	if err != nil {
		return nil, err
	}
	root, _, err := e.catalog.wait(ctx)
	if err != nil {
		return nil, err
	}
	rec, err := e.newRecord(req, s)
	if err != nil {
		return nil, err
	}
	c := e.newCell(rec)
	c.unborn = true
	// Held from before anybody can find it until it is started or gone.
	c.op.Lock()
	defer c.op.Unlock()
	if err := e.enter(c); err != nil {
		return nil, err
	}
	err = os.Mkdir(c.dir, 0o700)
	if err == nil {
		err = c.update(func(*record) {})
	}
	if err == nil {
		err = c.first(ctx, root)
	}
	if err != nil {
		if derr := c.destroy(ctx); derr != nil {
			err = errors.Join(err, derr)
		}
		return nil, e.told(err, "the sandbox did not start")
	}
	return c, nil
}

// choose finds the snapshot that a request means.
func (e *Engine) choose(ctx context.Context, req *createRequest) (*snapshot, error) {
	if name := req.unsupported(); name != "" {
		return nil, fail(http.StatusBadRequest, "this engine does not support %s", name)
	}
	hasBuild := len(req.BuildInfo) > 0 && string(req.BuildInfo) != "null"
	if hasBuild && req.Snapshot != "" {
		return nil, fail(http.StatusBadRequest, "Cannot specify both a snapshot and build information")
	}
	if hasBuild {
		return nil, fail(http.StatusBadRequest, "this engine does not build images: create from the snapshot %s", e.catalog.base().Name)
	}
	if req.Snapshot != "" && (req.CPU != 0 || req.Memory != 0 || req.Disk != 0) {
		return nil, fail(http.StatusBadRequest, "Cannot specify resources when using a snapshot")
	}
	if req.Snapshot == "" {
		return e.catalog.base(), nil
	}
	if req.Snapshot != e.catalog.base().Name {
		// Only with the base are live snapshots known.
		if _, _, err := e.catalog.wait(ctx); err != nil {
			return nil, err
		}
	}
	s, err := e.catalog.find(req.Snapshot)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, fail(http.StatusBadRequest, "Snapshot %s not found. Did you add it?", req.Snapshot)
	}
	return s, nil
}

// newRecord checks a request and makes the record of a new sandbox.
func (e *Engine) newRecord(req createRequest, s *snapshot) (*record, error) {
	now := e.now().UTC()
	rec := &record{
		ID: uuid.NewString(), Name: req.Name, Snapshot: s.Name, State: stateCreating,
		Env: req.Env, Labels: req.Labels, Public: req.Public, BlockAll: req.BlockAll,
		AutoStop: 15, AutoArchive: 10080, AutoDelete: -1,
		CPU: e.cfg.Limits.CPU, Memory: e.cfg.Limits.Memory, Disk: e.cfg.Limits.Disk,
		CreatedAt: now, UpdatedAt: now, LastActivityAt: now,
	}
	if rec.Name == "" {
		rec.Name = rec.ID
	}
	if len(rec.Name) > 200 || strings.ContainsAny(rec.Name, "/\x00\n") {
		return nil, fail(http.StatusBadRequest, "a sandbox's name has at most 200 characters and no slash")
	}
	if s.live() {
		rec.Image = s.Name
	}
	for name, value := range req.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.ContainsRune(value, 0) {
			return nil, fail(http.StatusBadRequest, "bad environment variable %q", name)
		}
	}
	for _, i := range []struct {
		name  string
		value *int
		least int
		to    *int
	}{
		{"autoStopInterval", req.AutoStop, 0, &rec.AutoStop},
		{"autoArchiveInterval", req.AutoArchive, 0, &rec.AutoArchive},
		{"autoDeleteInterval", req.AutoDelete, -1, &rec.AutoDelete},
	} {
		if i.value == nil {
			continue
		}
		if *i.value < i.least {
			return nil, fail(http.StatusBadRequest, "%s must be at least %d", i.name, i.least)
		}
		*i.to = *i.value
	}
	const gib = 1 << 30
	if req.CPU < 0 || req.CPU > float64(runtime.NumCPU()) || req.Memory < 0 || req.Memory > 64 || req.Disk < 0 || req.Disk > 64 {
		return nil, fail(http.StatusBadRequest, "resources are out of range: at most %d cpu, 64 GiB of memory and of disk", runtime.NumCPU())
	}
	if req.CPU > 0 {
		rec.CPU = req.CPU
	}
	if req.Memory > 0 {
		rec.Memory = int64(req.Memory * gib)
	}
	if req.Disk > 0 {
		rec.Disk = int64(req.Disk * gib)
	}
	return rec.clone(), nil // with maps that are not nil and nobody else's
}

// enter puts a new sandbox into the tables, unless its name is taken.
func (e *Engine) enter(c *cell) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	name := c.rec.Name
	if _, taken := e.names[name]; taken {
		return fail(http.StatusConflict, "Sandbox with name %s already exists", name)
	}
	if _, taken := e.cells[name]; taken {
		return fail(http.StatusConflict, "Sandbox with name %s already exists", name)
	}
	e.cells[c.id], e.names[name] = c, c.id
	return nil
}

// firstLine is an error's text for clients: without runsc's dumps.
func firstLine(err error) string {
	text := err.Error()
	if i := strings.Index(text, " goroutine "); i > 0 {
		text = text[:i]
	}
	return text
}
