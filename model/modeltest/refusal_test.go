package modeltest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"surgent.dev/surgent/model/modeltest"
)

type object = map[string]any

// valid is a request that the server accepts: a conversation with one call.
func valid() object {
	return object{
		"model": "claude-sonnet-4-5", "max_tokens": 1000, "stream": true,
		"system": []any{object{"type": "text", "text": "You build apps."}},
		"tools":  []any{object{"name": "Read", "description": "Reads.", "input_schema": object{"type": "object"}}},
		"messages": []any{
			user(text("hi")),
			assistant(text("Reading."), call("t1")),
			user(result("t1"), text("and be quick")),
		},
	}
}

func user(blocks ...any) object      { return object{"role": "user", "content": blocks} }
func assistant(blocks ...any) object { return object{"role": "assistant", "content": blocks} }
func text(s string) object           { return object{"type": "text", "text": s} }
func call(id string) object {
	return object{"type": "tool_use", "id": id, "name": "Read", "input": object{}}
}

func result(id string) object {
	return object{"type": "tool_result", "tool_use_id": id, "content": "ok", "is_error": false}
}

func marked(block object) object {
	block["cache_control"] = object{"type": "ephemeral"}
	return block
}

func serve(t *testing.T, cfg modeltest.Config) (*modeltest.Server, string) {
	t.Helper()
	s := modeltest.New(cfg)
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return s, h.URL
}

