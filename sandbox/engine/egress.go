//go:build linux

package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

// egress is the only way out of sandboxes: an HTTP proxy that tunnels and
// forwards to the hosts of a list and refuses everything else.
//
// It resolves a name once and connects to the address that it checked, so that
// a name can't lead to the host's own network. Only the package sources that
// the host's configuration names may be at private addresses. It adds nothing
// to requests: the host's credentials for a registry stay on the host.
type egress struct {
	log   *slog.Logger
	allow *allowList
	up    upstream
	// dial reaches an address that was checked.
	dial func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)
	// lookup resolves a name.
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	opened chan struct{} // closed when the host's configuration was read
}

func newEgress(cfg Config) *egress {
	d := &net.Dialer{Timeout: 10 * time.Second}
	return &egress{
		log:   cfg.Logger,
		allow: newAllowList(cfg.EgressAllow), opened: make(chan struct{}),
		dial: func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
			return d.DialContext(ctx, "tcp", addr.String())
		},
		lookup: func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		},
	}
}

// open reads the host's configuration of package sources and proxies.
func (p *egress) open(ctx context.Context) {
	defer close(p.opened)
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	npm, err := readNPM(ctx)
	if err != nil {
		p.log.Warn("sandboxes have no npm registry", "error", err)
	}
	p.allow.add(npm, p.log)
	p.up.set(npm)
}

// environment returns what processes in a sandbox need to find their way out,
// with the sandbox's own variables over it.
func (p *egress) environment(gate netip.Addr, own map[string]string) map[string]string {
	<-p.opened // npm takes its time, but an end
	proxy := fmt.Sprintf("http://%s:%d", gate, proxyPort)
	const none = "localhost,127.0.0.1,::1"
	const bundle = "/etc/ssl/certs/ca-certificates.crt"
	env := map[string]string{
		"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "NO_PROXY": none,
		"http_proxy": proxy, "https_proxy": proxy, "no_proxy": none,
		"NODE_USE_ENV_PROXY": "1", "NODE_EXTRA_CA_CERTS": bundle, "SSL_CERT_FILE": bundle, "GIT_SSL_CAINFO": bundle,
		"NPM_CONFIG_UPDATE_NOTIFIER": "false", "NPM_CONFIG_FUND": "false", "NPM_CONFIG_AUDIT": "false",
	}
	if registry := p.allow.registry(); registry != "" {
		env["NPM_CONFIG_REGISTRY"] = registry
	}
	for k, v := range own {
		env[k] = v
	}
	return env
}

// egressServer is the proxy of one sandbox.
type egressServer struct {
	srv *http.Server
	wg  sync.WaitGroup
}

// serve opens the proxy for the sandbox at the other end of s.
func (p *egress) serve(ctx context.Context, s *slot) (*egressServer, error) {
	l, err := s.listen(context.WithoutCancel(ctx), proxyPort)
	if err != nil {
		return nil, err
	}
	// More than any package manager opens, and fewer than would hurt the host.
	l = netutil.LimitListener(l, 256)
	es := &egressServer{srv: &http.Server{
		Handler: http.HandlerFunc(p.handle), ReadHeaderTimeout: 30 * time.Second,
		ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}}
	es.wg.Go(func() { _ = es.srv.Serve(l) }) // ends with close
	return es, nil
}

func (s *egressServer) close() {
	_ = s.srv.Close() // of the listener; nothing is lost
	s.wg.Wait()
}

func (p *egress) handle(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		p.tunnel(w, r)
		return
	}
	p.forward(w, r)
}

