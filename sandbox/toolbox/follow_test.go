//go:build linux

package toolbox_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"testing"
	"unicode/utf8"

	"github.com/coder/websocket"

	"surgent.dev/surgent/sandbox/toolbox/logstream"
)

// socket connects to a path of the server.
func (b *box) socket(path string, protocols ...string) *websocket.Conn {
	b.t.Helper()
	conn, resp, err := websocket.Dial(b.t.Context(), b.web.URL+path, &websocket.DialOptions{
		HTTPClient: b.web.Client(), Subprotocols: protocols,
		HTTPHeader: http.Header{"Authorization": {"Bearer " + b.token}, "X-Daytona-SDK-Version": {b.sdk}},
	})
	if err != nil {
		b.t.Fatalf("connect %s: %v", path, err)
	}
	if resp.Body != nil {
		_ = resp.Body.Close()
	}
	conn.SetReadLimit(1 << 20)
	b.t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

func TestFollowSocket(t *testing.T) {
	t.Parallel()
	b := open(t)
	id := b.async("s", `head -c 200000 /dev/zero | tr '\0' y; printf '\377' >&2; (exit 8)`)
	conn := b.socket("/process/session/s/command/" + id + "/logs?follow=true")
	if p := conn.Subprotocol(); p != "" {
		t.Errorf("subprotocol %q, and none was offered", p)
	}
	var log []byte
	for {
		kind, p, err := conn.Read(t.Context())
		if websocket.CloseStatus(err) == websocket.StatusNormalClosure {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if kind != websocket.MessageBinary || len(p) > 32<<10 || (p[0] != 1 && p[0] != 2) {
			t.Fatalf("frame of kind %v with %d bytes, first %d", kind, len(p), p[0])
		}
		log = append(log, p...)
	}
	if c := b.command("s", id); c.ExitCode == nil || *c.ExitCode != 8 {
		t.Errorf("after the close: %+v", c)
	}
	out, errs := logstream.Split(log)
	if len(out) != 200_000 || string(errs) != "\xff" {
		t.Errorf("%d bytes and %q", len(out), errs)
	}
}

func TestFollowChunked(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.sdk = oldSDK
	b.do("POST", "/process/session", obj{"sessionId": "s"}, 201)
	id := decode[cmd](t, b.do("POST", "/process/session/s/exec", obj{
		"command": `printf 'gr\303'; read x; printf '\274n\n'; echo warning >&2; (exit 8)`, "runAsync": true, "suppressInputEcho": true,
	}, 202)).CmdID
	resp := b.request("GET", "/process/session/s/command/"+id+"/logs?follow=true", "", nil)
	defer func() { _ = resp.Body.Close() }()
	in := bufio.NewReader(resp.Body)
	head := make([]byte, 2)
	if _, err := io.ReadFull(in, head); err != nil || string(head) != "gr" {
		t.Fatalf("while it runs: %q, %v", head, err)
	}
	b.do("POST", "/process/session/s/command/"+id+"/input", obj{"data": ""}, 204)
	rest := ""
	for {
		buf := make([]byte, 4096)
		n, err := in.Read(buf)
		if !utf8.Valid(buf[:n]) {
			t.Errorf("chunk %q cuts a character", buf[:n])
		}
		rest += string(buf[:n])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if c := b.command("s", id); c.ExitCode == nil || *c.ExitCode != 8 {
		t.Errorf("after the end: %+v", c)
	}
	if rest != "ün\nwarning\n" {
		t.Errorf("got %q", rest)
	}
}

func TestFollowEndsWithItsSession(t *testing.T) {
	t.Parallel()
	b := open(t)
	id := b.async("s", "echo x; sleep 60")
	conn := b.socket("/process/session/s/command/" + id + "/logs?follow=true")
	if _, p, err := conn.Read(t.Context()); err != nil || string(p) != "\x01\x01\x01x\n" {
		t.Fatalf("got %q, %v", p, err)
	}
	b.do("DELETE", "/process/session/s", nil, 204)
	if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("got %v", err)
	}
}
