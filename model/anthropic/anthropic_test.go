package anthropic_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"surgent.dev/surgent/model"
	"surgent.dev/surgent/model/anthropic"
	"surgent.dev/surgent/model/modeltest"
)

const key = "sk-very-secret"

func open(t *testing.T, script modeltest.Script) (*anthropic.Model, *modeltest.Server) {
	t.Helper()
	s := modeltest.New(modeltest.Config{Script: script, Key: key})
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return dial(t, h.URL+"/api/anthropic"), s
}

func dial(t *testing.T, url string) *anthropic.Model {
	t.Helper()
	m, err := anthropic.New(anthropic.Config{APIKey: key, BaseURL: url, IdleTimeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func raws(t *testing.T, texts ...string) []json.RawMessage {
	t.Helper()
	out := make([]json.RawMessage, len(texts))
	for i, s := range texts {
		if !json.Valid([]byte(s)) {
			t.Fatalf("%s is no JSON", s)
		}
		out[i] = json.RawMessage(s)
	}
	return out
}

func hello(t *testing.T) model.Request {
	t.Helper()
	return model.Request{
		System:   "You build apps.",
		Messages: []model.Message{{Role: model.User, Content: raws(t, `{"type":"text","text":"hi"}`)}},
		Tools:    []model.Tool{{Name: "Read", Description: "Reads.", Schema: json.RawMessage(`{"type":"object"}`)}},
	}
}

func collect(ctx context.Context, m model.Model, req model.Request) (events []model.Event, done *model.Done, err error) {
	for ev, e := range m.Stream(ctx, req) {
		if e != nil {
			return events, nil, e
		}
		if d, ok := ev.(model.Done); ok {
			done = &d
		}
		events = append(events, ev)
	}
	return events, done, nil
}

func TestStreamKeepsBlocksAndCounts(t *testing.T) {
	t.Parallel()
	m, s := open(t, func(modeltest.Request) modeltest.Answer {
		return modeltest.Answer{Blocks: []modeltest.Block{
			{Thinking: "let me see"}, {Text: "Reading “it” now, <b>all</b>."}, {Tool: "Read", ID: "toolu_1", Input: map[string]any{"file_path": "a & b"}},
		}, ChunkBytes: 5}
	})
	events, done, err := collect(t.Context(), m, hello(t))
	if err != nil {
		t.Fatal(err)
	}
	if done.StopReason != model.ToolUse || done.Model != anthropic.DefaultModel || done.Usage.OutputTokens == 0 {
		t.Errorf("done = %+v", done)
	}
	want := []string{
		`"thinking":"let me see"`, "Reading “it” now, ", `"input":{"file_path":"a \u0026 b"}`,
	}
	for i, w := range want {
		if got := string(done.Message.Content[i]); !strings.Contains(got, w) {
			t.Errorf("block %d = %s, want %s in it", i, got, w)
		}
	}
	texts := map[int]string{}
	for _, ev := range events {
		if d, ok := ev.(model.Delta); ok {
			texts[d.Index] += d.Text
		}
	}
	if texts[0] != "let me see" || texts[1] != "Reading “it” now, <b>all</b>." {
		t.Errorf("deltas = %v", texts)
	}
	// The server takes its own blocks back, signature included.
	req := hello(t)
	req.Messages = append(req.Messages, done.Message, model.Message{
		Role: model.User, Content: raws(t, `{"type":"tool_result","tool_use_id":"toolu_1","content":"ok","is_error":false}`),
	})
	if _, _, err := collect(t.Context(), m, req); err != nil {
		t.Errorf("second turn: %v; refused: %q", err, s.Refusals())
	}
}

func TestMarksLeaveTheBytesBeforeThem(t *testing.T) {
	t.Parallel()
	m, s := open(t, modeltest.Turns(modeltest.Text("ok")))
	req := hello(t)
	odd := `{"text":"a","type":"text"}`
	req.Messages = []model.Message{
		{Role: model.User, Content: raws(t, odd)},
		{Role: model.Assistant, Content: raws(t, `{"type":"text","text":"b"}`)},
		{Role: model.User, Content: raws(t, odd, odd)},
		{Role: model.Assistant, Content: raws(t, `{"type":"text","text":"b"}`)},
		{Role: model.User, Content: raws(t, odd)},
	}
	if _, _, err := collect(t.Context(), m, req); err != nil {
		t.Fatal(err)
	}
	body := string(s.Requests()[0].Body)
	marked := odd[:len(odd)-1] + `,"cache_control":{"type":"ephemeral"}}`
	if got := strings.Count(body, marked); got != 2 {
		t.Errorf("marked messages = %d in %s, want 2", got, body)
	}
	if got := strings.Count(body, "cache_control"); got != 4 {
		t.Errorf("marks = %d, want 4", got)
	}
	if !strings.Contains(body, "["+odd+","+marked+"]") {
		t.Errorf("the mark is not on the last block only: %s", body)
	}
}

func TestCacheIsReadFromTheSecondTurnOn(t *testing.T) {
	t.Parallel()
	m, _ := open(t, modeltest.Turns(modeltest.Text("ok"), modeltest.Text("ok")))
	req := hello(t)
	req.System = strings.Repeat("Rules of the house. ", 500)
	_, first, err := collect(t.Context(), m, req)
	if err != nil {
		t.Fatal(err)
	}
	req.Messages = append(req.Messages, first.Message, model.Message{Role: model.User, Content: raws(t, `{"type":"text","text":"more"}`)})
	_, second, err := collect(t.Context(), m, req)
	if err != nil {
		t.Fatal(err)
	}
	u := second.Usage
	if share := float64(u.CacheReadInputTokens) / float64(u.InputTokens+u.CacheReadInputTokens+u.CacheCreationInputTokens); share < 0.9 {
		t.Errorf("read from the cache: %.2f of %+v, want over 0.9", share, u)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	good := modeltest.Text("A sentence that takes a few deltas to say, for sure.")
	tests := []struct {
		name   string
		answer modeltest.Answer
		want   model.Error
		text   string
	}{
		{"529", modeltest.Status(529), model.Error{Kind: model.Transient, Status: 529, Type: "overloaded_error"}, "overloaded"},
		{"500", modeltest.Status(500), model.Error{Kind: model.Transient, Status: 500, Type: "api_error"}, "api error"},
		{"429", modeltest.Answer{Fault: &modeltest.Fault{Kind: modeltest.FaultStatus, Status: 429, RetryAfter: "7"}}, model.Error{Kind: model.Transient, Status: 429, Type: "rate_limit_error", RetryAfter: 7 * time.Second}, "rate limit"},
		{"401", modeltest.Status(401), model.Error{Kind: model.KeyRefused, Status: 401, Type: "authentication_error"}, "authentication"},
		{"403", modeltest.Status(403), model.Error{Kind: model.KeyRefused, Status: 403, Type: "permission_error"}, "permission"},
		{"400", modeltest.Status(400), model.Error{Kind: model.BadRequest, Status: 400, Type: "invalid_request_error"}, "invalid"},
		{"404", modeltest.Status(404), model.Error{Kind: model.BadRequest, Status: 404, Type: "not_found_error"}, "not found"},
		{"413", modeltest.Status(413), model.Error{Kind: model.PromptTooLong, Status: 413, Type: "request_too_large"}, "too large"},
		{"too long", modeltest.Answer{Fault: &modeltest.Fault{Kind: modeltest.FaultStatus, Status: 400, Message: "prompt is too long: 9 tokens > 8 maximum"}}, model.Error{Kind: model.PromptTooLong, Status: 400, Type: "invalid_request_error"}, "prompt is too long"},
		{"too long with its answer", said(400, "input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000"), model.Error{Kind: model.PromptTooLong, Status: 400, Type: "invalid_request_error"}, "exceed context limit"},
		{"no credit", said(400, "Your credit balance is too low to access the Anthropic API."), model.Error{Kind: model.BadRequest, Status: 400, Type: "invalid_request_error"}, "credit balance"},
		{"cut", modeltest.Broken(good, modeltest.Fault{Kind: modeltest.FaultCut, AfterDeltas: 1}), model.Error{Kind: model.Transient, Type: "incomplete"}, "EOF"},
		{"no stop", modeltest.Broken(good, modeltest.Fault{Kind: modeltest.FaultNoStop}), model.Error{Kind: model.Transient, Type: "incomplete"}, "before it was complete"},
		{"error event", modeltest.Broken(good, modeltest.Fault{Kind: modeltest.FaultSSEError, AfterDeltas: 1}), model.Error{Kind: model.Transient, Status: 200, Type: "overloaded_error"}, "Overloaded"},
		{"page", modeltest.Broken(good, modeltest.Fault{Kind: modeltest.FaultHTML}), model.Error{Kind: model.Transient, Status: 200, Type: "not_a_stream"}, "text/html"},
		{"stall", modeltest.Broken(good, modeltest.Fault{Kind: modeltest.FaultStall, AfterDeltas: 1}), model.Error{Kind: model.Transient, Type: "stalled"}, "said nothing"},
		{"key in the text", modeltest.Answer{Fault: &modeltest.Fault{Kind: modeltest.FaultStatus, Status: 401, Message: "bad key " + key}}, model.Error{Kind: model.KeyRefused, Status: 401, Type: "authentication_error"}, "bad key [redacted]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, s := open(t, func(modeltest.Request) modeltest.Answer { return tt.answer })
			_, done, err := collect(t.Context(), m, hello(t))
			var got *model.Error
			if !errors.As(err, &got) || done != nil {
				t.Fatalf("err = %v, done = %v", err, done)
			}
			if !strings.Contains(got.Message, tt.text) {
				t.Errorf("message = %q, want %q in it", got.Message, tt.text)
			}
			if strings.Contains(fmt.Sprintf("%v %+v", got, got), key) {
				t.Errorf("the error shows the key: %+v", got)
			}
			if tt.name == "no stop" && !errors.Is(err, model.ErrIncomplete) {
				t.Errorf("err = %v, want ErrIncomplete", err)
			}
			short := model.Error{Kind: got.Kind, Status: got.Status, Type: got.Type, RetryAfter: got.RetryAfter}
			if diff := cmp.Diff(tt.want, short); diff != "" {
				t.Error(diff)
			}
			if n := len(s.Requests()); n != 1 {
				t.Errorf("requests = %d, want 1: retries are the caller's", n)
			}
		})
	}
}

func said(status int, text string) modeltest.Answer {
	return modeltest.Answer{Fault: &modeltest.Fault{Kind: modeltest.FaultStatus, Status: status, Message: text}}
}

// TestServerSaysWhetherToRetry: its word counts more than the status.
func TestServerSaysWhetherToRetry(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status int
		header map[string]string
		want   model.Kind
		wait   time.Duration
	}{
		{429, map[string]string{"retry-after-ms": "1500"}, model.Transient, 1500 * time.Millisecond},
		{429, map[string]string{"retry-after": "0.5"}, model.Transient, 500 * time.Millisecond},
		{503, map[string]string{"retry-after": "soon"}, model.Transient, 0},
		{429, map[string]string{"x-should-retry": "false"}, model.BadRequest, 0},
		{400, map[string]string{"x-should-retry": "true"}, model.Transient, 0},
		{408, nil, model.Transient, 0},
		{409, nil, model.Transient, 0},
		{402, nil, model.BadRequest, 0},
	}
	for _, tt := range tests {
		h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for k, v := range tt.header {
				w.Header().Set(k, v)
			}
			w.WriteHeader(tt.status)
			_, _ = fmt.Fprint(w, "no JSON")
		}))
		t.Cleanup(h.Close)
		_, _, err := collect(t.Context(), dial(t, h.URL), hello(t))
		var got *model.Error
		if !errors.As(err, &got) || got.Kind != tt.want || got.RetryAfter != tt.wait || got.Message == "" {
			t.Errorf("%d %v: %+v, want %s after %s", tt.status, tt.header, got, tt.want, tt.wait)
		}
	}
}

