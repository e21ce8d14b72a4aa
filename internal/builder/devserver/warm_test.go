package devserver_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"surgent.dev/surgent/internal/builder/devserver"
	"surgent.dev/surgent/sandbox"
)

func TestWarmLoadsWhatAPageImports(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"/":                                 `<script type="module">import "/@react-refresh"</script><script type="module" src="/src/main.tsx?t=1"></script><link rel="icon" href="/favicon.svg">`,
		"/@react-refresh":                   ``,
		"/favicon.svg":                      `<svg/>`,
		"/src/main.tsx":                     `import App from "./App.tsx"; import "/node_modules/.vite/deps/react.js?v=1"; import x from "//elsewhere.example/x.js"`,
		"/src/App.tsx":                      `import("../lib/late.ts"); import "./gone.ts"`,
		"/lib/late.ts":                      ``,
		"/node_modules/.vite/deps/react.js": ``,
	}
	var mu sync.Mutex
	asked := map[string]int{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.URL.Path]++
		mu.Unlock()
		body, ok := files[r.URL.Path]
		if !ok || r.Header.Get("X-Daytona-Preview-Token") != "way-in" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = fmt.Fprint(w, body)
	}))
	defer s.Close()
	if err := devserver.Warm(t.Context(), sandbox.PreviewTarget{URL: s.URL, Token: "way-in"}); err != nil {
		t.Fatal(err)
	}
	for path := range files {
		if asked[path] != 1 {
			t.Errorf("%s was asked %d times", path, asked[path])
		}
	}
}
