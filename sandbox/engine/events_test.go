//go:build linux

package engine_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestEventsTellOfStates(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dial := func(key string) (*websocket.Conn, string) {
		ws, resp, err := websocket.Dial(ctx, c.base+"/api/socket.io/?EIO=4&transport=websocket", nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body != nil {
			_ = resp.Body.Close()
		}
		ws.SetReadLimit(1 << 20)
		t.Cleanup(func() { _ = ws.CloseNow() })
		if _, hello, err := ws.Read(ctx); err != nil || !strings.HasPrefix(string(hello), `0{`) || !strings.Contains(string(hello), `"pingInterval":25000`) {
			t.Fatalf("handshake %s, %v", hello, err)
		}
		if err := ws.Write(ctx, websocket.MessageText, []byte(`40{"token":"`+key+`"}`)); err != nil {
			t.Fatal(err)
		}
		_, answer, err := ws.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return ws, string(answer)
	}
	if _, answer := dial("wrong"); answer != `44{"message":"Unauthorized"}` {
		t.Errorf("a wrong key gets %s", answer)
	}
	ws, answer := dial(apiKey)
	if !strings.HasPrefix(answer, `40{"sid":`) {
		t.Fatalf("the key gets %s", answer)
	}
	box := c.create(nil)
	c.call("POST", "/api/sandbox/"+box.ID+"/stop", nil, nil)
	c.call("DELETE", "/api/sandbox/"+box.ID, nil, nil)
	var got []string
	for len(got) == 0 || got[len(got)-1] != "destroyed" {
		_, packet, err := ws.Read(ctx)
		if err != nil {
			t.Fatalf("after %v: %v", got, err)
		}
		if string(packet) == "2" {
			continue
		}
		var message [2]json.RawMessage
		if err := json.Unmarshal(packet[2:], &message); err != nil || string(packet[:2]) != "42" {
			t.Fatalf("%s: %v", packet, err)
		}
		var body struct {
			ID       string
			State    string
			NewState string
			Sandbox  info
		}
		if err := json.Unmarshal(message[1], &body); err != nil {
			t.Fatal(err)
		}
		switch {
		case string(message[0]) == `"sandbox.created"` && body.ID == box.ID:
			got = append(got, "created "+body.State)
		case body.Sandbox.ID == box.ID:
			got = append(got, body.NewState)
			if body.Sandbox.State != body.NewState {
				t.Errorf("the sandbox is %s, its new state %s", body.Sandbox.State, body.NewState)
			}
		}
	}
	if want := "created creating, started, stopping, stopped, destroying, destroyed"; strings.Join(got, ", ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