// TestRetryAfterADate: the header may be a time of day.
func TestRetryAfterADate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("retry-after", now.Add(7*time.Second).Format(http.TimeFormat))
		w.WriteHeader(529)
	}))
	t.Cleanup(h.Close)
	m, err := anthropic.New(anthropic.Config{APIKey: key, BaseURL: h.URL, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = collect(t.Context(), m, hello(t))
	var got *model.Error
	if !errors.As(err, &got) || got.RetryAfter != 7*time.Second {
		t.Errorf("err = %+v, want a wait of 7 s", got)
	}
}

// TestBaseURLs: however a base URL ends, the requests go to its Messages API.
func TestBaseURLs(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"", "/", "/v1", "/v1/", "/api/anthropic", "/api/anthropic/", "/api/anthropic/v1"} {
		var at string
		h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			at = r.URL.Path
			w.WriteHeader(http.StatusBadRequest)
		}))
		t.Cleanup(h.Close)
		_, _, _ = collect(t.Context(), dial(t, h.URL+end), hello(t)) // only the path counts here
		want := "/v1/messages"
		if strings.HasPrefix(end, "/api") {
			want = "/api/anthropic/v1/messages"
		}
		if at != want {
			t.Errorf("base URL ending in %q asks %q, want %q", end, at, want)
		}
	}
}

