package socket

import (
	"context"
	"strconv"
	"time"

	"github.com/coder/websocket"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/wire"
)

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
