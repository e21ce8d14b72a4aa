package agent_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"surgent.dev/surgent/internal/builder/agent"
	"surgent.dev/surgent/model/anthropic"
	"surgent.dev/surgent/model/modeltest"
)

// orders is what the child process gets: a server that works until it is
// killed.
type orders struct {
	DB, Data, Box, Model string
	// Moment is where it holds still, at the N-th time, after saying so.
	Moment string
	N      int32
}

const ordersVar = "AGENT_TEST_ORDERS"

func TestMain(m *testing.M) {
	if text := os.Getenv(ordersVar); text != "" {
		if err := child(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func child(text string) error {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	client, err := dial(o.Box)
	if err != nil {
		return err
	}
	m, err := anthropic.New(anthropic.Config{APIKey: modeltest.DefaultKey, BaseURL: o.Model})
	if err != nil {
		return err
	}
	var seen atomic.Int32
	ctx := context.Background()
	rt, svc, _, err := openRuntime(ctx, parts{
		db: o.DB, data: o.Data, client: client, model: m, limits: agent.Limits{Backoff: 20 * time.Millisecond},
		logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		moment: func(name string) {
			if name == o.Moment && seen.Add(1) == o.N {
				fmt.Println("here")
				select {} // until the kill
			}
		},
	})
	if err != nil {
		return err
	}
	stop := run(ctx, rt, svc)
	for {
		var runs []agent.Run
		if err := rt.RunQuery(ctx, "test:runs", struct{}{}, &runs); err != nil {
			return err
		}
		if len(runs) > 0 && !runs[0].Open() {
			fmt.Println("ended")
			return stop()
		}
		time.Sleep(5 * time.Millisecond) // the run is another goroutine's
	}
}

// serve starts a child and returns its lines and how to kill it.
func serve(t testing.TB, o orders) (lines *bufio.Scanner, kill func()) {
	t.Helper()
	raw, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), ordersVar+"="+string(raw))
	cmd.Stderr = testWriter{t}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return bufio.NewScanner(out), func() {
		_ = cmd.Process.Kill()          // SIGKILL; it may have ended by itself
		_, _ = io.Copy(io.Discard, out) // so that Wait ends
		_ = cmd.Wait()                  // "signal: killed"
	}
}

// crashWorld is a world whose server is other processes.
type crashWorld struct {
	*world
	orders orders
}

func newCrashWorld(t *testing.T, script modeltest.Script) *crashWorld {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, work: filepath.Join(dir, "work"), data: filepath.Join(dir, "data")}
	c := &crashWorld{world: w, orders: orders{DB: filepath.Join(dir, "db"), Data: w.data, Box: openToolbox(t, dir)}}
	seed(t, w.work)
	w.api = modeltest.New(modeltest.Config{Script: script})
	web := httptest.NewServer(w.api)
	t.Cleanup(web.Close)
	c.orders.Model = web.URL
	c.open(func() {
		w.seed(false)
		w.ask("go")
	})
	return c
}

