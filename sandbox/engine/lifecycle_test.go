//go:build linux

package engine_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"surgent.dev/surgent/sandbox/engine"
)

func TestCreatedSandboxRunsCommands(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	box := c.create(map[string]any{"env": map[string]string{"COLOR": "blue green"}, "labels": map[string]string{"a": "b"}})
	for command, want := range map[string]string{
		"id -un":                               "daytona",
		"id -u":                                "1000",
		"pwd":                                  "/workspace",
		`printf %s "$COLOR"`:                   "blue green",
		"git --version >/dev/null && echo ok":  "ok",
		"node -p 'process.version.slice(0,3)'": "v24",
		"bun -p 1+1":                           "2",
		"ls /workspace/node_modules/react/package.json": "/workspace/node_modules/react/package.json",
		"touch /workspace/x && stat -c %U /workspace/x": "daytona",
		// Nothing to rise with: no capability, now or later.
		"grep -E 'CapEff|NoNewPrivs' /proc/self/status | tr -s '[:space:]' ' '": "CapEff: 0000000000000000 NoNewPrivs: 1",
	} {
		if got := c.must(box.ID, command); got != want {
			t.Errorf("%s = %q, want %q", command, got, want)
		}
	}
	if code, out := c.exec(box.ID, "exit 3"); code != 3 {
		t.Errorf("exit 3: code %d, %s", code, out)
	}
}

func TestStopKeepsFilesAndProcesses(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	box := c.create(map[string]any{"env": map[string]string{"COLOR": "blue"}})
	c.must(box.ID, "echo one >/workspace/file; rm -r node_modules/react; (sleep 777 >/dev/null 2>&1 &)")
	token := previewOf(c, box.ID).Token

	c.call("POST", "/api/sandbox/"+box.ID+"/stop", nil, nil)
	if s := c.get(box.ID).State; s != "stopped" {
		t.Fatalf("state after stop is %s", s)
	}
	status, text := c.send("POST", "/toolbox/"+box.ID+"/process/execute", map[string]any{"command": "true"})
	if status != 400 || !strings.Contains(string(text), "Is the Sandbox started?") {
		t.Errorf("execute in a stopped sandbox: %d %s", status, text)
	}
	if status, _ := c.send("POST", "/api/sandbox/"+box.ID+"/stop", nil); status != 400 {
		t.Errorf("stop of a stopped sandbox: %d, want 400", status)
	}

	c.call("POST", "/api/sandbox/"+box.ID+"/start", nil, nil)
	c.call("POST", "/api/sandbox/"+box.ID+"/start", nil, nil) // a no-op
	if got := c.must(box.ID, "cat /workspace/file; ls node_modules | grep -cx react; pgrep -fx 'sleep 777' | wc -l; echo $COLOR"); got != "one\n0\n1\nblue" {
		t.Errorf("after start: %q", got)
	}
	if now := previewOf(c, box.ID).Token; now == token {
		t.Error("start did not change the preview token")
	}
}

func TestStartFromFilesWhenMemoryIsGone(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, image string){
		"missing": func(t *testing.T, image string) {
			if err := os.RemoveAll(image); err != nil {
				t.Fatal(err)
			}
		},
		"broken": func(t *testing.T, image string) {
			if err := os.Truncate(filepath.Join(image, "checkpoint.img"), 1000); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := sharedEngine(t)
			box := c.create(nil)
			c.must(box.ID, "echo kept >/workspace/file; mkdir -p a/b; ln -s ../file a/link; chmod 750 a; (sleep 888 >/dev/null 2>&1 &)")
			c.call("POST", "/api/sandbox/"+box.ID+"/stop", nil, nil)
			spoil(t, filepath.Join(shared.srv.dir, box.ID, "memory"))
			c.call("POST", "/api/sandbox/"+box.ID+"/start", nil, nil)
			if got := c.must(box.ID, "cat a/link; stat -c %a a; pgrep -fx 'sleep 888' | wc -l"); got != "kept\n750\n0" {
				t.Errorf("after start: %q", got)
			}
		})
	}
}

