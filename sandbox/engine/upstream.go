//go:build linux

package engine

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// upstream is the proxy behind which the host itself is, if it is: what
// sandboxes may reach is then reached through it. It resolves the names, so
// that only the list of hosts decides.
type upstream struct {
	mu    sync.RWMutex
	proxy func(*url.URL) (*url.URL, error)
}

// set takes over the host's settings: the usual variables, and where they are
// not set, those of npm.
func (u *upstream) set(npm npmSettings) {
	cfg := httpproxy.FromEnvironment()
	if cfg.HTTPSProxy == "" && cfg.HTTPProxy == "" {
		cfg.HTTPProxy, cfg.NoProxy = npm.Proxy, npm.noProxy()
		cfg.HTTPSProxy = cmp.Or(npm.HTTPSProxy, npm.Proxy) // as npm does
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.proxy = cfg.ProxyFunc()
}

// find returns the proxy for a host, nil for the direct way.
func (u *upstream) find(host, port string) (*url.URL, error) {
	u.mu.RLock()
	defer u.mu.RUnlock()
	if u.proxy == nil {
		return nil, nil
	}
	scheme := "https"
	if port == "80" {
		scheme = "http"
	}
	return u.proxy(&url.URL{Scheme: scheme, Host: net.JoinHostPort(host, port)})
}

// tunnelThrough reaches host:port through the host's own proxy.
func tunnelThrough(ctx context.Context, proxy *url.URL, target string) (_ net.Conn, err error) {
	port := proxy.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[proxy.Scheme]
	}
	addr := net.JoinHostPort(proxy.Hostname(), port)
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	var conn net.Conn
	switch proxy.Scheme {
	case "http":
		conn, err = dialer.DialContext(ctx, "tcp", addr)
	case "https":
		conn, err = (&tls.Dialer{NetDialer: dialer, Config: &tls.Config{ServerName: proxy.Hostname(), MinVersion: tls.VersionTLS12}}).
			DialContext(ctx, "tcp", addr)
	default:
		return nil, fmt.Errorf("the host's proxy speaks %s, which is not supported", proxy.Scheme)
	}
	if err != nil {
		return nil, fmt.Errorf("reach the host's proxy: %w", err)
	}
	defer func() {
		if err != nil {
			_ = conn.Close()
		}
	}()
	var head strings.Builder
	_, _ = fmt.Fprintf(&head, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", target, target)
	if user := proxy.User; user != nil {
		password, _ := user.Password()
		_, _ = fmt.Fprintf(&head, "Proxy-Authorization: Basic %s\r\n",
			base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	head.WriteString("\r\n")
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := conn.Write([]byte(head.String())); err != nil {
		return nil, err
	}
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, &http.Request{Method: http.MethodConnect})
	if err != nil {
		return nil, fmt.Errorf("speak with the host's proxy: %w", err)
	}
	_ = resp.Body.Close() // there is none
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the host's proxy answers %s", resp.Status)
	}
	if r.Buffered() > 0 {
		return nil, errors.New("the host's proxy spoke before it was asked")
	}
	return conn, conn.SetDeadline(time.Time{})
}
