package workerd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/release"
)

// youngBlobs are kept from sweeping: their release may be in the making.
const youngBlobs = 2 * time.Hour

// verifyLimit bounds the wait for a new release's first answer.
const verifyLimit = 15 * time.Second

// Publish implements deploy.Target. Until the last step nothing that visitors
// see changes; the record on disk is the commit point.
func (t *Target) Publish(ctx context.Context, rel *deploy.Release, progress deploy.Progress) (*deploy.Published, error) {
	if progress == nil {
		progress = func(deploy.Stage, string) {}
	}
	if err := release.CheckName(rel.Name); err != nil {
		return nil, err
	}
	if rel.ID == "" {
		return nil, errors.New("publish: the release has no ID")
	}
	unlock, err := t.publishing.Lock(ctx, rel.Name)
	if err != nil {
		return nil, fmt.Errorf("publish %s: %w", rel.Name, err)
	}
	defer unlock()

	before := &record{Name: rel.Name, ProjectID: rel.ProjectID}
	if a := t.find(rel.Name); a != nil {
		before = a.record
	}
	if before.ProjectID != rel.ProjectID {
		return nil, deploy.Refuse("the name %q belongs to another project", rel.Name)
	}
	if before.Live == rel.ID {
		return &deploy.Published{URL: t.c.URL(rel.Name), Warnings: before.live().Warnings}, nil
	}
	m, err := t.store(rel, progress)
	if err != nil {
		return nil, fmt.Errorf("publish %s: %w", rel.Name, err)
	}
	if err := t.activate(ctx, before, m, progress); err != nil {
		return nil, fmt.Errorf("publish %s: %w", rel.Name, err)
	}
	return &deploy.Published{URL: t.c.URL(rel.Name), Warnings: m.Warnings}, nil
}

// Rollback makes an earlier release live again, verified like a new one. The
// last five of a name are kept. progress may be nil.
func (t *Target) Rollback(ctx context.Context, name, releaseID string, progress deploy.Progress) error {
	if progress == nil {
		progress = func(deploy.Stage, string) {}
	}
	unlock, err := t.publishing.Lock(ctx, name)
	if err != nil {
		return fmt.Errorf("roll back %s: %w", name, err)
	}
	defer unlock()
	a := t.find(name)
	if a == nil {
		return deploy.Refuse("there is no app %q", name)
	}
	for _, m := range a.record.Releases {
		if m.ID == releaseID {
			if err := t.activate(ctx, a.record, m, progress); err != nil {
				return fmt.Errorf("roll back %s: %w", name, err)
			}
			return nil
		}
	}
	return deploy.Refuse("the release is no longer kept")
}

// Remove implements deploy.Target.
func (t *Target) Remove(ctx context.Context, name string) error {
	unlock, err := t.publishing.Lock(ctx, name)
	if err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	defer unlock()
	a := t.find(name)
	if a == nil {
		return nil
	}
	if err := t.records.remove(name); err != nil {
		return err
	}
	t.mu.Lock()
	delete(t.apps, name)
	delete(t.journals, name)
	t.mu.Unlock()
	a.runner.close(0)
	return nil
}

// store puts a release's contents into the blobs, trusting no hash but those
// that it computed.
func (t *Target) store(rel *deploy.Release, progress deploy.Progress) (*manifest, error) {
	m := &manifest{
		ID: rel.ID, PublishedAt: t.now().UTC(), CompatibilityDate: rel.CompatibilityDate, CompatibilityFlags: rel.CompatibilityFlags,
		Vars: rel.Vars, JSONVars: rel.JSONVars, Assets: rel.Assets, AssetsConfig: rel.AssetsConfig,
	}
	if m.CompatibilityDate == "" {
		m.CompatibilityDate = newestDate
	}
	if m.CompatibilityDate > newestDate {
		m.Warnings = append(m.Warnings, "The compatibility date "+m.CompatibilityDate+" is newer than this server's runtime; it uses "+newestDate+".")
		m.CompatibilityDate = newestDate
	}
	var total int64
	for _, asset := range rel.Assets {
		total += asset.Size
		if err := t.storeAsset(rel, asset); err != nil {
			return nil, err
		}
	}
	progress(deploy.Uploading, fmt.Sprintf("Stored %d files, %s", len(rel.Assets), kilobytes(total)))
	for _, module := range rel.Modules {
		hash, _, err := t.c.Blobs.Put(bytes.NewReader(module.Content))
		if err != nil {
			return nil, err
		}
		m.Modules = append(m.Modules, moduleRef{Name: module.Name, Type: module.Type, Hash: hash})
	}
	return m, nil
}

