package app

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"surgent.dev/surgent/internal/config"
)

func TestAnUnnamedProxyIsNoticedOnce(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		remote, forwarded string
		named             []netip.Prefix
		want              int
	}{
		"a proxy":      {"127.0.0.1:5", "203.0.113.7", nil, 1},
		"in a network": {"10.0.0.2:5", "203.0.113.7", nil, 1},
		"a named one":  {"127.0.0.1:5", "203.0.113.7", []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, 0},
		"no proxy":     {"127.0.0.1:5", "", nil, 0},
		"a stranger":   {"203.0.113.7:5", "198.51.100.1", nil, 0},
		"no address":   {"@", "198.51.100.1", nil, 0},
	} {
		var log bytes.Buffer
		h := noticeProxy(http.NotFoundHandler(), tc.named, slog.New(slog.NewTextHandler(&log, nil)))
		for range 3 {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.RemoteAddr = tc.remote
			if tc.forwarded != "" {
				r.Header.Set("X-Forwarded-For", tc.forwarded)
			}
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
		if n := strings.Count(log.String(), "SURGENT_PROXIES"); n != tc.want {
			t.Errorf("%s: warned %d times, want %d", name, n, tc.want)
		}
	}
}

func TestDoctorSaysWhoMayCall(t *testing.T) {
	t.Parallel()
	got := diagnoseCallers(&config.Config{
		Origins: []string{"https://front.example"}, NewAccounts: 7, Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
	})
	want := "pages of the workspace, this machine, https://front.example; 7 new accounts an hour from one address, which proxies at [10.0.0.0/8] may name"
	if got.Text != want || got.Missing || got.Note {
		t.Errorf("%+v, want %q", got, want)
	}
}
