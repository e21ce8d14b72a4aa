package agent_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"surgent.dev/surgent/internal/builder/agent"
	"surgent.dev/surgent/model/demo"
	"surgent.dev/surgent/templates"
)

// TestDemoBuildsThroughTheTools plays the recorded builds on the real
// templates, as a person without a key sees them. The linter is not installed
// here, so its command fails, and the demo says so.
func TestDemoBuildsThroughTheTools(t *testing.T) {
	t.Parallel()
	for slug, prompt := range map[string]string{
		"web-app":     "Build a todo list. Keep items after a reload, and let me filter by done.",
		"static-page": "Build a page for a small bakery with its opening hours.",
	} {
		t.Run(slug, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, settings{model: demo.New(demo.Config{TokensPerSecond: -1})})
			for _, tmpl := range templates.All() {
				if tmpl.Slug == slug {
					if err := os.CopyFS(filepath.Join(w.work, "app"), tmpl.Files); err != nil {
						t.Fatal(err)
					}
				}
			}
			sh(t, w.work, "rm index.html && shopt -s dotglob && mv app/* . && rmdir app && git add -A && git -c user.name=T -c user.email=t@t commit -q -m Template")
			w.ask(prompt)
			if r := w.ended(1)[0]; r.Status != agent.Succeeded || r.Spent.CostUSD == nil || *r.Spent.CostUSD != 0 {
				t.Fatalf("run = %+v %+v", r, r.Error)
			}
			for i, r := range w.rows() {
				if kind(r) == "user error" && !strings.Contains(dump(t, w.rt), "bun: command not found") {
					t.Errorf("row %d: %v", i, r.Raw)
				}
			}
			if c := w.commits(); len(c) != 1 {
				t.Fatalf("commits = %+v", c)
			}
			w.ask(prompt)
			w.ended(2)
			c := w.commits()
			if len(c) != 2 {
				t.Fatalf("a repeat changed nothing: %+v", c)
			}
			if stats, _ := c[0].Stats.(object); stats["filesChanged"] != 1.0 || stats["additions"] != 2.0 {
				t.Errorf("a repeat changed %v", stats)
			}
			w.ask("Write a chess engine")
			w.ended(3)
			if len(w.commits()) != 2 {
				t.Error("another prompt changed files")
			}
			w.sound()
		})
	}
}
