//go:build linux

package engine

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// A machine that was full lost whatever the kernel chose, the server among it.
func TestAFullMachineStartsNoMore(t *testing.T) {
	t.Parallel()
	err := room(t.TempDir(), 1<<60)
	if status, text := statusOf(err); status != http.StatusServiceUnavailable || codeOf(err) != codeNoRoom || !strings.Contains(text, "too little memory") {
		t.Errorf("%d %s %q", status, codeOf(err), text)
	}
	if err := room(t.TempDir(), 1); err != nil {
		t.Errorf("with room: %v", err)
	}
}

func TestAContainersLimitCounts(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	host := memory{total: 64 * gib, available: 60 * gib}
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for name, tc := range map[string]struct {
		group fstest.MapFS
		want  memory
	}{
		"none":      {fstest.MapFS{}, host},
		"unbounded": {fstest.MapFS{"max": file("max\n"), "used": file("1\n")}, host},
		"bounded": {
			fstest.MapFS{"max": file("4294967296\n"), "used": file("3221225472\n"), "memory.stat": file("anon 5\ninactive_file 1073741824\n")},
			memory{4 * gib, 2 * gib},
		},
		"over":      {fstest.MapFS{"max": file("1073741824\n"), "used": file("2147483648\n")}, memory{gib, 0}},
		"v1's none": {fstest.MapFS{"max": file("9223372036854771712\n"), "used": file("5\n")}, host},
	} {
		if got := host.within(tc.group, "max", "used", "inactive_file"); got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
	m, err := readMemory()
	if err != nil || m.available <= 0 || m.available > m.total {
		t.Errorf("this machine: %+v, %v (pid %d)", m, err, os.Getpid())
	}
}
