//go:build linux

package engine_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/stream"

	"surgent.dev/surgent/sandbox/engine"
	"surgent.dev/surgent/sandbox/engine/base"
	"surgent.dev/surgent/templates"
)

// TestBaseFromImage makes an image of the Debian base without what the build
// adds to it, serves it by a registry, and works in a sandbox on a base that
// was made from it.
func TestBaseFromImage(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a whole base")
	}
	t.Parallel()
	sharedEngine(t) // the Debian base stands from here on
	debian, _ := config(t.TempDir())
	recipe, err := base.LoadRecipe(debian.Recipe)
	if err != nil {
		t.Fatal(err)
	}
	built, err := base.Ensure(t.Context(), base.Config{CacheDir: debian.CacheDir, Recipe: recipe, Logger: debian.Logger})
	if err != nil {
		t.Fatal(err)
	}
	ref := pushBase(t, built.Root)

	cache := t.TempDir()
	if err := os.Chmod(filepath.Dir(cache), 0o755); err != nil { // runsc's file server is nobody
		t.Fatal(err)
	}
	c, _ := ownEngine(t, func(cfg *engine.Config) { cfg.CacheDir, cfg.BaseImage = cache, ref })
	var snap struct{ ImageName, State string }
	c.call("GET", "/api/snapshots/"+url.PathEscape(recipe.Name), nil, &snap)
	if snap.State != "active" || !strings.HasPrefix(snap.ImageName, ref+"@sha256:") {
		t.Errorf("the snapshot is %+v, want it to name %s", snap, ref)
	}
	bases, err := filepath.Glob(filepath.Join(cache, "base", "*", "root"))
	if err != nil || len(bases) != 1 || filepath.Base(filepath.Dir(bases[0])) == built.Key {
		t.Fatalf("bases of the image: %v, %v; the Debian base is %s", bases, err, built.Key)
	}
	info, err := os.Lstat(filepath.Join(bases[0], "usr/bin/root-shell"))
	if err != nil || info.Mode()&fs.ModeSetuid != 0 {
		t.Errorf("a set-user-id program of the image: %v, %v", info, err)
	}

	box := c.create(nil)
	for command, want := range map[string]string{
		"node --version":  "v24.",
		"npm --version":   "11.",
		"bun --version":   "1.",
		"git --version":   "git version",
		"rg --version":    "ripgrep",
		"id -un; id -u":   "daytona\n1000",
		"command -v rg":   "/usr/local/bin/rg", // the image has none
		"cat /etc/banner": "second layer",
		`printf 'a1\nb2\n' >f && git grep --no-index -P '\d(?=$)' f | wc -l`: "2",
	} {
		if got := c.must(box.ID, command); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}

	template := templates.All()[0]
	err = fs.WalkDir(template.Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(template.Files, path)
		if err != nil {
			return err
		}
		code, out := c.exec(box.ID, "mkdir -p "+filepath.Dir(path)+" && cat >"+path+" <<'THE-END'\n"+strings.TrimSuffix(string(text), "\n")+"\nTHE-END")
		if code != 0 {
			return errors.New(out)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c.must(box.ID, "("+template.StartCommand+" >/tmp/dev.log 2>&1 &)")
	if page := ask(c, box.ID); !strings.Contains(page, "<div id=\"root\">") {
		t.Errorf("the dev server answers %q; its log: %s", page, c.must(box.ID, "cat /tmp/dev.log"))
	}
}

// pushBase makes an image of a root file system and returns its reference.
func pushBase(t *testing.T, root string) string {
	t.Helper()
	srv := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithBlobHandler(registry.NewDiskBlobHandler(t.TempDir()))))
	t.Cleanup(srv.Close)
	ref, err := name.ParseReference(strings.TrimPrefix(srv.URL, "http://") + "/debian:with-git")
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: runtime.GOARCH, RootFS: v1.RootFS{Type: "layers"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, write := range []func(*tar.Writer) error{
		func(w *tar.Writer) error { return archive(w, root) },
		func(w *tar.Writer) error {
			return errors.Join(
				plain(w, "etc/banner", 0o644, "second layer\n"),
				plain(w, "usr/bin/.wh.rg", 0o644, ""),
				plain(w, "usr/bin/root-shell", 0o4755, "#!/bin/sh\n"),
			)
		},
	} {
		r, w := io.Pipe()
		go func() {
			archive := tar.NewWriter(w)
			_ = w.CloseWithError(errors.Join(write(archive), archive.Close())) // the reader tells of it
		}()
		if img, err = mutate.AppendLayers(img, stream.NewLayer(r, stream.WithCompressionLevel(gzip.BestSpeed))); err != nil {
			t.Fatal(err)
		}
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	return ref.String()
}

// archive writes a root file system without what a build of the base adds.
func archive(w *tar.Writer, root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil || rel == "." {
			return err
		}
		switch rel {
		case "workspace", "home/daytona", "usr/local", "etc/gitconfig", "dev":
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		target := ""
		if info.Mode()&fs.ModeSymlink != 0 {
			if target, err = os.Readlink(path); err != nil {
				return err
			}
		}
		h, err := tar.FileInfoHeader(info, target)
		if err != nil {
			return err
		}
		h.Name, h.Uname, h.Gname = rel, "", ""
		if err := w.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		_, err = io.Copy(w, f)
		return errors.Join(err, f.Close())
	})
}

func plain(w *tar.Writer, name string, mode int64, text string) error {
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err := w.Write([]byte(text))
	return err
}
