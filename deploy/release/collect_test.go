package release_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/release"
)

func openBlobs(t testing.TB) *release.Blobs {
	t.Helper()
	blobs, err := release.OpenBlobs(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	return blobs
}

// pack makes a tar stream of plain files.
func pack(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var headers []tar.Header
	var contents []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		headers = append(headers, tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name])), Typeflag: tar.TypeReg})
		contents = append(contents, files[name])
	}
	return packHeaders(t, headers, contents)
}

func packHeaders(t testing.TB, headers []tar.Header, contents []string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i, header := range headers {
		if err := w.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if i < len(contents) {
			if _, err := io.WriteString(w, contents[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestCollectKeepsPlainFiles(t *testing.T) {
	t.Parallel()
	blobs := openBlobs(t)
	stream := packHeaders(t, []tar.Header{
		{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "./dist/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "./dist/a b.html", Typeflag: tar.TypeReg, Mode: 0o644, Size: 2},
		{Name: "dist/ünï.txt", Typeflag: tar.TypeReg, Mode: 0o600, Size: 2, PAXRecords: map[string]string{"SCHILY.xattr.user.x": "y"}, Format: tar.FormatPAX},
	}, []string{"", "", "hi", "hi"})
	c, err := release.Collect(t.Context(), bytes.NewReader(stream), blobs, release.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	const hash = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"
	want := map[string]release.File{"dist/a b.html": {Hash: hash, Size: 2}, "dist/ünï.txt": {Hash: hash, Size: 2}}
	if diff := cmp.Diff(want, c.Files); diff != "" {
		t.Error(diff)
	}
	content, err := blobs.Read(hash)
	if err != nil || string(content) != "hi" {
		t.Errorf("blob is %q, %v", content, err)
	}
}

func TestCollectRefusesHostileEntries(t *testing.T) {
	t.Parallel()
	regular := func(name string) []tar.Header {
		return []tar.Header{{Name: name, Typeflag: tar.TypeReg, Mode: 0o644}}
	}
	for _, test := range []struct {
		name    string
		headers []tar.Header
		want    string
	}{
		{"symbolic link", []tar.Header{{Name: "dist/x", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}}, "is a link"},
		{"hard link", []tar.Header{{Name: "dist/x", Typeflag: tar.TypeLink, Linkname: "dist/y"}}, "is a link"},
		{"character device", []tar.Header{{Name: "dist/x", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}}, "no plain file"},
		{"block device", []tar.Header{{Name: "dist/x", Typeflag: tar.TypeBlock}}, "no plain file"},
		{"pipe", []tar.Header{{Name: "dist/x", Typeflag: tar.TypeFifo}}, "no plain file"},
		{"absolute", regular("/etc/passwd"), "leads out"},
		{"parent", regular("../x"), "leads out"},
		{"parent in the middle", regular("dist/../../x"), "leads out"},
		{"unclean", regular("dist//x"), "leads out"},
		{"dot in the middle", regular("dist/./x"), "leads out"},
		{"root as a file", regular("."), "leads out"},
		{"newline", regular("dist/a\nb"), "control character"},
		{"backslash", regular(`dist\x`), "backslash"},
		{"not UTF-8", regular("dist/\xff\xfe"), "not UTF-8"},
		{"long segment", regular("dist/" + strings.Repeat("a", 256)), "longer than"},
		{"long path", regular(strings.Repeat("abcdefg/", 70) + "x"), "longer than"},
		{"twice", slices.Concat(regular("dist/x"), regular("dist/x")), "came twice"},
		{"case of a file", slices.Concat(regular("dist/x"), regular("dist/X")), "only in case"},
		{"case of a folder", slices.Concat(regular("dist/a/x"), regular("dist/A/y")), "only in case"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			stream := packHeaders(t, test.headers, nil)
			_, err := release.Collect(t.Context(), bytes.NewReader(stream), openBlobs(t), release.Limits{})
			if !errors.Is(err, deploy.ErrRefused) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want a refusal with %q", err, test.want)
			}
		})
	}
}

// A writer in Go cannot make every bad archive; these are bent by hand.
func TestCollectRefusesNUL(t *testing.T) {
	t.Parallel()
	stream := packHeaders(t, []tar.Header{{
		Name: "dist/x", Typeflag: tar.TypeReg, Format: tar.FormatPAX,
		PAXRecords: map[string]string{"SURGENT.path": "dist/aXb"},
	}}, nil)
	stream = bytes.Replace(stream, []byte("25 SURGENT.path=dist/aXb"), []byte("25 path=dist/a\x00b12345678"), 1)
	if !bytes.Contains(stream, []byte("a\x00b1234")) {
		t.Fatal("the archive was not bent")
	}
	_, err := release.Collect(t.Context(), bytes.NewReader(stream), openBlobs(t), release.Limits{})
	if !errors.Is(err, deploy.ErrRefused) {
		t.Errorf("got %v", err)
	}
}

func TestCollectHoldsItsCaps(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		limits release.Limits
		stream []byte
		want   string
	}{
		{"entries", release.Limits{Entries: 2}, pack(t, map[string]string{"a": "", "b": "", "c": ""}), "more than 2 files"},
		{"file", release.Limits{FileBytes: 1 << 20}, pack(t, map[string]string{"a": strings.Repeat("x", 1<<20+1)}), "larger than 1 MiB"},
		{"total", release.Limits{TotalBytes: 1 << 20}, pack(t, map[string]string{"a": strings.Repeat("x", 1<<20), "b": "x"}), "larger than 1 MiB"},
		{"cut", release.Limits{}, pack(t, map[string]string{"a": strings.Repeat("x", 10_000)})[:4096], "damaged"},
		{"garbage", release.Limits{}, bytes.Repeat([]byte("garbage!"), 1024), "damaged"},
		{"headers without end", release.Limits{Entries: 1, TotalBytes: 1}, bytes.Repeat(globalHeader(t), 4000), "too large"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := release.Collect(t.Context(), bytes.NewReader(test.stream), openBlobs(t), test.limits)
			if !errors.Is(err, deploy.ErrRefused) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want a refusal with %q", err, test.want)
			}
		})
	}
}

// globalHeader is an archive of one global header, without the end mark.
func globalHeader(t *testing.T) []byte {
	t.Helper()
	stream := packHeaders(t, []tar.Header{{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "x"}}}, nil)
	return stream[:1024]
}

func TestCollectStopsWhenCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := release.Collect(ctx, bytes.NewReader(pack(t, map[string]string{"a": ""})), openBlobs(t), release.Limits{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A reader that fails is no fault of the app.
func TestCollectPassesReadErrorsOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection lost")
	stream := io.MultiReader(bytes.NewReader(pack(t, map[string]string{"a": strings.Repeat("x", 4096)})[:1024]), errReader{broken})
	_, err := release.Collect(t.Context(), stream, openBlobs(t), release.Limits{})
	if !errors.Is(err, broken) || errors.Is(err, deploy.ErrRefused) {
		t.Errorf("got %v", err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// PackCommand and Collect fit together, with the real shell and tar.
func TestPackCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"dist/client/index.html": "x", "wrangler.jsonc": "{}", ".env": "SECRET=1", "src/a.ts": "x",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(t.TempDir(), "out.tar")
	cmd := exec.CommandContext(t.Context(), "sh", "-c", release.PackCommand(out))
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	stream, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	c, err := release.Collect(t.Context(), bytes.NewReader(stream), openBlobs(t), release.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(maps.Keys(c.Files))
	if diff := cmp.Diff([]string{"dist/client/index.html", "wrangler.jsonc"}, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzCollect(f *testing.F) {
	f.Add(pack(f, map[string]string{"dist/client/index.html": "x", "wrangler.jsonc": "{}"}))
	f.Add(packHeaders(f, []tar.Header{{Name: "dist/x", Typeflag: tar.TypeSymlink, Linkname: "y"}}, nil))
	blobs := openBlobs(f)
	f.Fuzz(func(t *testing.T, stream []byte) {
		c, err := release.Collect(t.Context(), bytes.NewReader(stream), blobs, release.Limits{Entries: 100, TotalBytes: 1 << 20})
		if err != nil {
			if !errors.Is(err, deploy.ErrRefused) {
				t.Errorf("not a refusal: %v", err)
			}
			return
		}
		for name := range c.Files {
			if !filepath.IsLocal(name) {
				t.Errorf("took %q", name)
			}
		}
		_, _, _ = release.New(c, release.Options{Name: "some-app"}) // must not panic
	})
}
