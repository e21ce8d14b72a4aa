package socket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/coder/websocket"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/live"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/wire"
)

// frame is one message of the peer, or the error that ended the reading.
type frame struct {
	kind websocket.MessageType
	data []byte
	err  error
}

// pump reads the frames that the reader wants, each of at most so many bytes.
// Reading is never cancelled: that would tear the connection down before a
// close frame could be sent. It ends when the connection is closed.
func (s *session) pump(ctx context.Context, wanted <-chan int64, frames chan<- frame) {
	for limit := range wanted {
		f := s.frame(context.WithoutCancel(ctx), limit)
		frames <- f
		if f.err != nil {
			return
		}
	}
}

func (s *session) frame(ctx context.Context, limit int64) frame {
	kind, r, err := s.conn.Reader(ctx)
	if err != nil {
		return frame{err: err}
	}
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		// Not a close code: clients would come back with the same message.
		err = &fatal{fmt.Sprintf("the message is larger than %d bytes, which is the most for this connection", limit)}
	}
	return frame{kind, data, err}
}

// read handles the peer's messages in order until the session ends. The next
// one is read when the last was handled, which may have raised the limit.
func (s *session) read(ctx context.Context, wanted chan<- int64, frames <-chan frame) error {
	for {
		wanted <- s.largest()
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

// largest is the size of the largest message that the client may send now.
func (s *session) largest() int64 {
	return s.handler.config.Limits.Message(s.identity != nil, s.handler.config.ReadLimit)
}

// room is how many bytes of arguments the client may have waiting, and again
// in what it watches.
func (s *session) room() int64 { return 4 * s.largest() }

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
	s.hurry.Stop()
	if m.MaxObservedTimestamp == nil {
		return nil
	}
	return s.checkObserved(ctx, *m.MaxObservedTimestamp)
}

// checkObserved refuses a client that has seen commits which this database has
// lost.
func (s *session) checkObserved(ctx context.Context, text string) error {
	seen, err := wire.ParseTimestamp(text)
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
	s.count(id == nil)
	select { // the writer sees the newest identity only
	case <-s.expires:
	default:
	}
	s.expires <- id
	return nil
}

// count keeps the session among those on which nobody has signed in, or not.
func (s *session) count(anonymous bool) {
	switch {
	case anonymous && !s.counted:
		s.handler.anonymous.stay(s.address)
	case !anonymous && s.counted:
		s.handler.anonymous.leave(s.address)
	}
	s.counted = anonymous
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
	if err != nil {
		return err
	}
	return s.weigh(m.Modifications)
}

// weigh keeps the sum of the arguments of what the client watches.
func (s *session) weigh(modifications []modification) error {
	for _, mod := range modifications {
		s.watchedBytes -= s.watched[mod.QueryID]
		delete(s.watched, mod.QueryID)
		if mod.Type == "Add" {
			s.watched[mod.QueryID] = int64(len(mod.Args))
			s.watchedBytes += int64(len(mod.Args))
		}
	}
	if s.watchedBytes > s.room() {
		return &fatal{fmt.Sprintf("the arguments of all queries are larger than %d bytes, which is the most for this connection", s.room())}
	}
	return nil
}

func (s *session) call(ctx context.Context, m *message) error {
	path, err := parseTarget(m.UDFPath, m.ComponentPath)
	if err != nil {
		return &fatal{err.Error()}
	}
	if s.identity.Expired(s.handler.config.Now()) {
		return s.authError(ctx, "The token has expired", false)
	}
	c := call{id: m.RequestID, bytes: int64(len(m.Args)), function: function.Call{
		Path: path, Args: wire.ParseArgs(m.Args), Identity: s.identity, Address: s.address, RequestID: requestName(s.id, m.RequestID),
	}}
	queue := s.actions
	if m.Type == "Mutation" {
		queue = s.mutations
	}
	if !queue.push(c, s.room()) {
		return errOverloaded
	}
	return nil
}

// requestName is the request id in error texts.
func requestName(session string, id uint32) string {
	sum := sha256.Sum256([]byte(session + "|" + strconv.FormatUint(uint64(id), 10)))
	return hex.EncodeToString(sum[:8])
}