func TestConcurrentStopAndStartConverge(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	box := c.create(nil)
	var wg sync.WaitGroup
	for i := range 6 {
		action := []string{"stop", "start"}[i%2]
		wg.Go(func() {
			status, text := c.send("POST", "/api/sandbox/"+box.ID+"/"+action, nil)
			if status != 200 && status != 400 && status != 409 {
				t.Errorf("%s: %d %s", action, status, text)
			}
		})
	}
	wg.Wait()
	if s := c.get(box.ID).State; s != "started" && s != "stopped" {
		t.Errorf("state is %s", s)
	}
	c.call("POST", "/api/sandbox/"+box.ID+"/start", nil, nil)
	c.must(box.ID, "true")
}

func TestDeleteFreesEverything(t *testing.T) {
	t.Parallel()
	c, srv := ownEngine(t, nil)
	instance := instanceName(t, srv.dir)
	// Networks made ahead are there all the time: three wait, one is on its way.
	const pool = 2 * 4
	box := c.create(map[string]any{"name": "gone"})
	eventually(t, "the pool of networks is full", func() bool { return len(traces(t, instance)) > pool })
	c.call("DELETE", "/api/sandbox/gone", nil, nil)
	if s := c.get(box.ID).State; s != "destroyed" {
		t.Errorf("right after delete the sandbox is %s", s)
	}
	if status, _ := c.send("DELETE", "/api/sandbox/"+box.ID, nil); status != 404 {
		t.Errorf("second delete: %d", status)
	}
	if _, err := os.Stat(filepath.Join(srv.dir, box.ID)); !os.IsNotExist(err) {
		t.Errorf("its folder is still there: %v", err)
	}
	if left := traces(t, instance); len(left) > pool {
		t.Errorf("after delete there are %v", left)
	}
	c.create(map[string]any{"name": "gone"})
}

// traces lists what an engine has on the host: devices, namespaces, groups and
// processes.
func traces(t *testing.T, instance string) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{
		"/sys/class/net/sg" + instance + "*", "/run/netns/surgent-" + instance + "-*",
		"/sys/fs/cgroup/*/surgent-" + instance + "/*-*", "/sys/fs/cgroup/surgent-" + instance + "/*-*",
		"/sys/fs/cgroup/memory/*/*/surgent-" + instance + "/*-*", "/run/surgent/" + instance + "/*.state",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

func instanceName(t *testing.T, dir string) string {
	t.Helper()
	var in struct{ Name string }
	readJSON(t, filepath.Join(dir, "engine.json"), &in)
	return in.Name
}

func TestConcurrentCreates(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	const n = 8
	ids := make([]string, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			box := c.create(nil)
			ids[i] = c.must(box.ID, fmt.Sprintf("echo %d >n; cat n; hostname -I 2>/dev/null || true", i))
		})
	}
	wg.Wait()
	for i, got := range ids {
		if !strings.HasPrefix(got, fmt.Sprint(i)) {
			t.Errorf("sandbox %d says %q", i, got)
		}
	}
	// Of many creates with one name one wins.
	var won, refused int
	var mu sync.Mutex
	for range 4 {
		wg.Go(func() {
			status, text := c.send("POST", "/api/sandbox", map[string]any{"name": "contested"})
			mu.Lock()
			defer mu.Unlock()
			switch status {
			case 200:
				won++
			case 409:
				refused++
			default:
				t.Errorf("create: %d %s", status, text)
			}
		})
	}
	wg.Wait()
	c.call("DELETE", "/api/sandbox/contested", nil, nil)
	if won != 1 || refused != 3 {
		t.Errorf("%d creates of one name succeeded, %d were refused", won, refused)
	}
}

