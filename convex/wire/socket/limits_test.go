package socket_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/wire"
	"surgent.dev/surgent/convex/wire/socket"
)

// anyone takes every token but "bad" as its owner's name.
func anyone(_ context.Context, token string) (*function.Identity, error) {
	if token == "bad" {
		return nil, errors.New("no such token")
	}
	return &function.Identity{Subject: token + "|s"}, nil
}

func limited(l wire.Limits) func(*socket.Config) {
	return func(c *socket.Config) { c.Verify, c.Limits = anyone, l }
}

func authenticate(base int) string {
	return fmt.Sprintf(`{"type":"Authenticate","tokenType":"User","value":"ann","baseVersion":%d}`, base)
}

func mutation(id, size int) string {
	return fmt.Sprintf(`{"type":"Mutation","requestId":%d,"udfPath":"things:keep","args":[{"x":"%s"}]}`, id, strings.Repeat("x", size))
}

// An address may hold so many connections on which nobody has signed in; those
// who have don't count.
func TestAnonymousConnectionsAreCounted(t *testing.T) {
	t.Parallel()
	d := openDoor(t, limited(wire.Limits{AnonymousSockets: 2}))
	first, second := d.dial(), d.dial()
	_, res, err := d.knock()
	if err == nil || res == nil || res.StatusCode != http.StatusTooManyRequests {
		t.Fatalf("the third: %v, %v", res, err)
	}
	d.send(first, authenticate(0))
	d.read(first, "Transition")
	third := d.dial() // in the place of the first
	if _, _, err := d.knock(); err == nil {
		t.Fatal("the one who signed in gave up two places")
	}
	// Whoever signs out takes a place again, and keeps the connection.
	d.send(first, `{"type":"Authenticate","tokenType":"None","baseVersion":1}`)
	d.read(first, "Transition")
	for _, c := range []*websocket.Conn{second, third} {
		_ = c.Close(websocket.StatusNormalClosure, "")
	}
	// The server hears of a close a little later.
	for {
		c, _, err := d.knock()
		if err == nil {
			d.send(c, `{"type":"Connect","sessionId":"s","connectionCount":0,"lastCloseReason":null,"clientTs":0}`)
			break
		}
	}
}

// Messages are small until somebody has signed in, then large at once.
func TestAnonymousMessagesAreSmall(t *testing.T) {
	t.Parallel()
	d := openDoor(t, limited(wire.Limits{AnonymousMessage: 1000}))
	c := d.dial()
	d.send(c, mutation(0, 1000))
	if m := d.read(c, "FatalError"); !strings.Contains(m["error"].(string), "larger than 1000 bytes") {
		t.Errorf("the error is %v", m["error"])
	}
	c = d.dial()
	d.send(c, authenticate(0))
	d.send(c, mutation(0, 500_000)) // not waiting for the confirmation
	if m := d.read(c, "MutationResponse"); m["success"] != true {
		t.Errorf("the large one was answered with %v", m)
	}
	d.send(c, `{"type":"Authenticate","tokenType":"None","baseVersion":1}`)
	d.send(c, mutation(1, 1000))
	d.read(c, "FatalError")
}

// What nobody has signed in for may not pile up either, in many messages.
func TestAnonymousArgumentsAreSmall(t *testing.T) {
	t.Parallel()
	d := openDoor(t, limited(wire.Limits{AnonymousMessage: 1000}))
	watch := func(base, id int) string {
		return fmt.Sprintf(`{"type":"ModifyQuerySet","baseVersion":%d,"newVersion":%d,"modifications":[{"type":"Add","queryId":%d,"udfPath":"things:text","args":[{"x":"%s"}]}]}`,
			base, base+1, id, strings.Repeat("x", 800))
	}
	c := d.dial()
	for i := range 5 {
		d.send(c, watch(i, i))
	}
	if m := d.read(c, "FatalError"); !strings.Contains(m["error"].(string), "arguments of all queries") {
		t.Errorf("the error is %v", m["error"])
	}
	// As many, one after the other, are fine.
	c = d.dial()
	for i := range 5 {
		d.send(c, watch(2*i, i))
		d.send(c, fmt.Sprintf(`{"type":"ModifyQuerySet","baseVersion":%d,"newVersion":%d,"modifications":[{"type":"Remove","queryId":%d}]}`, 2*i+1, 2*i+2, i))
	}
	for m := d.read(c, "Transition"); m["endVersion"].(map[string]any)["querySet"] != 10.0; {
		m = d.read(c, "Transition")
	}

	c = d.dial()
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
	for i := range 7 { // one runs, and one may be on its way to run
		if err := c.Write(t.Context(), websocket.MessageText, []byte(mutation(i, 800))); err != nil {
			break // closed already
		}
	}
	got := d.closed(c)
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got.Code != websocket.StatusTryAgainLater {
		t.Errorf("closed with %d %q", got.Code, got.Reason)
	}
}

func TestConnectMustComeSoon(t *testing.T) {
	t.Parallel()
	d := openDoor(t, limited(wire.Limits{ConnectTimeout: 30 * time.Millisecond}))
	silent, _, err := d.knock()
	if err != nil {
		t.Fatal(err)
	}
	if got := d.closed(silent); got.Code != websocket.StatusPolicyViolation {
		t.Errorf("closed with %d %q", got.Code, got.Reason)
	}
}

// Case 28: an idle connection stays; one whose peer is gone does not.
func TestIdleConnectionsStay(t *testing.T) {
	t.Parallel()
	d := openDoor(t, func(c *socket.Config) { c.PingInterval, c.DeadAfter = 100*time.Millisecond, time.Second })
	idle := d.dial()
	gone := d.dial() // doesn't read, so it answers no control pings
	d.send(gone, `{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[]}`)
	for range 30 { // three times as long as a peer may be silent
		d.read(idle, "Ping")
	}
	d.send(idle, `{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[]}`)
	d.read(idle, "Transition")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		if _, _, err := gone.Read(ctx); err != nil {
			if ctx.Err() != nil {
				t.Error("the silent peer is still connected")
			}
			return
		}
	}
}
