package workerd_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/deploytest"
	"surgent.dev/surgent/deploy/release"
	"surgent.dev/surgent/deploy/workerd"
)

// bench is a target over bare processes behind a real server.
type bench struct {
	t      testing.TB
	target *workerd.Target
	boxes  *bareBoxes
	server *httptest.Server
	blobs  *release.Blobs
	config workerd.Config
}

func setup(t testing.TB, change ...func(*workerd.Config)) *bench {
	t.Helper()
	dir := t.TempDir()
	blobs, err := release.OpenBlobs(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, boxes: &bareBoxes{}, blobs: blobs}
	b.config = workerd.Config{
		Dir: dir, Blobs: blobs, Runtime: sharedRuntime(t), Boxes: b.boxes,
		URL: func(name string) string { return "http://" + name + ".localhost:3210" },
		// This machine is busy in tests; nothing here waits for it to pass.
		Ready: time.Minute, FirstByte: time.Minute, Stall: time.Minute,
	}
	for _, f := range change {
		f(&b.config)
	}
	b.open()
	b.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, _ := strings.Cut(r.Host, ".")
		b.target.ServeApp(name, w, r)
	}))
	t.Cleanup(func() {
		b.server.Close()
		b.target.Close()
		if _, running := b.boxes.started(); len(running) > 0 {
			t.Errorf("%d processes outlived the target", len(running))
		}
	})
	return b
}

func (b *bench) open() {
	b.t.Helper()
	target, err := workerd.Open(b.config)
	if err != nil {
		b.t.Fatal(err)
	}
	b.target = target
}

func (b *bench) request(method, name, path string, body io.Reader, headers ...string) *http.Response {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Host = name + ".localhost:3210"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		b.t.Fatal(err)
	}
	return res
}

func (b *bench) get(name, path string, headers ...string) (int, string) {
	b.t.Helper()
	res := b.request(http.MethodGet, name, path, http.NoBody, headers...)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func (b *bench) publish(rel *deploy.Release) *deploy.Published {
	b.t.Helper()
	published, err := b.target.Publish(b.t.Context(), rel, func(_ deploy.Stage, line string) { b.t.Log(line) })
	if err != nil {
		b.t.Fatal(err)
	}
	return published
}

func TestSuite(t *testing.T) {
	t.Parallel()
	deploytest.Run(t, func(t *testing.T) deploytest.Subject {
		b := setup(t)
		return deploytest.Subject{
			Target: b.target, RunsWorkers: true,
			Get: func(_ *testing.T, name, path string) *http.Response {
				return b.request(http.MethodGet, name, path, http.NoBody)
			},
		}
	})
}

func TestStaticAppStartsNoProcess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(deploytest.App("r1", "some-app", "", map[string]string{"/index.html": "x"}))
	if status, body := b.get("some-app", "/"); status != 200 || body != "x" {
		t.Errorf("%d %q", status, body)
	}
	if status, body := b.get("other-app", "/"); status != 404 || !strings.Contains(body, "There is no app here") {
		t.Errorf("%d %q", status, body)
	}
	if n, _ := b.boxes.started(); n != 0 {
		t.Errorf("%d processes were started", n)
	}
}

// Which release is live survives a restart; a process is started by the first
// request that needs it, once for a crowd.
func TestRestart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n := range 7 {
		rel := deploytest.App(fmt.Sprintf("r%d", n), "some-app", deploytest.Hello(fmt.Sprintf("release %d", n)), map[string]string{"/file.txt": "file"})
		b.publish(rel)
	}
	b.target.Close()
	before, running := b.boxes.started()
	if len(running) != 0 {
		t.Fatalf("%d processes run after Close", len(running))
	}
	b.open()
	if status, body := b.get("some-app", "/file.txt"); status != 200 || body != "file" {
		t.Errorf("file: %d %q", status, body)
	}
	if n, _ := b.boxes.started(); n != before {
		t.Errorf("a file started a process")
	}
	var crowd sync.WaitGroup
	for range 10 {
		crowd.Go(func() {
			if status, body := b.get("some-app", "/"); status != 200 || body != "release 6" {
				t.Errorf("%d %q", status, body)
			}
		})
	}
	crowd.Wait()
	if n, _ := b.boxes.started(); n != before+1 {
		t.Errorf("a crowd started %d processes", n-before)
	}
	// Of seven releases five are kept.
	if err := b.target.Rollback(t.Context(), "some-app", "r2", nil); err != nil {
		t.Error(err)
	}
	if status, body := b.get("some-app", "/"); status != 200 || body != "release 2" {
		t.Errorf("rolled back: %d %q", status, body)
	}
	if err := b.target.Rollback(t.Context(), "some-app", "r0", nil); !errors.Is(err, deploy.ErrRefused) {
		t.Errorf("an old release: %v", err)
	}
}