func TestAutoStopAndActivity(t *testing.T) {
	t.Parallel()
	clock := newClock()
	c, srv := ownEngine(t, func(cfg *engine.Config) { cfg.Now = clock.now })
	resting := c.create(map[string]any{"autoStopInterval": 5})
	c.must(resting.ID, "echo rest >before")
	used := c.create(map[string]any{"autoStopInterval": 5})
	always := c.create(map[string]any{"autoStopInterval": 0})
	ephemeral := c.create(map[string]any{"autoStopInterval": 5, "autoDeleteInterval": 0})

	clock.add(4 * time.Minute)
	c.must(used.ID, "true")
	if status, _ := c.send("POST", "/toolbox/"+resting.ID+"/process/execute", map[string]any{"command": "true"},
		"X-Daytona-Skip-Last-Activity-Update", "true"); status != 200 {
		t.Fatalf("execute: %d", status)
	}
	clock.add(2 * time.Minute)
	eventually(t, "the resting sandbox stops", func() bool { return c.get(resting.ID).State == "stopped" })
	eventually(t, "the ephemeral sandbox is deleted", func() bool {
		status, text := c.send("GET", "/api/sandbox/"+ephemeral.ID, nil)
		return status == 404 || strings.Contains(string(text), `"destroyed"`)
	})
	for _, id := range []string{used.ID, always.ID} {
		if s := c.get(id).State; s != "started" {
			t.Errorf("a sandbox in use, or that never rests, is %s", s)
		}
	}
	c.call("POST", "/api/sandbox/"+used.ID+"/last-activity", nil, nil)
	c.call("POST", "/api/sandbox/"+always.ID+"/autostop/1", nil, nil)
	clock.add(2 * time.Minute)
	eventually(t, "the new interval holds", func() bool { return c.get(always.ID).State == "stopped" })
	if s := c.get(used.ID).State; s != "started" {
		t.Errorf("a touched sandbox is %s", s)
	}

	// After long rest only the files are kept.
	c.call("POST", "/api/sandbox/"+resting.ID+"/autoarchive/60", nil, nil)
	clock.add(61 * time.Minute)
	memory := filepath.Join(srv.dir, resting.ID, "memory")
	eventually(t, "the memory image goes", func() bool {
		_, err := os.Stat(memory)
		return os.IsNotExist(err)
	})
	c.call("POST", "/api/sandbox/"+resting.ID+"/start", nil, nil)
	if got := c.must(resting.ID, "cat before"); got != "rest" {
		t.Errorf("after an archive: %q", got)
	}
}

// clock is a clock that tests move.
type clock struct {
	mu     sync.Mutex
	offset time.Duration
}

func newClock() *clock { return &clock{} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// child is an engine in another process.
type child struct {
	cmd *exec.Cmd
	url string
}

func startChild(t *testing.T, dir string) *child {
	t.Helper()
	if _, skip := config(dir); skip != "" {
		t.Skip(skip)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "SURGENT_TEST_SERVE="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return &child{cmd: cmd, url: "http://" + strings.TrimSpace(line)}
}

func (p *child) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait() // killed
}

func TestKilledEngineIsSucceeded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startChild(t, dir)
	c := &client{t: t, base: first.url}
	var box, stopped info
	c.call("POST", "/api/sandbox", map[string]any{"name": "survivor"}, &box)
	c.call("POST", "/api/sandbox", map[string]any{"name": "stopped"}, &stopped)
	c.must(stopped.ID, "echo there >f")
	c.call("POST", "/api/sandbox/stopped/stop", nil, nil)
	c.call("POST", "/toolbox/survivor/process/session", map[string]any{"sessionId": "s"}, nil)
	var started struct{ CmdID string }
	c.call("POST", "/toolbox/survivor/process/session/s/exec", map[string]any{
		"command": "echo begin; until [ -e /workspace/go ]; do sleep 0.05; done; echo end; exit 7", "runAsync": true,
	}, &started)
	first.kill(t)

	second := startChild(t, dir)
	c.base = second.url
	if s := c.get("survivor"); s.State != "started" || s.ID != box.ID {
		t.Fatalf("after the kill: %+v", s)
	}
	// The command that was running is the same, and can be followed to its end.
	c.must(box.ID, "touch go")
	var command struct{ ExitCode *int }
	eventually(t, "the command ends", func() bool {
		c.call("GET", "/toolbox/survivor/process/session/s/command/"+started.CmdID, nil, &command)
		return command.ExitCode != nil
	})
	if *command.ExitCode != 7 {
		t.Errorf("exit code %d, want 7", *command.ExitCode)
	}
	if _, text := c.send("GET", "/toolbox/survivor/process/session/s/command/"+started.CmdID+"/logs", nil); !strings.Contains(string(text), "begin\nend") {
		t.Errorf("log is %q", text)
	}
	c.call("POST", "/api/sandbox/stopped/start", nil, nil)
	if got := c.must(stopped.ID, "cat f"); got != "there" {
		t.Errorf("file of the stopped sandbox: %q", got)
	}

	// A sandbox that ends while no engine looks starts from its last save.
	c.must(box.ID, "echo saved >saved")
	c.call("POST", "/api/sandbox/survivor/backup", nil, nil)
	c.must(box.ID, "echo lost >lost")
	var rec struct{ Run struct{ PID int } }
	readJSON(t, filepath.Join(dir, box.ID, "sandbox.json"), &rec)
	second.kill(t)
	if p, err := os.FindProcess(rec.Run.PID); err != nil || p.Kill() != nil {
		t.Fatalf("kill sandbox process %d: %v", rec.Run.PID, err)
	}
	third := startChild(t, dir)
	c.base = third.url
	if s := c.get("survivor"); s.State != "stopped" || s.ErrorReason == "" {
		t.Errorf("a sandbox that ended unwatched: %+v", s)
	}
	c.call("POST", "/api/sandbox/survivor/start", nil, nil)
	if got := c.must(box.ID, "cat saved; ls lost 2>/dev/null | wc -l"); got != "saved\n0" {
		t.Errorf("after start from the save: %q", got)
	}
	c.call("DELETE", "/api/sandbox/survivor", nil, nil)
	c.call("DELETE", "/api/sandbox/stopped", nil, nil)
	// An engine in this process takes over once more, and cleans up at its end.
	third.kill(t)
	cfg, _ := config(dir)
	last, err := startServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := last.stop(); err != nil {
		t.Error(err)
	}
}

