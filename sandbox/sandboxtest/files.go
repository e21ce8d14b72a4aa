package sandboxtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"surgent.dev/surgent/sandbox"
)

func runFiles(t *testing.T, tb sandbox.Toolbox) {
	t.Helper()
	t.Run("round trip of any bytes", func(t *testing.T) {
		t.Parallel()
		dir := folder(t, tb)
		for _, n := range []int{0, 1, 256, 5 << 20} {
			name := dir + "/" + strconv.Itoa(n)
			want := everyByte(n)
			upload(t, tb, name, string(want))
			if got := download(t, tb, name); !bytes.Equal(got, want) {
				t.Errorf("%d bytes came back as %d, or changed", n, len(got))
			}
		}
	})
	t.Run("a large file streams", func(t *testing.T) {
		t.Parallel()
		dir := folder(t, tb)
		const size = 100 << 20
		// The reader cannot seek, so nothing can read it twice.
		content := io.LimitReader(&pattern{}, size)
		err := tb.UploadFiles(caseContext(t), []sandbox.Upload{{Path: dir + "/large", Content: content}})
		if err != nil {
			t.Fatalf("upload: %v", err)
		}
		want := sha256.New()
		if _, err := io.Copy(want, io.LimitReader(&pattern{}, size)); err != nil {
			t.Fatal(err)
		}
		r, err := tb.Download(caseContext(t), dir+"/large")
		if err != nil {
			t.Fatalf("download: %v", err)
		}
		defer func() { _ = r.Close() }()
		got := sha256.New()
		if _, err := io.Copy(got, r); err != nil {
			t.Fatalf("download: %v", err)
		}
		if hex.EncodeToString(got.Sum(nil)) != hex.EncodeToString(want.Sum(nil)) {
			t.Error("content changed")
		}
	})
	t.Run("unusual names", func(t *testing.T) {
		t.Parallel()
		dir := folder(t, tb)
		names := []string{"grün €.txt", "two  spaces", `quo"te's`, "100%25.txt", "a+b&c=d?#e", "-rf", "日本", "semi;colon", `back\slash`, "new\nline"}
		for _, name := range names {
			upload(t, tb, dir+"/"+name, name)
			if got := download(t, tb, dir+"/"+name); string(got) != name {
				t.Errorf("%q came back as %q", name, got)
			}
		}
		infos, err := tb.ListFiles(caseContext(t), dir)
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		var got []string
		for _, i := range infos {
			got = append(got, i.Name)
		}
		slices.Sort(got)
		slices.Sort(names)
		if !slices.Equal(got, names) {
			t.Errorf("listed %q, want %q", got, names)
		}
	})
	t.Run("upload makes parents and replaces", func(t *testing.T) {
		t.Parallel()
		dir := folder(t, tb)
		err := tb.UploadFiles(caseContext(t), []sandbox.Upload{
			{Path: dir + "/a/b/c.txt", Content: strings.NewReader("a long first content")},
			{Path: dir + "/d.txt", Content: strings.NewReader("d")},
		})
		if err != nil {
			t.Fatalf("upload: %v", err)
		}
		upload(t, tb, dir+"/a/b/c.txt", "short")
		if got := download(t, tb, dir+"/a/b/c.txt"); string(got) != "short" {
			t.Errorf("got %q", got)
		}
		if got := download(t, tb, dir+"/d.txt"); string(got) != "d" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("upload keeps the mode", func(t *testing.T) {
		t.Parallel()
		dir := folder(t, tb)
		upload(t, tb, dir+"/run.sh", "echo one")
		if err := tb.SetPermissions(caseContext(t), dir+"/run.sh", "0755", "", ""); err != nil {
			t.Fatalf("set permissions: %v", err)
		}
		upload(t, tb, dir+"/run.sh", "echo two")
		info, err := tb.FileInfo(caseContext(t), dir+"/run.sh")
		if err != nil || info.Permissions != "0755" || info.Mode != "-rwxr-xr-x" {
			t.Errorf("got %+v, %v", info, err)
		}
	})
	t.Run("relative paths start in the working folder", func(t *testing.T) {
		t.Parallel()
		dir := folder(t, tb)
		upload(t, tb, path.Base(dir)+"/x", "relative")
		if got := download(t, tb, dir+"/x"); string(got) != "relative" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("list", func(t *testing.T) {
		t.Parallel()
		ctx, dir := caseContext(t), folder(t, tb)
		infos, err := tb.ListFiles(ctx, dir)
		if err != nil || infos == nil || len(infos) != 0 {
			t.Errorf("an empty folder: %v, %v", infos, err)
		}
		upload(t, tb, dir+"/sub/f.txt", "12345")
		upload(t, tb, dir+"/g.txt", "1")
		infos, err = tb.ListFiles(ctx, dir)
		if err != nil || len(infos) != 2 {
			t.Fatalf("list: %v, %v", infos, err)
		}
		for _, i := range infos {
			switch {
			case i.Name == "sub" && i.IsDir:
			case i.Name == "g.txt" && !i.IsDir && i.Size == 1 && i.Permissions == "0644" && !i.ModifiedAt.IsZero():
			default:
				t.Errorf("unexpected entry %+v", i)
			}
		}
		_, err = tb.ListFiles(ctx, dir+"/missing")
		wantError(t, "list a missing folder", err, sandbox.ErrNotFound)
		_, err = tb.ListFiles(ctx, dir+"/g.txt")
		wantError(t, "list a file", err, sandbox.ErrInvalid)
	})
	t.Run("info", func(t *testing.T) {
		t.Parallel()
		ctx, dir := caseContext(t), folder(t, tb)
		upload(t, tb, dir+"/f", "four")
		execute(t, tb, sandbox.ExecRequest{Command: "ln -s f link", Dir: dir})
		info, err := tb.FileInfo(ctx, dir+"/link")
		if err != nil || info.Size != 4 || info.IsDir {
			t.Errorf("through a link: %+v, %v", info, err)
		}
		_, err = tb.FileInfo(ctx, dir+"/missing")
		wantError(t, "info of nothing", err, sandbox.ErrNotFound)
		_, err = tb.Download(ctx, dir+"/missing")
		wantError(t, "download nothing", err, sandbox.ErrNotFound)
		_, err = tb.Download(ctx, dir)
		wantError(t, "download a folder", err, sandbox.ErrInvalid)
	})
	t.Run("delete", func(t *testing.T) {
		t.Parallel()
		ctx, dir := caseContext(t), folder(t, tb)
		upload(t, tb, dir+"/d/e/f", "x")
		wantError(t, "delete a folder alone", tb.DeleteFile(ctx, dir+"/d", false), sandbox.ErrInvalid)
		if err := tb.DeleteFile(ctx, dir+"/d", true); err != nil {
			t.Errorf("delete recursively: %v", err)
		}
		wantError(t, "delete again", tb.DeleteFile(ctx, dir+"/d", true), sandbox.ErrNotFound)
		upload(t, tb, dir+"/g", "x")
		if err := tb.DeleteFile(ctx, dir+"/g", false); err != nil {
			t.Errorf("delete a file: %v", err)
		}
	})
	t.Run("move", func(t *testing.T) {
		t.Parallel()
		ctx, dir := caseContext(t), folder(t, tb)
		upload(t, tb, dir+"/a", "a")
		upload(t, tb, dir+"/b", "b")
		wantError(t, "move onto a file", tb.MoveFile(ctx, dir+"/a", dir+"/b"), sandbox.ErrConflict)
		wantError(t, "move nothing", tb.MoveFile(ctx, dir+"/x", dir+"/y"), sandbox.ErrNotFound)
		wantError(t, "move to nowhere", tb.MoveFile(ctx, dir+"/a", dir+"/no/a"), sandbox.ErrNotFound)
		if err := tb.MoveFile(ctx, dir+"/a", dir+"/c"); err != nil {
			t.Errorf("move: %v", err)
		}
		if got := download(t, tb, dir+"/c"); string(got) != "a" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("search and find", func(t *testing.T) {
		t.Parallel()
		ctx, dir := caseContext(t), folder(t, tb)
		upload(t, tb, dir+"/src/a.ts", "one\nf(x) [y] $1.*\nthree f(x)\n")
		upload(t, tb, dir+"/src/deep/b.ts", "nothing")
		upload(t, tb, dir+"/c.js", "f(x)")
		upload(t, tb, dir+"/bin.ts", "f(x)\x00f(x)")
		files, err := tb.SearchFiles(ctx, dir, "*.ts")
		slices.Sort(files)
		if want := []string{dir + "/bin.ts", dir + "/src/a.ts", dir + "/src/deep/b.ts"}; err != nil || !slices.Equal(files, want) {
			t.Errorf("search: %q, %v", files, err)
		}
		matches, err := tb.FindInFiles(ctx, dir, "f(x) [y] $1.*")
		if err != nil || len(matches) != 1 || matches[0] != (sandbox.Match{File: dir + "/src/a.ts", Line: 2, Content: "f(x) [y] $1.*"}) {
			t.Errorf("find: %+v, %v", matches, err)
		}
		matches, err = tb.FindInFiles(ctx, dir, "f(x)")
		if err != nil || len(matches) != 3 {
			t.Errorf("find, without the binary: %+v, %v", matches, err)
		}
		none, err := tb.FindInFiles(ctx, dir, "not there at all")
		if err != nil || none == nil || len(none) != 0 {
			t.Errorf("find nothing: %v, %v", none, err)
		}
	})
	t.Run("replace", func(t *testing.T) {
		t.Parallel()
		ctx, dir := caseContext(t), folder(t, tb)
		upload(t, tb, dir+"/a", "x.y x.y xzy")
		upload(t, tb, dir+"/b", "nothing")
		results, err := tb.ReplaceInFiles(ctx, []string{dir + "/a", dir + "/missing", dir + "/b"}, "x.y", "$1")
		if err != nil || len(results) != 3 {
			t.Fatalf("replace: %+v, %v", results, err)
		}
		if !results[0].Success || results[1].Success || results[1].Error == "" || !results[2].Success {
			t.Errorf("results: %+v", results)
		}
		if got := download(t, tb, dir+"/a"); string(got) != "$1 $1 xzy" {
			t.Errorf("got %q", got)
		}
	})
}

// pattern is an endless reader that cannot seek.
type pattern struct{ n byte }

func (p *pattern) Read(b []byte) (int, error) {
	for i := range b {
		p.n = p.n*5 + 3
		b[i] = p.n
	}
	return len(b), nil
}

// runWithin: no path leads out of the folder, however it is written.
func runWithin(t *testing.T, tb sandbox.Toolbox) {
	t.Helper()
	ctx, dir := caseContext(t), folder(t, tb)
	upload(t, tb, dir+"/in/f", "inside")
	upload(t, tb, dir+"/secret", "outside")
	execute(t, tb, sandbox.ExecRequest{Dir: dir + "/in", Command: `
		ln -s ../secret relative; ln -s /etc/passwd absolute; ln -s .. up
		mkdir sub; ln -s ../f sub/fine; ln -s loop loop`})
	in := tb.Within(dir + "/in")

	for _, p := range []string{"f", dir + "/in/f", "sub/fine", "sub/../f", "./f"} {
		if got := download(t, in, p); string(got) != "inside" {
			t.Errorf("%s: got %q", p, got)
		}
	}
	for _, p := range []string{"../secret", dir + "/secret", "/etc/passwd", "relative", "absolute", "up/secret", "sub/../../secret", dir + "/in/../secret"} {
		if r, err := in.Download(ctx, p); err == nil {
			_ = r.Close()
			t.Errorf("downloaded %s", p)
		}
		err := in.UploadFiles(ctx, []sandbox.Upload{{Path: p, Content: strings.NewReader("broken")}})
		wantError(t, "upload "+p, err, sandbox.ErrInvalid)
	}
	if _, err := in.Download(ctx, "loop"); err == nil {
		t.Error("downloaded a link to itself")
	}
	_, err := in.ListFiles(ctx, "up")
	wantError(t, "list through a link", err, sandbox.ErrInvalid)
	wantError(t, "delete outside", in.DeleteFile(ctx, "up/secret", true), sandbox.ErrInvalid)
	wantError(t, "move in", in.MoveFile(ctx, dir+"/secret", "g"), sandbox.ErrInvalid)
	wantError(t, "move out", in.MoveFile(ctx, "f", dir+"/g"), sandbox.ErrInvalid)
	wantError(t, "folder outside", in.CreateFolder(ctx, "up/new", "0755"), sandbox.ErrInvalid)
	if got := download(t, tb, dir+"/secret"); string(got) != "outside" {
		t.Errorf("the file outside is %q", got)
	}
	infos, err := in.ListFiles(ctx, "")
	if err != nil || len(infos) != 6 {
		t.Errorf("list the folder itself: %d entries, %v", len(infos), err)
	}

	t.Run("but for", func(t *testing.T) { runExcept(t, tb, dir) })
}

// runExcept: no path leads to what is left out of a folder, and searches pass
// over it.
func runExcept(t *testing.T, tb sandbox.Toolbox, dir string) {
	t.Helper()
	ctx := caseContext(t)
	upload(t, tb, dir+"/repo/.git/config", "needle")
	upload(t, tb, dir+"/repo/sub/.git/f", "needle")
	execute(t, tb, sandbox.ExecRequest{Dir: dir + "/repo", Command: `
		ln -s .git g; ln -s sub/../.git far; ln -s .. sub/up; ln -s .git/config c; ln -s g/config chain; ln -s nowhere dangling`})
	in := tb.Within(dir+"/repo", ".git")
	for _, p := range []string{
		".git/config", ".GIT/config", "./.git/config", "sub/../.git/config", "sub/up/.git/config", "g/config", "far/config", "c", "chain",
		"sub/up/g/../.git/config",
	} {
		if r, err := in.Download(ctx, p); err == nil {
			_ = r.Close()
			t.Errorf("downloaded %s", p)
		}
		if err := in.UploadFiles(ctx, []sandbox.Upload{{Path: p, Content: strings.NewReader("broken")}}); err == nil {
			t.Errorf("uploaded to %s", p)
		}
	}
	for _, p := range []string{".git", "g", "far", "sub/up/.git"} {
		if _, err := in.ListFiles(ctx, p); err == nil {
			t.Errorf("listed %s", p)
		}
		if err := in.CreateFolder(ctx, p+"/new", ""); err == nil {
			t.Errorf("made a folder in %s", p)
		}
	}
	wantError(t, "delete", in.DeleteFile(ctx, "g/config", true), sandbox.ErrInvalid)
	wantError(t, "delete it", in.DeleteFile(ctx, ".git", true), sandbox.ErrInvalid)
	wantError(t, "move into", in.MoveFile(ctx, "sub/.git/f", "g/f"), sandbox.ErrInvalid)
	wantError(t, "move out of", in.MoveFile(ctx, "far/config", "got"), sandbox.ErrInvalid)
	if results, err := in.ReplaceInFiles(ctx, []string{"c"}, "needle", "broken"); err == nil && (len(results) != 1 || results[0].Success) {
		t.Errorf("replaced through a link: %+v", results)
	}
	if got := download(t, tb, dir+"/repo/.git/config"); string(got) != "needle" {
		t.Errorf("what is left out is %q", got)
	}
	// Only right below the folder.
	matches, err := in.FindInFiles(ctx, ".", "needle")
	if err != nil || len(matches) != 1 || matches[0].File != dir+"/repo/sub/.git/f" {
		t.Errorf("find: %+v, %v", matches, err)
	}
	files, err := in.SearchFiles(ctx, ".", "config")
	if err != nil || len(files) != 0 {
		t.Errorf("search: %v, %v", files, err)
	}
}
