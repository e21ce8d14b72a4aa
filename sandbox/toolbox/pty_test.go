//go:build linux

package toolbox_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// read reads frames until want was in the output, and returns all of it.
func readUntil(t *testing.T, conn *websocket.Conn, want string) string {
	t.Helper()
	all := ""
	for !strings.Contains(all, want) {
		kind, p, err := conn.Read(t.Context())
		if err != nil {
			t.Fatalf("waited for %q in %q: %v", want, all, err)
		}
		if kind == websocket.MessageBinary {
			all += string(p)
		}
	}
	return all
}

func TestPTY(t *testing.T) {
	t.Parallel()
	b := open(t)
	const control = "X-Daytona-Pty-Exit-Control"
	envs := "X-Daytona-Pty-Envs~" + base64.RawURLEncoding.EncodeToString([]byte(`{"GIVEN":"a value"}`))
	conn := b.socket("/process/pty/create-connect?id=p&cols=100&rows=30", envs, control)
	if conn.Subprotocol() != control {
		t.Errorf("subprotocol %q", conn.Subprotocol())
	}
	_, first, err := conn.Read(t.Context())
	if err != nil || decode[map[string]string](t, string(first))["status"] != "connected" {
		t.Fatalf("first frame %q, %v", first, err)
	}
	say := func(text string) {
		t.Helper()
		if err := conn.Write(t.Context(), websocket.MessageBinary, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	say("stty size; echo [$GIVEN]; echo $TERM\n")
	out := readUntil(t, conn, "xterm-256color")
	if !strings.Contains(out, "30 100") || !strings.Contains(out, "[a value]") {
		t.Errorf("got %q", out)
	}
	b.do("POST", "/process/pty/p/resize", obj{"cols": 50, "rows": 20}, 200)
	b.do("POST", "/process/pty/p/resize", obj{"cols": 0, "rows": 20}, 400)
	say("stty size\n")
	readUntil(t, conn, "20 50")
	b.do("POST", "/process/pty", obj{"id": "p"}, 409)
	info := decode[struct {
		Cols, Rows int
		Active     bool
	}](t, b.do("GET", "/process/pty/p", nil, 200))
	if info.Cols != 50 || info.Rows != 20 || !info.Active {
		t.Errorf("info %+v", info)
	}

	// A second client, and one that goes: the terminal stays.
	other := b.socket("/process/pty/p/connect", control)
	if err := conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
	if err := other.Write(t.Context(), websocket.MessageText, []byte("echo sti''ll; exit 3\n")); err != nil {
		t.Fatal(err)
	}
	sawExit := false
	for {
		kind, p, err := other.Read(t.Context())
		if err != nil {
			var ce websocket.CloseError
			if !errors.As(err, &ce) || ce.Code != websocket.StatusInternalError || !strings.Contains(ce.Reason, `"exitCode":3`) {
				t.Errorf("got %v", err)
			}
			break
		}
		sawExit = sawExit || (kind == websocket.MessageText && strings.Contains(string(p), `"exited"`) && strings.Contains(string(p), `"exitCode":3`))
	}
	if !sawExit {
		t.Error("no exit message")
	}
	b.do("GET", "/process/pty/p", nil, 404)
}

func TestPTYKilled(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.do("POST", "/process/pty", obj{"id": "lazy", "lazyStart": true}, 201)
	b.do("DELETE", "/process/pty/lazy", nil, 200)
	b.do("POST", "/process/pty", obj{"id": "q"}, 201)
	conn := b.socket("/process/pty/q/connect", "X-Daytona-SDK-Version~0.218.0", "X-Daytona-Pty-Exit-Control")
	b.do("DELETE", "/process/pty/q", nil, 200)
	for {
		_, _, err := conn.Read(t.Context())
		if err == nil {
			continue
		}
		var ce websocket.CloseError
		if !errors.As(err, &ce) || !strings.Contains(ce.Reason, `"exitCode":137`) {
			t.Errorf("got %v", err)
		}
		break
	}
	if got := b.do("GET", "/process/pty", nil, 200); got != "{\"sessions\":[]}\n" {
		t.Errorf("got %q", got)
	}
}