// TestTheKeyStaysWithItsHost: a redirect does not take it along.
func TestTheKeyStaysWithItsHost(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(other.Close)
	h := httptest.NewServer(http.RedirectHandler(other.URL+"/v1/messages", http.StatusTemporaryRedirect))
	t.Cleanup(h.Close)
	_, _, err := collect(t.Context(), dial(t, h.URL), hello(t))
	var got *model.Error
	if !errors.As(err, &got) || got.Kind != model.BadRequest || !strings.Contains(got.Message, other.URL) || asked.Load() != 0 {
		t.Errorf("err = %+v after %d requests to the other host", err, asked.Load())
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	server := func(h http.Handler) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.URL
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, tt := range map[string]struct {
		url  string
		want *model.Error // nil: nothing to say
	}{
		"all is well":        {server(modeltest.New(modeltest.Config{Key: key})), nil},
		"refused key":        {server(modeltest.New(modeltest.Config{Key: "another"})), &model.Error{Kind: model.KeyRefused, Status: 401}},
		"unknown model":      {server(modeltest.New(modeltest.Config{Key: key, Models: []string{"some-other"}})), &model.Error{Kind: model.BadRequest, Status: 404}},
		"no list of models":  {server(http.NotFoundHandler()), nil},
		"a page":             {server(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<html>") })), nil},
		"nobody at the port": {gone.URL, &model.Error{Kind: model.Transient}},
	} {
		err := dial(t, tt.url).Check(t.Context())
		var got *model.Error
		switch {
		case tt.want == nil && err != nil, tt.want != nil && !errors.As(err, &got):
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		case tt.want != nil && (got.Kind != tt.want.Kind || got.Status != tt.want.Status || strings.Contains(err.Error(), key)):
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

// TestEndlessAnswer: a server that never stops is stopped.
func TestEndlessAnswer(t *testing.T) {
	t.Parallel()
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("content-type", "text/event-stream")
		ping := []byte(strings.Repeat("event: ping\ndata: {}\n\n", 10_000))
		for r.Context().Err() == nil {
			if _, err := w.Write(ping); err != nil {
				return
			}
		}
	}))
	t.Cleanup(h.Close)
	m, err := anthropic.New(anthropic.Config{APIKey: key, BaseURL: h.URL})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = collect(t.Context(), m, hello(t))
	var got *model.Error
	if !errors.As(err, &got) || got.Type != "too_long" || got.Kind != model.BadRequest {
		t.Errorf("err = %v, want it to be too long", err)
	}
}

func TestNoServer(t *testing.T) {
	t.Parallel()
	h := httptest.NewServer(http.NotFoundHandler())
	h.Close()
	_, _, err := collect(t.Context(), dial(t, h.URL), hello(t))
	var got *model.Error
	if !errors.As(err, &got) || got.Kind != model.Transient || got.Type != "connection" {
		t.Errorf("err = %v, want a transient connection error", err)
	}
}

func TestCancelReturnsTheCause(t *testing.T) {
	t.Parallel()
	wait := make(chan struct{})
	t.Cleanup(func() { close(wait) })
	m, _ := open(t, func(modeltest.Request) modeltest.Answer {
		a := modeltest.Text("a text of some length that is held")
		a.Wait, a.WaitAfter = wait, 1
		return a
	})
	cause := errors.New("stopped by the user")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	for ev, err := range m.Stream(ctx, hello(t)) {
		if err != nil {
			if !errors.Is(err, cause) {
				t.Errorf("err = %v, want the cause", err)
			}
			break
		}
		if _, ok := ev.(model.Delta); ok {
			cancel(cause)
		}
	}
}

func TestInputThatIsNoObject(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`{"file_path": "a`: `{"__unparsedToolInput":{"len":16,"raw":"{\"file_path\": \"a"}}`,
		`[1]`:              `{"__unparsedToolInput":{"len":3,"raw":"[1]"}}`,
		"":                 `{}`,
	} {
		m, _ := open(t, func(modeltest.Request) modeltest.Answer {
			return modeltest.Answer{Blocks: []modeltest.Block{{Tool: "Read", ID: "t", RawInput: raw}}}
		})
		_, done, err := collect(t.Context(), m, hello(t))
		if err != nil {
			t.Fatal(err)
		}
		var block struct{ Input json.RawMessage }
		if err := json.Unmarshal(done.Message.Content[0], &block); err != nil {
			t.Fatal(err)
		}
		if string(block.Input) != want {
			t.Errorf("input of %q = %s, want %s", raw, block.Input, want)
		}
	}
}

// TestUnknownEventsAndBlocks plays a stream with parts that this driver has
// never heard of.
func TestUnknownEventsAndBlocks(t *testing.T) {
	t.Parallel()
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("content-type", "text/event-stream")
		for _, ev := range []string{
			`{"type":"message_start","message":{"id":"m1","model":"x","usage":{"input_tokens":5,"output_tokens":1}}}`,
			`{"type":"weather_report","sky":"blue"}`,
			`{"type":"content_block_start","index":0,"content_block":{"type":"poem","lines":[1, 2]}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"poem_delta","line":3}}`,
			`{"type":"content_block_stop","index":0}`,
			`{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}`,
			`{"type":"content_block_stop","index":1}`,
			`{"type":"message_delta","delta":{"stop_reason":"pause_turn"},"usage":{"output_tokens":9}}`,
			`{"type":"message_stop"}`,
		} {
			var kind struct{ Type string }
			if err := json.Unmarshal([]byte(ev), &kind); err != nil {
				t.Error(err)
			}
			_, _ = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", kind.Type, ev)
		}
	}))
	t.Cleanup(h.Close)
	_, done, err := collect(t.Context(), dial(t, h.URL), hello(t))
	if err != nil {
		t.Fatal(err)
	}
	want := &model.Done{
		Message:   model.Message{Role: model.Assistant, Content: raws(t, `{"type":"poem","lines":[1, 2]}`)},
		MessageID: "m1", Model: "x", StopReason: model.PauseTurn, Usage: model.Usage{InputTokens: 5, OutputTokens: 9},
	}
	if diff := cmp.Diff(want, done); diff != "" {
		t.Error(diff)
	}
}

