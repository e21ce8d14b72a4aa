package wire_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"surgent.dev/surgent/convex/wire"
)

func TestAddress(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, c := range []struct {
		name, remote string
		forwarded    []string
		proxies      []netip.Prefix
		want         string
	}{
		{name: "IPv4", remote: "203.0.113.7:4711", want: "203.0.113.7"},
		{name: "IPv4 in IPv6", remote: "[::ffff:203.0.113.7]:4711", want: "203.0.113.7"},
		{name: "IPv6", remote: "[2001:db8:1:2:3:4:5:6]:4711", want: "2001:db8:1:2::/64"},
		{name: "a zone", remote: "[fe80::1%eth0]:4711", want: "fe80::/64"},
		{name: "no address", remote: "@", want: "unknown"},
		{name: "a word that nobody asked for", remote: "203.0.113.7:1", forwarded: []string{"198.51.100.1"}, want: "203.0.113.7"},
		{name: "a stranger's word", remote: "203.0.113.7:1", forwarded: []string{"198.51.100.1"}, proxies: proxies, want: "203.0.113.7"},
		{name: "a proxy's word", remote: "10.1.2.3:1", forwarded: []string{"198.51.100.1"}, proxies: proxies, want: "198.51.100.1"},
		{name: "what a proxy was told", remote: "10.1.2.3:1", forwarded: []string{"192.0.2.1, 198.51.100.1"}, proxies: proxies, want: "198.51.100.1"},
		{name: "two proxies", remote: "[::1]:1", forwarded: []string{"192.0.2.1, 198.51.100.1", "10.9.9.9"}, proxies: proxies, want: "198.51.100.1"},
		{name: "with a port", remote: "10.1.2.3:1", forwarded: []string{"[2001:db8::9]:55"}, proxies: proxies, want: "2001:db8::/64"},
		{name: "nonsense", remote: "10.1.2.3:1", forwarded: []string{"198.51.100.1, unknown"}, proxies: proxies, want: "10.1.2.3"},
		{name: "a silent proxy", remote: "10.1.2.3:1", proxies: proxies, want: "10.1.2.3"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = c.remote
		for _, f := range c.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		if got := (wire.Limits{Proxies: c.proxies}).Address(r); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Whatever a proxy passes on, an address is one, and counts as itself.
func FuzzAddress(f *testing.F) {
	f.Add("10.0.0.1:1", "198.51.100.1, [2001:db8::1]:5")
	f.Add("@", "unknown,,")
	f.Fuzz(func(t *testing.T, remote, forwarded string) {
		l := wire.Limits{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
		got := l.Address(&http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": {forwarded}}})
		if got == "unknown" {
			return
		}
		bare, _, _ := strings.Cut(got, "/")
		if again := l.Address(&http.Request{RemoteAddr: bare}); again != got {
			t.Fatalf("%q, %q gives %q, and that %q", remote, forwarded, got, again)
		}
	})
}

func TestMessageLimit(t *testing.T) {
	t.Parallel()
	open, closed := wire.Limits{}.WithDefaults(true), wire.Limits{}.WithDefaults(false)
	if got := open.Message(false, 64<<20); got != 1<<20 {
		t.Errorf("before signing in: %d", got)
	}
	if got := open.Message(true, 64<<20); got != 64<<20 {
		t.Errorf("after signing in: %d", got)
	}
	if got := closed.Message(false, 64<<20); got != 64<<20 {
		t.Errorf("where nobody can sign in: %d", got)
	}
}

// A body that trickles in or is too large ends the connection with an answer.
func TestBadBodies(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		within := 20 * time.Millisecond
		if r.URL.Path == "/patient" {
			within = time.Minute
		}
		body, bad := wire.ReadBody(w, r, 10, within)
		if bad != nil {
			http.Error(w, bad.Code, bad.Status)
			return
		}
		_, _ = w.Write(body)
	}))
	t.Cleanup(srv.Close)
	for _, c := range []struct {
		name, path, head, body string
		status                 int
		want                   string
		closed                 bool
	}{
		{"whole", "/patient", "Content-Length: 5", "hello", 200, "hello", false},
		{"slow", "/", "Content-Length: 9", "hell", 408, "RequestTimeout", true},
		{"large", "/patient", "Content-Length: 1000", "hello hello", 413, "RequestTooLarge", true},
		{"large in parts", "/patient", "Transfer-Encoding: chunked", "b\r\nhello hello\r\n", 413, "RequestTooLarge", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(srv.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n%s", c.path, c.head, c.body); err != nil {
				t.Fatal(err)
			}
			r := bufio.NewReader(conn)
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != c.status || strings.TrimSpace(string(text)) != c.want || res.Close != c.closed {
				t.Errorf("%d %q, closed %v", res.StatusCode, text, res.Close)
			}
			if !c.closed {
				return
			}
			if _, err := r.ReadByte(); err == nil {
				t.Error("the connection goes on")
			}
		})
	}
}
