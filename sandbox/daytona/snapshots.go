package daytona

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"surgent.dev/surgent/sandbox"
)

// freezeTimeout bounds a live snapshot: the memory of a sandbox is written to
// disk meanwhile.
const freezeTimeout = 5 * time.Minute

func (c *Client) snapshotURL(idOrName string) string {
	return c.cfg.ServerURL + "/snapshots/" + url.PathEscape(idOrName)
}

// GetSnapshot implements sandbox.Snapshots.
func (c *Client) GetSnapshot(ctx context.Context, idOrName string) (*sandbox.Snapshot, error) {
	var s sandbox.Snapshot
	_, err := c.do(ctx, call{
		method: http.MethodGet, url: c.snapshotURL(idOrName), timeout: controlTimeout, into: &s, safe: true,
	})
	if err != nil {
		return nil, fmt.Errorf("get snapshot %s: %w", idOrName, err)
	}
	return &s, nil
}

// CreateSnapshot implements sandbox.Snapshots.
func (c *Client) CreateSnapshot(ctx context.Context, name, dockerfile string) (*sandbox.Snapshot, error) {
	var s sandbox.Snapshot
	body := map[string]any{
		"name": name, "buildInfo": map[string]string{"dockerfileContent": dockerfile},
		"cpu": 4, "memory": 8, "disk": 10,
	}
	_, err := c.do(ctx, call{
		method: http.MethodPost, url: c.cfg.ServerURL + "/snapshots", json: body, timeout: controlTimeout, into: &s,
	})
	if err != nil {
		return nil, fmt.Errorf("create snapshot %s: %w", name, err)
	}
	return &s, nil
}

// ActivateSnapshot wakes a snapshot that the server set aside because nobody
// used it; until then no sandbox can be made from it. GetSnapshot tells when it
// is active.
func (c *Client) ActivateSnapshot(ctx context.Context, id string) error {
	err := discard(c.do(ctx, call{method: http.MethodPost, url: c.snapshotURL(id) + "/activate", timeout: controlTimeout}))
	if err != nil {
		return fmt.Errorf("activate snapshot %s: %w", id, err)
	}
	return nil
}

// DeleteSnapshot implements sandbox.Snapshots. The server deletes by id only.
func (c *Client) DeleteSnapshot(ctx context.Context, idOrName string) error {
	s, err := c.GetSnapshot(ctx, idOrName)
	if errors.Is(err, sandbox.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	err = discard(c.do(ctx, call{method: http.MethodDelete, url: c.snapshotURL(s.ID), timeout: controlTimeout, safe: true}))
	if err != nil && !errors.Is(err, sandbox.ErrNotFound) {
		return fmt.Errorf("delete snapshot %s: %w", idOrName, err)
	}
	return nil
}

// SnapshotLive implements sandbox.LiveSnapshots.
func (e *Embedded) SnapshotLive(ctx context.Context, id, name string) error {
	err := discard(e.do(ctx, call{
		method: http.MethodPost, url: e.sandboxURL(id, "snapshot"),
		json: map[string]any{"name": name, "live": true}, timeout: freezeTimeout,
	}))
	if err != nil {
		return fmt.Errorf("freeze sandbox %s: %w", id, err)
	}
	return nil
}

// Backup implements sandbox.Backups.
func (c *Embedded) Backup(ctx context.Context, id string) error {
	err := discard(c.do(ctx, call{
		method: http.MethodPost, url: c.sandboxURL(id, "backup"), timeout: freezeTimeout, safe: true,
	}))
	if err != nil {
		return fmt.Errorf("save files of sandbox %s: %w", id, err)
	}
	return nil
}