func post(t *testing.T, url string, body any, header map[string]string) (status int, answer string) {
	t.Helper()
	raw, ok := body.([]byte)
	if !ok {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/messages", bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("content-type", "application/json")
	req.Header.Set("x-api-key", modeltest.DefaultKey)
	req.Header.Set("anthropic-version", "2023-06-01")
	for k, v := range header {
		if v == "" {
			req.Header.Del(k)
		} else {
			req.Header.Set(k, v)
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(out)
}

func TestAcceptsValidRequest(t *testing.T) {
	t.Parallel()
	s, url := serve(t, modeltest.Config{})
	if status, body := post(t, url, valid(), nil); status != 200 || !strings.Contains(body, "message_stop") {
		t.Fatalf("got %d %s", status, body)
	}
	if got := s.Refusals(); len(got) != 0 {
		t.Errorf("refusals = %q", got)
	}
}

// TestRefusals breaks the valid request in one place per case.
func TestRefusals(t *testing.T) {
	t.Parallel()
	set := func(key string, v any) func(object) { return func(r object) { r[key] = v } }
	messages := func(m ...any) func(object) { return set("messages", m) }
	tests := []struct {
		name   string
		change func(object)
		header map[string]string
		status int
		want   string
	}{
		{name: "no key", header: map[string]string{"x-api-key": ""}, status: 401, want: "x-api-key header is required"},
		{name: "wrong key", header: map[string]string{"x-api-key": "nope"}, status: 401, want: "invalid x-api-key"},
		{name: "no version", header: map[string]string{"anthropic-version": ""}, want: "anthropic-version: header is required"},
		{name: "wrong version", header: map[string]string{"anthropic-version": "2020-01-01"}, want: "not a valid version"},
		{name: "not json", header: map[string]string{"content-type": "text/plain"}, want: "content-type"},
		{name: "unknown field", change: set("colour", "red"), want: "colour: Extra inputs are not permitted"},
		{name: "no model", change: func(r object) { delete(r, "model") }, want: "model: Field required"},
		{name: "unknown model", change: set("model", "gpt-1"), status: 404, want: "model: gpt-1"},
		{name: "no max_tokens", change: func(r object) { delete(r, "max_tokens") }, want: "max_tokens: Field required"},
		{name: "max_tokens 0", change: set("max_tokens", 0), want: "greater than or equal to 1"},
		{name: "max_tokens too large", change: set("max_tokens", 1_000_000), want: "maximum allowed number of output tokens"},
		{name: "temperature", change: set("temperature", 1.5), want: "temperature"},
		{name: "no messages", change: messages(), want: "at least one message is required"},
		{name: "assistant first", change: messages(assistant(text("hi")), user(text("hi"))), want: "first message must use the \\\"user\\\" role"},
		{name: "system role", change: messages(object{"role": "system", "content": "x"}), want: "Input should be 'user' or 'assistant'"},
		{name: "content number", change: messages(object{"role": "user", "content": 3}), want: "Input should be a valid list"},
		{name: "empty content", change: messages(user(text("a")), object{"role": "assistant", "content": []any{}}, user(text("b"))), want: "all messages must have non-empty content"},
		{name: "empty text", change: messages(user(text(""))), want: "text content blocks must be non-empty"},
		{name: "empty string content", change: messages(object{"role": "user", "content": ""}), want: "text content blocks must be non-empty"},
		{name: "blank text", change: messages(user(text(" \n"))), want: "non-whitespace text"},
		{name: "final white space", change: messages(user(text("a")), assistant(text("b "))), want: "cannot end with trailing whitespace"},
		{name: "block type", change: messages(user(object{"type": "poem"})), want: "Input tag 'poem'"},
		{name: "call by user", change: messages(user(call("t1"))), want: "`tool_use` blocks can only be in `assistant` messages"},
		{name: "result by assistant", change: messages(user(text("a")), assistant(result("t1"))), want: "`tool_result` blocks can only be in `user` messages"},
		{name: "call id", change: messages(user(text("a")), assistant(call("t 1")), user(result("t 1"))), want: "tool_use.id: String should match pattern"},
		{name: "call name", change: messages(user(text("a")), assistant(object{"type": "tool_use", "id": "t1", "name": "a b", "input": object{}}), user(result("t1"))), want: "tool_use.name: String should match pattern"},
		{name: "call input", change: messages(user(text("a")), assistant(object{"type": "tool_use", "id": "t1", "name": "Read", "input": "x"}), user(result("t1"))), want: "Input should be a valid dictionary"},
		{name: "same call id twice", change: messages(user(text("a")), assistant(call("t1")), user(result("t1")), assistant(call("t1")), user(result("t1"))), want: "`tool_use` ids must be unique"},
		{name: "call without result", change: messages(user(text("a")), assistant(call("t1")), user(text("b"))), want: "found without `tool_result` blocks immediately after: t1"},
		{name: "open call at the end", change: messages(user(text("a")), assistant(call("t1"))), want: "found without `tool_result` blocks immediately after: t1"},
		{name: "one of two results", change: messages(user(text("a")), assistant(call("t1"), call("t2")), user(result("t1"))), want: "immediately after: t2"},
		{name: "result too late", change: messages(user(text("a")), assistant(call("t1")), user(result("t1")), assistant(text("b")), user(result("t1"))), want: "unexpected `tool_use_id`"},
		{name: "result without call", change: messages(user(result("t9"))), want: "unexpected `tool_use_id` found in `tool_result` blocks: t9"},
		{name: "two results", change: messages(user(text("a")), assistant(call("t1")), user(result("t1"), result("t1"))), want: "each tool_use must have a single result"},
		{name: "result after text", change: messages(user(text("a")), assistant(call("t1")), user(text("b"), result("t1"))), want: "immediately after: t1"},
		{name: "empty text in a result", change: messages(user(text("a")), assistant(call("t1")), user(object{"type": "tool_result", "tool_use_id": "t1", "content": []any{text("")}})), want: "text content blocks must be non-empty"},
		{name: "calls without tools", change: func(r object) { delete(r, "tools") }, want: "must define tools"},
		{name: "tool name", change: set("tools", []any{object{"name": "a b", "input_schema": object{"type": "object"}}}), want: "custom.name: String should match pattern"},
		{name: "tool twice", change: set("tools", []any{object{"name": "A", "input_schema": object{"type": "object"}}, object{"name": "A", "input_schema": object{"type": "object"}}}), want: "Tool names must be unique"},
		{name: "tool field", change: set("tools", []any{object{"name": "A", "input_schema": object{"type": "object"}, "strictest": true}}), want: "Extra inputs are not permitted"},
		{name: "tool schema", change: set("tools", []any{object{"name": "A", "input_schema": object{"type": "string"}}}), want: "input_schema.type"},
		{name: "system type", change: set("system", []any{object{"type": "image"}}), want: "system.0.type"},
		{name: "empty system", change: set("system", []any{text("")}), want: "system: text content blocks must be non-empty"},
		{name: "five marks", change: messages(user(marked(text("a")), marked(text("b")), marked(text("c")), marked(text("d")), marked(text("e")))), want: "A maximum of 4 blocks with cache_control may be provided. Found 5."},
		{name: "mark type", change: messages(user(object{"type": "text", "text": "a", "cache_control": object{"type": "forever"}})), want: "cache_control.type"},
		{name: "mark ttl", change: messages(user(object{"type": "text", "text": "a", "cache_control": object{"type": "ephemeral", "ttl": "1d"}})), want: "cache_control.ephemeral.ttl"},
		{name: "made-up thinking", change: messages(user(text("a")), assistant(object{"type": "thinking", "thinking": "hm", "signature": "x"}, text("b")), user(text("c"))), want: "Invalid `signature` in `thinking` block"},
		{name: "thinking by user", change: messages(user(object{"type": "thinking", "thinking": "hm", "signature": "x"})), want: "`thinking` blocks can only be in `assistant` messages"},
		{name: "marked thinking", change: messages(user(text("a")), assistant(marked(object{"type": "thinking", "thinking": "hm", "signature": "x"}))), want: "thinking.cache_control"},
		{name: "small thinking budget", change: set("thinking", object{"type": "enabled", "budget_tokens": 10}), want: "greater than or equal to 1024"},
		{name: "thinking over max_tokens", change: set("thinking", object{"type": "enabled", "budget_tokens": 2000}), want: "must be greater than `thinking.budget_tokens`"},
		{name: "thinking missing before a call", change: func(r object) {
			r["max_tokens"], r["thinking"] = 4000, object{"type": "enabled", "budget_tokens": 2000}
		}, want: "Expected `thinking` or `redacted_thinking`, but found `text`"},
		{name: "thinking with forced tool", change: func(r object) {
			r["max_tokens"], r["thinking"] = 4000, object{"type": "enabled", "budget_tokens": 2000}
			r["tool_choice"] = object{"type": "any"}
		}, want: "Thinking may not be enabled"},
		{name: "thinking with temperature", change: func(r object) {
			r["max_tokens"], r["thinking"] = 4000, object{"type": "enabled", "budget_tokens": 2000}
			r["temperature"] = 0.5
		}, want: "may only be set to 1"},
		{name: "too long", change: messages(user(text(strings.Repeat("word ", 30_000)))), want: "prompt is too long: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, url := serve(t, modeltest.Config{Models: []string{"claude-sonnet-4-5"}, Window: 30_000})
			req := valid()
			if tt.change != nil {
				tt.change(req)
			}
			if tt.status == 0 {
				tt.status = 400
			}
			status, body := post(t, url, req, tt.header)
			if status != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("got %d %s, want %d with %q", status, body, tt.status, tt.want)
			}
			if got := len(s.Requests()); got != 0 {
				t.Errorf("the script saw %d requests, want none", got)
			}
		})
	}
}

func TestRefusesWhatIsNoRequest(t *testing.T) {
	t.Parallel()
	_, url := serve(t, modeltest.Config{})
	if status, body := post(t, url, []byte("{"), nil); status != 400 || !strings.Contains(body, "not valid JSON") {
		t.Errorf("cut body: %d %s", status, body)
	}
	if status, _ := post(t, url, bytes.Repeat([]byte(" "), 32<<20+1), nil); status != 413 {
		t.Errorf("too large a body: %d, want 413", status)
	}
	if status, _ := post(t, url+"/api/anthropic", valid(), nil); status != 200 {
		t.Errorf("a base URL with a path: %d, want 200", status)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/messages", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != 405 {
		t.Errorf("GET: %d, want 405", res.StatusCode)
	}
}
