// Package daytona is the client of the Daytona API: it implements
// sandbox.Client and sandbox.Snapshots against Daytona's cloud and against
// sandbox/engine, which serves the same API. Against the engine it also has
// the abilities that only that server has; see NewEmbedded.
//
// Servers of this API answer in ways that no caller should have to know: state
// changes in progress, tokens that are refused for a moment, log sockets that
// close early, errors that mean "not started yet". This package waits, retries
// and reconciles, and returns the errors of package sandbox. A request that
// changes something is repeated only where a repeat is harmless or where the
// first one surely did not arrive.
package daytona

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"surgent.dev/surgent/sandbox"
)

// DefaultURL is the control API of Daytona's cloud.
const DefaultURL = "https://app.daytona.io/api"

// sdkVersion is the SDK whose answers this client understands: servers shape
// some answers by it.
const sdkVersion = "0.218.0"

// Config says which server to talk to. APIKey is required.
type Config struct {
	APIKey string
	// ServerURL is the control API's base; DefaultURL when empty.
	ServerURL string
	// ToolboxURL is the base that toolboxes answer below, without the
	// sandbox's id. When empty, the server tells it for each sandbox.
	ToolboxURL string
	// Target is the region that sandboxes are made in, where the server has
	// several.
	Target string
	// HTTPClient sends the requests; it must not limit their time. A plain
	// one when nil.
	HTTPClient *http.Client
	Logger     *slog.Logger

	// Backoff is the pause before the first retry, from which the others
	// grow; 250 ms when zero.
	Backoff time.Duration
	// StartTimeout bounds how long a sandbox may take to start or stop;
	// 3 minutes when zero. Sandboxes that come out of an archive get
	// RestoreTimeout, 45 minutes when zero.
	StartTimeout, RestoreTimeout time.Duration
}

// Client talks to one server. It is safe for concurrent use.
type Client struct {
	cfg      Config
	http     *http.Client
	log      *slog.Logger
	embedded bool

	mu    sync.Mutex
	bases map[string]string // where each sandbox's toolbox answers, by id
	up    map[string]bool   // the sandboxes whose toolbox answered
}

var (
	_ sandbox.Client        = (*Client)(nil)
	_ sandbox.Snapshots     = (*Client)(nil)
	_ sandbox.LiveSnapshots = (*Embedded)(nil)
	_ sandbox.Backups       = (*Embedded)(nil)
)

// New returns a client of any server of the Daytona API.
func New(cfg Config) (*Client, error) {
	if cfg.APIKey == "" {
		return nil, errors.New("daytona: an API key is required")
	}
	cfg.ServerURL = strings.TrimRight(cmp.Or(cfg.ServerURL, DefaultURL), "/")
	cfg.ToolboxURL = strings.TrimRight(cfg.ToolboxURL, "/")
	for _, u := range []string{cfg.ServerURL, cfg.ToolboxURL} {
		if p, err := url.Parse(u); err != nil || (u != "" && (p.Host == "" || (p.Scheme != "http" && p.Scheme != "https"))) {
			return nil, fmt.Errorf("daytona: %q is no http or https address", u)
		}
	}
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = &http.Client{Transport: newTransport()}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Backoff = cmp.Or(cfg.Backoff, 250*time.Millisecond)
	cfg.StartTimeout = cmp.Or(cfg.StartTimeout, 3*time.Minute)
	cfg.RestoreTimeout = cmp.Or(cfg.RestoreTimeout, 45*time.Minute)
	// What a toolbox answers is hostile input: on a server where the user's code
	// can answer in its place, a redirect that is followed takes the key along,
	// to wherever that code says.
	web := *cfg.HTTPClient
	web.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{cfg: cfg, http: &web, log: cfg.Logger, bases: map[string]string{}, up: map[string]bool{}}, nil
}

// CloseIdle closes connections that no request uses.
func (c *Client) CloseIdle() { c.http.CloseIdleConnections() }

// Embedded is a client of sandbox/engine, which freezes running sandboxes and
// keeps file requests within a folder by itself.
type Embedded struct{ *Client }

// NewEmbedded returns a client of sandbox/engine.
func NewEmbedded(cfg Config) (*Embedded, error) {
	c, err := New(cfg)
	if err != nil {
		return nil, err
	}
	c.embedded = true
	return &Embedded{Client: c}, nil
}

// newTransport keeps more idle connections to one host than the default: all
// sandboxes answer at the same one.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           Dial,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          100,
		MaxIdleConnsPerHost:   32,
		IdleConnTimeout:       60 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// Dial connects to addr; names below localhost, which not every resolver
// knows, are this machine. It fits http.Transport.DialContext.
func Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if host, port, err := net.SplitHostPort(addr); err == nil && strings.HasSuffix(strings.ToLower(host), ".localhost") {
		addr = net.JoinHostPort("127.0.0.1", port)
	}
	d := net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return d.DialContext(ctx, network, addr)
}
