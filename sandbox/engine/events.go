//go:build linux

package engine

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"
)

// Newer SDKs listen for changes of state over Socket.IO, and only poll once a
// second where nobody speaks it. What they need of it is little: Engine.IO 4
// over a WebSocket, one namespace, events from the server.

// The engine pings a listener this often, and gives it up after this silence.
const (
	pingInterval = 25 * time.Second
	pingTimeout  = 20 * time.Second
)

// event is one change of a sandbox.
type event struct {
	before string // state, "" for a new sandbox
	rec    *record
}

// events passes changes on to the listeners. A listener that is too slow for
// its queue is dropped; it finds the state by polling.
type events struct {
	mu        sync.Mutex
	listeners map[chan event]struct{} // closed by publish or by leave
}

// publish tells the listeners of a change. It never blocks.
func (ev *events) publish(before string, rec *record) {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	for l := range ev.listeners {
		select {
		case l <- event{before, rec}:
		default:
			delete(ev.listeners, l)
			close(l)
		}
	}
}

func (ev *events) join() chan event {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	l := make(chan event, 64)
	if ev.listeners == nil {
		ev.listeners = map[chan event]struct{}{}
	}
	ev.listeners[l] = struct{}{}
	return l
}

func (ev *events) leave(l chan event) {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	if _, ok := ev.listeners[l]; ok {
		delete(ev.listeners, l)
		close(l)
	}
}

// serveEvents is one listener's connection.
func (e *Engine) serveEvents(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("transport") != "websocket" || r.URL.Query().Get("EIO") != "4" {
		e.writeError(w, r, fail(http.StatusBadRequest, "only Engine.IO 4 over WebSocket is spoken here"))
		return
	}
	// The key comes in the first packet, not in a header or a cookie, so that
	// any origin may try.
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return // it was answered
	}
	defer func() { _ = ws.CloseNow() }()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if err := e.greet(ctx, ws); err != nil {
		e.log.Debug("events: not let in", "error", err)
		return
	}
	l := e.events.join()
	defer e.events.leave(l)
	heard := make(chan struct{}, 1) // one token for each packet from the client
	go func() {
		defer cancel()
		for {
			if _, _, err := ws.Read(ctx); err != nil {
				return
			}
			select {
			case heard <- struct{}{}:
			default:
			}
		}
	}()
	e.speak(ctx, ws, r, l, heard)
}

// greet opens the session: the handshake, then the key.
func (e *Engine) greet(ctx context.Context, ws *websocket.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	hello, err := json.Marshal(map[string]any{
		"sid": uuid.NewString(), "upgrades": []string{}, "maxPayload": 1_000_000,
		"pingInterval": pingInterval.Milliseconds(), "pingTimeout": pingTimeout.Milliseconds(),
	})
	if err != nil {
		return err
	}
	if err := ws.Write(ctx, websocket.MessageText, append([]byte("0"), hello...)); err != nil {
		return err
	}
	_, packet, err := ws.Read(ctx)
	if err != nil {
		return err
	}
	text, ok := strings.CutPrefix(string(packet), "40")
	var auth struct {
		Token string `json:"token"`
	}
	if !ok || json.Unmarshal([]byte(text), &auth) != nil || !same(auth.Token, e.cfg.APIKey) {
		err := ws.Write(ctx, websocket.MessageText, []byte(`44{"message":"Unauthorized"}`))
		return errors.Join(errors.New("wrong key"), err)
	}
	return ws.Write(ctx, websocket.MessageText, []byte(`40{"sid":"`+uuid.NewString()+`"}`))
}

// speak sends events and pings until either side ends.
func (e *Engine) speak(ctx context.Context, ws *websocket.Conn, r *http.Request, l <-chan event, heard <-chan struct{}) {
	ping := time.NewTicker(pingInterval)
	defer ping.Stop()
	silence := time.NewTimer(pingInterval + pingTimeout)
	defer silence.Stop()
	for {
		var packet []byte
		select {
		case <-ctx.Done():
			return
		case <-silence.C:
			return
		case <-heard:
			silence.Reset(pingInterval + pingTimeout)
			continue
		case <-ping.C:
			packet = []byte("2")
		case ev, ok := <-l:
			if !ok {
				return // too slow
			}
			var err error
			if packet, err = encodeEvent(r, ev); err != nil {
				e.log.Error("events: encode", "error", err)
				return
			}
		}
		wctx, cancel := context.WithTimeout(ctx, pingTimeout)
		err := ws.Write(wctx, websocket.MessageText, packet)
		cancel()
		if err != nil {
			return
		}
	}
}

// encodeEvent makes a Socket.IO event packet.
func encodeEvent(r *http.Request, ev event) ([]byte, error) {
	box := describe(r, ev.rec, true)
	message := []any{"sandbox.state.updated", map[string]any{"sandbox": box, "oldState": ev.before, "newState": ev.rec.State}}
	if ev.before == "" {
		message = []any{"sandbox.created", box}
	}
	text, err := json.Marshal(message)
	return append([]byte("42"), text...), err
}
