//go:build linux

package toolbox

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// FuzzFolder: whatever path is asked for, what is opened lies in the folder,
// and nothing outside is made, changed or removed.
func FuzzFolder(f *testing.F) {
	for _, s := range []string{
		"a", "../secret", "up/secret", "up/up/in/a", "abs/a", "out/secret", "loop", "sub/../../secret", "sub/back/a",
		"sub/deep/../../up/../secret", "./sub//back", "dangling", "dangling-out", "a/b", "sub/new/x", "up/in/sub/back/a", "",
	} {
		f.Add(s)
	}
	base, err := filepath.EvalSymlinks(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	in := base + "/in"
	must := func(err error) {
		if err != nil {
			f.Fatal(err)
		}
	}
	must(os.MkdirAll(in+"/sub/deep", 0o755))
	must(os.WriteFile(in+"/a", []byte("inside"), 0o600))
	must(os.WriteFile(base+"/secret", []byte("outside"), 0o600))
	for name, target := range map[string]string{
		"up": "..", "abs": in + "/sub", "out": base, "loop": "loop", "sub/back": "..", "sub/deep/top": "../../..",
		"dangling": "sub/none", "dangling-out": "../none", "self": ".", "root": "/",
	} {
		must(os.Symlink(target, in+"/"+name))
	}
	f.Fuzz(func(t *testing.T, p string) {
		if strings.ContainsRune(p, 0) {
			return // refused before it comes here
		}
		dir, err := openFolder(in)
		if err != nil {
			t.Fatal(err)
		}
		defer dir.close()
		abs := p
		if !filepath.IsAbs(p) {
			abs = filepath.Join(in, p)
		}
		inside := func(file *os.File) {
			t.Helper()
			real, err := os.Readlink("/proc/self/fd/" + itoa(int(file.Fd())))
			if err != nil {
				t.Fatal(err)
			}
			if real != in && !strings.HasPrefix(real, in+"/") {
				t.Fatalf("%q opened %s", p, real)
			}
		}
		if file, err := dir.open(abs, os.O_RDONLY|unix.O_NONBLOCK, 0); err == nil {
			inside(file)
			// The kernel agrees on what the path leads to.
			want, werr := os.Stat(abs)
			got, gerr := file.Stat()
			if werr != nil || gerr != nil || !os.SameFile(want, got) {
				t.Fatalf("%q: %v, %v", p, werr, gerr)
			}
			_ = file.Close()
		} else if !errors.Is(err, errEscapes) {
			// Refused for another reason: then the kernel refuses it too,
			// or it leads out.
			if real, rerr := filepath.EvalSymlinks(abs); rerr == nil && (real == in || strings.HasPrefix(real, in+"/")) {
				t.Fatalf("%q is %s, refused with %v", p, real, err)
			}
		}
		if file, err := dir.open(abs, os.O_WRONLY|os.O_CREATE|unix.O_NONBLOCK, 0o600); err == nil {
			inside(file)
			_ = file.Close()
			if _, serr := os.Lstat(abs); serr == nil && !strings.HasSuffix(abs, "/a") {
				_ = dir.remove(abs, false)
			}
		}
		if data, err := os.ReadFile(base + "/secret"); err != nil || string(data) != "outside" {
			t.Fatalf("%q: the file outside is %q, %v", p, data, err)
		}
		if list, err := os.ReadDir(base); err != nil || len(list) != 2 {
			t.Fatalf("%q: outside there is now %v", p, list)
		}
		// Put back what a removal may have taken.
		for name, target := range map[string]string{"up": "..", "abs": in + "/sub", "out": base, "loop": "loop", "self": ".", "root": "/"} {
			_ = os.Symlink(target, in+"/"+name)
		}
	})
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}
