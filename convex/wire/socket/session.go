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

// Limits on what one connection may have waiting.
const (
	maxMutations = 1000
	maxActions   = 1000
)

// session is one connection. The fields without a comment belong to the
// reader's goroutine.
type session struct {
	handler *Handler
	version wire.Client
	conn    *websocket.Conn
	client  *live.Client
	id      string
	actions chan struct{} // one token per running action

	// mutations passes from the reader, which closes it, to the worker. The
	// reader ends the session when it is full.
	mutations chan call

	identity *function.Identity
	expires  chan *function.Identity // newest identity, for the writer; capacity 1

	ctx  context.Context // ends with the connection
	stop context.CancelFunc

	mu     sync.Mutex
	code   websocket.StatusCode // set once, by the first to end the session
	reason string
	ended  bool
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

// serve runs the connection until it ends.
func (s *session) serve(conn *websocket.Conn) {
	h := s.handler
	s.conn = conn
	s.client = h.config.Hub.Connect()
	s.mutations = make(chan call, maxMutations)
	s.actions = make(chan struct{}, maxActions)
	s.expires = make(chan *function.Identity, 1)
	s.mu.Lock()
	s.ctx, s.stop = context.WithCancel(h.work)
	ended := s.ended
	s.mu.Unlock()
	if ended {
		s.stop() // Drain came first
	}
	var talk, work sync.WaitGroup
	frames := make(chan frame) // pump sends, read receives; pump also gives up when the session ends
	talk.Go(s.write)
	talk.Go(s.beat)
	work.Go(func() { s.pump(frames) })
	work.Go(s.mutate)
	s.endWith(s.read(frames))
	close(s.mutations)
	s.stop()
	talk.Wait()
	s.client.Close()
	// Not after work: the client should hear at once, and a mutation may take
	// a while.
	s.close()
	work.Wait()
}

// endWith maps the reader's error to how the connection ends.
func (s *session) endWith(err error) {
	var f *fatal
	switch {
	case errors.As(err, &f):
		s.handler.config.Logger.Warn("client broke the sync protocol", "session", s.id, "error", f.text)
		_ = s.send(encodeFatalError(f.text)) // the connection ends either way
		s.end(websocket.StatusNoStatusRcvd, "")
	case errors.Is(err, errUnauthenticated):
		s.end(websocket.StatusNoStatusRcvd, "")
	case errors.Is(err, errOverloaded):
		s.end(websocket.StatusTryAgainLater, errOverloaded.Error())
	case websocket.CloseStatus(err) != -1, s.ctx.Err() != nil:
		s.end(websocket.StatusNormalClosure, "")
	default:
		s.handler.config.Logger.Debug("connection lost", "session", s.id, "error", err)
		s.end(websocket.StatusInternalError, "InternalServerError")
	}
}

// end decides how the connection ends; the first call counts.
func (s *session) end(code websocket.StatusCode, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.ended, s.code, s.reason = true, code, reason
	if s.stop != nil {
		s.stop()
	}
}

// close sends the close frame and waits a little for the peer's.
func (s *session) close() {
	s.mu.Lock()
	code, reason := s.code, s.reason
	s.mu.Unlock()
	_ = s.conn.Close(code, reason) // the peer may be gone already
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
func (s *session) pump(frames chan<- frame) {
	for {
		kind, data, err := s.conn.Read(context.WithoutCancel(s.ctx))
		select {
		case frames <- frame{kind, data, err}:
		case <-s.ctx.Done():
			err = s.ctx.Err()
		}
		if err != nil {
			return
		}
	}
}

// read handles the peer's messages in order until the session ends.
func (s *session) read(frames <-chan frame) error {
	for {
		var f frame
		select {
		case f = <-frames:
		case <-s.ctx.Done():
			return s.ctx.Err()
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
		if err := s.handle(m); err != nil {
			return err
		}
	}
}

func (s *session) handle(m *message) error {
	if s.id == "" && m.Type != "Connect" {
		return &fatal{"the first message must be Connect"}
	}
	switch m.Type {
	case "Connect":
		return s.connect(m)
	case "Authenticate":
		return s.authenticate(m)
	case "ModifyQuerySet":
		return s.modify(m)
	case "Mutation", "Action":
		return s.call(m)
	case "Event":
		return nil // telemetry
	default:
		return &fatal{fmt.Sprintf("unknown message type %q", m.Type)}
	}
}

func (s *session) connect(m *message) error {
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
	err = s.handler.config.Store.View(s.ctx, func(snap store.Snapshot) error {
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

func (s *session) authenticate(m *message) error {
	var id *function.Identity
	switch m.TokenType {
	case "None":
	case "User":
		var err error
		if id, err = s.handler.config.Verify(s.ctx, m.Value); err != nil {
			s.handler.config.Logger.Info("token refused", "session", s.id, "error", err)
			return s.authError("Could not verify the token: "+err.Error(), true)
		}
	default:
		return s.authError("The token type is not supported", true)
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
func (s *session) authError(text string, attempted bool) error {
	_ = s.send(encodeAuthError(text, s.client.IdentityVersion(), attempted)) // the connection ends either way
	return errUnauthenticated
}

func (s *session) modify(m *message) error {
	add, remove, err := m.querySet()
	if err != nil {
		return &fatal{err.Error()}
	}
	err = s.client.ModifyQuerySet(m.BaseVersion, m.NewVersion, add, remove)
	if errors.Is(err, live.ErrBaseVersion) {
		return &fatal{err.Error()}
	}
	return err
}

func (s *session) call(m *message) error {
	path, err := parseTarget(m.UDFPath, m.ComponentPath)
	if err != nil {
		return &fatal{err.Error()}
	}
	if s.identity.Expired(s.handler.config.Now()) {
		return s.authError("The token has expired", false)
	}
	c := call{id: m.RequestID, function: function.Call{
		Path: path, Args: wire.ParseArgs(m.Args), Identity: s.identity, RequestID: requestName(s.id, m.RequestID),
	}}
	if m.Type == "Mutation" {
		select {
		case s.mutations <- c:
			return nil
		default:
			return errOverloaded
		}
	}
	select {
	case s.actions <- struct{}{}:
	default:
		return errOverloaded
	}
	s.handler.running.Add(1)
	go s.act(c)
	return nil
}

// requestName is the request id in error texts.
func requestName(session string, id uint32) string {
	sum := sha256.Sum256([]byte(session + "|" + strconv.FormatUint(uint64(id), 10)))
	return hex.EncodeToString(sum[:8])
}

// mutate runs the mutations one after the other. One that has begun is
// finished although the socket is gone; those that wait come again with the
// client's next connection.
func (s *session) mutate() {
	for c := range s.mutations {
		if s.ctx.Err() != nil {
			return
		}
		key := requestKey(s.id, c.id)
		res := s.handler.config.Runner.Mutation(s.handler.work, c.function, function.MutationOptions{
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

// act runs one action. It goes on when the socket is gone: nobody waits for
// the answer, but what it began should end well.
func (s *session) act(c call) {
	defer s.handler.running.Done()
	res := s.handler.config.Runner.Action(s.handler.work, c.function)
	<-s.actions
	s.client.Reply(encodeResponse(actionResponse, c.id, res), 0)
}

// write sends what the client is due, and a Ping when there was nothing for
// long.
func (s *session) write() {
	ping := time.NewTimer(s.handler.config.PingInterval)
	defer ping.Stop()
	var identity *function.Identity
	for {
		select {
		case <-s.ctx.Done():
			return
		case identity = <-s.expires:
			continue
		case <-ping.C:
			if err := s.send(pingFrame); err != nil {
				s.end(websocket.StatusInternalError, "InternalServerError")
				return
			}
		case <-s.client.Ready():
			if err := s.flush(identity); err != nil {
				s.end(websocket.StatusInternalError, "InternalServerError")
				return
			}
		}
		ping.Reset(s.handler.config.PingInterval)
	}
}

// flush sends replies and then the Transition, in this order.
func (s *session) flush(identity *function.Identity) error {
	replies, t := s.client.Take()
	for _, r := range replies {
		if err := s.send(r); err != nil {
			return err
		}
	}
	if t == nil {
		return nil
	}
	if len(t.Updates) > 0 && t.Start.Identity == t.End.Identity && identity.Expired(s.handler.config.Now()) {
		_ = s.authError("The token has expired", false)
		s.end(websocket.StatusNoStatusRcvd, "")
		return nil
	}
	data := encodeTransition(t)
	if len(data) <= s.handler.config.ChunkSize || !s.version.AtLeast(1, 28, 0) {
		return s.send(data)
	}
	id := wire.FormatTimestamp(t.End.Timestamp) + "/" + strconv.FormatUint(uint64(t.End.QuerySet), 10)
	for _, part := range chunk(data, s.handler.config.ChunkSize, id) {
		if err := s.send(part); err != nil {
			return err
		}
	}
	return nil
}

// sendTimeout is how long a peer may take to read one frame.
const sendTimeout = time.Minute

func (s *session) send(data []byte) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), sendTimeout)
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageText, data)
}

// beat notices peers that are gone without a word.
func (s *session) beat() {
	every := s.handler.config.DeadAfter / 4
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(s.ctx, s.handler.config.DeadAfter)
		err := s.conn.Ping(ctx)
		cancel()
		if err != nil {
			s.end(websocket.StatusInternalError, "InternalServerError")
			return
		}
	}
}
