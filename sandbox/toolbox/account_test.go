//go:build linux

package toolbox_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"surgent.dev/surgent/sandbox/toolbox"
)

// openAs is a server that is root and acts for somebody else.
func openAs(t *testing.T, uid int) *box {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to act for another user")
	}
	b := open(t, func(c *toolbox.Config) {
		c.Account = &toolbox.Account{UID: uid, GID: uid}
		root := filepath.Dir(c.WorkDir)
		for _, dir := range []string{filepath.Dir(root), root} {
			if err := os.Chmod(dir, 0o711); err != nil {
				t.Fatal(err)
			}
		}
		for _, dir := range []string{c.WorkDir, c.Home} {
			if err := os.Chown(dir, uid, uid); err != nil {
				t.Fatal(err)
			}
		}
	})
	return b
}

func TestAccount(t *testing.T) {
	t.Parallel()
	const uid = 48213
	b := openAs(t, uid)
	if err := os.WriteFile(b.dir+"/secret", []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := b.execute("id -u; cat " + b.dir + "/secret 2>&1 | grep -o denied; ls " + b.dir + "/state/sessions 2>&1 | grep -o denied"); got != "48213\ndenied\ndenied\n" {
		t.Errorf("execute: %q", got)
	}
	// Requests with the user's rights and with the server's, at the same time.
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			b.do("GET", "/files/download?path="+b.dir+"/secret", nil, 403)
			b.do("POST", fmt.Sprintf("/files/upload?path=d%d/f", i), "x", 200)
			session := fmt.Sprintf("s%d", i)
			id := b.async(session, "id -u; echo to stderr >/dev/stderr; (exit 3)")
			if code := b.ended(session, id); code != 3 {
				t.Errorf("exit code %d", code)
			}
			if got := decode[cmd](t, b.logs(session, id)); got.Stdout != "48213\n" || got.Stderr != "to stderr\n" {
				t.Errorf("log: %+v", got)
			}
		})
	}
	wg.Wait()
	for i := range 16 {
		for _, path := range []string{fmt.Sprintf("d%d", i), fmt.Sprintf("d%d/f", i)} {
			info, err := os.Lstat(filepath.Join(b.dir, "work", path))
			if err != nil {
				t.Fatal(err)
			}
			if st := info.Sys().(*syscall.Stat_t); st.Uid != uid || st.Gid != uid {
				t.Errorf("%s belongs to %d:%d", path, st.Uid, st.Gid)
			}
		}
	}
	b.do("DELETE", "/files?path="+b.dir+"/state/run&recursive=true", nil, 403)
}

// A job's processes are found by a group that they can't leave.
func TestJobIsNotEscaped(t *testing.T) {
	t.Parallel()
	b := openAs(t, 48214)
	id := b.async("s", `env -i setsid sh -c 'sleep 600 >/dev/null 2>&1 & echo $!' | cat; (exit 4)`)
	if code := b.ended("s", id); code != 4 {
		t.Errorf("exit code %d", code)
	}
	pid := strings.TrimSpace(decode[cmd](t, b.logs("s", id)).Stdout)
	if _, err := os.Stat("/proc/" + pid); err != nil {
		t.Fatal(err)
	}
	b.do("DELETE", "/process/session/s", nil, 204)
	b.until("the process ends", func() bool {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ")
	})
}
