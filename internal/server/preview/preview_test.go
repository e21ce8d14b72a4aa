package preview_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"surgent.dev/surgent/internal/server/preview"
)

// product is the product's side with one sandbox.
type product struct {
	mu     sync.Mutex // guards the rest
	box    *preview.Sandbox
	target string
	woken  int
}

func (p *product) Find(_ context.Context, id string) (*preview.Sandbox, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if id != "box-1" || p.box == nil {
		return nil, nil
	}
	b := *p.box
	return &b, nil
}

func (p *product) Wake(context.Context, string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.woken++
	p.box.State = preview.Starting
	return nil
}

func (p *product) Target(context.Context, string, int) (preview.Target, error) {
	return preview.Target{URL: p.target, Token: "way-in"}, nil
}

func (p *product) set(b preview.Sandbox) { p.mu.Lock(); p.box = &b; p.mu.Unlock() }

type bench struct {
	*product
	links *preview.Links
	front *httptest.Server
	now   *time.Time
	seen  chan *http.Request // headers that reached the app; buffered, the test reads
}

const host = "3000-box-1.localhost"

func setup(t *testing.T) *bench {
	t.Helper()
	b := &bench{product: &product{}, seen: make(chan *http.Request, 100)}
	app := http.NewServeMux()
	app.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		b.seen <- r
		http.SetCookie(w, &http.Cookie{Name: "cart", Value: "1", Domain: "localhost"})
		w.Header().Add("Set-Cookie", "surgent_preview=forged; Path=/")
		_, _ = fmt.Fprintf(w, "app %s", r.URL.RequestURI())
	})
	app.HandleFunc("/away", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "http://localhost:3000/there?x=1")
		w.WriteHeader(http.StatusFound)
	})
	app.HandleFunc("/box-says", func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(r.URL.Query().Get("status"))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"statusCode":%d,"source":"DAYTONA_API"}`, status)
	})
	app.HandleFunc("/app-says", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"mine"}`)
	})
	app.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "first\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	app.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, Subprotocols: []string{"vite-hmr"}})
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		kind, msg, err := c.Read(r.Context())
		if err == nil {
			_ = c.Write(r.Context(), kind, append([]byte("echo "), msg...))
		}
		_, _, _ = c.Read(r.Context())
	})
	upstream := httptest.NewServer(app)
	t.Cleanup(upstream.Close)
	b.target = upstream.URL

	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	b.now = &now
	links, err := preview.NewLinks([]byte(strings.Repeat("k", 32)), "http", "localhost", func() time.Time { return *b.now })
	if err != nil {
		t.Fatal(err)
	}
	b.links = links
	door, err := preview.New(preview.Config{Links: links, Sandboxes: b.product, Workspace: "http://localhost", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	b.front = httptest.NewServer(door)
	t.Cleanup(b.front.Close)
	b.set(preview.Sandbox{State: preview.Started})
	return b
}

// visitor is a browser: it keeps cookies and resolves *.localhost.
func (b *bench) visitor(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: secureJar{jar}, Transport: b.transport()}
}

func (b *bench) transport() *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, b.front.Listener.Addr().String())
	}}
}

// secureJar treats http://*.localhost as secure, as browsers do.
type secureJar struct{ http.CookieJar }

func (j secureJar) Cookies(u *url.URL) []*http.Cookie {
	v := *u
	v.Scheme = "https"
	return j.CookieJar.Cookies(&v)
}

// answer is a response whose body has been read.
type answer struct {
	StatusCode int
	Header     http.Header
}

func get(t *testing.T, c *http.Client, addr string, header ...string) (answer, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header}, string(body)
}

func TestPrivatePreviewOpensByLinkOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.visitor(t)
	if res, _ := get(t, c, "http://"+host+"/"); res.StatusCode != http.StatusForbidden {
		t.Fatalf("a stranger got %d", res.StatusCode)
	}
	link := b.links.Link("box-1", 3000, "/")
	res, body := get(t, c, link)
	if res.StatusCode != http.StatusOK || body != "app /" {
		t.Fatalf("the link led to %d %q", res.StatusCode, body)
	}
	if res, body := get(t, c, "http://"+host+"/about?q=1%2F2"); body != "app /about?q=1%2F2" {
		t.Errorf("next page: %d %q", res.StatusCode, body)
	}
	if res, _ := get(t, b.visitor(t), link); res.StatusCode != http.StatusForbidden {
		t.Errorf("a link used twice gave %d", res.StatusCode)
	}
	*b.now = b.now.Add(12*time.Hour + time.Second)
	if res, _ := get(t, c, "http://"+host+"/"); res.StatusCode != http.StatusForbidden {
		t.Errorf("the cookie outlived 12 h: %d", res.StatusCode)
	}
}

func TestCookieAttributes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.visitor(t)
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, _ := get(t, c, b.links.Link("box-1", 3000, "/"))
	line := res.Header.Get("Set-Cookie")
	for _, want := range []string{"Secure", "HttpOnly", "SameSite=None", "Partitioned", "Max-Age=43200", "Path=/"} {
		if !strings.Contains(line, want) {
			t.Errorf("cookie lacks %s: %s", want, line)
		}
	}
	if strings.Contains(line, "Domain") || res.Header.Get("Location") != "/" {
		t.Errorf("%s, location %q", line, res.Header.Get("Location"))
	}
}

// A link leads where its owner was, and to its own host alone.
func TestALinkLeadsToItsPath(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.visitor(t)
	if res, body := get(t, c, b.links.Link("box-1", 3000, "/todo/x?filter=a%20b&to=https://a.example")); body != "app /todo/x?filter=a%20b&to=https://a.example" {
		t.Errorf("the link led to %d %q", res.StatusCode, body)
	}
	// The path is part of what is signed.
	link := b.links.Link("box-1", 3000, "/a")
	key := strings.TrimPrefix(link, "http://"+host+"/.surgent/open?key=")
	body, sig, _ := strings.Cut(key, ".")
	raw, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		t.Fatal(err)
	}
	forged := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(raw), `"/a"`, `"//evil.example"`, 1)))
	if res, _ := get(t, b.visitor(t), "http://"+host+"/.surgent/open?key="+forged+"."+sig); res.StatusCode != http.StatusForbidden || res.Header.Get("Location") != "" {
		t.Errorf("another path under the same signature: %d to %q", res.StatusCode, res.Header.Get("Location"))
	}
}

func TestLinksThatDontOpen(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*bench) string{
		"too old": func(b *bench) string {
			l := b.links.Link("box-1", 3000, "/")
			*b.now = b.now.Add(61 * time.Second)
			return l
		},
		"tampered":        func(b *bench) string { return b.links.Link("box-1", 3000, "/") + "x" },
		"empty":           func(*bench) string { return "http://" + host + "/.surgent/open" },
		"another port":    func(b *bench) string { return strings.Replace(b.links.Link("box-1", 3000, "/"), "3000-", "3001-", 1) },
		"another sandbox": func(b *bench) string { return strings.Replace(b.links.Link("box-2", 3000, "/"), "box-2", "box-1", 1) },
		"another server": func(b *bench) string {
			l, err := preview.NewLinks([]byte(strings.Repeat("z", 32)), "http", "localhost", func() time.Time { return *b.now })
			if err != nil {
				panic(err)
			}
			return l.Link("box-1", 3000, "/")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			if res, _ := get(t, b.visitor(t), spoil(b)); res.StatusCode != http.StatusForbidden || res.Header.Get("Set-Cookie") != "" {
				t.Errorf("status %d, cookie %q", res.StatusCode, res.Header.Get("Set-Cookie"))
			}
		})
	}
}