// open uses the database while no server runs.
func (c *crashWorld) open(use func()) {
	c.t.Helper()
	client, err := dial(c.orders.Box)
	if err != nil {
		c.t.Fatal(err)
	}
	rt, _, closeStore, err := openRuntime(c.t.Context(), parts{
		db: c.orders.DB, data: c.data, client: client, model: claude(c.t, c.orders.Model, time.Minute, ""), logger: logger(c.t),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.rt = rt
	use()
	closeStore()
}

// killAt serves until a moment, kills the server there, and serves again to
// the end of the run.
func (c *crashWorld) killAt(moment string, n int32) {
	c.t.Helper()
	first := c.orders
	first.Moment, first.N = moment, n
	lines, kill := serve(c.t, first)
	if !lines.Scan() || lines.Text() != "here" {
		kill()
		c.t.Fatalf("the server did not come to %q: %q", moment, lines.Text())
	}
	kill()
	c.finish()
}

func (c *crashWorld) finish() {
	c.t.Helper()
	lines, kill := serve(c.t, c.orders)
	defer kill()
	if !lines.Scan() || lines.Text() != "ended" {
		c.t.Fatalf("the run did not end after the restart: %q", lines.Text())
	}
}

// busy is a script with every kind of tool.
func busy(delay int) modeltest.Script {
	turns := []modeltest.Answer{
		{Blocks: []modeltest.Block{
			{Text: "Let me look at it first, and then change it."},
			{Tool: "TodoWrite", Input: todos("in_progress")},
			{Tool: "Read", Input: object{"file_path": "index.html"}},
			{Tool: "Glob", Input: object{"pattern": "**/*"}},
		}},
		{Blocks: []modeltest.Block{
			{Tool: "Edit", Input: object{"file_path": "index.html", "old_string": "Hello", "new_string": "Hello Hello"}},
			{Tool: "Write", Input: object{"file_path": "a.txt", "content": "one\n"}},
			{Tool: "Bash", Input: object{"command": "echo one >> effects.log; sleep 0.03; echo said"}},
			{Tool: "Bash", Input: object{"command": "echo two >> effects.log"}},
		}},
		{Blocks: []modeltest.Block{{Text: "All of it is done now."}}},
	}
	for i := range turns {
		turns[i].DelayMS, turns[i].ChunkBytes = delay, 16
	}
	return modeltest.Turns(turns...)
}

// whole checks that the crash left no trace: one timeline, each effect once.
func (c *crashWorld) whole() {
	c.t.Helper()
	c.open(func() {
		c.t.Helper()
		want := []string{
			"prompt", "system/init", "assistant text+TodoWrite+Read+Glob", "user ok", "user ok", "user ok",
			"assistant Edit+Write+Bash+Bash", "user ok", "user ok", "user ok", "user ok", "assistant text", "result success",
		}
		if diff := cmp.Diff(want, c.kinds()); diff != "" {
			c.t.Errorf("timeline (-want +got):\n%s", diff)
		}
		if got := c.file("effects.log"); got != "one\ntwo\n" {
			c.t.Errorf("effects.log = %q", got)
		}
		if got := c.file("index.html"); got != "<h1>Hello Hello</h1>\n" {
			c.t.Errorf("index.html = %q", got)
		}
		if got := c.resultText(5); got != "said" {
			c.t.Errorf("output = %q", got)
		}
		all := c.commits()
		if len(all) != 1 || string(*all[0].MessageID) != c.results()[0]["_id"] {
			c.t.Errorf("commits = %+v", all)
		}
		if got := strings.Fields(sh(c.t, c.work, "git log --format=%H")); len(got) != 2 || got[0] != all[0].SHA {
			c.t.Errorf("git log = %q", got)
		}
		if got := sh(c.t, c.data, "git --git-dir repos/"+string(c.project)+".git for-each-ref --format='%(objectname) %(refname)' refs/checkpoints"); got != all[0].SHA+" refs/checkpoints/1\n" {
			c.t.Errorf("bare repository: %q", got)
		}
		c.sound()
	})
}

func TestKillAndRestart(t *testing.T) {
	t.Parallel()
	tests := []struct {
		moment string
		n      int32
	}{
		{"asked", 1},
		{"delta", 3},          // in mid-stream
		{"answered", 1},       // between the answer and its calls
		{"answered", 2},       //
		{"started Edit", 1},   // journaled, not begun
		{"ran Edit", 1},       // done, not journaled
		{"started Write", 1},  //
		{"ran Write", 1},      //
		{"recorded Write", 1}, // between two calls
		{"started Bash", 1},   // before a command
		{"ran Bash", 1},       // after a command, before its commit
		{"recorded Bash", 2},  //
		{"committed", 1},      // between git commit and result
		{"finish", 1},         //
		{"recorded TodoWrite", 1},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %d", tt.moment, tt.n), func(t *testing.T) {
			t.Parallel()
			c := newCrashWorld(t, busy(0))
			c.killAt(tt.moment, tt.n)
			c.whole()
			c.open(func() {
				if v := c.views()[0]; !v.Resumed {
					t.Error("the run does not say that it was picked up again")
				}
			})
		})
	}
}

