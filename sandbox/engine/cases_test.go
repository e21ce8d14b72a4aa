//go:build linux

package engine_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"surgent.dev/surgent/sandbox/engine"
)

func TestEnvironmentIsEverywhere(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	box := c.create(map[string]any{"env": map[string]string{"GIVEN": "a 'value'"}})
	see := func(when string) {
		t.Helper()
		if got := c.must(box.ID, "echo $GIVEN"); got != "a 'value'" {
			t.Errorf("%s, execute: %q", when, got)
		}
		api := "/toolbox/" + box.ID + "/process/session"
		c.call("POST", api, map[string]any{"sessionId": when}, nil)
		var out struct{ Output string }
		c.call("POST", api+"/"+when+"/exec", map[string]any{"command": "echo $GIVEN"}, &out)
		if !strings.HasSuffix(out.Output, "a 'value'\n") {
			t.Errorf("%s, session: %q", when, out.Output)
		}
		ws, resp, err := websocket.Dial(t.Context(), c.base+"/toolbox/"+box.ID+"/process/pty/create-connect?id="+when, &websocket.DialOptions{
			HTTPHeader: http.Header{"Authorization": {"Bearer " + apiKey}}, Subprotocols: []string{"X-Daytona-Pty-Exit-Control"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body != nil {
			defer func() { _ = resp.Body.Close() }()
		}
		defer func() { _ = ws.CloseNow() }()
		// The terminal can be opened by its name too: it is the user's.
		if err := ws.Write(t.Context(), websocket.MessageBinary, []byte("echo \"<$GIVEN>\" >\"$(tty)\"; id -u >/dev/tty; exit\n")); err != nil {
			t.Fatal(err)
		}
		all := ""
		for {
			kind, p, err := ws.Read(t.Context())
			if err != nil {
				break
			}
			if kind == websocket.MessageBinary {
				all += string(p)
			}
		}
		if !strings.Contains(all, "<a 'value'>") || !strings.Contains(all, "1000\r\n") {
			t.Errorf("%s, terminal: %q", when, all)
		}
	}
	see("new")
	c.call("POST", "/api/sandbox/"+box.ID+"/stop", nil, nil)
	c.call("POST", "/api/sandbox/"+box.ID+"/start", nil, nil)
	see("restarted")
}

func TestEphemeralSandboxEndsWithItsStop(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	box := c.create(map[string]any{"autoDeleteInterval": 0})
	var stopped info
	c.call("POST", "/api/sandbox/"+box.ID+"/stop", nil, &stopped)
	if stopped.State != "destroyed" && stopped.State != "destroying" {
		t.Errorf("after its stop it is %s", stopped.State)
	}
	if s := c.get(box.ID).State; s != "destroyed" {
		t.Errorf("what is left of it is %s", s)
	}
}

func TestPreviewTokensEnd(t *testing.T) {
	t.Parallel()
	clock := newClock()
	c, _ := ownEngine(t, func(cfg *engine.Config) { cfg.Now = clock.now })
	box := c.create(map[string]any{"autoStopInterval": 0})
	c.must(box.ID, serveNumber)
	ask := func(host, token string) int {
		headers := []string{"Host", host, "Authorization", ""}
		if token != "" {
			headers = append(headers, "X-Daytona-Preview-Token", token)
		}
		status, _ := c.send("GET", "/", nil, headers...)
		return status
	}
	p := previewOf(c, box.ID)
	host := strings.TrimPrefix(p.URL, "http://")
	eventually(t, "the app answers", func() bool { return ask(host, p.Token) == 200 })
	var link struct{ URL, Token string }
	c.call("GET", "/api/sandbox/"+box.ID+"/ports/3000/signed-preview-url?expiresInSeconds=60", nil, &link)
	if s := ask(strings.TrimPrefix(link.URL, "http://"), ""); s != 200 {
		t.Errorf("a signed link: %d", s)
	}
	// One kind of token is none of the other.
	if s := ask(host, link.Token); s != 401 {
		t.Errorf("the link's token in the header: %d", s)
	}
	if s := ask("3000-"+p.Token+".preview.localhost", ""); s < 400 {
		t.Errorf("the token in the host: %d", s)
	}
	clock.add(61 * time.Second)
	if s := ask(strings.TrimPrefix(link.URL, "http://"), ""); s < 400 {
		t.Errorf("a link after its time: %d", s)
	}
	c.call("POST", "/api/sandbox/"+box.ID+"/stop", nil, nil)
	c.call("POST", "/api/sandbox/"+box.ID+"/start", nil, nil)
	if s := ask(host, p.Token); s != 401 {
		t.Errorf("the token of before the stop: %d", s)
	}
	if s := ask(host, previewOf(c, box.ID).Token); s != 200 {
		t.Errorf("the token of now: %d", s)
	}
}

func TestOddRequestsAreHarmless(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	box := c.create(nil)
	for _, path := range []string{"/api/sandbox", "/api/sandbox/" + box.ID, "/toolbox/" + box.ID + "/files", "/toolbox/" + box.ID + "/nothing", "/api/nothing", "/"} {
		for _, method := range []string{"HEAD", "OPTIONS", "TRACE", "PATCH"} {
			if status, text := c.send(method, path, nil); status >= 500 {
				t.Errorf("%s %s: %d %s", method, path, status, text)
			}
		}
	}
	for _, path := range []string{"/computeruse/start", "/lsp/start", "/nothing"} {
		status, text := c.send("POST", "/toolbox/"+box.ID+path, nil)
		if status != 404 || !strings.Contains(string(text), `"statusCode":404`) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	c.must(box.ID, "true")
}
