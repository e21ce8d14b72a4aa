//go:build linux

package engine

import (
	"bufio"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"surgent.dev/surgent/sandbox/engine/base"
)

// snapshot is what sandboxes are made from: the base, or a live snapshot.
type snapshot struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	State     string    `json:"state"`
	Step      string    `json:"step,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Source    string    `json:"source,omitempty"` // sandbox that was frozen
	Image     string    `json:"-"`                // OCI image that the base was made from
	Size      int64     `json:"size"`             // bytes
	CreatedAt time.Time `json:"createdAt"`

	// Token opens the toolbox of a sandbox that woke from this snapshot, until
	// it gets its own.
	Token string `json:"token,omitempty"`

	dir string // of a live snapshot, "" for the base
}

// live tells whether the snapshot holds running processes.
func (s *snapshot) live() bool { return s.dir != "" }

// image is the folder that runsc restores from.
func (s *snapshot) image() string { return filepath.Join(s.dir, "image") }

// catalog knows the snapshots. The base is built in the background.
type catalog struct {
	cfg    Config
	recipe *base.Recipe

	mu     sync.Mutex
	state  snapshot      // of the base
	done   chan struct{} // closed when an attempt at the base has ended, well or not
	root   string        // root file system with the toolbox, once active
	key    string        // artifact key of memory images, once active
	failed error

	baseDir string // folder of the base, once active
}

func newCatalog(cfg Config, recipe *base.Recipe) *catalog {
	return &catalog{cfg: cfg, recipe: recipe, done: make(chan struct{}), state: snapshot{
		ID: recipe.Name, Name: recipe.Name, State: "building", Step: "Look for the sandbox base", CreatedAt: cfg.Now(),
	}}
}

// keepTrying prepares the base until it stands or ctx is done. What keeps it
// from being built may pass: a network that is down, a disk that is full.
func (c *catalog) keepTrying(ctx context.Context, gateway string) {
	for wait := 15 * time.Second; ; wait = min(2*wait, 5*time.Minute) {
		err := c.prepare(ctx, gateway)
		if err == nil || ctx.Err() != nil {
			return
		}
		c.cfg.Logger.Error("no sandbox base", "error", err, "again_in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// prepare finds or builds the base and the root file system on it. The gateway
// is part of what processes in memory images know.
func (c *catalog) prepare(ctx context.Context, gateway string) error {
	c.mu.Lock()
	if c.failed != nil {
		// Another attempt: who asks from now on waits for this one.
		c.failed, c.done = nil, make(chan struct{})
		c.state.State, c.state.Reason = "building", ""
	}
	c.mu.Unlock()
	root, key, baseDir, err := c.build(ctx, gateway)
	c.mu.Lock()
	c.root, c.key, c.baseDir, c.failed = root, key, baseDir, err
	c.state.Step = ""
	if err != nil {
		c.state.State, c.state.Reason = "error", err.Error()
	} else {
		c.state.State = "active"
	}
	done := c.done
	c.mu.Unlock()
	c.tidy()
	close(done)
	return err
}

func (c *catalog) build(ctx context.Context, gateway string) (root, key, baseDir string, err error) {
	b, err := base.Ensure(ctx, base.Config{
		CacheDir: c.cfg.CacheDir, Recipe: c.recipe, Image: c.cfg.BaseImage, Logger: c.cfg.Logger,
		Step: func(step string) {
			c.cfg.Logger.Info("building the sandbox base", "step", step)
			c.mu.Lock()
			c.state.Step = step
			c.mu.Unlock()
		},
	})
	if err != nil {
		return "", "", "", err
	}
	c.mu.Lock()
	c.state.Image = b.Image
	c.mu.Unlock()
	root, rootKey, err := b.With(ctx, toolboxPath, c.cfg.Toolbox)
	if err != nil {
		return "", "", "", err
	}
	version, err := gvisorVersion(c.cfg.Runsc[0])
	if err != nil {
		return "", "", "", err
	}
	features, err := cpuFeatures()
	if err != nil {
		return "", "", "", err
	}
	// Everything that a memory image may depend on: gVisor promises nothing
	// across versions, and programs remember what the processor can do.
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "5 %s %q %q %q %q %s", rootKey, root, version, features, runscFlags, gateway)
	return root, hex.EncodeToString(h.Sum(nil))[:16], filepath.Dir(b.Root), nil
}

// wait returns the root file system and the artifact key, once they are known.
func (c *catalog) wait(ctx context.Context) (root, key string, err error) {
	c.mu.Lock()
	done := c.done
	c.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
		return "", "", context.Cause(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		return "", "", fail(503, "the sandbox base is missing: %v", c.failed)
	}
	return c.root, c.key, nil
}

// ready waits as wait does, and returns what keeps the base from standing.
func (c *catalog) ready(ctx context.Context) error {
	_, _, err := c.wait(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		return c.failed
	}
	return err
}

// keyNow returns the artifact key, "" while it is not known.
func (c *catalog) keyNow() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.key
}

// base returns the state of the base's snapshot.
func (c *catalog) base() *snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.state
	return &s
}

// liveDir is where the live snapshots that this engine can restore are.
func (c *catalog) liveDir() (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.key == "" {
		return "", errNoKey
	}
	return filepath.Join(c.cfg.CacheDir, "live", c.key), nil
}

var errNoKey = errors.New("the base is not ready")

// dirOf is the folder of a live snapshot. Names may hold anything.
func dirOf(parent, name string) string {
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(parent, hex.EncodeToString(sum[:8]))
}

// find returns a snapshot by name or id, nil when there is none.
func (c *catalog) find(name string) (*snapshot, error) {
	if b := c.base(); name == b.Name {
		return b, nil
	}
	parent, err := c.liveDir()
	if errors.Is(err, errNoKey) {
		return nil, nil
	}
	return readSnapshot(dirOf(parent, name))
}

// list returns all snapshots, the base first.
func (c *catalog) list() ([]*snapshot, error) {
	all := []*snapshot{c.base()}
	parent, err := c.liveDir()
	if errors.Is(err, errNoKey) {
		return all, nil
	}
	entries, err := os.ReadDir(parent)
	if errors.Is(err, os.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if strings.Contains(e.Name(), ".") {
			continue // being written or removed
		}
		s, err := readSnapshot(filepath.Join(parent, e.Name()))
		if err != nil {
			return nil, err
		}
		if s != nil {
			all = append(all, s)
		}
	}
	return all, nil
}

// add makes a live snapshot: write fills a folder, which then becomes the
// snapshot at once. When another engine was faster, its snapshot stays.
func (c *catalog) add(s *snapshot, write func(image string) error) error {
	parent, err := c.liveDir()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(parent, "new.*.tmp")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }() // renamed away when all is well
	if err := write(filepath.Join(tmp, "image")); err != nil {
		return err
	}
	s.dir = dirOf(parent, s.Name)
	s.Size = diskUse(tmp)
	if err := writeJSON(filepath.Join(tmp, "snapshot.json"), s); err != nil {
		return err
	}
	err = os.Rename(tmp, s.dir)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	return err
}

// remove deletes a live snapshot. Sandboxes that are being restored from it
// have its files open and go on.
func (c *catalog) remove(s *snapshot) error {
	gone := s.dir + ".gone"
	if err := os.Rename(s.dir, gone); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
	return os.RemoveAll(gone)
}

func readSnapshot(dir string) (*snapshot, error) {
	text, err := os.ReadFile(filepath.Join(dir, "snapshot.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var s snapshot
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("read snapshot %s: %w", dir, err)
	}
	s.dir = dir
	return &s, nil
}

// diskUse sums up the sizes of the files in dir.
func diskUse(dir string) int64 {
	var n int64
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0 // a figure for people
	}
	for _, e := range entries {
		if e.IsDir() {
			n += diskUse(filepath.Join(dir, e.Name()))
		} else if info, err := e.Info(); err == nil {
			n += info.Size()
		}
	}
	return n
}

// gvisorVersion reads which gVisor a binary was built with.
func gvisorVersion(binary string) (string, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return "", fmt.Errorf("read version of %s: %w", binary, err)
	}
	for _, d := range info.Deps {
		if d.Path == "gvisor.dev/gvisor" {
			return d.Version, nil
		}
	}
	return "", fmt.Errorf("%s was built without gVisor", binary)
}

// cpuFeatures returns what the first processor says of itself.
func cpuFeatures() (string, error) {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	var lines []string
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() && s.Text() != "" {
		name, value, _ := strings.Cut(s.Text(), ":")
		switch name = strings.TrimSpace(name); name {
		case "vendor_id", "model", "cpu family", "stepping", "flags", "Features", "CPU part", "CPU variant":
			fields := strings.Fields(value)
			slices.Sort(fields)
			lines = append(lines, name+"="+strings.Join(fields, " "))
		}
	}
	return strings.Join(lines, "\n"), s.Err()
}
