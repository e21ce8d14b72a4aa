package demo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"surgent.dev/surgent/model"
	"surgent.dev/surgent/model/demo"
)

const system = "You are an agent.\n- Its folder is /workspace. Use absolute paths."

// project is just enough of a sandbox for the demo's calls.
type project struct {
	t     *testing.T
	files map[string]string
	lint  string // what the linter says; "" is nothing
	todos []any
	calls []string
}

func open(t *testing.T, slug string) *project {
	t.Helper()
	p := &project{t: t, files: map[string]string{}}
	root := os.DirFS("../../templates/" + slug + "/project")
	for _, name := range []string{"index.html", "style.css", "src/App.tsx", "src/index.css", "package.json"} {
		if f, err := root.Open(name); err == nil {
			_ = f.Close() // opened to see that it is there
			raw, err := os.ReadFile("../../templates/" + slug + "/project/" + name)
			if err != nil {
				t.Fatal(err)
			}
			p.files["/workspace/"+name] = string(raw)
		}
	}
	return p
}

type block struct {
	Type  string         `json:"type"`
	Text  string         `json:"text"`
	ID    string         `json:"id"`
	Name  string         `json:"name"`
	Input map[string]any `json:"input"`
}

// do runs one call as the agent's tools would.
func (p *project) do(b block) (text string, isError bool) {
	str := func(k string) string { s, _ := b.Input[k].(string); return s }
	path := str("file_path")
	p.calls = append(p.calls, b.Name+" "+path)
	switch b.Name {
	case "Glob":
		var names []string
		for n := range p.files {
			names = append(names, n)
		}
		slices.Sort(names)
		return strings.Join(names, "\n"), false
	case "Read":
		var out strings.Builder
		for i, line := range strings.Split(p.files[path], "\n") {
			fmt.Fprintf(&out, "%6d\t%s\n", i+1, line)
		}
		return out.String(), p.files[path] == ""
	case "Write":
		p.files[path] = str("content")
		return "written", false
	case "Edit":
		if strings.Count(p.files[path], str("old_string")) != 1 {
			return "no unique match in " + path, true
		}
		p.files[path] = strings.Replace(p.files[path], str("old_string"), str("new_string"), 1)
		return "edited", false
	case "TodoWrite":
		p.todos, _ = b.Input["todos"].([]any)
		return "ok", false
	case "Bash":
		if b.Input["command"] != "bun run lint" {
			p.t.Errorf("command = %v", b.Input["command"])
		}
		return p.lint, p.lint != ""
	}
	p.t.Errorf("unknown tool %s", b.Name)
	return "?", true
}