func TestNamesBelongToProjects(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(deploytest.App("r1", "some-app", "", map[string]string{"/index.html": "mine"}))
	thief := deploytest.App("r2", "some-app", "", map[string]string{"/index.html": "yours"})
	thief.ProjectID = "another"
	if _, err := b.target.Publish(t.Context(), thief, nil); !errors.Is(err, deploy.ErrRefused) {
		t.Errorf("got %v", err)
	}
	if _, body := b.get("some-app", "/"); body != "mine" {
		t.Errorf("it serves %q", body)
	}
}

// A loop at the top of a module never gives a sign and ignores SIGTERM.
func TestLoopAtTopLevelIsKilled(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *workerd.Config) { c.Ready = 3 * time.Second })
	b.publish(deploytest.App("r1", "some-app", "", map[string]string{"/index.html": "one"}))
	_, err := b.target.Publish(t.Context(), deploytest.App("r2", "some-app", "for (;;) {}\nexport default {}", nil), nil)
	if !errors.Is(err, deploy.ErrRefused) || !strings.Contains(err.Error(), "did not start within 3s") {
		t.Errorf("got %v", err)
	}
	if n, running := b.boxes.started(); n != 1 || len(running) != 0 {
		t.Errorf("%d started, %d still run", n, len(running))
	}
	if _, body := b.get("some-app", "/"); body != "one" {
		t.Errorf("it serves %q", body)
	}
}

// A loop in a request stops the whole process; the watchdog kills it and the
// next request gets a new one.
func TestLoopInRequestIsKilled(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *workerd.Config) { c.Stall, c.Probe = 4*time.Second, 100*time.Millisecond })
	b.publish(deploytest.App("r1", "some-app", `export default { fetch(r) {
		if (r.url.endsWith("/loop")) for (;;) {}
		return new Response("fine") } }`, nil))
	if status, body := b.get("some-app", "/loop"); status != http.StatusBadGateway || !strings.Contains(body, "broke off") {
		t.Errorf("the loop: %d %q", status, body)
	}
	if status, body := b.get("some-app", "/"); status != 200 || body != "fine" {
		t.Errorf("afterwards: %d %q", status, body)
	}
	if n, _ := b.boxes.started(); n != 2 {
		t.Errorf("%d processes were started", n)
	}
}

// A worker that never answers its first request does not go live.
func TestSilenceIsNotVerified(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *workerd.Config) { c.FirstByte = 3 * time.Second })
	_, err := b.target.Publish(t.Context(), deploytest.App("r1", "some-app", "export default { fetch() { for (;;) {} } }", nil), nil)
	if !errors.Is(err, deploy.ErrRefused) || !strings.Contains(err.Error(), "did not answer / within 3s") {
		t.Errorf("got %v", err)
	}
	if _, running := b.boxes.started(); len(running) != 0 {
		t.Errorf("%d still run", len(running))
	}
	if status, _ := b.get("some-app", "/"); status != http.StatusNotFound {
		t.Errorf("it serves %d", status)
	}
}

func TestHeapIsLimited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(deploytest.App("r1", "some-app", `export default { fetch(r) {
		if (r.url.endsWith("/hog")) for (const all = []; ;) all.push(new Array(100000).fill(Math.random()));
		return new Response("fine") } }`, nil))
	if status, _ := b.get("some-app", "/hog"); status != http.StatusBadGateway {
		t.Errorf("the hog: %d", status)
	}
	if status, body := b.get("some-app", "/"); status != 200 || body != "fine" {
		t.Errorf("afterwards: %d %q", status, body)
	}
}

