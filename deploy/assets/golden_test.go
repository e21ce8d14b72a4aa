package assets_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/assets"
)

// golden lists the recorded configurations and how many probes each has.
var golden = map[string]deploy.AssetsConfig{
	"auto-none.txt":    {},
	"auto-spa.txt":     {NotFoundHandling: "single-page-application"},
	"auto-404.txt":     {HTMLHandling: "auto-trailing-slash", NotFoundHandling: "404-page"},
	"drop-404.txt":     {HTMLHandling: "drop-trailing-slash", NotFoundHandling: "404-page"},
	"force-none.txt":   {HTMLHandling: "force-trailing-slash"},
	"nohtml-none.txt":  {HTMLHandling: "none"},
	"worker-first.txt": {RunWorkerFirst: true},
	"globs-spa.txt":    {NotFoundHandling: "single-page-application", WorkerFirstGlobs: []string{"/nope*", "!/nope.js", "/viabinding/*"}},
}

const probesPerConfig = 39

var probeLine = regexp.MustCompile(`^(/.*?)\s*(-H [\w-]+: \S+|-X POST|-I)?\s+(\d{3}) loc=(\S*) body=(.*?) ct=(.*?) et=(\S*) cc=(.*?) x=(.*)$`)

func TestAnswersAsRecorded(t *testing.T) {
	t.Parallel()
	for name, config := range golden {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(probeApp(siteRelease(t, "testdata/site", config)))
			t.Cleanup(server.Close)
			f, err := os.Open(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = f.Close() })
			probes := 0
			lines := bufio.NewScanner(f)
			for lines.Scan() {
				fields := probeLine.FindStringSubmatch(lines.Text())
				if fields == nil {
					t.Fatalf("cannot read the probe %q", lines.Text())
				}
				probes++
				if fields[3] != "000" {
					probe(t, server.URL, fields)
				}
			}
			if probes != probesPerConfig {
				t.Errorf("%d probes, want %d", probes, probesPerConfig)
			}
		})
	}
}

func probe(t *testing.T, base string, fields []string) {
	t.Helper()
	path, option := fields[1], fields[2]
	method, header, value := http.MethodGet, "", ""
	switch {
	case option == "-I":
		method = http.MethodHead
	case option == "-X POST":
		method = http.MethodPost
	case option != "":
		header, value, _ = strings.Cut(strings.TrimPrefix(option, "-H "), ": ")
	}
	r, err := http.NewRequestWithContext(t.Context(), method, base+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if header != "" {
		r.Header.Set(header, value)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(body[:min(len(body), 24)]), "\n", " ")
	want := fmt.Sprintf("%s loc=%s body=%s ct=%s et=%v cc=%s x=%s", fields[3], fields[4], fields[5], fields[6], fields[7] != "", fields[8], fields[9])
	if option == "-I" {
		// The recording shows the status line in the body's place.
		want = strings.Replace(want, fields[5], "", 1)
	}
	extra := ""
	for _, name := range []string{"x-a", "x-d"} {
		if v := res.Header.Get(name); v != "" {
			extra += name + ": " + v
		}
	}
	got := fmt.Sprintf("%d loc=%s body=%s ct=%s et=%v cc=%s x=%s", res.StatusCode, res.Header.Get("Location"), text,
		res.Header.Get("Content-Type"), res.Header.Get("ETag") != "", res.Header.Get("Cache-Control"), extra)
	if got != want {
		t.Errorf("%s %s\n got %s\nwant %s", path, option, got, want)
	}
}

// probeApp is the app of the recording.
func probeApp(rel *deploy.Release) http.Handler {
	site := assets.New(rel)
	binding := http.StripPrefix("/viabinding", site)
	return site.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/viabinding/") {
			binding.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain;charset=UTF-8")
		w.WriteHeader(299)
		_, _ = io.WriteString(w, "WORKER "+r.URL.EscapedPath())
	}))
}

// siteRelease makes a release with a worker out of a folder.
func siteRelease(t testing.TB, dir string, config deploy.AssetsConfig) *deploy.Release {
	t.Helper()
	rel := &deploy.Release{CompatibilityDate: "2026-07-01", AssetsConfig: config, Modules: []deploy.Module{{Name: "index.js", Type: deploy.ESModule}}}
	paths := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(filepath.ToSlash(path), dir)
		switch name {
		case "/_headers":
			rel.AssetsConfig.Headers = string(content)
		case "/_redirects":
			rel.AssetsConfig.Redirects = string(content)
		default:
			sum := sha256.Sum256(content)
			hash := hex.EncodeToString(sum[:])
			paths[hash] = path
			rel.Assets = append(rel.Assets, deploy.Asset{Path: name, Hash: hash, Size: int64(len(content))})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	rel.Open = func(hash string) (io.ReadCloser, error) { return os.Open(paths[hash]) }
	return rel
}
