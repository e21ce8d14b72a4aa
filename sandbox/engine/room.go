//go:build linux

package engine

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// What the machine must have left for another sandbox. With less, all of them
// would suffer, and the kernel would choose which one ends.
const (
	leastReserve = 384 << 20
	roomDisk     = 512 << 20
)

// room tells whether the machine has room for another sandbox; the error says
// what is short. reserve is the memory that must be left, 0 for the default.
func room(dataDir string, reserve int64) error {
	m, err := readMemory()
	if err != nil {
		return fmt.Errorf("look at the memory: %w", err)
	}
	if reserve == 0 {
		reserve = max(leastReserve, m.total/16)
	}
	if m.available < reserve {
		return &apiError{http.StatusServiceUnavailable, fmt.Sprintf(
			"the machine has too little memory for another sandbox (%d MiB of %d are left): stop one", m.available>>20, m.total>>20), codeNoRoom}
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dataDir, &st); err != nil {
		return fmt.Errorf("look at the disk: %w", err)
	}
	if free := int64(st.Bavail) * st.Bsize; free < roomDisk {
		return fail(http.StatusServiceUnavailable,
			"the disk of %s has too little room for a sandbox (%d MiB): free some", dataDir, free>>20)
	}
	return nil
}

// memory is what this machine, or the container that it is, has.
type memory struct{ total, available int64 } // bytes

// readMemory asks the kernel, and the control group that bounds us with our
// sandboxes, if one does.
func readMemory() (memory, error) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return memory{}, err
	}
	defer func() { _ = f.Close() }() // only read from
	fields, err := keyed(f)
	if err != nil {
		return memory{}, err
	}
	m := memory{fields["MemTotal:"] << 10, fields["MemAvailable:"] << 10}
	if m.total == 0 || m.available == 0 {
		return memory{}, errors.New("/proc/meminfo does not tell")
	}
	for _, g := range []struct{ dir, limit, used, inactive string }{
		{"/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"},
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"},
	} {
		m = m.within(os.DirFS(g.dir), g.limit, g.used, g.inactive)
	}
	return m, nil
}

// within returns what a control group leaves of m. A group without a limit,
// or none, leaves all of it.
func (m memory) within(group fs.FS, limitFile, usedFile, inactive string) memory {
	limit, err := number(group, limitFile)
	if err != nil || limit >= m.total {
		return m
	}
	used, err := number(group, usedFile)
	if err != nil {
		return m
	}
	// File pages that nobody uses give way at once.
	if stat, err := fs.ReadFile(group, "memory.stat"); err == nil {
		if fields, err := keyed(bytes.NewReader(stat)); err == nil {
			used -= min(used, fields[inactive])
		}
	}
	return memory{limit, max(0, min(m.available, limit-used))}
}

// number reads a file with one number in it.
func number(group fs.FS, name string) (int64, error) {
	text, err := fs.ReadFile(group, name)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}

// keyed reads lines that begin with a word and a number.
func keyed(r io.Reader) (map[string]int64, error) {
	out := map[string]int64{}
	s := bufio.NewScanner(r)
	for s.Scan() {
		if words := strings.Fields(s.Text()); len(words) >= 2 {
			if n, err := strconv.ParseInt(words[1], 10, 64); err == nil {
				out[words[0]] = n
			}
		}
	}
	return out, s.Err()
}

// offerToOOM tells the kernel to end a sandbox rather than the server when
// memory runs out all the same.
func offerToOOM(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("500"), 0o600)
}