// An app that crashes again and again is not started for each request.
func TestCrashesAreSlowedDown(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var mu sync.Mutex
	b := setup(t, func(c *workerd.Config) {
		c.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	})
	b.publish(deploytest.App("r1", "some-app", deploytest.Hello("fine"), nil))
	crash := func() {
		_, running := b.boxes.started()
		if len(running) != 1 {
			t.Fatalf("%d processes run", len(running))
		}
		if err := running[0].cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-running[0].done
	}
	crash()
	if status, _ := b.get("some-app", "/"); status != 200 {
		t.Errorf("after the first crash: %d", status)
	}
	crash()
	if status, body := b.get("some-app", "/"); status != http.StatusServiceUnavailable {
		t.Errorf("after the second crash: %d %q", status, body)
	}
	mu.Lock()
	now = now.Add(2 * time.Second)
	mu.Unlock()
	if status, _ := b.get("some-app", "/"); status != 200 {
		t.Errorf("after a pause: %d", status)
	}
}

func TestIdleProcessIsStopped(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *workerd.Config) { c.Idle, c.Probe = time.Millisecond, 10*time.Millisecond })
	b.publish(deploytest.App("r1", "some-app", deploytest.Hello("fine"), nil))
	_, running := b.boxes.started()
	for _, box := range running {
		<-box.done
	}
	if status, body := b.get("some-app", "/"); status != 200 || body != "fine" {
		t.Errorf("woken: %d %q", status, body)
	}
}

func TestPlacesAreShared(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *workerd.Config) { c.Running = 2 })
	for _, name := range []string{"app-one", "app-two", "app-three"} {
		b.publish(deploytest.App("r1", name, deploytest.Hello(name), nil))
	}
	for _, name := range []string{"app-one", "app-two", "app-three", "app-one"} {
		if status, body := b.get(name, "/"); status != 200 || body != name {
			t.Errorf("%s: %d %q", name, status, body)
		}
		if _, running := b.boxes.started(); len(running) > 2 {
			t.Errorf("%d processes run", len(running))
		}
	}
}

func TestFirstByteHasADeadline(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *workerd.Config) { c.FirstByte = 4 * time.Second })
	b.publish(deploytest.App("r1", "some-app", `export default { async fetch(r) {
		if (r.url.endsWith("/slow")) await new Promise((done) => setTimeout(done, 100000));
		return new Response("fine") } }`, nil))
	if status, _ := b.get("some-app", "/slow"); status != http.StatusGatewayTimeout {
		t.Errorf("slow: %d", status)
	}
	if status, _ := b.get("some-app", "/"); status != 200 {
		t.Errorf("afterwards: %d", status)
	}
}

// One who never finishes sending is sent away; what is sent in peace arrives.
func TestBodiesHaveALimit(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *workerd.Config) { c.Body = time.Second })
	b.publish(deploytest.App("r1", "some-app", `export default { async fetch(r) {
		let n = 0;
		if (r.body) for await (const piece of r.body) n += piece.byteLength;
		return new Response("got " + n) } }`, nil))
	read, write := io.Pipe()
	sent := make(chan error, 1) // by the goroutine below, once
	go func() {
		_, err := io.WriteString(write, "a beginning")
		sent <- err
	}()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.server.URL+"/", read)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "some-app.localhost:3210"
	res, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		_ = res.Body.Close()
		// Which of two ends is seen first is left open.
		if res.StatusCode != http.StatusBadGateway && res.StatusCode != http.StatusGatewayTimeout {
			t.Errorf("half a body got %s", res.Status)
		}
	}
	_ = write.Close()
	if err := <-sent; err != nil {
		t.Error(err)
	}
	// An answer may take longer than that: the limit is for what is sent.
	res = b.request(http.MethodPost, "some-app", "/", strings.NewReader(strings.Repeat("x", 3<<20)))
	text, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil || string(text) != fmt.Sprint("got ", 3<<20) {
		t.Errorf("%q, %v", text, err)
	}
	if _, running := b.boxes.started(); len(running) != 1 {
		t.Errorf("%d processes run", len(running))
	}
}

func TestTooLargeBodiesAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(deploytest.App("r1", "some-app", `export default { async fetch(r) { await r.arrayBuffer(); return new Response("all") } }`, nil))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://some-app.localhost/", io.LimitReader(zeros{}, 101<<20))
	w := httptest.NewRecorder()
	b.target.ServeApp("some-app", w, r)
	if w.Code != http.StatusRequestEntityTooLarge || !strings.Contains(w.Body.String(), "100 MiB") {
		t.Errorf("%d %.200s", w.Code, w.Body)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A crowd is served by one process, each visitor with their own answer.
func TestCrowdOfRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(deploytest.App("r1", "some-app", `export default { async fetch(r) {
		await new Promise((done) => setTimeout(done, 20));
		return new Response("for " + new URL(r.url).search) } }`, nil))
	var crowd sync.WaitGroup
	for n := range 200 {
		crowd.Go(func() {
			if status, body := b.get("some-app", fmt.Sprintf("/?%d", n)); status != http.StatusOK || body != fmt.Sprintf("for ?%d", n) {
				t.Errorf("%d: %d %q", n, status, body)
			}
		})
	}
	crowd.Wait()
	if n, _ := b.boxes.started(); n != 1 {
		t.Errorf("%d processes were started", n)
	}
}

// A request to a release that was replaced may end in peace, but does not keep
// the server from stopping.
func TestGraceEndsWithTheTarget(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *workerd.Config) { c.Grace = time.Hour })
	// It goes on writing: the runtime ends an answer to which nothing more can come.
	b.publish(deploytest.App("r1", "some-app", `export default { fetch(r) {
		if (!r.url.endsWith("/endless")) return new Response("old");
		const { readable, writable } = new TransformStream();
		const writer = writable.getWriter();
		(async () => { for (;;) { await writer.write(new TextEncoder().encode("old\n")); await new Promise((next) => setTimeout(next, 50)) } })().catch(() => {});
		return new Response(readable) } }`, nil))
	res := b.request(http.MethodGet, "some-app", "/endless", http.NoBody)
	defer func() { _ = res.Body.Close() }()
	if line, err := bufio.NewReader(res.Body).ReadString('\n'); err != nil || line != "old\n" {
		t.Fatalf("%q, %v", line, err)
	}
	b.publish(deploytest.App("r2", "some-app", deploytest.Hello("new"), nil))
	if status, body := b.get("some-app", "/"); status != 200 || body != "new" {
		t.Errorf("%d %q", status, body)
	}
	if _, running := b.boxes.started(); len(running) != 2 {
		t.Errorf("%d processes run, want the old one too", len(running))
	}
	b.target.Close()
	if _, running := b.boxes.started(); len(running) != 0 {
		t.Errorf("%d processes run after Close", len(running))
	}
}

// Where a request came from is for the server to say, not for the visitor.
func TestOriginIsOurs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(deploytest.App("r1", "some-app", `export default { fetch(r) {
		return Response.json({ url: r.url, cf: r.cf, headers: Object.fromEntries(r.headers) }) } }`, nil))
	_, body := b.get("some-app", "/x?y=1", "X-Forwarded-Proto", "https", "X-Forwarded-For", "6.6.6.6", "CF-Connecting-IP", "6.6.6.6",
		"Surgent-Cf", `{"colo":"EVIL"}`, "Forwarded", "for=6.6.6.6", "X-Real-IP", "6.6.6.6", "True-Client-IP", "6.6.6.6", "X-Mine", "kept")
	var got struct {
		URL     string            `json:"url"`
		CF      map[string]any    `json:"cf"`
		Headers map[string]string `json:"headers"`
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if got.URL != "http://some-app.localhost:3210/x?y=1" || got.CF["colo"] != "LOCAL" || got.Headers["x-mine"] != "kept" ||
		got.Headers["cf-connecting-ip"] != "127.0.0.1" || strings.Contains(body, "6.6.6.6") || strings.Contains(body, "EVIL") {
		t.Errorf("the worker saw %s", body)
	}
}

func TestCookiesStayHome(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(deploytest.App("r1", "some-app", `export default { fetch() {
		const h = new Headers(); h.append("set-cookie", "a=1; Domain=localhost; Path=/; HttpOnly"); h.append("set-cookie", "b=2; domain=.localhost");
		return new Response("", { headers: h }) } }`, nil))
	res := b.request(http.MethodGet, "some-app", "/", http.NoBody)
	_ = res.Body.Close()
	if got := strings.Join(res.Header.Values("Set-Cookie"), "|"); got != "a=1; Path=/; HttpOnly|b=2" {
		t.Errorf("cookies: %s", got)
	}
}

