//go:build linux

package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/http/httpproxy"
)

// testEgress is the proxy with names that lead where the test says, and a way
// out that leads to target.
func testEgress(t *testing.T, names map[string]string, target string) (proxy string, dialled *[]string) {
	t.Helper()
	var addrs []string
	p := &egress{
		log: slog.New(slog.DiscardHandler), allow: newAllowList([]string{"extra.example:8443"}),
		lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			if a, err := netip.ParseAddr(host); err == nil {
				return []netip.Addr{a}, nil
			}
			a, ok := names[host]
			if !ok {
				return nil, errors.New("no such host")
			}
			return []netip.Addr{netip.MustParseAddr(a)}, nil
		},
		dial: func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
			addrs = append(addrs, addr.String())
			var d net.Dialer
			return d.DialContext(ctx, "tcp", target)
		},
	}
	p.allow.hosts["registry.example:4873"] = fromHost
	srv := httptest.NewServer(http.HandlerFunc(p.handle))
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String(), &addrs
}

// connectTo opens a tunnel and returns the status line and the connection.
func connectTo(t *testing.T, proxy, target string) (string, net.Conn, *bufio.Reader) {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", proxy)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, target); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	line, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), conn, r
}

func TestEgressDecides(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s %s", r.Host, r.URL)
	}))
	t.Cleanup(upstream.Close)
	names := map[string]string{
		"github.com":       "140.82.112.3",
		"gitlab.com":       "10.1.2.3",        // a name that leads inside
		"bitbucket.org":    "169.254.169.254", // or to the metadata
		"registry.example": "192.168.7.7",     // the host's own registry may be there
		"extra.example":    "93.184.216.34",
		"other.example":    "93.184.216.34",
	}
	proxy, dialled := testEgress(t, names, upstream.Listener.Addr().String())
	for target, want := range map[string]string{
		"github.com:443":               "200",
		"GitHub.com.:443":              "502", // allowed, but this spelling resolves to nothing here
		"registry.example:4873":        "200",
		"extra.example:8443":           "200",
		"github.com:22":                "403",
		"extra.example:443":            "403",
		"registry.example:80":          "403",
		"gitlab.com:443":               "403",
		"bitbucket.org:443":            "403",
		"other.example:443":            "403",
		"github.com.other.example:443": "403",
		"127.0.0.1:443":                "403",
		"[::1]:443":                    "403",
		"169.254.169.254:80":           "403",
		"github.com":                   "400",
		"user@github.com:443":          "400",
		"140.82.112.3:443":             "403",
		"codeload.github.com:443":      "502",
	} {
		line, _, _ := connectTo(t, proxy, target)
		if !strings.Contains(line, " "+want+" ") {
			t.Errorf("CONNECT %s: %s, want %s", target, line, want)
		}
	}
	for _, addr := range *dialled {
		switch addr {
		case "140.82.112.3:443", "192.168.7.7:4873", "93.184.216.34:8443":
		default:
			t.Errorf("the proxy reached out to %s", addr)
		}
	}
}

func TestEgressRelays(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s %s %q", r.Method, r.Host, r.URL, body)
		if r.Header.Get("Proxy-Authorization") != "" {
			t.Error("the proxy passed its own header on")
		}
	}))
	t.Cleanup(upstream.Close)
	proxy, _ := testEgress(t, map[string]string{"github.com": "140.82.112.3"}, upstream.Listener.Addr().String())

	line, conn, r := connectTo(t, proxy, "github.com:443")
	if !strings.Contains(line, "200") {
		t.Fatal(line)
	}
	if _, err := r.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "POST /in HTTP/1.1\r\nHost: github.com\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || string(text) != `POST github.com /in "abc"` {
		t.Errorf("through the tunnel: %s, %v", text, err)
	}

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+proxy, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.URL.Opaque = "http://github.com/plain"
	req.Host = "github.com"
	req.Header.Set("Proxy-Authorization", "Basic eDp5")
	resp, err = http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err = io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || string(text) != `GET github.com /plain ""` {
		t.Errorf("forwarded: %s, %v", text, err)
	}
}

func TestPublicAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "127.0.0.1": false, "10.0.0.1": false, "172.31.0.1": false,
		"192.168.1.1": false, "169.254.169.254": false, "100.100.100.200": false, "0.0.0.0": false, "224.0.0.1": false,
		"255.255.255.255": false, "192.0.2.1": false, "::1": false, "fe80::1": false, "fd00::1": false,
		"64:ff9b::7f00:1": false, "2002:7f00:1::": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("public(%s) = %v", text, got)
		}
	}
	if public(netip.MustParseAddr("::ffff:127.0.0.1").Unmap()) {
		t.Error("a mapped loopback address is public")
	}
}

func TestEgressGoesThroughTheHostsProxy(t *testing.T) {
	t.Parallel()
	var asked, auth string
	corporate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, auth = r.Host, r.Header.Get("Proxy-Authorization")
		if r.Method != http.MethodConnect || strings.HasPrefix(r.Host, "gitlab.com") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		_, _ = io.Copy(conn, conn)
		_ = conn.Close()
	}))
	t.Cleanup(corporate.Close)
	p := &egress{log: slog.New(slog.DiscardHandler), allow: newAllowList(nil)}
	proxy := strings.Replace(corporate.URL, "http://", "http://me:secret@", 1)
	p.up.proxy = (&httpproxy.Config{HTTPSProxy: proxy}).ProxyFunc()
	srv := httptest.NewServer(http.HandlerFunc(p.handle))
	t.Cleanup(srv.Close)

	line, conn, r := connectTo(t, srv.Listener.Addr().String(), "github.com:443")
	if !strings.Contains(line, "200") || asked != "github.com:443" || auth != "Basic bWU6c2VjcmV0" {
		t.Fatalf("%s; the proxy was asked for %s with %s", line, asked, auth)
	}
	if _, err := r.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "echo\n"); err != nil {
		t.Fatal(err)
	}
	if text, err := r.ReadString('\n'); err != nil || text != "echo\n" {
		t.Errorf("%q, %v", text, err)
	}
	for target, want := range map[string]string{"gitlab.com:443": "502", "example.com:443": "403"} {
		if line, _, _ := connectTo(t, srv.Listener.Addr().String(), target); !strings.Contains(line, want) {
			t.Errorf("%s: %s, want %s", target, line, want)
		}
	}
}