func TestPrices(t *testing.T) {
	t.Parallel()
	m, err := anthropic.New(anthropic.Config{APIKey: key, Prices: []byte(`{"glm-5": {"name": "GLM 5", "input": 1, "output": 2}}`)})
	if err != nil {
		t.Fatal(err)
	}
	if p := m.Info().Price; p == nil || p.Input != 2 || p.CacheRead != 0.1 {
		t.Errorf("default model's price = %+v", p)
	}
	if p := m.Describe("claude-sonnet-4-5-20250929").Price; p == nil || p.Output != 15 {
		t.Errorf("dated id's price = %+v", p)
	}
	if got := m.Describe("glm-5"); got.Price == nil || got.Name != "GLM 5" {
		t.Errorf("own entry = %+v", got)
	}
	for _, unknown := range []string{"claude-sonnet-5-5-preview", "llama"} {
		if got := m.Describe(unknown); got.Price != nil || got.MaxOutput == 0 {
			t.Errorf("unknown model %s = %+v", unknown, got)
		}
	}
}

func TestNewSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]anthropic.Config{
		"no key":     {},
		"base URL":   {APIKey: key, BaseURL: "not a url"},
		"price list": {APIKey: key, Prices: []byte("{")},
	} {
		if _, err := anthropic.New(cfg); err == nil || strings.Contains(err.Error(), key) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
	if got := fmt.Sprintf("%v %#v", anthropic.Key(key), anthropic.Config{APIKey: key}); strings.Contains(got, key) {
		t.Errorf("the key prints: %s", got)
	}
}
