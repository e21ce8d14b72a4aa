package app

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A server that starts right after a kill -9 may find the folder held, for a
// moment, by a child of the killed one.
func TestAStartWaitsForTheLastServersChild(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := os.OpenFile(filepath.Join(dir, "server.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), "sleep", "0.5")
	child.ExtraFiles = []*os.File{f} // it holds the lock on
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	release, err := openData(dir)
	if err != nil {
		t.Fatalf("the folder was not waited for: %v", err)
	}
	if _, err := openData(dir); err == nil || !strings.Contains(err.Error(), "another server runs") {
		t.Errorf("a second server got %v", err)
	}
	release()
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}
