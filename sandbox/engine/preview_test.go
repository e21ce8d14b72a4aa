//go:build linux

package engine_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// echoServer answers on port 3000 with what it was asked; /slow sends its
// answer in two pieces, and a WebSocket gets its message back.
const echoServer = `cat >/tmp/echo.mjs <<'END'
const server = Bun.serve({ port: 3000, hostname: '0.0.0.0', idleTimeout: 60,
  async fetch(req, s) {
    const url = new URL(req.url)
    if (url.pathname === '/ws' && s.upgrade(req)) return
    if (url.pathname === '/slow') return new Response(new ReadableStream({ async start(c) {
      c.enqueue('first\n'); while (!(await Bun.file('/tmp/go').exists())) await Bun.sleep(20)
      c.enqueue('second\n'); c.close() } }), { headers: { 'content-type': 'text/event-stream' } })
    return Response.json({ url: req.url.replace(/^https?:\/\/[^/]*/, ''), method: req.method, body: await req.text(),
      headers: Object.fromEntries(req.headers) })
  },
  websocket: { message(ws, m) { ws.send('echo ' + m) } } })
END
(bun /tmp/echo.mjs >/tmp/echo.log 2>&1 &)
until curl --noproxy '*' -sf localhost:3000 >/dev/null; do sleep 0.05; done`