func TestWebSocket(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(deploytest.App("r1", "some-app", `export default { fetch(r) {
		if (r.headers.get("upgrade") !== "websocket") return new Response("not a socket");
		const [client, server] = Object.values(new WebSocketPair());
		server.accept();
		server.addEventListener("message", (e) => server.send("echo " + e.data));
		return new Response(null, { status: 101, webSocket: client }) } }`, nil))
	conn, res, err := websocket.Dial(t.Context(), b.server.URL+"/ws", &websocket.DialOptions{Host: "some-app.localhost:3210"})
	if err != nil {
		t.Fatal(err)
	}
	if res.Body != nil {
		_ = res.Body.Close()
	}
	defer func() { _ = conn.CloseNow() }()
	if err := conn.Write(t.Context(), websocket.MessageText, []byte("hi")); err != nil {
		t.Fatal(err)
	}
	if _, text, err := conn.Read(t.Context()); err != nil || string(text) != "echo hi" {
		t.Errorf("%q, %v", text, err)
	}
}

// What a worker sends arrives at once, also when its answer never ends.
func TestAnswersStream(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(deploytest.App("r1", "some-app", `export default { async fetch(r) {
		if (r.method !== "POST") return new Response("fine");
		const { readable, writable } = new TransformStream();
		const writer = writable.getWriter();
		writer.write(new TextEncoder().encode("first " + await r.text() + "\n"));
		return new Response(readable) } }`, nil))
	res := b.request(http.MethodPost, "some-app", "/", strings.NewReader("word"))
	defer func() { _ = res.Body.Close() }()
	if line, err := bufio.NewReader(res.Body).ReadString('\n'); err != nil || line != "first word\n" {
		t.Errorf("%q, %v", line, err)
	}
}

// What a release wants of the future it gets of the present, with a word.
func TestNewDateIsClamped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rel := deploytest.App("r1", "some-app", deploytest.Hello("fine"), nil)
	rel.CompatibilityDate = "2030-01-01"
	if published := b.publish(rel); len(published.Warnings) != 1 || !strings.Contains(published.Warnings[0], "2030-01-01") {
		t.Errorf("warnings: %q", published.Warnings)
	}
	if again := b.publish(rel); len(again.Warnings) != 1 {
		t.Errorf("warnings of the same release: %q", again.Warnings)
	}
}

// The date that we clamp to is the newest that the pinned runtime takes.
func TestNewestDateIsTheRuntimes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rel := deploytest.App("r1", "some-app", deploytest.Hello("fine"), nil)
	rel.CompatibilityDate = ""
	b.publish(rel)
}

func TestWithoutBoxesOnlyFiles(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *workerd.Config) { c.Boxes = nil })
	b.publish(deploytest.App("r1", "some-app", "", map[string]string{"/index.html": "x"}))
	_, err := b.target.Publish(t.Context(), deploytest.App("r2", "some-app", deploytest.Hello("x"), nil), nil)
	if !errors.Is(err, deploy.ErrUnavailable) || errors.Is(err, deploy.ErrRefused) {
		t.Errorf("got %v", err)
	}
	if _, body := b.get("some-app", "/"); body != "x" {
		t.Errorf("it serves %q", body)
	}
}

// A release in progress when the program is killed leaves nothing that counts,
// and a damaged record takes down no other app.
func TestOpenPassesOverHalves(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(deploytest.App("r1", "some-app", "", map[string]string{"/index.html": "x"}))
	b.target.Close()
	for _, name := range []string{"live/some-app.123.new", "live/other-app.json", "run/some-app-1/config.capnp"} {
		path := filepath.Join(b.config.Dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.open()
	if _, body := b.get("some-app", "/"); body != "x" {
		t.Errorf("it serves %q", body)
	}
	if status, _ := b.get("other-app", "/"); status != http.StatusNotFound {
		t.Errorf("a damaged record gives %d", status)
	}
	if _, err := os.Stat(filepath.Join(b.config.Dir, "run/some-app-1")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the run's folder is still there: %v", err)
	}
}

// A visitor who leaves does not stop the start that others wait for.
func TestImpatientVisitor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(deploytest.App("r1", "some-app", deploytest.Hello("fine"), nil))
	b.target.Close()
	b.open()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://some-app.localhost/", http.NoBody)
	b.target.ServeApp("some-app", httptest.NewRecorder(), r)
	if status, body := b.get("some-app", "/"); status != 200 || body != "fine" {
		t.Errorf("%d %q", status, body)
	}
}