// TestKillDuringACommand: the command goes on while the server is dead, and
// the next server follows it.
func TestKillDuringACommand(t *testing.T) {
	t.Parallel()
	c := newCrashWorld(t, modeltest.Turns(
		modeltest.Call("", "Bash", object{"command": "echo x >> effects.log; until test -e gate; do sleep 0.02; done; echo through; exit 4"}),
		modeltest.Text("ok"),
	))
	_, kill := serve(t, c.orders)
	c.until("the command to begin", func() bool { return c.file("effects.log") != "" })
	kill()
	write(t, filepath.Join(c.work, "gate"), "")
	c.finish()
	c.open(func() {
		if got := c.resultText(0); got != "Exit code 4\nthrough" {
			t.Errorf("result = %q", got)
		}
		if got := c.file("effects.log"); got != "x\n" {
			t.Errorf("effects.log = %q", got)
		}
		c.sound()
	})
}

// TestStopOfAKilledRun: a stop that was asked for before the crash holds after
// it, and ends the command that went on.
func TestStopOfAKilledRun(t *testing.T) {
	t.Parallel()
	mark := fmt.Sprintf("301.%d", time.Now().UnixNano()%1e9)
	c := newCrashWorld(t, modeltest.Turns(modeltest.Call("", "Bash", object{"command": "echo x >> effects.log; sleep " + mark})))
	_, kill := serve(t, c.orders)
	c.until("the command to begin", func() bool { return c.file("effects.log") != "" })
	kill()
	c.open(c.stopAgent)
	c.finish()
	c.open(func() {
		if r := c.runs()[0]; r.Status != agent.Cancelled {
			t.Errorf("run = %+v %+v", r, r.Error)
		}
		if diff := cmp.Diff([]string{"prompt", "system/init", "assistant Bash", "user error", "result error_cancelled"}, c.kinds()); diff != "" {
			t.Errorf("timeline (-want +got):\n%s", diff)
		}
		c.sound()
	})
	if out, err := exec.CommandContext(t.Context(), "pgrep", "-f", "sleep "+mark).Output(); err == nil {
		t.Errorf("the command lives on: %s", out)
	}
}

// TestKillForEver: a run that kills its server again and again, always at the
// same place, is given up; the files and the conversation stay usable.
func TestKillForEver(t *testing.T) {
	t.Parallel()
	c := newCrashWorld(t, modeltest.Turns(
		modeltest.Answer{Blocks: []modeltest.Block{
			{Tool: "Write", Input: object{"file_path": "a.txt", "content": "a"}},
			{Tool: "Bash", Input: object{"command": "sleep 0.3"}},
		}},
	))
	first := c.orders
	first.Moment, first.N = "recorded Write", 1
	again := c.orders
	again.Moment, again.N = "begun", 1
	for _, o := range []orders{first, again, again, again, again, again, again} {
		lines, kill := serve(t, o)
		if !lines.Scan() || lines.Text() != "here" {
			t.Fatalf("the server did not come to %q: %q", o.Moment, lines.Text())
		}
		kill()
	}
	c.finish()
	c.open(func() {
		if r := c.runs()[0]; r.Status != agent.Interrupted || r.Error == nil || r.Error.Code != "interrupted" {
			t.Errorf("run = %+v %+v", r, r.Error)
		}
		if diff := cmp.Diff([]string{"prompt", "system/init", "assistant Write+Bash", "user ok", "user error", "result error_during_execution"}, c.kinds()); diff != "" {
			t.Errorf("timeline (-want +got):\n%s", diff)
		}
		if len(c.commits()) != 1 {
			t.Errorf("commits = %+v", c.commits())
		}
		c.sound()
	})
}

// TestKillAtRandom kills servers again and again at no chosen moment.
func TestKillAtRandom(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts many processes")
	}
	for i := range 3 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			c := newCrashWorld(t, busy(3))
			for range 4 {
				_, kill := serve(t, c.orders)
				time.Sleep(time.Duration(50+r.IntN(400)) * time.Millisecond) // anywhere
				kill()
			}
			c.finish()
			c.whole()
		})
	}
}
