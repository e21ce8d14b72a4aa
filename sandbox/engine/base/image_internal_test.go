//go:build linux

package base

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// site is a registry on the loopback, with what a test does to its answers.
type site struct {
	http *httptest.Server
	// around sees each request first; true means that it has answered.
	around atomic.Pointer[func(w http.ResponseWriter, r *http.Request, next http.Handler) bool]
	asked  atomic.Int32
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		if f := s.around.Load(); f == nil || !(*f)(w, r, inner) {
			inner.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.http.Close)
	return s
}

func (s *site) disturb(f func(w http.ResponseWriter, r *http.Request, next http.Handler) bool) {
	s.around.Store(&f)
}

func (s *site) ref(t *testing.T, repository string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(strings.TrimPrefix(s.http.URL, "http://") + "/" + repository)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// push makes an image of layers for one architecture and puts it under a name.
func (s *site) push(t *testing.T, repository, arch string, layers ...[]put) v1.Image {
	t.Helper()
	img := imageOf(t, arch, layers...)
	if err := remote.Write(s.ref(t, repository), img); err != nil {
		t.Fatal(err)
	}
	return img
}

func imageOf(t *testing.T, arch string, layers ...[]put) v1.Image {
	t.Helper()
	img := empty.Image
	for _, entries := range layers {
		text := layerOf(t, entries)
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil })
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.AppendLayers(img, layer); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture = "linux", arch
	if img, err = mutate.ConfigFile(img, cfg); err != nil {
		t.Fatal(err)
	}
	return img
}

func hostMachine(t *testing.T) machine {
	t.Helper()
	m, err := thisMachine()
	if err != nil {
		t.Skipf("there is no base for this kind of machine: %v", err)
	}
	return m
}

// What a name stands for is resolved to the one manifest for this machine.
func TestResolveImage(t *testing.T) {
	t.Parallel()
	m := hostMachine(t)
	s := newSite(t)
	ours := imageOf(t, m.debian, []put{{name: "f", text: "ours"}})
	other := imageOf(t, "s390x", []put{{name: "f", text: "other"}})
	index := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: other, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "s390x"}}},
		mutate.IndexAddendum{Add: ours, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: m.debian}}})
	if err := remote.WriteIndex(s.ref(t, "many:1"), index); err != nil {
		t.Fatal(err)
	}
	got, err := resolveImage(t.Context(), s.ref(t, "many:1").String(), m)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := ours.Digest(); err != nil || got.pinned.DigestStr() != want.String() {
		t.Errorf("resolved to %s, want %s, %v", got.pinned, want, err)
	}
	// By its digest it is the same.
	same, err := resolveImage(t.Context(), got.pinned.String(), m)
	if err != nil || same.pinned.DigestStr() != got.pinned.DigestStr() {
		t.Errorf("by digest: %v, %v", same, err)
	}

	onlyOther := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: other, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "s390x"}}})
	if err := remote.WriteIndex(s.ref(t, "other:1"), onlyOther); err != nil {
		t.Fatal(err)
	}
	s.push(t, "single:1", "s390x", []put{{name: "f"}})
	for ref, want := range map[string]string{
		"other:1":  "is for linux/s390x, and this machine needs linux/" + m.debian,
		"single:1": "is for linux/s390x, and this machine needs linux/" + m.debian,
		"many:2":   "the registry has no image",
		"none":     "the registry has no image",
	} {
		_, err := resolveImage(t.Context(), s.ref(t, ref).String(), m)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), ref) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", ref, err, want)
		}
	}
	if _, err := resolveImage(t.Context(), "Not An Image", m); err == nil || !strings.Contains(err.Error(), "such as node:24-bookworm") {
		t.Errorf("a wrong reference: %v", err)
	}
}

