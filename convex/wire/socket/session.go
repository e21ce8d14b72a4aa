package socket

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/coder/websocket"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/live"
	"surgent.dev/surgent/convex/wire"
)

// Limits on what one connection may have waiting; as many actions again may
// run.
const (
	maxMutations = 1000
	maxActions   = 500
)

// session is one connection. What has no other comment belongs to the
// goroutine that reads.
type session struct {
	handler *Handler
	version wire.Client
	address string
	conn    *websocket.Conn
	client  *live.Client // safe for all
	id      string

	// mutations and actions pass from the reader, which closes them, to those
	// who run them. The reader ends the session when one is full.
	mutations, actions *queue

	hurry    *time.Timer // ends the session unless Connect comes
	counted  bool        // among those on which nobody has signed in
	identity *function.Identity
	// watched are the sizes of the arguments of the queries that the client
	// watches, watchedBytes their sum.
	watched      map[uint32]int64
	watchedBytes int64

	expires chan *function.Identity // newest identity, for the writer; capacity 1

	ended  chan struct{} // closed by the first to end the session
	once   sync.Once
	code   websocket.StatusCode // set before ended is closed
	reason string
}

func newSession(h *Handler, version wire.Client, address string) *session {
	return &session{
		handler: h, version: version, address: address, counted: true, watched: map[uint32]int64{},
		mutations: newQueue(maxMutations), actions: newQueue(maxActions),
		expires: make(chan *function.Identity, 1), ended: make(chan struct{}),
	}
}

// fatal is a violation of the protocol: the client gets a FatalError.
type fatal struct{ text string }

func (f *fatal) Error() string { return f.text }

// errUnauthenticated ends the session after an AuthError.
var errUnauthenticated = errors.New("unauthenticated")

// errOverloaded ends the session with a code that makes the client wait.
var errOverloaded = errors.New("TooManyConcurrentRequests")

// serve runs the connection until it ends, and waits for the work that it
// began, which runs under its own context.
func (s *session) serve(work context.Context, conn *websocket.Conn) {
	s.conn = conn
	s.client = s.handler.config.Hub.Connect()
	s.hurry = time.AfterFunc(s.handler.config.Limits.ConnectTimeout, func() {
		s.end(websocket.StatusPolicyViolation, "no Connect message came")
	})
	defer s.hurry.Stop()
	ctx, stop := context.WithCancel(work)
	defer stop()
	var talk, rest sync.WaitGroup
	talk.Go(func() {
		<-s.ended
		stop()
	})
	talk.Go(func() { s.write(ctx) })
	talk.Go(func() { s.beat(ctx) })
	// The reader asks for one frame at a time and says how large it may be; it
	// closes wanted. Both have room for the one, so the pump never waits to send.
	wanted, frames := make(chan int64, 1), make(chan frame, 1)
	rest.Go(func() { s.pump(ctx, wanted, frames) })
	rest.Go(func() { s.mutate(ctx, work) })
	rest.Go(func() { s.act(work) })
	s.endWith(ctx, s.read(ctx, wanted, frames))
	close(wanted)
	s.mutations.close()
	s.actions.close()
	talk.Wait()
	s.client.Close()
	// Not after the rest: the client should hear at once, and a mutation may
	// take a while.
	s.close()
	rest.Wait()
}

// endWith maps the reader's error to how the connection ends.
func (s *session) endWith(ctx context.Context, err error) {
	var f *fatal
	switch {
	case errors.As(err, &f):
		s.handler.config.Logger.Warn("client broke the sync protocol", "session", s.id, "error", f.text)
		_ = s.send(ctx, encodeFatalError(f.text)) // the connection ends either way
		s.end(websocket.StatusNoStatusRcvd, "")
	case errors.Is(err, errUnauthenticated):
		s.end(websocket.StatusNoStatusRcvd, "")
	case errors.Is(err, errOverloaded):
		s.end(websocket.StatusTryAgainLater, errOverloaded.Error())
	case websocket.CloseStatus(err) != -1, ctx.Err() != nil:
		s.end(websocket.StatusNormalClosure, "")
	default:
		s.handler.config.Logger.Debug("connection lost", "session", s.id, "error", err)
		s.end(websocket.StatusInternalError, "InternalServerError")
	}
}

// end decides how the connection ends; the first call counts.
func (s *session) end(code websocket.StatusCode, reason string) {
	s.once.Do(func() {
		s.code, s.reason = code, reason
		close(s.ended)
	})
}

// close sends the close frame and waits a little for the peer's.
func (s *session) close() {
	_ = s.conn.Close(s.code, s.reason) // the peer may be gone already
	_ = s.conn.CloseNow()
}
