//go:build linux

package engine

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os"

	"golang.org/x/sys/unix"
)

// What the machine must have left for another sandbox. With less, all of them
// would suffer, and the kernel would choose which one ends.
const (
	roomMemory = 384 << 20
	roomDisk   = 512 << 20
)

// room tells whether the machine has room for another sandbox; the error says
// what is short.
func room(dataDir string) error {
	available, err := availableMemory()
	if err != nil {
		return fmt.Errorf("look at the memory: %w", err)
	}
	if available < roomMemory {
		return fail(http.StatusServiceUnavailable,
			"the machine has too little memory for another sandbox (%d MiB): stop one", available>>20)
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

// availableMemory returns what programs could still get, in bytes.
func availableMemory() (int64, error) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		var kib int64
		if n, err := fmt.Sscanf(s.Text(), "MemAvailable: %d kB", &kib); n == 1 && err == nil {
			return kib << 10, nil
		}
	}
	return 0, errors.New("/proc/meminfo does not tell")
}
