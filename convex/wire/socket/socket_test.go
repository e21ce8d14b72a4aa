package socket_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/live"
	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/store/sqlite"
	"surgent.dev/surgent/convex/stream"
	"surgent.dev/surgent/convex/wire/socket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// door is the socket door over a real store.
type door struct {
	t       testing.TB
	st      *sqlite.Store
	streams *stream.Hub
	handler *socket.Handler
	url     string
}

func openDoor(t testing.TB, set ...func(*socket.Config)) *door {
	t.Helper()
	sch, err := schema.New(schema.DefineAny("things"))
	if err != nil {
		t.Fatal(err)
	}
	d := &door{t: t, streams: stream.New()}
	if d.st, err = sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "s.db"), Schema: sch}); err != nil {
		t.Fatal(err)
	}
	r := function.NewRegistry()
	function.Mutation(r, "things:add", func(ctx *function.MutationCtx, _ struct{}) (string, error) {
		return ctx.DB.Insert(ctx, "things", map[string]any{"x": 1.0})
	})
	type keepArgs struct {
		X string `json:"x"`
	}
	function.Mutation(r, "things:keep", func(ctx *function.MutationCtx, a keepArgs) (string, error) {
		return ctx.DB.Insert(ctx, "things", map[string]any{"x": a.X})
	})
	function.Query(r, "things:text", func(ctx *function.QueryCtx, _ struct{}) (any, error) { return ctx.Stream("text"), nil })
	runner, err := function.New(function.Config{Registry: r, Store: d.st, Streams: d.streams})
	if err != nil {
		t.Fatal(err)
	}
	hub, err := live.New(live.Config{Store: d.st, Streams: d.streams, Runner: runner})
	if err != nil {
		t.Fatal(err)
	}
	c := socket.Config{Hub: hub, Runner: runner, Store: d.st}
	for _, s := range set {
		s(&c)
	}
	if d.handler, err = socket.New(c); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /api/{version}/sync", d.handler)
	srv := httptest.NewServer(mux)
	d.url = srv.URL
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- hub.Run(ctx) }()
	t.Cleanup(func() {
		d.drain()
		srv.Close()
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("run: %v", err)
		}
		if err := d.st.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return d
}

func (d *door) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := d.handler.Drain(ctx); err != nil {
		d.t.Errorf("drain: %v", err)
	}
}

// knock opens a connection and says nothing.
func (d *door) knock() (*websocket.Conn, *http.Response, error) {
	d.t.Helper()
	c, res, err := websocket.Dial(d.t.Context(), d.url+"/api/1.48.0/sync", nil)
	if res != nil && res.Body != nil {
		_ = res.Body.Close()
	}
	if err == nil {
		c.SetReadLimit(64 << 20)
		d.t.Cleanup(func() { _ = c.CloseNow() })
	}
	return c, res, err
}

func (d *door) dial() *websocket.Conn {
	d.t.Helper()
	c, _, err := d.knock()
	if err != nil {
		d.t.Fatal(err)
	}
	d.send(c, `{"type":"Connect","sessionId":"s","connectionCount":0,"lastCloseReason":"InitialConnect","clientTs":0}`)
	return c
}

func (d *door) send(c *websocket.Conn, text string) {
	d.t.Helper()
	if err := c.Write(d.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		d.t.Fatal(err)
	}
}

// read returns the next frame of a type.
func (d *door) read(c *websocket.Conn, kind string) map[string]any {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 20*time.Second)
	defer cancel()
	for {
		_, data, err := c.Read(ctx)
		if err != nil {
			d.t.Fatalf("waiting for %s: %v", kind, err)
		}
		var m map[string]any
		if err := json.Unmarshal(data, &m); err != nil {
			d.t.Fatal(err)
		}
		if m["type"] == kind {
			return m
		}
	}
}

// closed returns how the connection ended.
func (d *door) closed(c *websocket.Conn) websocket.CloseError {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 20*time.Second)
	defer cancel()
	for {
		_, _, err := c.Read(ctx)
		var ce websocket.CloseError
		if err != nil {
			if code := websocket.CloseStatus(err); code != -1 {
				ce.Code = code
				ce.Reason = err.Error()
				return ce
			}
			d.t.Fatalf("the connection ended without a close frame: %v", err)
		}
	}
}

// Case 34: overload closes with 1013 and a reason, never with a FatalError.
func TestOverload(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	c := d.dial()
	held, release := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		_, err := d.st.Update(context.Background(), func(store.Transaction) error {
			close(held)
			<-release
			return nil
		})
		done <- err
	}()
	<-held
	for i := range 1100 {
		text := fmt.Sprintf(`{"type":"Mutation","requestId":%d,"udfPath":"things:add","args":[{}]}`, i)
		if err := c.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
			break // closed already
		}
	}
	got := d.closed(c)
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got.Code != websocket.StatusTryAgainLater || !strings.Contains(got.Reason, "TooManyConcurrentRequests") {
		t.Errorf("closed with %d %q", got.Code, got.Reason)
	}
}

func TestDrainSendsClientsAway(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	c := d.dial()
	d.send(c, `{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[]}`)
	d.read(c, "Transition")
	ended := make(chan websocket.CloseError, 1)
	go func() { ended <- d.closed(c) }()
	d.drain()
	if got := <-ended; got.Code != websocket.StatusGoingAway {
		t.Errorf("closed with %d", got.Code)
	}
	_, res, err := d.knock()
	if err == nil || res == nil || res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after the drain: %v, %v", res, err)
	}
}

// Case 35: a client that does not read costs one result, not its history.
func TestSlowReaderIsBounded(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	c := d.dial()
	d.send(c, `{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{"type":"Add","queryId":0,"udfPath":"things:text","args":[{}]}]}`)
	d.read(c, "Transition")
	fast := d.dial()
	d.send(fast, `{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{"type":"Add","queryId":0,"udfPath":"things:text","args":[{}]}]}`)
	d.read(fast, "Transition")
	const size, rounds = 1 << 17, 60
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range rounds {
		d.streams.Set("text", fmt.Sprintf("%03d", i)+strings.Repeat("x", size))
		d.read(fast, "Transition")
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 30*size {
		t.Errorf("the heap grew by %d KiB for %d KiB that nobody read", grown>>10, rounds*size>>10)
	}
	for {
		m := d.read(c, "Transition")
		mods, _ := m["modifications"].([]any)
		mod, _ := mods[0].(map[string]any)
		if text, _ := mod["value"].(string); strings.HasPrefix(text, fmt.Sprintf("%03d", rounds-1)) {
			return // the newest state won
		}
	}
}

func TestConnectComesFirst(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	c, _, err := d.knock()
	if err != nil {
		t.Fatal(err)
	}
	d.send(c, `{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[]}`)
	d.read(c, "FatalError")
}