func TestPreviews(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	box := c.create(nil)
	c.must(box.ID, echoServer)
	p := previewOf(c, box.ID)
	host := strings.TrimPrefix(p.URL, "http://")
	if want := "3000-" + box.ID + ".preview.localhost:"; !strings.HasPrefix(host, want) {
		t.Fatalf("preview URL is %s", p.URL)
	}

	t.Run("who may see it", func(t *testing.T) {
		for name, tc := range map[string]struct {
			path    string
			headers []string
			status  int
		}{
			"nobody":             {"/", nil, 401},
			"a wrong token":      {"/", []string{"X-Daytona-Preview-Token", "wrong"}, 401},
			"the token":          {"/", []string{"X-Daytona-Preview-Token", p.Token}, 200},
			"token in the query": {"/?DAYTONA_SANDBOX_AUTH_KEY=" + p.Token, nil, 200},
			"the API key":        {"/", []string{"Authorization", "Bearer " + apiKey}, 200},
			"an app's own key":   {"/", []string{"Authorization", "Bearer app", "X-Daytona-Preview-Token", p.Token}, 200},
		} {
			headers := append([]string{"Host", host, "Authorization", ""}, tc.headers...)
			status, text := (&client{t: t, base: c.base}).send("GET", tc.path, nil, headers...)
			if status != tc.status {
				t.Errorf("%s: %d %s", name, status, text)
			}
			if strings.Contains(string(text), p.Token) || strings.Contains(string(text), apiKey) {
				t.Errorf("%s: the app gets a secret: %s", name, text)
			}
		}
		for _, closed := range []string{"2280-" + box.ID, "22222-" + box.ID, "0-" + box.ID, "x-" + box.ID, "3000-none"} {
			status, _ := c.send("GET", "/", nil, "Host", closed+".preview.localhost:1", "X-Daytona-Preview-Token", p.Token)
			if status < 400 {
				t.Errorf("%s: %d", closed, status)
			}
		}
	})

	t.Run("requests arrive as they were", func(t *testing.T) {
		status, text := c.send("PUT", "/a%2Fb/%20c?x=1&y=a;b", map[string]int{"n": 1}, "Host", host, "X-Daytona-Preview-Token", p.Token)
		for _, want := range []string{`"url":"/a%2Fb/%20c?x=1&y=a;b"`, `"method":"PUT"`, `"body":"{\"n\":1}"`, `"x-forwarded-host":"` + host + `"`} {
			if status != 200 || !strings.Contains(string(text), want) {
				t.Errorf("%d %s lacks %s", status, text, want)
			}
		}
	})

	t.Run("answers are not held back", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/slow", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		req.Header.Set("X-Daytona-Preview-Token", p.Token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		r := bufio.NewReader(resp.Body)
		first, err := r.ReadString('\n')
		if err != nil || first != "first\n" {
			t.Fatalf("%q, %v", first, err)
		}
		c.must(box.ID, "touch /tmp/go")
		if second, err := r.ReadString('\n'); err != nil || second != "second\n" {
			t.Errorf("%q, %v", second, err)
		}
	})

	t.Run("web sockets", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		ws, resp, err := websocket.Dial(ctx, c.base+"/ws", &websocket.DialOptions{
			Host: host, HTTPHeader: http.Header{"X-Daytona-Preview-Token": {p.Token}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body != nil {
			defer func() { _ = resp.Body.Close() }()
		}
		defer func() { _ = ws.CloseNow() }()
		if err := ws.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		if _, got, err := ws.Read(ctx); err != nil || string(got) != "echo hello" {
			t.Errorf("%q, %v", got, err)
		}
	})

	t.Run("the cookie is for its own pages", func(t *testing.T) {
		ask := func(headers ...string) (int, http.Header) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.base+"/"+strings.TrimPrefix(headers[0], "/"), nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			for i := 1; i < len(headers); i += 2 {
				req.Header.Set(headers[i], headers[i+1])
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			return resp.StatusCode, resp.Header
		}
		_, header := ask("/?DAYTONA_SANDBOX_AUTH_KEY=" + p.Token)
		cookie, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
		if cookie == "" {
			t.Fatal("no cookie")
		}
		for name, tc := range map[string]struct {
			status  int
			headers []string
		}{
			"typed in":                            {200, []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate"}},
			"its own page":                        {200, []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors"}},
			"a link elsewhere":                    {200, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}},
			"no browser":                          {200, nil},
			"an old browser, its own page":        {200, []string{"Origin", "http://" + host}},
			"another preview's page":              {401, []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors"}},
			"another preview's socket":            {401, []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "websocket", "Origin", "http://3000-x.preview.localhost"}},
			"another site":                        {401, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}},
			"an old browser, a foreign socket":    {401, []string{"Origin", "http://3000-x.preview.localhost"}},
			"an old browser, a page without name": {401, []string{"Origin", "null"}},
		} {
			if status, _ := ask(append([]string{"/", "Cookie", cookie}, tc.headers...)...); status != tc.status {
				t.Errorf("%s: %d, want %d", name, status, tc.status)
			}
		}
	})

	t.Run("signed links", func(t *testing.T) {
		var link struct{ URL, Token string }
		c.call("GET", "/api/sandbox/"+box.ID+"/ports/3000/signed-preview-url?expiresInSeconds=60", nil, &link)
		ask := func(host string) int {
			status, _ := c.send("GET", "/", nil, "Host", host, "Authorization", "")
			return status
		}
		linkHost := strings.TrimPrefix(link.URL, "http://")
		if s := ask(linkHost); s != 200 {
			t.Errorf("link: %d", s)
		}
		if s := ask(strings.Replace(linkHost, "3000-", "3001-", 1)); s < 400 {
			t.Errorf("the link on another port: %d", s)
		}
		c.send("POST", "/api/sandbox/"+box.ID+"/ports/3000/signed-preview-url/"+link.Token+"/expire", nil)
		if s := ask(linkHost); s < 400 {
			t.Errorf("expired link: %d", s)
		}
	})

	t.Run("public and gone", func(t *testing.T) {
		c.call("POST", "/api/sandbox/"+box.ID+"/public/true", nil, nil)
		if status, _ := c.send("GET", "/", nil, "Host", host, "Authorization", ""); status != 200 {
			t.Errorf("public preview: %d", status)
		}
		if status, text := c.send("GET", "/", nil, "Host", strings.Replace(host, "3000-", "3999-", 1)); status != 502 {
			t.Errorf("a port where nobody listens: %d %s", status, text)
		}
		c.call("POST", "/api/sandbox/"+box.ID+"/stop", nil, nil)
		if status, text := c.send("GET", "/", nil, "Host", host); status != 400 || !strings.Contains(string(text), "Is the Sandbox started?") {
			t.Errorf("preview of a stopped sandbox: %d %s", status, text)
		}
	})
}

func TestRequestsEndWithTheirSandbox(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	box := c.create(nil)
	ended := make(chan string, 1)
	go func() {
		status, text := c.send("POST", "/toolbox/"+box.ID+"/process/execute", map[string]any{"command": "touch /tmp/began; sleep 1000"})
		ended <- fmt.Sprint(status, " ", string(text))
	}()
	eventually(t, "the command runs", func() bool {
		code, _ := c.exec(box.ID, "test -e /tmp/began")
		return code == 0
	})
	began := time.Now()
	c.call("DELETE", "/api/sandbox/"+box.ID, nil, nil)
	select {
	case got := <-ended:
		if strings.HasPrefix(got, "200") {
			t.Errorf("the command ended well: %s", got)
		}
	case <-time.After(20 * time.Second):
		t.Error("a request to a deleted sandbox hangs")
	}
	if d := time.Since(began); d > 15*time.Second {
		t.Errorf("it took %v", d)
	}
}