// Anonymous callers wake no sandbox and get no port of one.
func TestStrangersWakeNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.set(preview.Sandbox{State: preview.Stopped})
	if res, _ := get(t, b.visitor(t), "http://"+host+"/"); res.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", res.StatusCode)
	}
	if b.woken != 0 {
		t.Error("a stranger woke the sandbox")
	}
	for _, h := range []string{"2280-box-1.localhost", "22222-box-1.localhost", "0-box-1.localhost", "99999-box-1.localhost", "3000-unknown.localhost"} {
		if res, _ := get(t, b.visitor(t), "http://"+h+"/"); res.StatusCode != http.StatusNotFound && res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", h, res.StatusCode)
		}
	}
}

// No header that is the workspace's goes to untrusted code.
func TestOurCredentialsStayHere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.set(preview.Sandbox{State: preview.Started, Public: true})
	res, _ := get(t, b.visitor(t), "http://"+host+"/",
		"Cookie", "__convexAuthJWT=secret; surgent_preview=secret; mine=1",
		"Authorization", "Bearer e30.eyJhdWQiOiJjb252ZXgifQ.c2ln",
		"X-Daytona-Preview-Token", "forged", "X-Forwarded-Host", "forged")
	r := <-b.seen
	if got := r.Header.Get("Cookie"); got != "mine=1" {
		t.Errorf("cookie %q", got)
	}
	if r.Header.Get("Authorization") != "" {
		t.Error("the sign-in token was passed on")
	}
	if got := r.Header.Get("X-Daytona-Preview-Token"); got != "way-in" {
		t.Errorf("token %q", got)
	}
	if got := r.Header.Get("X-Forwarded-Host"); got != host {
		t.Errorf("forwarded host %q", got)
	}
	if lines := res.Header.Values("Set-Cookie"); len(lines) != 1 || strings.Contains(lines[0], "Domain") || !strings.HasPrefix(lines[0], "cart=1") {
		t.Errorf("set-cookie %q", lines)
	}
}

func TestSleepingSandboxWakesForALookAndNotForAPoll(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.set(preview.Sandbox{State: preview.Stopped, Public: true})
	for _, h := range [][]string{{"Accept", "text/x-vite-ping"}, {"Sec-Fetch-Mode", "cors"}, {"Upgrade", "websocket"}} {
		if res, _ := get(t, b.visitor(t), "http://"+host+"/", h...); res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%v: %d", h, res.StatusCode)
		}
	}
	if b.woken != 0 {
		t.Fatal("a poll woke the sandbox")
	}
	res, body := get(t, b.visitor(t), "http://"+host+"/", "Sec-Fetch-Mode", "navigate")
	if res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "Waking") || !strings.Contains(body, `http-equiv="refresh"`) {
		t.Errorf("status %d: %s", res.StatusCode, body)
	}
	if b.woken != 1 {
		t.Errorf("woken %d times", b.woken)
	}
	b.set(preview.Sandbox{State: preview.Started, Public: true})
	if _, body := get(t, b.visitor(t), "http://"+host+"/"); body != "app /" {
		t.Errorf("after waking: %q", body)
	}
	b.set(preview.Sandbox{State: preview.Failed, Public: true})
	if res, body := get(t, b.visitor(t), "http://"+host+"/"); res.StatusCode != http.StatusBadGateway || strings.Contains(body, "refresh") {
		t.Errorf("failed: %d %s", res.StatusCode, body)
	}
}

func TestSilentPortSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.target = "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b.set(preview.Sandbox{State: preview.Started, Public: true})
	res, body := get(t, b.visitor(t), "http://"+host+"/")
	if res.StatusCode != http.StatusBadGateway || !strings.Contains(body, "Nothing answers on port 3000 yet.") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