// A registry that wants credentials gets those of the docker configuration.
func TestCredentials(t *testing.T) {
	m := hostMachine(t)
	s := newSite(t)
	s.push(t, "private:1", m.debian, []put{{name: "f"}})
	s.disturb(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if user, password, _ := r.BasicAuth(); user == "ann" && password == "right" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
		return true
	})
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("DOCKER_CONFIG", home)
	t.Setenv("XDG_RUNTIME_DIR", home)
	ref := s.ref(t, "private:1")
	_, err := resolveImage(t.Context(), ref.String(), m)
	if err == nil || !strings.Contains(err.Error(), "docker login") {
		t.Errorf("without credentials: %v", err)
	}
	login := func(password string) {
		auth, err := (&authn.Basic{Username: "ann", Password: password}).Authorization()
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf(`{"auths":{%q:{"username":%q,"password":%q}}}`, ref.Context().RegistryStr(), auth.Username, auth.Password)
		if err := os.WriteFile(filepath.Join(home, "config.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	login("wrong-secret")
	if _, err = resolveImage(t.Context(), ref.String(), m); err == nil || !strings.Contains(err.Error(), "docker login") || strings.Contains(err.Error(), "wrong-secret") {
		t.Errorf("with wrong credentials: %v", err)
	}
	login("right")
	if _, err = resolveImage(t.Context(), ref.String(), m); err != nil {
		t.Errorf("with credentials: %v", err)
	}
}

func ensureImage(t *testing.T, cache, reference string, change func(*Config)) (*Base, []string, error) {
	t.Helper()
	var steps []string
	cfg := Config{
		CacheDir: cache, Image: reference, Logger: slog.New(slog.DiscardHandler), Step: func(s string) { steps = append(steps, s) },
		Recipe: &Recipe{Name: "env:1", Suite: "bookworm", Node: "24", Bun: "1", PackageJSON: []byte("{}")},
	}
	if change != nil {
		change(&cfg)
	}
	b, err := Ensure(t.Context(), cfg)
	return b, steps, err
}

// left lists what a build left in the cache, but locks.
func left(t *testing.T, cache string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(cache, "base", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(names, func(n string) bool { return strings.HasSuffix(n, ".lock") })
}

// A download that breaks off is tried again; one that keeps breaking off, or
// brings something else, fails in words and leaves nothing.
func TestBrokenDownloads(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("building a base needs root")
	}
	m := hostMachine(t)
	s := newSite(t)
	img := s.push(t, "img:1", m.debian, []put{{name: "f", text: strings.Repeat("some text ", 4000)}})
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	ref := s.ref(t, "img:1").String()
	cutOff := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		w.Header().Set("Content-Length", strconv.Itoa(rec.Body.Len()))
		_, _ = w.Write(rec.Body.Bytes()[:rec.Body.Len()/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	var asked atomic.Int32
	ofLayer := func(r *http.Request) bool {
		return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, digest.String())
	}

	// Twice cut off, then whole: the image is there, and lacks much.
	s.disturb(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if ofLayer(r) && asked.Add(1) < 3 {
			cutOff(w, r, next)
		}
		return false
	})
	dir := t.TempDir()
	from, err := resolveImage(t.Context(), ref, m)
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	pulled, err := from.pull(t.Context(), dir, m, func(s string) { steps = append(steps, s) })
	if err != nil || len(pulled) != 1 || asked.Load() != 3 {
		t.Errorf("%d layers after %d requests, %v", len(pulled), asked.Load(), err)
	}
	if len(steps) == 0 || !strings.HasPrefix(steps[0], "Download the image "+ref+" (0 of 1 MB)") {
		t.Errorf("steps %q", steps)
	}

	for what, tc := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request, next http.Handler)
		want   string
	}{
		"always cut off": {cutOff, "the download broke off (layer sha256:"},
		"other contents": {func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			_, _ = w.Write([]byte("something else"))
		}, "the download broke off (layer sha256:"},
		"gone": {func(w http.ResponseWriter, r *http.Request, _ http.Handler) { http.NotFound(w, r) }, "has no image"},
	} {
		s.disturb(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
			if !ofLayer(r) {
				return false
			}
			tc.answer(w, r, next)
			return true
		})
		cache := t.TempDir()
		_, _, err := ensureImage(t, cache, ref, nil)
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", what, err, tc.want)
		}
		if found := left(t, cache); len(found) > 0 {
			t.Errorf("%s: left behind %v", what, found)
		}
	}
}

