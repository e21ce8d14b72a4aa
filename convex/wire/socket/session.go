package socket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/live"
	"surgent.dev/surgent/convex/store"
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
	conn    *websocket.Conn
	client  *live.Client // safe for all
	id      string

	// mutations and actions pass from the reader, which closes them, to those
	// who run them. The reader ends the session when one is full.
	mutations, actions chan call

	identity *function.Identity
	expires  chan *function.Identity // newest identity, for the writer; capacity 1

	ended  chan struct{} // closed by the first to end the session
	once   sync.Once
	code   websocket.StatusCode // set before ended is closed
	reason string
}

func newSession(h *Handler, version wire.Client) *session {
	return &session{
		handler: h, version: version,
		mutations: make(chan call, maxMutations), actions: make(chan call, maxActions),
		expires: make(chan *function.Identity, 1), ended: make(chan struct{}),
	}
}

// call is a mutation or action with the identity that it arrived under.
type call struct {
	id       uint32
	function function.Call
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
	ctx, stop := context.WithCancel(work)
	defer stop()
	var talk, rest sync.WaitGroup
	talk.Go(func() {
		<-s.ended
		stop()
	})
	talk.Go(func() { s.write(ctx) })
	talk.Go(func() { s.beat(ctx) })
	frames := make(chan frame) // pump sends, read receives; pump also gives up when ctx ends
	rest.Go(func() { s.pump(ctx, frames) })
	rest.Go(func() { s.mutate(ctx, work) })
	rest.Go(func() { s.act(work) })
	s.endWith(ctx, s.read(ctx, frames))
	close(s.mutations)
	close(s.actions)
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

// frame is one message of the peer, or the error that ended the reading.
type frame struct {
	kind websocket.MessageType
	data []byte
	err  error
}

// pump passes the peer's messages on until reading fails or the session ends.
// Reading is never cancelled: that would tear the connection down before a
// close frame could be sent. It ends when the connection is closed.
func (s *session) pump(ctx context.Context, frames chan<- frame) {
	for {
		kind, data, err := s.conn.Read(context.WithoutCancel(ctx))
		select {
		case frames <- frame{kind, data, err}:
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			return
		}
	}
}

// read handles the peer's messages in order until the session ends.
func (s *session) read(ctx context.Context, frames <-chan frame) error {
	for {
		var f frame
		select {
		case f = <-frames:
		case <-ctx.Done():
			return ctx.Err()
		}
		if f.err != nil {
			return f.err
		}
		if f.kind != websocket.MessageText {
			return &fatal{"message is not a text frame"}
		}
		m, err := parseMessage(f.data)
		if err != nil {
			return &fatal{err.Error()}
		}
		if err := s.handle(ctx, m); err != nil {
			return err
		}
	}
}

func (s *session) handle(ctx context.Context, m *message) error {
	if s.id == "" && m.Type != "Connect" {
		return &fatal{"the first message must be Connect"}
	}
	switch m.Type {
	case "Connect":
		return s.connect(ctx, m)
	case "Authenticate":
		return s.authenticate(ctx, m)
	case "ModifyQuerySet":
		return s.modify(m)
	case "Mutation", "Action":
		return s.call(ctx, m)
	case "Event":
		return nil // telemetry
	default:
		return &fatal{fmt.Sprintf("unknown message type %q", m.Type)}
	}
}

func (s *session) connect(ctx context.Context, m *message) error {
	if s.id != "" || m.SessionID == "" || len(m.SessionID) > 64 {
		return &fatal{"Connect needs a session id and is sent once"}
	}
	s.id = m.SessionID
	if m.MaxObservedTimestamp == nil {
		return nil
	}
	seen, err := wire.ParseTimestamp(*m.MaxObservedTimestamp)
	if err != nil {
		return &fatal{err.Error()}
	}
	var newest store.Timestamp
	err = s.handler.config.Store.View(ctx, func(snap store.Snapshot) error {
		newest = snap.Timestamp()
		return nil
	})
	if err != nil {
		return fmt.Errorf("read newest timestamp: %w", err)
	}
	if seen > newest {
		// The client has seen commits that this database has lost.
		return fmt.Errorf("client observed %d, newest is %d", seen, newest)
	}
	return nil
}

func (s *session) authenticate(ctx context.Context, m *message) error {
	var id *function.Identity
	switch m.TokenType {
	case "None":
	case "User":
		var err error
		if id, err = s.handler.config.Verify(ctx, m.Value); err != nil {
			s.handler.config.Logger.Info("token refused", "session", s.id, "error", err)
			return s.authError(ctx, "Could not verify the token: "+err.Error(), true)
		}
	default:
		return s.authError(ctx, "The token type is not supported", true)
	}
	if err := s.client.Authenticate(m.BaseVersion, id); err != nil {
		return fmt.Errorf("authenticate: %w", err)
	}
	s.identity = id
	select { // the writer sees the newest identity only
	case <-s.expires:
	default:
	}
	s.expires <- id
	return nil
}

// authError tells the client to fetch another token and ends the session.
func (s *session) authError(ctx context.Context, text string, attempted bool) error {
	_ = s.send(ctx, encodeAuthError(text, s.client.IdentityVersion(), attempted)) // the connection ends either way
	return errUnauthenticated
}

func (s *session) modify(m *message) error {
	add, remove, err := m.querySet()
	if err != nil {
		return &fatal{err.Error()}
	}
	err = s.client.ModifyQuerySet(m.BaseVersion, m.NewVersion, add, remove)
	if errors.Is(err, live.ErrBaseVersion) || errors.Is(err, live.ErrTooMany) {
		return &fatal{err.Error()}
	}
	return err
}

func (s *session) call(ctx context.Context, m *message) error {
	path, err := parseTarget(m.UDFPath, m.ComponentPath)
	if err != nil {
		return &fatal{err.Error()}
	}
	if s.identity.Expired(s.handler.config.Now()) {
		return s.authError(ctx, "The token has expired", false)
	}
	c := call{id: m.RequestID, function: function.Call{
		Path: path, Args: wire.ParseArgs(m.Args), Identity: s.identity, RequestID: requestName(s.id, m.RequestID),
	}}
	queue := s.actions
	if m.Type == "Mutation" {
		queue = s.mutations
	}
	select {
	case queue <- c:
		return nil
	default:
		return errOverloaded
	}
}

// requestName is the request id in error texts.
func requestName(session string, id uint32) string {
	sum := sha256.Sum256([]byte(session + "|" + strconv.FormatUint(uint64(id), 10)))
	return hex.EncodeToString(sum[:8])
}

// mutate runs the mutations one after the other. One that has begun is
// finished although the socket is gone; those that wait come again with the
// client's next connection.
func (s *session) mutate(ctx, work context.Context) {
	for c := range s.mutations {
		if ctx.Err() != nil {
			return
		}
		key := requestKey(s.id, c.id)
		res := s.handler.config.Runner.Mutation(work, c.function, function.MutationOptions{
			Request:  &key,
			AtCommit: s.client.Hold,
		})
		reply := encodeResponse(mutationResponse, c.id, res)
		if res.Failure != nil {
			s.client.ReplyFailed(reply)
		} else {
			s.client.Reply(reply, res.Timestamp)
		}
	}
}

// act runs the actions, many at once. They go on when the socket is gone:
// nobody waits for the answer, but what they began should end well.
func (s *session) act(work context.Context) {
	var running sync.WaitGroup
	room := make(chan struct{}, maxActions) // one token per running action
	for c := range s.actions {
		room <- struct{}{}
		running.Go(func() {
			res := s.handler.config.Runner.Action(work, c.function)
			<-room
			s.client.Reply(encodeResponse(actionResponse, c.id, res), 0)
		})
	}
	running.Wait()
}

// write sends what the client is due, and a Ping when there was nothing for
// long.
func (s *session) write(ctx context.Context) {
	ping := time.NewTimer(s.handler.config.PingInterval)
	defer ping.Stop()
	var identity *function.Identity
	for {
		select {
		case <-ctx.Done():
			return
		case identity = <-s.expires:
			continue
		case <-ping.C:
			if err := s.send(ctx, pingFrame); err != nil {
				s.end(websocket.StatusInternalError, "InternalServerError")
				return
			}
		case <-s.client.Ready():
			select { // a newer identity counts before what it may see
			case identity = <-s.expires:
			default:
			}
			if err := s.flush(ctx, identity); err != nil {
				s.end(websocket.StatusInternalError, "InternalServerError")
				return
			}
		}
		ping.Reset(s.handler.config.PingInterval)
	}
}

// flush sends replies and then the Transition, in this order.
func (s *session) flush(ctx context.Context, identity *function.Identity) error {
	replies, t := s.client.Take()
	for _, r := range replies {
		if err := s.send(ctx, r); err != nil {
			return err
		}
	}
	if t == nil {
		return nil
	}
	if len(t.Updates) > 0 && t.Start.Identity == t.End.Identity && identity.Expired(s.handler.config.Now()) {
		_ = s.authError(ctx, "The token has expired", false) // the connection ends either way
		s.end(websocket.StatusNoStatusRcvd, "")
		return nil
	}
	data := encodeTransition(t)
	if len(data) <= s.handler.config.ChunkSize || !s.version.AtLeast(1, 28, 0) {
		return s.send(ctx, data)
	}
	id := wire.FormatTimestamp(t.End.Timestamp) + "/" + strconv.FormatUint(uint64(t.End.QuerySet), 10)
	for _, part := range chunk(data, s.handler.config.ChunkSize, id) {
		if err := s.send(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// sendTimeout is how long a peer may take to read one frame.
const sendTimeout = time.Minute

// send writes one frame whole, also when the session ends meanwhile.
func (s *session) send(ctx context.Context, data []byte) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageText, data)
}

// beat notices peers that are gone without a word.
func (s *session) beat(ctx context.Context) {
	every := s.handler.config.DeadAfter / 4
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		ping, cancel := context.WithTimeout(ctx, s.handler.config.DeadAfter)
		err := s.conn.Ping(ping)
		cancel()
		if err != nil {
			s.end(websocket.StatusInternalError, "InternalServerError")
			return
		}
	}
}