func TestWhatTheSandboxSaysIsNotTheApps(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.set(preview.Sandbox{State: preview.Started, Public: true})
	c := b.visitor(t)
	if _, body := get(t, c, "http://"+host+"/box-says?status=502"); !strings.Contains(body, "Nothing answers on port 3000 yet.") {
		t.Errorf("silent: %s", body)
	}
	if res, body := get(t, c, "http://"+host+"/box-says?status=400"); res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "Waking") {
		t.Errorf("asleep: %d %s", res.StatusCode, body)
	}
	if b.woken != 1 {
		t.Errorf("woken %d times", b.woken)
	}
	b.set(preview.Sandbox{State: preview.Started, Public: true})
	if res, body := get(t, c, "http://"+host+"/app-says"); res.StatusCode != http.StatusBadRequest || body != `{"error":"mine"}` {
		t.Errorf("the app's own error: %d %s", res.StatusCode, body)
	}
}

func TestOtherPagesMayNotFetch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.visitor(t)
	get(t, c, b.links.Link("box-1", 3000, "/"))
	for _, site := range []string{"cross-site", "same-site"} {
		if res, _ := get(t, c, "http://"+host+"/", "Sec-Fetch-Site", site, "Sec-Fetch-Mode", "no-cors"); res.StatusCode != http.StatusForbidden {
			t.Errorf("%s fetch: %d", site, res.StatusCode)
		}
	}
	res, _ := get(t, c, "http://"+host+"/", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors")
	if res.StatusCode != http.StatusOK {
		t.Errorf("its own fetch: %d", res.StatusCode)
	}
	if got := res.Header.Get("Content-Security-Policy"); got != "frame-ancestors 'self' http://localhost" {
		t.Errorf("policy %q", got)
	}
}

func TestRedirectsStayOutside(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.set(preview.Sandbox{State: preview.Started, Public: true})
	c := b.visitor(t)
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if res, _ := get(t, c, "http://"+host+"/away"); res.Header.Get("Location") != "http://"+host+"/there?x=1" {
		t.Errorf("location %q", res.Header.Get("Location"))
	}
}

func TestStreamsAndSockets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.visitor(t)
	get(t, c, b.links.Link("box-1", 3000, "/"))

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if line, err := bufio.NewReader(res.Body).ReadString('\n'); err != nil || line != "first\n" {
		t.Errorf("streamed %q, %v", line, err)
	}

	ws, _, err := websocket.Dial(t.Context(), "ws://"+host+"/ws?token=x", &websocket.DialOptions{
		HTTPClient: c, Subprotocols: []string{"vite-hmr"}, HTTPHeader: http.Header{"Origin": {"http://" + host}, "Sec-Fetch-Site": {"same-origin"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ws.CloseNow() }()
	if err := ws.Write(t.Context(), websocket.MessageText, []byte("hi")); err != nil {
		t.Fatal(err)
	}
	if _, msg, err := ws.Read(t.Context()); err != nil || string(msg) != "echo hi" || ws.Subprotocol() != "vite-hmr" {
		t.Errorf("socket said %q over %q, %v", msg, ws.Subprotocol(), err)
	}
	if _, _, err := websocket.Dial(t.Context(), "ws://"+host+"/ws", &websocket.DialOptions{HTTPClient: b.visitor(t)}); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("a stranger's socket: %v", err)
	}
	// Another page's socket comes with the visitor's cookie. Browsers that don't
	// send Sec-Fetch-Site send Origin.
	for _, header := range []http.Header{
		{"Origin": {"https://evil.example"}},
		{"Origin": {"null"}},
		{"Origin": {"http://3001-box-1.localhost"}},
		{"Origin": {"http://" + host}, "Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"websocket"}},
	} {
		if _, _, err := websocket.Dial(t.Context(), "ws://"+host+"/ws", &websocket.DialOptions{HTTPClient: c, HTTPHeader: header}); err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("a socket of %v: %v", header, err)
		}
	}
	own, _, err := websocket.Dial(t.Context(), "ws://"+host+"/ws", &websocket.DialOptions{HTTPClient: c, HTTPHeader: http.Header{"Origin": {"http://" + host}}})
	if err != nil {
		t.Fatalf("its own socket in an older browser: %v", err)
	}
	_ = own.CloseNow()
}