func raw(t *testing.T, v any) json.RawMessage {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tools(names ...string) []model.Tool {
	var out []model.Tool
	for _, n := range names {
		out = append(out, model.Tool{Name: n})
	}
	return out
}

// run plays one prompt to its end and returns the last text and the
// conversation.
func (p *project) run(history []model.Message, prompt string) (string, []model.Message) {
	p.t.Helper()
	m := demo.New(demo.Config{TokensPerSecond: -1})
	messages := append(history, model.Message{Role: model.User, Content: []json.RawMessage{raw(p.t, map[string]string{"type": "text", "text": prompt})}})
	seen := map[string]bool{}
	for range 20 {
		done := p.ask(m, messages)
		messages = append(messages, done.Message)
		var results []json.RawMessage
		last := ""
		for _, r := range done.Message.Content {
			var b block
			if err := json.Unmarshal(r, &b); err != nil {
				p.t.Fatal(err)
			}
			if b.Type == "text" {
				last = b.Text
				continue
			}
			if seen[b.ID] {
				p.t.Errorf("call id %s twice", b.ID)
			}
			seen[b.ID] = true
			text, isError := p.do(b)
			results = append(results, raw(p.t, map[string]any{"type": "tool_result", "tool_use_id": b.ID, "content": text, "is_error": isError}))
		}
		if len(results) == 0 {
			return last, messages
		}
		messages = append(messages, model.Message{Role: model.User, Content: results})
	}
	p.t.Fatal("the demo does not end")
	return "", nil
}

func (p *project) ask(m *demo.Model, messages []model.Message) model.Done {
	p.t.Helper()
	for ev, err := range m.Stream(p.t.Context(), model.Request{System: system, Messages: messages, Tools: tools("Read", "Write", "Edit", "Bash", "Glob", "TodoWrite")}) {
		if err != nil {
			p.t.Fatal(err)
		}
		if d, ok := ev.(model.Done); ok {
			return d
		}
	}
	p.t.Fatal("no end")
	return model.Done{}
}

func TestBuildThenChange(t *testing.T) {
	t.Parallel()
	tests := []struct {
		slug, prompt   string
		files          []string
		styles         string
		first, changed string
	}{
		{
			"web-app", "Build a todo list. Keep items after a reload, and let me filter by done.",
			[]string{"src/todos.ts", "src/theme.ts", "src/TodoItem.tsx", "src/App.tsx", "src/index.css"},
			"src/index.css", "#2f6b4f", "#2f5aa8",
		},
		{
			"static-page", "Build a page for a small bakery with its opening hours.",
			[]string{"index.html", "style.css"},
			"style.css", "#9c4a16", "#5b6420",
		},
	}
	for _, tt := range tests {
		t.Run(tt.slug, func(t *testing.T) {
			t.Parallel()
			p := open(t, tt.slug)
			text, history := p.run(nil, tt.prompt)
			for _, f := range tt.files {
				want, err := os.ReadFile("apps/" + tt.slug + "/" + f)
				if err != nil {
					t.Fatal(err)
				}
				if p.files["/workspace/"+f] != string(want) {
					t.Errorf("%s is not as recorded", f)
				}
			}
			if strings.Contains(text, "failed") || !slices.Contains(p.calls, "Bash ") {
				t.Errorf("text = %q, calls = %q", text, p.calls)
			}
			for _, todo := range p.todos {
				if m, _ := todo.(map[string]any); m["status"] != "completed" {
					t.Errorf("todo = %v", todo)
				}
			}
			if tt.slug == "web-app" && !strings.Contains(p.files["/workspace/index.html"], "<title>Todo list</title>") {
				t.Error("the title is not changed")
			}
			before := len(p.calls)
			text, _ = p.run(history, tt.prompt)
			if styles := p.files["/workspace/"+tt.styles]; strings.Contains(styles, tt.first) || strings.Count(styles, tt.changed) != 1 {
				t.Errorf("a repeat did not change the colour: %q; calls %q", text, p.calls[before:])
			}
			// Four repeats come back to the first colour.
			for range 3 {
				p.run(nil, tt.prompt)
			}
			if !strings.Contains(p.files["/workspace/"+tt.styles], tt.first) {
				t.Error("the colours do not come round")
			}
		})
	}
}

func TestOtherPromptsGetOneText(t *testing.T) {
	t.Parallel()
	p := open(t, "web-app")
	// Every such text says what to ask for, by the names that people see, and
	// how to get another model.
	says := func(text string) {
		t.Helper()
		for _, part := range []string{"ANTHROPIC_API_KEY=", "\n- Web app: “Build a todo list.", "\n- Static page: “Build a page for a small bakery"} {
			if !strings.Contains(text, part) {
				t.Errorf("text = %q, want %q in it", text, part)
			}
		}
	}
	text, _ := p.run(nil, "Make me a chess engine.")
	if len(p.calls) != 0 {
		t.Errorf("calls = %q", p.calls)
	}
	says(text)
	text, _ = p.run(nil, "A page for a bakery")
	if len(p.calls) != 1 || !strings.Contains(text, "Build a todo list.") || strings.Contains(text, "bakery") {
		t.Errorf("the other template's prompt: calls = %q, text = %q", p.calls, text)
	}
	for ev, err := range demo.New(demo.Config{TokensPerSecond: -1}).Stream(t.Context(), model.Request{
		Messages: []model.Message{{Role: model.User, Content: []json.RawMessage{raw(t, map[string]string{"type": "text", "text": "Build a todo list"})}}},
		Tools:    tools("Read", "Glob", "Grep", "TodoWrite"),
	}) {
		if err != nil {
			t.Fatal(err)
		}
		if d, ok := ev.(model.Done); ok {
			var b block
			if err := json.Unmarshal(d.Message.Content[0], &b); err != nil || d.StopReason != model.EndTurn {
				t.Errorf("ask mode: %+v, %v", d, err)
			}
			says(b.Text)
		}
	}
}

func TestSaysWhatFails(t *testing.T) {
	t.Parallel()
	p := open(t, "web-app")
	p.lint = "src/App.tsx: something is off"
	if text, _ := p.run(nil, "a todo list please"); !strings.Contains(text, "something is off") {
		t.Errorf("text = %q, want the linter's words", text)
	}
	p = open(t, "web-app")
	delete(p.files, "/workspace/src/index.css")
	if text, _ := p.run(nil, "a todo list please"); !strings.Contains(text, "Read failed") {
		t.Errorf("text = %q, want the failed read", text)
	}
}

func TestPaceAndStop(t *testing.T) {
	t.Parallel()
	m := demo.New(demo.Config{TokensPerSecond: 500})
	cause := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	n, start := 0, time.Now()
	for ev, err := range m.Stream(ctx, model.Request{Messages: []model.Message{{Role: model.User, Content: []json.RawMessage{raw(t, map[string]string{"type": "text", "text": "hi"})}}}}) {
		if err != nil {
			if !errors.Is(err, cause) {
				t.Errorf("err = %v, want the cause", err)
			}
			break
		}
		if _, ok := ev.(model.Delta); ok {
			if n++; n == 20 {
				cancel(cause)
			}
		}
	}
	if took := time.Since(start); n != 20 || took < 38*time.Millisecond {
		t.Errorf("%d tokens in %s", n, took)
	}
	if info := m.Info(); info.Provider != "demo" || info.Price == nil || info.Price.Cost(model.Usage{InputTokens: 1e9}) != 0 {
		t.Errorf("info = %+v", info)
	}
}
