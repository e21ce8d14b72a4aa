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
	// ReadLimit is the largest message of a client, 0 for 64 MiB.
	ReadLimit int64
	// ChunkSize is the largest Transition sent in one frame to clients that
	// understand chunks, 0 for 5,000,000 bytes.
	ChunkSize int
	Logger    *slog.Logger
	Now       func() time.Time
}

// Handler serves GET /api/{version}/sync and /api/sync.
type Handler struct {
	config Config

	mu       sync.Mutex
	sessions map[*session]context.CancelFunc // each with how to cancel its work
	draining bool
	running  sync.WaitGroup // sessions, with their mutations and actions
}

// New returns a handler.
func New(c Config) (*Handler, error) {
	if c.Hub == nil || c.Runner == nil || c.Store == nil {
		return nil, errors.New("socket door needs live queries, a runner and a store")
	}
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
	return &Handler{config: c, sessions: map[*session]context.CancelFunc{}}, nil
}

// ServeHTTP upgrades the connection and serves it until it ends.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	client, ok := clientVersion(w, r)
	if !ok {
		return
	}
	s := newSession(h, client)
	// Work outlives the connection that asked for it: a mutation is not undone
	// by a dropped socket. Drain cancels what takes too long.
	work, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	if !h.enter(s, cancel) {
		http.Error(w, `{"code":"ServerStopping","message":"The server is stopping"}`, http.StatusServiceUnavailable)
		return
	}
	defer h.leave(s)
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		// Any page may connect: a socket carries no cookies, and identity comes
		// in a message.
		InsecureSkipVerify: true,
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		return // Accept answered
	}
	conn.SetReadLimit(h.config.ReadLimit)
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
		http.Error(w, `{"code":"InvalidVersion","message":"The client version is not a version number"}`, http.StatusBadRequest)
		return c, false
	}
	if c.Name == "npm" && !c.AtLeast(0, 19, 2) {
		http.Error(w, `{"code":"ClientVersionUnsupported","message":"The client is too old; update the package convex"}`, http.StatusBadRequest)
		return c, false
	}
	return c, true
}

func (h *Handler) enter(s *session, cancel context.CancelFunc) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return false
	}
	h.sessions[s] = cancel
	h.running.Add(1)
	return true
}

func (h *Handler) leave(s *session) {
	h.mu.Lock()
	delete(h.sessions, s)
	h.mu.Unlock()
	h.running.Done()
}

// Drain closes all connections in the way after which clients reconnect, and
// waits for the mutations and actions that run. When ctx ends it cancels them
// and returns its error.
func (h *Handler) Drain(ctx context.Context) error {
	h.mu.Lock()
	h.draining = true
	for s := range h.sessions {
		s.end(websocket.StatusGoingAway, "server is stopping")
	}
	h.mu.Unlock()
	done := make(chan struct{})
	go func() {
		h.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		h.cancelWork()
		<-done
		return ctx.Err()
	}
}

func (h *Handler) cancelWork() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, cancel := range h.sessions {
		cancel()
	}
}