// connect checks and reaches a host. Errors that the sandbox caused are
// apiErrors.
func (p *egress) connect(ctx context.Context, host, port string) (net.Conn, error) {
	kind := p.allow.check(host, port)
	if kind == refused {
		return nil, fail(http.StatusForbidden, "sandboxes may not reach %s: only package sources and git hosts", net.JoinHostPort(host, port))
	}
	if proxy, err := p.up.find(host, port); err != nil {
		return nil, fmt.Errorf("find the host's proxy: %w", err)
	} else if proxy != nil {
		conn, err := tunnelThrough(ctx, proxy, net.JoinHostPort(host, port))
		if err != nil {
			p.log.Warn("a sandbox's way out is closed", "host", host, "error", err)
			return nil, fail(http.StatusBadGateway, "%s can't be reached", host)
		}
		return conn, nil
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return nil, fail(http.StatusBadRequest, "bad port %q", port)
	}
	addrs, err := p.lookup(ctx, host)
	if err != nil {
		return nil, fail(http.StatusBadGateway, "resolve %s: no such host", host)
	}
	last := fail(http.StatusBadGateway, "%s has no address", host)
	for _, a := range addrs {
		a = a.Unmap()
		if kind != fromHost && !public(a) {
			last = fail(http.StatusForbidden, "%s leads to a private address", host)
			continue
		}
		conn, err := p.dial(ctx, netip.AddrPortFrom(a, uint16(number)))
		if err == nil {
			return conn, nil
		}
		last = fail(http.StatusBadGateway, "%s can't be reached", host)
	}
	return nil, last
}

// special are blocks that netip does not know as private.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"),
}

// public tells whether an address is one of the public internet: no loopback,
// private, link-local (where clouds keep their metadata) or other special one.
func public(a netip.Addr) bool {
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// tunnel serves CONNECT.
func (p *egress) tunnel(w http.ResponseWriter, r *http.Request) {
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		http.Error(w, "CONNECT needs host:port", http.StatusBadRequest)
		return
	}
	out, err := p.connect(r.Context(), host, port)
	if err != nil {
		p.refuse(w, err)
		return
	}
	defer func() { _ = out.Close() }()
	in, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		p.refuse(w, err)
		return
	}
	defer func() { _ = in.Close() }()
	if _, err := io.WriteString(in, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return // the sandbox went away
	}
	relay(in, buf.Reader, out)
}

// relay copies both ways until both have ended. Half-closes are passed on.
func relay(in net.Conn, fromIn io.Reader, out net.Conn) {
	var wg sync.WaitGroup
	pass := func(dst net.Conn, src io.Reader) {
		_, err := io.Copy(dst, src)
		if err != nil {
			// One direction is broken: the other has nobody to speak to.
			_ = in.Close()
			_ = out.Close()
			return
		}
		if c, ok := dst.(interface{ CloseWrite() error }); ok {
			_ = c.CloseWrite() // the peer may be gone
		}
	}
	wg.Go(func() { pass(out, fromIn) })
	wg.Go(func() { pass(in, out) })
	wg.Wait()
}

// forward serves requests for http: URLs, which package sources without TLS
// need.
func (p *egress) forward(w http.ResponseWriter, r *http.Request) {
	if r.URL.Scheme != "http" || r.URL.Host == "" {
		http.Error(w, "this is a proxy", http.StatusBadRequest)
		return
	}
	port := r.URL.Port()
	if port == "" {
		port = "80"
	}
	var denied error
	rt := &http.Transport{
		DisableKeepAlives: true, DisableCompression: true, ResponseHeaderTimeout: time.Minute,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := p.connect(ctx, r.URL.Hostname(), port)
			denied = err
			return conn, err
		},
	}
	out := r.Clone(r.Context())
	out.RequestURI = ""
	for _, name := range []string{"Proxy-Connection", "Proxy-Authorization", "Connection", "Upgrade", "Te"} {
		out.Header.Del(name)
	}
	resp, err := rt.RoundTrip(out)
	if err != nil {
		if denied != nil {
			err = denied
		}
		p.refuse(w, err)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	for k, v := range resp.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body) // the client sees what is missing
}

// refuse tells the sandbox why not.
func (p *egress) refuse(w http.ResponseWriter, err error) {
	status, message := statusOf(err)
	var e *apiError
	if !errors.As(err, &e) {
		status, message = http.StatusBadGateway, "the connection failed"
	}
	p.log.Debug("egress refused", "reason", message)
	http.Error(w, message, status)
}