func (t *Target) storeAsset(rel *deploy.Release, asset deploy.Asset) error {
	// One that nobody needs yet could be swept before this release is live.
	if err := t.c.Blobs.Touch(asset.Hash, t.now()); err == nil {
		return nil
	}
	content, err := rel.Open(asset.Hash)
	if err != nil {
		return fmt.Errorf("read %s: %w", asset.Path, err)
	}
	hash, size, err := t.c.Blobs.Put(content)
	if err = errors.Join(err, content.Close()); err != nil {
		return fmt.Errorf("store %s: %w", asset.Path, err)
	}
	if hash != asset.Hash || size != asset.Size {
		return fmt.Errorf("store %s: its content is not what the release says", asset.Path)
	}
	return nil
}

// activate verifies m and makes it live.
func (t *Target) activate(ctx context.Context, before *record, m *manifest, progress deploy.Progress) error {
	next := t.runnerFor(before.Name, m)
	var verified *instance
	if len(m.Modules) > 0 {
		var err error
		if verified, err = t.verify(ctx, next, progress); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		if verified != nil {
			verified.close("")
		}
		return err
	}
	after := before.with(m)
	if err := t.records.save(after); err != nil {
		if verified != nil {
			verified.close("")
		}
		return err
	}
	if verified != nil {
		// The first visitor finds it warm. It outlives this call.
		next.adopt(context.WithoutCancel(ctx), verified)
	}
	t.mu.Lock()
	replaced, closed := t.apps[before.Name], t.closed
	t.apps[before.Name] = &app{record: after, runner: next}
	t.mu.Unlock()
	if closed {
		next.close(0)
	}
	if replaced != nil {
		t.background.Go(func() { replaced.runner.close(t.c.Grace) })
	}
	t.Sweep()
	return nil
}

// verify starts the release beside the live one and asks it for its first
// page, as a browser would.
func (t *Target) verify(ctx context.Context, r *runner, progress deploy.Progress) (_ *instance, err error) {
	if _, err := t.binary(ctx, func(line string) { progress(deploy.Uploading, line) }); err != nil {
		return nil, err
	}
	began := t.now()
	progress(deploy.Verifying, "Starting the worker")
	i, err := t.start(ctx, r)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			i.close("")
		}
	}()
	limit := min(t.c.FirstByte, verifyLimit)
	asking, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(asking, http.MethodGet, t.c.URL(r.name)+"/", http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	req.Header.Set("User-Agent", "surgent-verify")
	req.RemoteAddr = "127.0.0.1:0"
	asked := t.now()
	answer := &firstAnswer{header: http.Header{}, enough: cancel}
	r.site.Handler(i.proxy).ServeHTTP(answer, req)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case answer.status == http.StatusGatewayTimeout && t.now().Sub(asked) >= limit:
		return nil, deploy.Refuse("the worker did not answer / within %s%s", limit, complaint(i.box.Output()))
	case answer.status >= http.StatusInternalServerError:
		return nil, deploy.Refuse("the worker answered / with %d%s", answer.status, complaint(i.box.Output()))
	}
	progress(deploy.Verifying, fmt.Sprintf("The app answered after %d ms", t.now().Sub(began).Milliseconds()))
	return i, nil
}

// firstAnswer notes a status and has enough then: a page may go on for ever.
type firstAnswer struct {
	header http.Header
	status int
	enough context.CancelFunc
}

func (a *firstAnswer) Header() http.Header { return a.header }

func (a *firstAnswer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
		a.enough()
	}
}

func (a *firstAnswer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return len(p), nil
}

// Sweep forgets contents that no kept release needs, but for those of the last
// hours. Each Publish does so; call it from time to time too, so that a
// removed app's contents go even when nobody publishes. A failure is only
// logged.
func (t *Target) Sweep() {
	used := map[string]bool{}
	t.mu.RLock()
	for _, a := range t.apps {
		for _, m := range a.record.Releases {
			for _, asset := range m.Assets {
				used[asset.Hash] = true
			}
			for _, module := range m.Modules {
				used[module.Hash] = true
			}
		}
	}
	t.mu.RUnlock()
	if _, err := t.c.Blobs.Sweep(func(hash string) bool { return used[hash] }, t.now().Add(-youngBlobs)); err != nil {
		t.c.Logger.Warn("sweep blobs", "error", err)
	}
}

func kilobytes(n int64) string {
	if n < 10<<20 {
		return fmt.Sprintf("%d KB", (n+1023)>>10)
	}
	return fmt.Sprintf("%d MB", n>>20)
}
