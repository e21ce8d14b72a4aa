//go:build linux

package engine

import (
	"net/http"
	"regexp"
	"strings"
)

func (e *Engine) snapshotRoutes(handle func(string, handler)) {
	handle("GET /snapshots", e.getSnapshots)
	handle("POST /snapshots", e.postSnapshot)
	handle("GET /snapshots/{name}", e.getSnapshot)
	handle("DELETE /snapshots/{name}", e.deleteSnapshot)
	// Whatever is in the catalogue can be used: there is nothing to activate.
	handle("POST /snapshots/{name}/activate", e.getSnapshot)
	handle("GET /snapshots/{name}/build-logs", e.getBuildLogs)
	handle("GET /snapshots/{name}/build-logs-url", e.getBuildLogsURL)
}

// describeSnapshot makes Daytona's form of a snapshot, with the step of a base
// that is being built beside it.
func (e *Engine) describeSnapshot(s *snapshot) map[string]any {
	l := e.cfg.Limits
	const gib = 1 << 30
	out := map[string]any{
		"id": s.ID, "organizationId": "local", "general": !s.live(), "name": s.Name, "imageName": s.Name,
		"state": s.State, "size": nil, "entrypoint": nil, "cpu": l.CPU, "gpu": 0,
		"mem": float64(l.Memory) / gib, "disk": float64(l.Disk) / gib, "errorReason": nil,
		"createdAt": s.CreatedAt, "updatedAt": s.CreatedAt, "lastUsedAt": nil,
		"sourceSandboxId": nil, "sandboxClass": "container",
	}
	if s.Size > 0 {
		out["size"] = float64(s.Size) / gib
	}
	if s.Reason != "" {
		out["errorReason"] = s.Reason
	}
	if s.Image != "" {
		out["imageName"] = s.Image
	}
	if s.Source != "" {
		out["sourceSandboxId"] = s.Source
	}
	if s.Step != "" {
		out["step"] = s.Step
	}
	return out
}

func (e *Engine) snapshot(r *http.Request) (*snapshot, error) {
	name := r.PathValue("name")
	s, err := e.catalog.find(name)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, fail(http.StatusNotFound, "Snapshot %s not found", name)
	}
	return s, nil
}

func (e *Engine) getSnapshots(w http.ResponseWriter, r *http.Request) error {
	all, err := e.catalog.list()
	if err != nil {
		return err
	}
	items := make([]map[string]any, 0, len(all))
	for _, s := range all {
		if name := r.URL.Query().Get("name"); strings.Contains(s.Name, name) {
			items = append(items, e.describeSnapshot(s))
		}
	}
	writeAnswer(w, http.StatusOK, map[string]any{"items": items, "total": len(items), "page": 1, "totalPages": 1})
	return nil
}

func (e *Engine) getSnapshot(w http.ResponseWriter, r *http.Request) error {
	s, err := e.snapshot(r)
	if err != nil {
		return err
	}
	writeAnswer(w, http.StatusOK, e.describeSnapshot(s))
	return nil
}

var fromLine = regexp.MustCompile(`(?im)^\s*FROM\s+(\S+)\s*$`)

// postSnapshot accepts what the engine has anyway: the base under its own
// name. It builds no images.
func (e *Engine) postSnapshot(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		Name      string `json:"name"`
		ImageName string `json:"imageName"`
		BuildInfo *struct {
			Dockerfile string `json:"dockerfileContent"`
		} `json:"buildInfo"`
	}
	if err := decode(w, r, &req); err != nil {
		return err
	}
	if req.Name == "" {
		return fail(http.StatusBadRequest, "name is required")
	}
	s, err := e.catalog.find(req.Name)
	if err != nil {
		return err
	}
	if s != nil {
		return fail(http.StatusConflict, "Snapshot with name %q already exists", req.Name)
	}
	if req.BuildInfo != nil {
		if m := fromLine.FindStringSubmatch(req.BuildInfo.Dockerfile); m != nil {
			req.ImageName = m[1]
		}
	}
	return fail(http.StatusBadRequest, "this engine does not build images (%s): it has the snapshot %s, and live snapshots of sandboxes",
		req.ImageName, e.catalog.base().Name)
}

func (e *Engine) deleteSnapshot(w http.ResponseWriter, r *http.Request) error {
	s, err := e.snapshot(r)
	if err != nil {
		return err
	}
	if !s.live() {
		return fail(http.StatusForbidden, "Snapshot %s is part of the engine", s.Name)
	}
	if err := e.catalog.remove(s); err != nil {
		return err
	}
	writeAnswer(w, http.StatusOK, e.describeSnapshot(s))
	return nil
}

func (e *Engine) getBuildLogs(w http.ResponseWriter, r *http.Request) error {
	s, err := e.snapshot(r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for _, line := range []string{s.Step, s.Reason} {
		if line != "" {
			if _, err := w.Write([]byte(line + "\n")); err != nil {
				return nil //nolint:nilerr // the client went away
			}
		}
	}
	return nil
}

func (e *Engine) getBuildLogsURL(w http.ResponseWriter, r *http.Request) error {
	scheme, host := origin(r)
	path, _ := strings.CutSuffix(r.URL.EscapedPath(), "-url")
	writeAnswer(w, http.StatusOK, map[string]string{"url": scheme + "://" + host + path})
	return nil
}
