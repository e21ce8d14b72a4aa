package agent_test

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"surgent.dev/surgent/internal/builder/agent"
	"surgent.dev/surgent/model/modeltest"
)

// TestSandboxGoesAwayForAMoment: calls that were under way are taken up again,
// none of them twice.
func TestSandboxGoesAwayForAMoment(t *testing.T) {
	t.Parallel()
	var left atomic.Int32 // connections that still break
	w := newWorld(t, settings{
		broken: func(*http.Request) bool { return left.Add(-1) >= 0 },
		moment: func(name string) {
			if strings.HasPrefix(name, "started ") || strings.HasPrefix(name, "recorded ") {
				left.Store(3)
			}
		},
		script: modeltest.Turns(
			modeltest.Answer{Blocks: []modeltest.Block{
				{Tool: "Read", Input: object{"file_path": "index.html"}},
				{Tool: "Edit", Input: object{"file_path": "index.html", "old_string": "Hello", "new_string": "Hello Hello"}},
				{Tool: "Write", Input: object{"file_path": "a.txt", "content": "a"}},
				{Tool: "Bash", Input: object{"command": "echo x >> effects.log; sleep 0.1; echo done"}},
			}},
			modeltest.Text("ok"),
		),
	})
	w.ask("go")
	if r := w.ended(1)[0]; r.Status != agent.Succeeded {
		t.Fatalf("run = %+v %+v", r, r.Error)
	}
	if diff := cmp.Diff([]string{"prompt", "system/init", "assistant Read+Edit+Write+Bash", "user ok", "user ok", "user ok", "user ok", "assistant text", "result success"}, w.kinds()); diff != "" {
		t.Errorf("timeline (-want +got):\n%s", diff)
	}
	if w.file("effects.log") != "x\n" || w.file("index.html") != "<h1>Hello Hello</h1>\n" || w.resultText(3) != "done" {
		t.Errorf("effects = %q, index = %q, output = %q", w.file("effects.log"), w.file("index.html"), w.resultText(3))
	}
	w.sound()
}

// TestRunWaitsForItsSandbox: a prompt never fails for a sandbox that is not
// there yet.
func TestRunWaitsForItsSandbox(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{asleep: true, script: modeltest.Turns(modeltest.Text("ok"))})
	w.ask("go")
	w.until("a reason", func() bool {
		v := w.views()[0]
		return v.Reason == "Starts when the sandbox is ready" && v.Position != nil && *v.Position == 0
	})
	if err := w.rt.RunMutation(t.Context(), "test:wake", object{"projectId": w.project}, nil); err != nil {
		t.Fatal(err)
	}
	if r := w.ended(1)[0]; r.Status != agent.Succeeded || r.Reason != "" {
		t.Errorf("run = %+v", r)
	}
	w.sound()
}

// TestSessionIsDeletedMeanwhile: the run ends, and writes no more rows.
func TestSessionIsDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{script: modeltest.Turns(modeltest.Call("", "Bash", object{"command": "touch begun; sleep 60"}))})
	w.ask("go")
	w.until("the command to begin", func() bool { return fileExists(filepath.Join(w.work, "begun")) })
	if err := w.rt.As(w.user).RunMutation(t.Context(), "sessions:deleteSession", object{"sessionId": w.session}, nil); err != nil {
		t.Fatal(err)
	}
	w.until("the command to end", func() bool {
		return exec.CommandContext(t.Context(), "pgrep", "-f", "sleep 62.5").Run() != nil
	})
	if rows := w.rows(); len(rows) != 0 {
		t.Errorf("rows = %v", rows)
	}
	w.until("the journal to be removed", func() bool { return len(w.runs()) == 0 })
}

// TestProjectIsDeletedMeanwhile: the worker stops writing at once, and the
// journal goes in portions.
func TestProjectIsDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{script: modeltest.Turns(modeltest.Call("", "Bash", object{"command": "touch begun; sleep 60"}))})
	w.ask("go")
	w.ask("wait for it")
	w.until("the command to begin", func() bool { return fileExists(filepath.Join(w.work, "begun")) })
	if err := w.rt.RunMutation(t.Context(), "test:delete", object{"projectId": w.project}, nil); err != nil {
		t.Fatal(err)
	}
	for _, r := range w.ended(2) {
		if r.Status != agent.Cancelled {
			t.Errorf("run = %+v", r)
		}
	}
	for left, n := true, 0; left; n++ {
		if n > 100 {
			t.Fatal("the purge does not end")
		}
		if err := w.rt.RunMutation(t.Context(), "test:purge", object{"projectId": w.project}, &left); err != nil {
			t.Fatal(err)
		}
	}
	if got := dump(t, w.rt); strings.Contains(got, `"toolUseId"`) || strings.Contains(got, `"attempt"`) || len(w.runs()) != 0 {
		t.Errorf("documents are left: %s", got)
	}
}

// TestLongRunStaysInItsWindow: old results are left out before the model's
// window is full; the conversation stays valid and cached.
func TestLongRunStaysInItsWindow(t *testing.T) {
	t.Parallel()
	const steps = 36
	var turns []modeltest.Answer
	for range steps {
		turns = append(turns, modeltest.Call("", "Bash", object{"command": "seq 1 4000"}))
	}
	api := modeltest.Config{Script: modeltest.Turns(turns...), Window: 200_000}
	w := newWorld(t, settings{api: &api, modelID: "small-model"})
	w.ask("count")
	r := w.ended(1)[0]
	if r.Status != agent.Succeeded || r.Step != steps+1 {
		t.Fatalf("run = %+v %+v", r, r.Error)
	}
	longest, left := 0, 0
	for _, req := range w.api.Requests() {
		longest = max(longest, len(req.Body))
		if n := strings.Count(string(req.Body), "is left out now"); n > 0 {
			left++
		}
	}
	if longest > 560_000 || left == 0 {
		t.Errorf("the longest request has %d bytes; %d requests leave results out", longest, left)
	}
	s := r.Spent
	if share := float64(s.CacheReadInputTokens) / float64(s.InputTokens+s.CacheReadInputTokens+s.CacheCreationInputTokens); share < 0.75 {
		t.Errorf("read from the cache: %.2f of %+v", share, s)
	}
	if s.CostUSD != nil {
		t.Errorf("an unknown model has a price: %v", *s.CostUSD)
	}
	raw, err := json.Marshal(w.results()[0])
	if err != nil || strings.Contains(string(raw), "total_cost_usd") {
		t.Errorf("result = %s, %v", raw, err)
	}
	w.sound()
}
