package workerd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"surgent.dev/surgent/deploy"
)

// keptReleases is how many releases of an app stay on disk, the live one
// included.
const keptReleases = 5

// record is what the disk knows of one app.
type record struct {
	Name      string      `json:"name"`
	ProjectID string      `json:"projectId"`
	Live      string      `json:"live"`     // the ID of the live release
	Releases  []*manifest `json:"releases"` // oldest first
}

// manifest is a release whose contents are in the blobs.
type manifest struct {
	ID                 string                     `json:"id"`
	PublishedAt        time.Time                  `json:"publishedAt"`
	CompatibilityDate  string                     `json:"compatibilityDate"`
	CompatibilityFlags []string                   `json:"compatibilityFlags,omitempty"`
	Vars               map[string]string          `json:"vars,omitempty"`
	JSONVars           map[string]json.RawMessage `json:"jsonVars,omitempty"`
	Modules            []moduleRef                `json:"modules,omitempty"`
	Assets             []deploy.Asset             `json:"assets,omitempty"`
	AssetsConfig       deploy.AssetsConfig        `json:"assetsConfig"`
	Warnings           []string                   `json:"warnings,omitempty"`
}

type moduleRef struct {
	Name string            `json:"name"`
	Type deploy.ModuleType `json:"type"`
	Hash string            `json:"hash"`
}

func (r *record) live() *manifest {
	for _, m := range r.Releases {
		if m.ID == r.Live {
			return m
		}
	}
	return nil
}

// with returns a copy in which m is live, and which knows no more releases
// than are kept.
func (r *record) with(m *manifest) *record {
	next := *r
	next.Live = m.ID
	next.Releases = slices.DeleteFunc(slices.Clone(r.Releases), func(o *manifest) bool { return o.ID == m.ID })
	next.Releases = append(next.Releases, m)
	if extra := len(next.Releases) - keptReleases; extra > 0 {
		next.Releases = next.Releases[extra:]
	}
	return &next
}

// records is the folder of the apps' records, one file each.
type records struct{ dir string }

// load reads all records. One that cannot be read is passed over and told to
// damaged: the other apps can do nothing for it.
func (rs records) load(damaged func(name string, err error)) (map[string]*record, error) {
	entries, err := os.ReadDir(rs.dir)
	if err != nil {
		return nil, fmt.Errorf("load apps: %w", err)
	}
	all := map[string]*record{}
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), ".json")
		if !ok {
			continue // a write that a crash cut off
		}
		r, err := rs.read(name)
		if err != nil {
			damaged(name, err)
			continue
		}
		all[name] = r
	}
	return all, nil
}

func (rs records) read(name string) (*record, error) {
	text, err := os.ReadFile(rs.path(name))
	if err != nil {
		return nil, err
	}
	r := &record{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, err
	}
	if r.Name != name || r.live() == nil {
		return nil, errors.New("it names another app, or no live release")
	}
	return r, nil
}

// save makes r the app's record, durably, or leaves the one before.
func (rs records) save(r *record) (err error) {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("save app %s: %w", r.Name, err)
	}
	f, err := os.CreateTemp(rs.dir, r.Name+".*.new")
	if err != nil {
		return fmt.Errorf("save app %s: %w", r.Name, err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), rs.path(r.Name))
	}
	if err != nil {
		_ = os.Remove(f.Name()) // load passes over what stays
		return fmt.Errorf("save app %s: %w", r.Name, err)
	}
	return rs.sync()
}

func (rs records) remove(name string) error {
	if err := os.Remove(rs.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove app %s: %w", name, err)
	}
	return rs.sync()
}

func (rs records) path(name string) string { return filepath.Join(rs.dir, name+".json") }

func (rs records) sync() error {
	d, err := os.Open(rs.dir)
	if err != nil {
		return fmt.Errorf("sync apps: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}
