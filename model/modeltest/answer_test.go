package modeltest_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"surgent.dev/surgent/model/modeltest"
)

func TestTurnsAnswerByPlaceInTheConversation(t *testing.T) {
	t.Parallel()
	_, url := serve(t, modeltest.Config{Script: modeltest.Turns(
		modeltest.Call("Reading.", "Read", object{"file_path": "a"}), modeltest.Text("All read."),
	)})
	req := valid()
	req["stream"] = false
	req["messages"] = []any{user(text("go"))}
	first := decode(t, url, req)
	if first.StopReason != "tool_use" || first.Content[1].Name != "Read" {
		t.Fatalf("first answer = %+v", first)
	}
	again := decode(t, url, req)
	if again.Content[1].ID != first.Content[1].ID {
		t.Errorf("the same request got call ids %s and %s", first.Content[1].ID, again.Content[1].ID)
	}
	req["messages"] = []any{user(text("go")), assistant(call(first.Content[1].ID)), user(result(first.Content[1].ID))}
	if second := decode(t, url, req); second.Content[0].Text != "All read." || second.StopReason != "end_turn" {
		t.Errorf("second answer = %+v", second)
	}
}

type whole struct {
	StopReason string `json:"stop_reason"`
	Content    []struct {
		Type, Text, ID, Name, Thinking, Signature string
	} `json:"content"`
	Usage struct {
		Input  int `json:"input_tokens"`
		Output int `json:"output_tokens"`
		Write  int `json:"cache_creation_input_tokens"`
		Read   int `json:"cache_read_input_tokens"`
	} `json:"usage"`
}

func decode(t *testing.T, url string, req object) whole {
	t.Helper()
	status, body := post(t, url, req, nil)
	var out whole
	if err := json.Unmarshal([]byte(body), &out); status != 200 || err != nil {
		t.Fatalf("got %d %s: %v", status, body, err)
	}
	return out
}

func TestCacheReadsEqualPrefixesOnly(t *testing.T) {
	t.Parallel()
	_, url := serve(t, modeltest.Config{})
	long := strings.Repeat("All the rules of the house. ", 400) // about 2800 tokens
	ask := func(system string, messages ...any) whole {
		return decode(t, url, object{
			"model": "m", "max_tokens": 10,
			"system": []any{marked(text(system))}, "messages": messages,
		})
	}
	first := ask(long, user(marked(text("one"))))
	if first.Usage.Write < 2000 || first.Usage.Read != 0 {
		t.Errorf("first = %+v, want all written", first.Usage)
	}
	second := ask(long, user(text("one")), assistant(text("ok")), user(marked(text("two"))))
	if second.Usage.Read < 2000 || second.Usage.Input+second.Usage.Write > 100 {
		t.Errorf("second = %+v, want the prefix read", second.Usage)
	}
	if other := ask("x"+long, user(marked(text("one")))); other.Usage.Read != 0 {
		t.Errorf("another prefix = %+v, want nothing read", other.Usage)
	}
}

func TestThinkingGoesRoundWithItsSignature(t *testing.T) {
	t.Parallel()
	_, url := serve(t, modeltest.Config{Script: func(modeltest.Request) modeltest.Answer {
		return modeltest.Answer{Blocks: []modeltest.Block{{Thinking: "hm"}, {Text: "yes"}}}
	}})
	req := object{"model": "m", "max_tokens": 10, "messages": []any{user(text("a"))}}
	got := decode(t, url, req)
	req["messages"] = []any{
		user(text("a")),
		assistant(object{"type": "thinking", "thinking": "hm", "signature": got.Content[0].Signature}, text("yes")),
		user(text("b")),
	}
	if status, body := post(t, url, req, nil); status != 200 {
		t.Errorf("got %d %s, want the signature accepted", status, body)
	}
}

func TestFileScript(t *testing.T) {
	t.Parallel()
	cfg, err := modeltest.ParseFile([]byte(`{"key": "k1", "rules": [
		{"prompt": "todo", "answers": [
			{"faults": [{"kind": "status", "status": 529}, {"kind": "html"}], "blocks": [{"text": "planning"}, {"tool": "Read", "input": {"file_path": "x"}}]},
			{"blocks": [{"text": "ready"}]}]}],
		"else": {"blocks": [{"text": "what?"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	s, url := serve(t, cfg)
	key := map[string]string{"x-api-key": "k1"}
	req := valid()
	req["messages"] = []any{user(text("a todo list"))}
	if status, _ := post(t, url, req, key); status != 529 {
		t.Errorf("first attempt: %d, want 529", status)
	}
	if _, body := post(t, url, req, key); !strings.Contains(body, "<!doctype html>") {
		t.Errorf("second attempt: %s, want a page", body)
	}
	if _, body := post(t, url, req, key); !strings.Contains(body, "planning") || !strings.Contains(body, `"stop_reason":"tool_use"`) {
		t.Errorf("third attempt: %s", body)
	}
	req["messages"] = []any{user(text("a todo list")), assistant(call("t1")), user(result("t1"))}
	if _, body := post(t, url, req, key); !strings.Contains(body, "ready") {
		t.Errorf("second turn: %s", body)
	}
	req["messages"] = []any{user(text("a song"))}
	if _, body := post(t, url, req, key); !strings.Contains(body, "what?") {
		t.Errorf("no rule: %s", body)
	}
	if got := len(s.Requests()); got != 5 {
		t.Errorf("requests = %d, want 5", got)
	}
}

func TestParseFileSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{`{`, `{}`, `{"rules": [{"prompt": "("}]}`} {
		if _, err := modeltest.ParseFile([]byte(bad)); err == nil {
			t.Errorf("ParseFile(%s) = nil error", bad)
		}
	}
}

func TestListenAndServeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got := make(chan string, 1)
	err := modeltest.New(modeltest.Config{}).ListenAndServe(ctx, "127.0.0.1:0", func(addr string) {
		got <- addr
		cancel()
	})
	if err != nil || <-got == "" {
		t.Errorf("ListenAndServe = %v", err)
	}
}
