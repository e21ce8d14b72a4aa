package anthropic_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"surgent.dev/surgent/model"
	"surgent.dev/surgent/model/anthropic"
)

// answer is a transport whose server says always the same.
type answer string

func (a answer) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/event-stream"}},
		Body: io.NopCloser(strings.NewReader(string(a))), Request: r,
	}, nil
}

// FuzzStream: whatever a server streams, there is one end, and a good one only
// with message_stop and blocks that can be sent back.
func FuzzStream(f *testing.F) {
	whole := `event: message_start
data: {"type":"message_start","message":{"id":"m","model":"x","usage":{"input_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"Read","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":3}}

event: message_stop
data: {"type":"message_stop"}

`
	f.Add(whole)
	f.Add(strings.Replace(whole, `"index":0`, `"index":7`, 1))
	f.Add(strings.Replace(whole, "tool_use", "thinking", 1))
	f.Add("event: error\ndata: {\"type\":\"error\"}\n\n")
	f.Add("<!doctype html>")
	f.Fuzz(func(t *testing.T, body string) {
		m, err := anthropic.New(anthropic.Config{APIKey: key, HTTPClient: &http.Client{Transport: answer(body)}})
		if err != nil {
			t.Fatal(err)
		}
		ends := 0
		for ev, err := range m.Stream(t.Context(), model.Request{Messages: []model.Message{{Role: model.User, Content: []json.RawMessage{json.RawMessage(`{"type":"text","text":"hi"}`)}}}}) {
			d, done := ev.(model.Done)
			if err != nil || done {
				ends++
			}
			if !done {
				continue
			}
			if !strings.Contains(body, "message_stop") || d.StopReason == "" {
				t.Errorf("%q counts as whole", body)
			}
			for _, b := range d.Message.Content {
				var block map[string]json.RawMessage
				if err := json.Unmarshal(b, &block); err != nil {
					t.Errorf("block %s of %q: %v", b, body, err)
				}
			}
		}
		if ends != 1 {
			t.Errorf("%d ends of %q", ends, body)
		}
	})
}
