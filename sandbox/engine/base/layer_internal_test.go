//go:build linux

package base

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// put is one entry of a layer; zero fields are those of a plain file of root.
type put struct {
	name, link, text string
	kind             byte
	mode             int64
	uid, gid         int
	size             int64 // told, when it is not the text's
}

func layerOf(t testing.TB, entries []put) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		h := &tar.Header{
			Name: e.name, Linkname: e.link, Typeflag: e.kind, Mode: e.mode, Uid: e.uid, Gid: e.gid,
			Size: int64(len(e.text)), ModTime: time.Unix(1e9, 0), Format: tar.FormatPAX,
		}
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if e.size != 0 {
			h.Size = e.size
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.text)); err != nil {
			t.Fatal(err)
		}
	}
	_ = w.Flush() // an archive whose end is missing is a case too
	return out.Bytes()
}

// listing describes a tree: kind, mode, owner, and contents or target.
func listing(t *testing.T, root string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(name string, _ fs.DirEntry, err error) error {
		if err != nil || name == root {
			return err
		}
		info, err := os.Lstat(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		what := ""
		switch {
		case info.Mode().IsRegular():
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			what = " " + string(text)
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			out = append(out, rel+" -> "+target)
			return nil
		}
		owner := ""
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid+st.Gid != 0 {
			owner = fmt.Sprintf(" %d:%d", st.Uid, st.Gid)
		}
		out = append(out, rel+" "+info.Mode().String()+owner+what)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What is unpacked is what a program in the sandbox would see of the layers,
// and nothing outside of the tree changes, whatever an archive says.
func TestLayers(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("owners need root")
	}
	const dir, sym, hard = tar.TypeDir, tar.TypeSymlink, tar.TypeLink
	for name, tc := range map[string]struct {
		layers [][]put
		want   []string
		err    string // part of it
	}{
		"owners, modes and links are kept": {
			layers: [][]put{{
				{name: "./", kind: dir, mode: 0o700},
				{name: "a/", kind: dir, mode: 0o750, uid: 7, gid: 8},
				{name: "a/f", text: "x", mode: 0o640, uid: 1000, gid: 1001},
				{name: "a/l", kind: sym, link: "../b"},
				{name: "h", kind: hard, link: "a/f"},
				{name: "tmp", kind: dir, mode: 0o1777},
			}},
			want: []string{"a drwxr-x--- 7:8", "a/f -rw-r----- 1000:1001 x", "a/l -> ../b", "h -rw-r----- 1000:1001 x", "tmp dtrwxrwxrwx"},
		},
		"a higher layer replaces": {
			layers: [][]put{
				{{name: "f", text: "old"}, {name: "d/x", text: "x"}, {name: "l", kind: sym, link: "f"}, {name: "k/y", text: "y"}},
				{{name: "f", text: "new"}, {name: "d", text: "a file now"}, {name: "l", text: "no link now"}, {name: "k", kind: dir, mode: 0o700}},
			},
			want: []string{"d -rw-r--r-- a file now", "f -rw-r--r-- new", "k drwx------", "k/y -rw-r--r-- y", "l -rw-r--r-- no link now"},
		},
		"a changed hard link leaves its fellow": {
			layers: [][]put{{{name: "f", text: "old"}, {name: "g", kind: hard, link: "f"}}, {{name: "g", text: "new"}}},
			want:   []string{"f -rw-r--r-- old", "g -rw-r--r-- new"},
		},
		"a hard link to itself": {
			layers: [][]put{{{name: "f", text: "x"}, {name: "./f", kind: hard, link: "f"}}},
			want:   []string{"f -rw-r--r-- x"},
		},
		"whiteouts": {
			layers: [][]put{
				{{name: "d/a", text: "a"}, {name: "d/b", text: "b"}, {name: "e/c/f", text: "c"}, {name: "g", text: "g"}},
				{{name: "d/new", text: "n"}, {name: "d/.wh.a", text: ""}, {name: "e/.wh.c"}, {name: "g", text: "G"}, {name: ".wh.g"}, {name: ".wh.none"}},
			},
			want: []string{"d drwxr-xr-x", "d/b -rw-r--r-- b", "d/new -rw-r--r-- n", "e drwxr-xr-x", "g -rw-r--r-- G"},
		},
		"an opaque folder keeps its own layer's": {
			layers: [][]put{
				{{name: "d/old", text: "o"}, {name: "d/sub/old", text: "o"}},
				{{name: "d/sub/new", text: "n"}, {name: "d/.wh..wh..opq"}, {name: "d/later", text: "l"}, {name: "none/.wh..wh..opq"}},
			},
			want: []string{"d drwxr-xr-x", "d/later -rw-r--r-- l", "d/sub drwxr-xr-x", "d/sub/new -rw-r--r-- n"},
		},
		"whiteouts of aufs itself": {
			layers: [][]put{{{name: ".wh..wh.plnk/1.2", text: "x"}, {name: ".wh..wh.aufs"}}},
			want:   []string{".wh..wh.plnk drwxr-xr-x", ".wh..wh.plnk/1.2 -rw-r--r-- x"},
		},
		"a whiteout that climbs":     {layers: [][]put{{{name: "d/.wh..."}}, {{name: "d/.wh.."}}}, err: "hides nothing"},
		"a whiteout of the parent":   {layers: [][]put{{{name: "d/.wh...", text: ""}, {name: "d/.wh..", text: ""}}}, err: "hides nothing"},
		"a whiteout without a name":  {layers: [][]put{{{name: ".wh."}}}, err: "hides nothing"},
		"paths that climb stay":      {layers: [][]put{{{name: "../../up", text: "u"}, {name: "/abs", text: "a"}, {name: "a/../../b", text: "b"}}}, want: []string{"abs -rw-r--r-- a", "b -rw-r--r-- b", "up -rw-r--r-- u"}},
		"links on the way stay":      {layers: [][]put{{{name: "out", kind: sym, link: "OUTSIDE"}, {name: "out/f", text: "f"}, {name: "up", kind: sym, link: "../../../../OUTSIDE"}, {name: "up/g", text: "g"}}}, want: nil},
		"a link that climbs":         {layers: [][]put{{{name: "var/run", kind: sym, link: "../../../../../run"}, {name: "run", kind: dir}, {name: "var/run/pid", text: "1"}}}, want: []string{"run drw-r--r--", "run/pid -rw-r--r-- 1", "var drwxr-xr-x", "var/run -> ../../../../../run"}},
		"a file through a link":      {layers: [][]put{{{name: "f", kind: sym, link: "/etc/passwd"}, {name: "f", text: "mine"}}}, want: []string{"f -rw-r--r-- mine"}},
		"a loop of links":            {layers: [][]put{{{name: "a", kind: sym, link: "b"}, {name: "b", kind: sym, link: "a"}, {name: "a/f", text: "x"}}}, err: "too many levels"},
		"a link to the root":         {layers: [][]put{{{name: "r", kind: sym, link: "/"}, {name: "r", kind: dir}, {name: "s", kind: sym, link: "../.."}, {name: "s/x", text: "x"}}}, want: []string{"r drw-r--r--", "s -> ../..", "x -rw-r--r-- x"}},
		"a hard link to outside":     {layers: [][]put{{{name: "shadow", kind: hard, link: "../../../../etc/shadow"}}}, err: "no such file"},
		"a hard link through a link": {layers: [][]put{{{name: "e", kind: sym, link: "/etc"}, {name: "shadow", kind: hard, link: "e/shadow"}}}, err: "no such file"},
		"a hard link to a folder":    {layers: [][]put{{{name: "d", kind: dir}, {name: "x", kind: hard, link: "d"}}}, err: "no file"},
		"a hard link to a link keeps it": {
			layers: [][]put{{{name: "l", kind: sym, link: "/etc/shadow"}, {name: "m", kind: hard, link: "l"}, {name: "m", text: "mine"}}},
			want:   []string{"l -> /etc/shadow", "m -rw-r--r-- mine"},
		},
		"devices and fifos are left out": {
			layers: [][]put{{{name: "dev/sda", kind: tar.TypeBlock, mode: 0o666}, {name: "dev/mem", kind: tar.TypeChar}, {name: "p", kind: tar.TypeFifo}}},
			want:   []string{},
		},
		"nothing is set-user-id": {
			layers: [][]put{{{name: "su", text: "x", mode: 0o4755}, {name: "wall", text: "x", mode: 0o2755}, {name: "mail", kind: dir, mode: 0o2775}}},
			want:   []string{"mail drwxrwxr-x", "su -rwxr-xr-x x", "wall -rwxr-xr-x x"},
		},
		"a file in the place of a folder on the way": {layers: [][]put{{{name: "f", text: "x"}, {name: "f/g", text: "y"}}}, err: "file exists"},
		"a path without end":                         {layers: [][]put{{{name: strings.Repeat("d/", 3000) + "f"}}}, err: "file name too long"},
		"links to longer paths": {
			layers: [][]put{{
				{name: strings.Repeat("d/", 1500) + "x", kind: dir},
				{name: "l", kind: sym, link: strings.Repeat("d/", 1500) + "x"},
				{name: "l/" + strings.Repeat("d/", 1500) + "x", kind: dir},
				{name: "m", kind: sym, link: "l/" + strings.Repeat("d/", 1500) + "x"},
				{name: "m/" + strings.Repeat("d/", 1500) + "f"},
			}},
			err: "file name too long",
		},
		"too many files":     {layers: [][]put{slices.Repeat([]put{{name: "f"}}, 10_001)}, err: "too many files"},
		"too many folders":   {layers: [][]put{deepPaths(7)}, err: "too many files"},
		"too much":           {layers: [][]put{{{name: "f", text: strings.Repeat("x", 600)}}, {{name: "f", text: strings.Repeat("x", 600)}}}, err: "too large"},
		"more than there is": {layers: [][]put{{{name: "f", text: "short", size: 900}}}, err: "EOF"},
		"an unknown kind":    {layers: [][]put{{{name: "f", kind: 'Z'}}}, err: "none of an image's"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parent := t.TempDir()
			outside := filepath.Join(parent, "outside")
			root := filepath.Join(parent, "a", "root")
			for _, d := range []string{outside, root} {
				if err := os.MkdirAll(d, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			tree, err := openTree(root)
			if err != nil {
				t.Fatal(err)
			}
			defer tree.close()
			l := &layers{tree: tree, left: limits{entries: 10_000, bytes: 1000}}
			for _, entries := range tc.layers {
				for n := range entries {
					entries[n].link = strings.ReplaceAll(entries[n].link, "OUTSIDE", outside)
				}
				if err == nil {
					err = l.apply(t.Context(), bytes.NewReader(layerOf(t, entries)))
				}
			}
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("got %v, want an error with %q", err, tc.err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if left := listing(t, outside); len(left) > 0 {
				t.Errorf("written outside: %v", left)
			}
			if entries, err := os.ReadDir(parent); err != nil || len(entries) != 2 {
				t.Errorf("beside the tree: %v, %v", entries, err)
			}
			if tc.want == nil {
				return
			}
			got := listing(t, root)
			got = slices.DeleteFunc(got, func(line string) bool { return len(tc.want) == 0 && strings.HasPrefix(line, "dev d") })
			if diff := cmp.Diff(tc.want, append([]string{}, got...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A root file system that an enemy laid out can't turn the files that the
// build adds against the host.
func TestSystemStaysInTheTree(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("owners need root")
	}
	outside, root := t.TempDir(), t.TempDir()
	victim := filepath.Join(outside, "passwd")
	if err := os.WriteFile(victim, []byte("root:x:0:0::/root:/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	tree, err := openTree(root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.close()
	l := &layers{tree: tree, left: limits{entries: 100, bytes: 1 << 20}}
	if err := l.apply(t.Context(), bytes.NewReader(layerOf(t, []put{
		{name: "etc/passwd", kind: tar.TypeSymlink, link: victim},
		{name: "etc/group", text: "root:x:0:\nnode:x:1000:\ndaytona:x:7:"},
		{name: "etc/skel", kind: tar.TypeSymlink, link: outside},
		{name: "etc/hostname", kind: tar.TypeSymlink, link: victim},
		{name: "workspace", kind: tar.TypeSymlink, link: outside},
		{name: "home", kind: tar.TypeSymlink, link: outside},
		{name: "usr/local/bin", kind: tar.TypeSymlink, link: outside},
		{name: "var/lib/toolbox", kind: tar.TypeSymlink, link: outside},
	}))); err != nil {
		t.Fatal(err)
	}
	b := &builder{recipe: &Recipe{}}
	if err := b.system(t.Context(), tree); err != nil {
		t.Fatal(err)
	}
	if err := tree.write("usr/local/bin/surgent-toolbox", []byte("x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := b.handOver(t.Context(), tree); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"passwd -rw-r--r-- root:x:0:0::/root:/bin/sh\n"}, listing(t, outside)); diff != "" {
		t.Errorf("outside has changed: %s", diff)
	}
	for name, want := range map[string]string{
		"etc/group":  "root:x:0:\ndaytona:x:1000:\n",
		"etc/passwd": "daytona:x:1000:1000::/home/daytona:/bin/sh\n",
	} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	info, err := os.Lstat(filepath.Join(root, "workspace"))
	if err != nil || !info.IsDir() || info.Sys().(*syscall.Stat_t).Uid != owner {
		t.Errorf("workspace: %v, %v", info, err)
	}
}

// No archive, however broken, writes outside of the tree or ends the program.
func FuzzLayer(f *testing.F) {
	if os.Geteuid() != 0 {
		f.Skip("owners need root")
	}
	for _, entries := range [][]put{
		{{name: "d", kind: tar.TypeDir}, {name: "d/f", text: "x"}, {name: "l", kind: tar.TypeLink, link: "d/f"}, {name: "d/.wh.f"}},
		{{name: "a", kind: tar.TypeSymlink, link: "../../b"}, {name: "a/../../f", text: "x"}, {name: ".wh..wh..opq"}},
	} {
		f.Add(layerOf(f, entries))
	}
	f.Fuzz(func(t *testing.T, archive []byte) {
		parent := t.TempDir()
		root := filepath.Join(parent, "a", "b")
		if err := os.MkdirAll(root, 0o755); err != nil {
			t.Fatal(err)
		}
		tree, err := openTree(root)
		if err != nil {
			t.Fatal(err)
		}
		defer tree.close()
		l := &layers{tree: tree, left: limits{entries: 100, bytes: 1 << 20}}
		_ = l.apply(t.Context(), bytes.NewReader(archive)) // a refusal is as good as anything
		for _, dir := range []string{parent, filepath.Dir(root)} {
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
				t.Errorf("beside the tree: %v, %v", entries, err)
			}
		}
	})
}

// deepPaths are n files, each below 1500 folders of its own that no entry
// names.
func deepPaths(n int) []put {
	var all []put
	for i := range n {
		all = append(all, put{name: fmt.Sprint(i) + strings.Repeat("/d", 1500)})
	}
	return append(all, put{name: "f"})
}
