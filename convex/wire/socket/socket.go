// Package socket is the door for clients that stay: the Convex sync protocol
// over a WebSocket. Each connection has one reader, one writer and one worker
// for its mutations, which run in order; actions run beside them. The
// connection's view of its queries is a live.Client; this package translates.
package socket

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/live"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/wire"
)

// Config is what a Handler needs.
type Config struct {
	Hub    *live.Hub
	Runner *function.Runner
	Store  store.Store
	// Verify returns the identity that a token proves. nil refuses all tokens.
	Verify func(ctx context.Context, token string) (*function.Identity, error)
	// PingInterval is how long the server stays silent at most, 0 for 15 s.
	PingInterval time.Duration
	// DeadAfter is how long a peer may fail to answer control pings, 0 for 120 s.
	DeadAfter time.Duration
	// ReadLimit is the largest message of a client who has signed in, 0 for
	// 64 MiB.
	ReadLimit int64
	// Limits bound what callers can take who have not.
	Limits wire.Limits
	// ChunkSize is the largest Transition sent in one frame to clients that
	// understand chunks, 0 for 5,000,000 bytes.
	ChunkSize int
	Logger    *slog.Logger
	Now       func() time.Time
}

// Handler serves GET /api/{version}/sync and /api/sync.
type Handler struct {
	config    Config
	anonymous crowd     // connections on which nobody has signed in
	work      wire.Work // sessions, with their mutations and actions

	mu       sync.Mutex
	sessions map[*session]struct{}
}

// New returns a handler.
func New(c Config) (*Handler, error) {
	if c.Hub == nil || c.Runner == nil || c.Store == nil {
		return nil, errors.New("socket door needs live queries, a runner and a store")
	}
	c.Limits = c.Limits.WithDefaults(c.Verify != nil)
	if c.Verify == nil {
		c.Verify = func(context.Context, string) (*function.Identity, error) {
			return nil, errors.New("no auth provider is configured")
		}
	}
	if c.PingInterval <= 0 {
		c.PingInterval = 15 * time.Second
	}
	if c.DeadAfter <= 0 {
		c.DeadAfter = 120 * time.Second
	}
	if c.ReadLimit <= 0 {
		c.ReadLimit = 64 << 20
	}
	if c.ChunkSize <= 0 {
		c.ChunkSize = 5_000_000
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Handler{
		config: c, sessions: map[*session]struct{}{},
		anonymous: crowd{most: c.Limits.AnonymousSockets, of: map[string]int{}},
	}, nil
}

// ServeHTTP upgrades the connection and serves it until it ends.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	client, ok := clientVersion(w, r)
	if !ok {
		return
	}
	address := h.config.Limits.Address(r)
	if !h.anonymous.enter(address) {
		w.Header().Set("Retry-After", "10")
		wire.Refuse(w, r, http.StatusTooManyRequests, "TooManyConnections", "Too many connections from this address on which nobody has signed in")
		return
	}
	s := newSession(h, client, address)
	defer s.count(false)
	h.enter(s) // before its work begins: Drain ends the sessions that it waits for
	defer h.leave(s)
	work, end, ok := h.work.Begin(r.Context())
	if !ok {
		wire.Refuse(w, r, http.StatusServiceUnavailable, "ServerStopping", "The server is stopping")
		return
	}
	defer end()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		// Any page may connect: a socket carries no cookies, and identity comes
		// in a message. A program with a narrower rule puts it before this.
		InsecureSkipVerify: true,
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		return // Accept answered
	}
	conn.SetReadLimit(-1) // the session counts, as its limit changes
	s.serve(work, conn)
}

// clientVersion refuses clients that speak another protocol.
func clientVersion(w http.ResponseWriter, r *http.Request) (wire.Client, bool) {
	var c wire.Client
	var err error
	if header := r.Header.Get("Convex-Client"); header != "" {
		c, err = wire.ParseClient(header)
	} else if v := r.PathValue("version"); v != "" {
		c, err = wire.ParseVersion("npm", v)
	}
	if err != nil {
		wire.Refuse(w, r, http.StatusBadRequest, "InvalidVersion", "The client version is not a version number")
		return c, false
	}
	if c.Name == "npm" && !c.AtLeast(0, 19, 2) {
		wire.Refuse(w, r, http.StatusBadRequest, "ClientVersionUnsupported", "The client is too old; update the package convex")
		return c, false
	}
	return c, true
}

func (h *Handler) enter(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions[s] = struct{}{}
}

func (h *Handler) leave(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sessions, s)
}

// Drain closes all connections in the way after which clients reconnect, and
// waits for the mutations and actions that run. When ctx ends it cancels them
// and returns its error.
func (h *Handler) Drain(ctx context.Context) error {
	h.work.Stop()
	h.mu.Lock()
	for s := range h.sessions {
		s.end(websocket.StatusGoingAway, "server is stopping")
	}
	h.mu.Unlock()
	return h.work.Drain(ctx)
}
