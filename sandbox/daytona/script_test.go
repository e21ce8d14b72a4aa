package daytona_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"surgent.dev/surgent/sandbox/daytona"
)

// exchange is one request that a scripted server expects, and its answer.
type exchange struct {
	want   string // method and path with query
	status int
	body   string
	// drop closes the connection in the place of an answer.
	drop bool
	// handle answers instead of status and body.
	handle http.HandlerFunc
	// check looks at the request's body.
	check func(body string) error
}

// script is a server that knows exactly one conversation. Any other request,
// one too many and one too few fail the test. URL and PORT in an answer stand for
// the server's own.
type script struct {
	t  *testing.T
	mu sync.Mutex
	// rest is what is still to come.
	rest []exchange
	url  string
}

func serve(t *testing.T, exchanges ...exchange) *daytona.Client {
	t.Helper()
	s := &script{t: t, rest: exchanges}
	web := httptest.NewServer(s)
	s.url = web.URL
	t.Cleanup(web.Close)
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, e := range s.rest {
			t.Errorf("request was never made: %s", e.want)
		}
	})
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := daytona.New(daytona.Config{
		APIKey: "key", ServerURL: web.URL + "/api", Target: "eu", Backoff: time.Millisecond,
		HTTPClient: &http.Client{Transport: transport},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := r.Method + " " + r.URL.RequestURI()
	if r.Header.Get("Authorization") != "Bearer key" || r.Header.Get("X-Daytona-SDK-Version") == "" {
		s.t.Errorf("%s: headers %v", got, r.Header)
	}
	if follows := strings.Contains(got, "/command/"); follows != (r.Header.Get("X-Daytona-Skip-Last-Activity-Update") == "true") {
		s.t.Errorf("%s: following and nothing else is no use of a sandbox: %v", got, r.Header)
	}
	if len(s.rest) == 0 || s.rest[0].want != got {
		want := "nothing"
		if len(s.rest) > 0 {
			want = s.rest[0].want
		}
		s.t.Errorf("got request %s, want %s", got, want)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	e := s.rest[0]
	s.rest = s.rest[1:]
	if e.check != nil {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = e.check(string(body))
		}
		if err != nil {
			s.t.Errorf("%s: %v", got, err)
		}
	}
	switch {
	case e.drop:
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			s.t.Error(err)
			return
		}
		_ = conn.Close()
	case e.handle != nil:
		e.handle(w, r)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(e.status)
		_, _ = io.WriteString(w, strings.NewReplacer("URL", s.url, "PORT", s.url[strings.LastIndexByte(s.url, ':')+1:]).Replace(e.body))
	}
}

// box is a sandbox as the cloud of 2026 tells it.
func box(state string) string {
	return fmt.Sprintf(`{"id":"sb","organizationId":"o","name":"n","snapshot":"default-env:1.0.0","user":"daytona","env":{},
		"labels":{"code-toolbox-language":"python"},"public":false,"networkBlockAll":false,"target":"eu","cpu":4,"gpu":0,
		"memory":8,"disk":10,"state":%q,"desiredState":"started","errorReason":"out of luck","autoStopInterval":15,
		"createdAt":"2026-08-01T10:00:00.000Z","updatedAt":"2026-08-01T10:00:01.000Z","toolboxProxyUrl":"URL/toolbox"}`, state)
}

func contains(parts ...string) func(string) error {
	return func(body string) error {
		for _, p := range parts {
			if !strings.Contains(body, p) {
				return fmt.Errorf("body %s lacks %s", body, p)
			}
		}
		return nil
	}
}