func TestOneEngineForADataFolder(t *testing.T) {
	t.Parallel()
	_, srv := ownEngine(t, nil)
	cfg, _ := config(srv.dir)
	second, err := engine.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "another server") {
		t.Errorf("a second engine on one folder: %v", err)
	}
}

func TestGracefulEndStartsAgain(t *testing.T) {
	t.Parallel()
	cfg, skip := config(t.TempDir())
	if skip != "" {
		t.Skip(skip)
	}
	first, err := startServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, base: first.http.URL}
	var box info
	c.call("POST", "/api/sandbox", map[string]any{}, &box)
	c.must(box.ID, "(sleep 999 >/dev/null 2>&1 &)")
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	if left := traces(t, instanceName(t, cfg.DataDir)); len(left) > 0 {
		t.Errorf("after its end the engine leaves %v", left)
	}
	second, err := startServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.base = second.http.URL
	eventually(t, "the sandbox starts again", func() bool { return c.get(box.ID).State == "started" })
	c.must(box.ID, "pgrep -fx 'sleep 999'")
	c.call("DELETE", "/api/sandbox/"+box.ID, nil, nil)
	if err := second.stop(); err != nil {
		t.Error(err)
	}
}

// Sandboxes whose engine was killed and whose data folder was deleted are
// nobody's: the next engine on the host ends them.
func TestOrphansAreEnded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startChild(t, dir)
	c := &client{t: t, base: p.url}
	c.call("POST", "/api/sandbox", map[string]any{}, nil)
	instance := instanceName(t, dir)
	p.kill(t)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if len(traces(t, instance)) == 0 {
		t.Fatal("there is nothing to end")
	}
	ownEngine(t, nil)
	eventually(t, "the orphans end", func() bool { return len(traces(t, instance)) == 0 })
}

func TestFailedStartIsTold(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	box := c.create(nil)
	c.call("POST", "/api/sandbox/"+box.ID+"/stop", nil, nil)
	dir := filepath.Join(shared.srv.dir, box.ID)
	images, err := filepath.Glob(filepath.Join(dir, "files", "*"))
	if err != nil || len(images) == 0 {
		t.Fatal(images, err)
	}
	for _, image := range images {
		if err := os.Truncate(image, 10); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "memory")); err != nil {
		t.Fatal(err)
	}
	status, text := c.send("POST", "/api/sandbox/"+box.ID+"/start", nil)
	if status != 400 || !strings.Contains(string(text), "did not start") {
		t.Errorf("start from broken files: %d %s", status, text)
	}
	if got := c.get(box.ID); got.State != "stopped" || !strings.Contains(got.ErrorReason, "did not start") {
		t.Errorf("afterwards: %+v", got)
	}
	for _, trace := range traces(t, instanceName(t, shared.srv.dir)) {
		if strings.Contains(trace, box.ID) {
			t.Errorf("%s is left", trace)
		}
	}
}
