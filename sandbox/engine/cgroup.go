//go:build linux

package engine

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// cgroups keeps the control groups of one engine: surgent-<instance>/<id>,
// in version 2's one tree or in version 1's tree for each controller.
type cgroups struct {
	// parents maps a controller (version 1), or "" (version 2), to the folder
	// of the engine's groups. It is empty where the host allows none.
	parents map[string]string
}

// cgroupControllers are those that bound a sandbox.
var cgroupControllers = []string{"memory", "pids", "cpu"}

// openCgroups finds and prepares the host's control groups. An error names
// what is not available; what is, works.
func openCgroups(instance string) (*cgroups, error) {
	g := &cgroups{parents: map[string]string{}}
	name := "surgent-" + instance
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		return g, g.openUnified(filepath.Join("/sys/fs/cgroup", name))
	}
	own, err := ownGroups()
	if err != nil {
		return g, err
	}
	var problems error
	for _, c := range cgroupControllers {
		// Below our own group, so that what bounds the server bounds its
		// sandboxes together.
		dir := filepath.Join("/sys/fs/cgroup", c, own[c], name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			problems = errors.Join(problems, fmt.Errorf("no %s control group: %w", c, err))
			continue
		}
		g.parents[c] = dir
	}
	return g, problems
}

// openUnified prepares version 2: a group of our own below the root, with the
// controllers handed down.
func (g *cgroups) openUnified(dir string) error {
	enable := "+" + strings.Join(cgroupControllers, " +")
	if err := os.WriteFile(filepath.Join(filepath.Dir(dir), "cgroup.subtree_control"), []byte(enable), 0o600); err != nil {
		return fmt.Errorf("hand down control group controllers: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make control group: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte(enable), 0o600); err != nil {
		return fmt.Errorf("hand down control group controllers: %w", err)
	}
	g.parents[""] = dir
	return nil
}

// ownGroups returns the server's group in each version 1 tree.
func ownGroups() (map[string]string, error) {
	f, err := os.Open("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	own := map[string]string{}
	s := bufio.NewScanner(f)
	for s.Scan() {
		if parts := strings.SplitN(s.Text(), ":", 3); len(parts) == 3 {
			for _, c := range strings.Split(parts[1], ",") {
				// A path that climbs is outside our view of the tree.
				if !strings.Contains(parts[2], "..") {
					own[c] = parts[2]
				}
			}
		}
	}
	return own, s.Err()
}

// make creates the groups of one sandbox with its limits and returns the
// files through which a process enters them.
func (g *cgroups) make(id string, l Limits) ([]string, error) {
	const period = 100_000 // microseconds
	quota := strconv.Itoa(int(l.CPU * period))
	memory, pids := strconv.FormatInt(l.Memory, 10), strconv.Itoa(l.PIDs)
	var enter []string
	for c, parent := range g.parents {
		dir := filepath.Join(parent, id)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, fmt.Errorf("make control group: %w", err)
		}
		values := map[string]string{}
		enter = append(enter, filepath.Join(dir, "cgroup.procs"))
		switch c {
		case "": // version 2 has them all in one
			values["memory.max"], values["pids.max"] = memory, pids
			values["cpu.max"] = quota + " " + strconv.Itoa(period)
			values["memory.swap.max"] = "0" // where the kernel has swap at all
		case "memory":
			values["memory.limit_in_bytes"] = memory
		case "pids":
			values["pids.max"] = pids
		case "cpu":
			values["cpu.cfs_period_us"] = strconv.Itoa(period)
			values["cpu.cfs_quota_us"] = quota
		}
		for name, value := range values {
			err := os.WriteFile(filepath.Join(dir, name), []byte(value), 0o600)
			if err != nil && (name != "memory.swap.max" || !errors.Is(err, os.ErrNotExist)) {
				return nil, fmt.Errorf("limit sandbox: %w", err)
			}
		}
	}
	return enter, nil
}

// remove deletes the groups of one sandbox. Groups that still hold dying
// processes stay for the next sweep.
func (g *cgroups) remove(id string) {
	for _, parent := range g.parents {
		_ = os.Remove(filepath.Join(parent, id)) // see above
	}
}

// sweep deletes the groups that keep does not know.
func (g *cgroups) sweep(keep func(id string) bool) {
	for _, parent := range g.parents {
		entries, err := os.ReadDir(parent)
		if err != nil {
			continue // nothing to sweep
		}
		for _, e := range entries {
			if e.IsDir() && !keep(e.Name()) {
				_ = os.Remove(filepath.Join(parent, e.Name())) // busy: next time
			}
		}
	}
}

// close deletes the engine's own groups when no sandbox is left in them.
func (g *cgroups) close() {
	for _, parent := range g.parents {
		_ = os.Remove(parent) // not empty is fine: sandboxes go on running
	}
}