// Where there are no Debian packages, the recipe's image takes their place;
// who asks for an image, or has the packages, gets what was asked for.
func TestChoiceOfSource(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("building a base needs root")
	}
	m := hostMachine(t)
	s := newSite(t)
	ref := s.ref(t, "gone:1").String()
	tools := t.TempDir()
	t.Setenv("PATH", tools)
	withDefault := func(c *Config) { c.Recipe.Image = ref }

	_, _, err := ensureImage(t, t.TempDir(), "", withDefault)
	if err == nil || !strings.Contains(err.Error(), "neither mmdebstrap nor apt-get") ||
		!strings.Contains(err.Error(), "has no image "+ref) || !strings.Contains(err.Error(), "SURGENT_BASE_IMAGE") {
		t.Errorf("without packages and image: %v", err)
	}
	before := s.asked.Load()
	if err := os.WriteFile(filepath.Join(tools, "apt-get"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, _, err = ensureImage(t, t.TempDir(), "", withDefault)
	if err == nil || !strings.Contains(err.Error(), "apt-get install mmdebstrap") || s.asked.Load() != before {
		t.Errorf("with apt-get: %v", err)
	}

	// A base that stands is taken without asking anybody, whatever is
	// installed now; another image, digest or tag is another base.
	cache := t.TempDir()
	digest := "sha256:" + strings.Repeat("ab", 32)
	pinned, err := name.NewDigest(s.ref(t, "gone:1").Context().Name() + "@" + digest)
	if err != nil {
		t.Fatal(err)
	}
	r := &Recipe{Name: "env:1", Suite: "bookworm", Node: "24", Bun: "1", PackageJSON: []byte("{}")}
	from := &image{ref: s.ref(t, "gone:1"), pinned: pinned}
	if err := os.MkdirAll(filepath.Join(cache, "base", r.key(m, from), "root"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writePin(filepath.Join(cache, "base"), ref, m, digest); err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(*Config){withDefault, func(c *Config) { c.Image = ref }} {
		b, _, err := ensureImage(t, cache, "", change)
		if err != nil || b.Key != r.key(m, from) || b.Image != ref+"@"+digest {
			t.Errorf("from the cache: %+v, %v", b, err)
		}
	}
	if s.asked.Load() != before {
		t.Error("a cached base asked the registry")
	}
	if _, _, err := ensureImage(t, cache, s.ref(t, "gone:2").String(), nil); err == nil || !strings.Contains(err.Error(), "gone:2") {
		t.Errorf("another tag: %v", err)
	}
	moved := &image{ref: from.ref, pinned: s.ref(t, "gone:1").Context().Digest("sha256:" + strings.Repeat("cd", 32))}
	if keys := []string{r.key(m, nil), r.key(m, from), r.key(m, moved)}; len(slices.Compact(slices.Sorted(slices.Values(keys)))) != 3 {
		t.Errorf("different bases share a key: %v", keys)
	}
}

// No registry: the words say where to look. A cancelled build says why.
func TestNoRegistry(t *testing.T) {
	t.Parallel()
	m := hostMachine(t)
	s := newSite(t)
	ref := s.ref(t, "img:1").String()
	s.http.Close()
	_, err := resolveImage(t.Context(), ref, m)
	if err == nil || !strings.Contains(err.Error(), "does not answer") || !strings.Contains(err.Error(), "check the network") {
		t.Errorf("nobody there: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	cancel(stop)
	if _, err := resolveImage(ctx, ref, m); !errors.Is(err, stop) {
		t.Errorf("cancelled: %v", err)
	}
}

// An image that lacks what sandboxes need is refused with a list of it.
func TestLacks(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("owners need root")
	}
	root := t.TempDir()
	tree, err := openTree(root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.close()
	program := staticProgram(t)
	b := &builder{recipe: &Recipe{}, image: &image{ref: newSite(t).ref(t, "thin:1")}}
	err = b.check(t.Context(), tree)
	if err == nil || strings.Contains(err.Error(), "\n") {
		t.Fatalf("an empty image: %v", err)
	}
	for _, want := range []string{"thin:1", "git (package git)", "bash", "sh (package dash)", "ca-certificates", "SURGENT_BASE_IMAGE"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
	l := &layers{tree: tree, left: limits{entries: 100, bytes: 1 << 30}}
	entries := []put{
		{name: "bin", kind: tar.TypeSymlink, link: "usr/bin"},
		{name: "etc/ssl/certs/ca-certificates.crt", text: "x"},
		{name: "usr/bin/sh", kind: tar.TypeSymlink, link: "/bin/bash"},
		{name: "usr/bin/node", text: string(program), mode: 0o755},
	}
	for _, p := range []string{"bash", "git", "find", "xargs", "stat", "tar"} {
		entries = append(entries, put{name: "usr/bin/" + p, text: "#!/bin/sh", mode: 0o755})
	}
	if err := l.apply(t.Context(), bytes.NewReader(layerOf(t, entries))); err != nil {
		t.Fatal(err)
	}
	if err := b.check(t.Context(), tree); err != nil {
		t.Errorf("with all that is needed: %v", err)
	}
	// A program of this system's, whose libraries aren't there; and rubbish
	// that calls itself a program.
	git, err := os.ReadFile("/usr/bin/git")
	if err != nil {
		t.Skip("no git here to look into")
	}
	if err := tree.write("usr/bin/git", git, 0o755); err != nil {
		t.Fatal(err)
	}
	if err = b.check(t.Context(), tree); err == nil || !strings.Contains(err.Error(), "glibc (/lib") || !strings.Contains(err.Error(), "for git") {
		t.Errorf("without a loader: %v", err)
	}
	if err := tree.write("lib64/ld-linux-x86-64.so.2", []byte("x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err = b.check(t.Context(), tree); err == nil || !strings.Contains(err.Error(), "libc.so.6 for git") && m64() {
		t.Errorf("without libraries: %v", err)
	}
	if err := tree.write("usr/bin/git", append([]byte("\x7fELF\x02\x01\x01"), bytes.Repeat([]byte{0xff}, 400)...), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := b.check(t.Context(), tree); err != nil && strings.Contains(err.Error(), "\n") {
		t.Errorf("with rubbish: %v", err)
	}
}

// staticProgram returns this test itself where it needs no loader, else a
// script.
func staticProgram(t *testing.T) []byte {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin, err := elf.Open(own)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = bin.Close() }()
	if loader, err := interpreter(bin); err != nil || loader != "" {
		return []byte("#!/bin/sh")
	}
	text, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func m64() bool {
	m, err := thisMachine()
	return err == nil && m.cpu == "x64"
}
