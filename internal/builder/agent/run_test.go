package agent_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/internal/builder/agent"
	"surgent.dev/surgent/internal/builder/sessions"
	"surgent.dev/surgent/model/modeltest"
)

func scan(ctx *function.QueryCtx, table string) ([]any, error) {
	docs, err := ctx.DB.Scan(context.Context(ctx), store.Scan{Table: table})
	out := make([]any, len(docs))
	for i, d := range docs {
		out[i] = d
	}
	return out, err
}

func todos(status string) object {
	return object{"todos": []any{object{"content": "Say hello", "status": status, "activeForm": "Saying hello"}}}
}

func TestRunFromPromptToCheckpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{script: modeltest.Turns(
		modeltest.Answer{Blocks: []modeltest.Block{
			{Text: "I'll plan and read."}, {Tool: "TodoWrite", Input: todos("in_progress")}, {Tool: "Read", Input: object{"file_path": "index.html"}},
		}},
		modeltest.Answer{Blocks: []modeltest.Block{
			{Tool: "Edit", Input: object{"file_path": "index.html", "old_string": "Hello", "new_string": "Hello, you"}},
			{Tool: "Write", Input: object{"file_path": "src/a.txt", "content": "one\ntwo\n"}},
			{Tool: "Bash", Input: object{"command": "echo hi; cd src; cat a.txt"}},
		}},
		modeltest.Call("", "Bash", object{"command": "pwd; exit 3"}),
		modeltest.Text("Done and dusted."),
	)})
	w.ask("Greet me\nin two lines")
	r := w.ended(1)[0]
	want := []string{
		"prompt", "system/init",
		"assistant text+TodoWrite+Read", "user ok", "user ok",
		"assistant Edit+Write+Bash", "user ok", "user ok", "user ok",
		"assistant Bash", "user error", "assistant text", "result success",
	}
	if diff := cmp.Diff(want, w.kinds()); diff != "" {
		t.Errorf("timeline (-want +got):\n%s", diff)
	}
	if r.Status != agent.Succeeded || r.Step != 4 || w.views()[0].Resumed {
		t.Errorf("run = %+v", r)
	}
	if got := w.file("index.html"); got != "<h1>Hello, you</h1>\n" {
		t.Errorf("index.html = %q", got)
	}
	if got := w.resultText(4); got != "hi\none\ntwo" {
		t.Errorf("output = %q", got)
	}
	if got := w.resultText(5); got != "Exit code 3\n"+w.work+"/src" {
		t.Errorf("the folder is not kept between commands: %q", got)
	}
	res := w.results()[0]
	in, out, write, read := w.api.Usage()
	usage := object{
		"input_tokens": float64(in), "output_tokens": float64(out),
		"cache_creation_input_tokens": float64(write), "cache_read_input_tokens": float64(read),
	}
	if diff := cmp.Diff(usage, res["usage"]); diff != "" {
		t.Errorf("usage (-server +row):\n%s", diff)
	}
	if api, _ := res["duration_api_ms"].(float64); api <= 0 || api > res["duration_ms"].(float64) {
		t.Errorf("time of the model: %v of %v ms", res["duration_api_ms"], res["duration_ms"])
	}
	if cost, _ := res["total_cost_usd"].(float64); cost <= 0 || res["files_changed"] != 2.0 {
		t.Errorf("result = %v", res)
	}
	c := w.commits()
	if len(c) != 1 || *c[0].Version != 1 || c[0].Message != "Greet me" || string(*c[0].MessageID) != res["_id"] {
		t.Fatalf("commits = %+v", c)
	}
	stats, _ := c[0].Stats.(object)
	if stats["filesChanged"] != 2.0 || stats["additions"] != 3.0 || stats["deletions"] != 1.0 {
		t.Errorf("stats = %v", stats)
	}
	if got := sh(t, w.work, "git log -1 --format='%an %(trailers:key=Run,valueonly)'; git status --porcelain"); !strings.Contains(got, "Surgent "+string(r.ID)) || strings.Contains(got, "??") {
		t.Errorf("git says %q", got)
	}
	if got := sh(t, w.data, "git --git-dir repos/"+string(w.project)+".git rev-parse refs/checkpoints/1"); strings.TrimSpace(got) != c[0].SHA {
		t.Errorf("the bare repository has %q, want %s", got, c[0].SHA)
	}
	var s sessions.Session
	if err := w.rt.As(w.user).RunQuery(t.Context(), "sessions:getSession", object{"sessionId": w.session}, &s); err != nil {
		t.Fatal(err)
	}
	if list, _ := s.Stats.([]any); s.Title != "Greet me" || s.AgentSessionID != string(w.session) || len(list) != 1 {
		t.Errorf("session = %+v", s)
	}
	w.sound()
}
