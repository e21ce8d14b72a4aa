package agent_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"surgent.dev/surgent/internal/builder/agent"
	"surgent.dev/surgent/model/modeltest"
)

func fault(kind modeltest.FaultKind, after int) modeltest.Answer {
	return modeltest.Broken(
		modeltest.Call("I'll do it now, in a sentence of some length.", "Bash", object{"command": "echo effect >> effects.log"}),
		modeltest.Fault{Kind: kind, AfterDeltas: after},
	)
}

// TestFaultsHaveNoDoubleEffect breaks the first answers in every way; the call
// in them runs once, when an answer is whole.
func TestFaultsHaveNoDoubleEffect(t *testing.T) {
	t.Parallel()
	tests := map[string][]modeltest.Answer{
		"429, 529, 529": {
			{Fault: &modeltest.Fault{Kind: modeltest.FaultStatus, Status: 429, RetryAfter: "0.2"}},
			modeltest.Status(529), modeltest.Status(529),
		},
		"500":     {modeltest.Status(500)},
		"cut":     {fault(modeltest.FaultCut, 0), fault(modeltest.FaultCut, 2)},
		"event":   {fault(modeltest.FaultSSEError, 0)},
		"page":    {fault(modeltest.FaultHTML, 0)},
		"no stop": {fault(modeltest.FaultNoStop, 0)},
		"stall":   {fault(modeltest.FaultStall, 3)},
	}
	for name, faults := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, settings{idle: time.Second, script: modeltest.FirstThen(faults, modeltest.Turns(
				modeltest.Call("", "Bash", object{"command": "echo effect >> effects.log"}), modeltest.Text("ok"),
			))})
			w.ask("go")
			r := w.ended(1)[0]
			if r.Status != agent.Succeeded || r.Step != 2 {
				t.Errorf("run = %+v %+v", r, r.Error)
			}
			if got := w.file("effects.log"); got != "effect\n" {
				t.Errorf("effects.log = %q", got)
			}
			if diff := cmp.Diff([]string{"prompt", "system/init", "assistant Bash", "user ok", "assistant text", "result success"}, w.kinds()); diff != "" {
				t.Errorf("timeline (-want +got):\n%s", diff)
			}
			w.sound()
		})
	}
}

func TestWaitingIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{limits: agent.Limits{Backoff: 400 * time.Millisecond}, script: modeltest.FirstThen(
		[]modeltest.Answer{modeltest.Status(529)}, modeltest.Turns(modeltest.Text("ok")),
	)})
	w.ask("go")
	w.until("a waiting run", func() bool {
		v := w.views()[0]
		return v.Status == agent.Waiting && v.Waiting != nil && v.Waiting.Attempt == 2 && v.Waiting.Of == 6 &&
			v.Waiting.Reason == "The model is busy." && v.Waiting.Until > 0
	})
	if r := w.ended(1)[0]; r.Waiting != nil || r.Status != agent.Succeeded {
		t.Errorf("run = %+v", r)
	}
}

func TestFailuresEndTheRunWithTheirReason(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name          string
		answer        modeltest.Answer
		subtype, code string
		message       string
		requests      int
		stays         bool // the prompt stays in the conversation
	}{
		{"401", modeltest.Status(401), "error_api", "key_refused", "Check ANTHROPIC_API_KEY", 1, true},
		{"403", modeltest.Status(403), "error_api", "not_allowed", "does not allow this (permission error). Check what ANTHROPIC_API_KEY may use", 1, true},
		{"400", modeltest.Status(400), "error_api", "bad_request", "invalid request", 1, true},
		{"404", modeltest.Status(404), "error_api", "no_model", "no model \"claude-sonnet-5-5\" (not found error). Check ANTHROPIC_MODEL", 1, true},
		{"too long", modeltest.Answer{Fault: &modeltest.Fault{Kind: modeltest.FaultStatus, Status: 400, Message: "prompt is too long: 9 > 8"}}, "error_api", "too_long", "This session is too long for the model now. Its files are safe: go on in a new session.", 1, true},
		{"413", modeltest.Status(413), "error_api", "too_long", "a new session", 1, true},
		{"window exceeded for ever", modeltest.Answer{Blocks: []modeltest.Block{{Text: "half"}}, StopReason: "model_context_window_exceeded"}, "error_api", "too_long", "a new session", 4, true},
		{"529 for ever", modeltest.Status(529), "error_api", "unavailable", "The model is busy, and stayed so", 3, true},
		{"long retry-after", modeltest.Answer{Fault: &modeltest.Fault{Kind: modeltest.FaultStatus, Status: 429, RetryAfter: "3600"}}, "error_api", "unavailable", "asks to wait for 1 hour. Nothing is lost", 1, true},
		{"refusal", modeltest.Answer{Blocks: []modeltest.Block{{Text: "No."}}, StopReason: "refusal"}, "error_refusal", "refusal", "refused", 1, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, settings{limits: agent.Limits{Attempts: 3}, script: func(r modeltest.Request) modeltest.Answer {
				if strings.Contains(r.Prompt, "again") {
					return modeltest.Text("fine")
				}
				return tt.answer
			}})
			w.ask("zebra")
			r := w.ended(1)[0]
			if r.Status != agent.Failed || r.Error == nil || r.Error.Code != tt.code || !strings.Contains(r.Error.Message, tt.message) {
				t.Errorf("run = %+v %+v", r, r.Error)
			}
			if n := len(w.api.Requests()); n != tt.requests {
				t.Errorf("requests = %d, want %d", n, tt.requests)
			}
			if res := w.results()[0]; res["subtype"] != tt.subtype || res["is_error"] != true {
				t.Errorf("result = %v", res)
			}
			w.ask("again")
			if r := w.ended(2)[1]; r.Status != agent.Succeeded {
				t.Errorf("the next run = %+v %+v", r, r.Error)
			}
			all := w.api.Requests()
			if got := strings.Contains(string(all[len(all)-1].Body), "zebra"); got != tt.stays {
				t.Errorf("the first prompt is in the conversation: %v, want %v", got, tt.stays)
			}
			w.sound()
		})
	}
}

// TestAPromptThatIsTooLong: it is told apart from a session that is, and the
// session goes on without it.
func TestAPromptThatIsTooLong(t *testing.T) {
	t.Parallel()
	api := modeltest.Config{Script: modeltest.Turns(modeltest.Text("ok")), Window: 100_000}
	w := newWorld(t, settings{api: &api, modelID: "small-model"})
	w.ask(strings.Repeat("A long paste. ", 32_000))
	r := w.ended(1)[0]
	if r.Status != agent.Failed || r.Error.Code != "prompt_too_long" || !strings.Contains(r.Error.Message, "Make it shorter") {
		t.Errorf("run = %+v %+v", r, r.Error)
	}
	w.ask("something short")
	if r := w.ended(2)[1]; r.Status != agent.Succeeded {
		t.Errorf("the next run = %+v %+v", r, r.Error)
	}
	if body := string(w.api.Requests()[0].Body); strings.Contains(body, "long paste") {
		t.Error("the long prompt is in the conversation")
	}
}

func TestStopReasons(t *testing.T) {
	t.Parallel()
	cut := func(blocks ...modeltest.Block) modeltest.Answer {
		return modeltest.Answer{Blocks: blocks, StopReason: "max_tokens"}
	}
	tests := []struct {
		name   string
		script modeltest.Script
		status agent.Status
		kinds  []string
		sent   string // in the last request
	}{
		{"max_tokens in text", func(r modeltest.Request) modeltest.Answer {
			if len(r.Messages) == 1 {
				return cut(modeltest.Block{Text: "half a"})
			}
			return modeltest.Text("sentence")
		}, agent.Succeeded, []string{"assistant text", "assistant text", "result success"}, "cut off by the output limit"},
		{"max_tokens in a call", func(r modeltest.Request) modeltest.Answer {
			if len(r.Messages) == 1 {
				return cut(modeltest.Block{Text: "now"}, modeltest.Block{Tool: "Bash", RawInput: `{"command": "echo x >> eff`})
			}
			return modeltest.Text("ok")
		}, agent.Succeeded, []string{"assistant text", "assistant text", "result success"}, "cut off by the output limit"},
		{"max_tokens for ever", func(modeltest.Request) modeltest.Answer {
			return cut(modeltest.Block{Text: "more"})
		}, agent.Failed, []string{"assistant text", "assistant text", "assistant text", "assistant text", "result error_during_execution"}, "cut off"},
		{"pause_turn", func(r modeltest.Request) modeltest.Answer {
			if r.Turn == 0 {
				return modeltest.Answer{Blocks: []modeltest.Block{{Text: "thinking on \n"}}, StopReason: "pause_turn"}
			}
			return modeltest.Text("ok")
		}, agent.Succeeded, []string{"assistant text", "assistant text", "result success"}, `"role":"assistant"}]`},
		{"window exceeded", func(r modeltest.Request) modeltest.Answer {
			if len(r.Messages) == 1 {
				return modeltest.Answer{Blocks: []modeltest.Block{{Text: "half"}}, StopReason: "model_context_window_exceeded"}
			}
			return modeltest.Text("ok")
		}, agent.Succeeded, []string{"assistant text", "assistant text", "result success"}, "cut off"},
		{"empty answers", func(modeltest.Request) modeltest.Answer {
			return modeltest.Answer{}
		}, agent.Succeeded, []string{"result success"}, "Your answer was empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, settings{script: tt.script})
			w.ask("go")
			r := w.ended(1)[0]
			if r.Status != tt.status {
				t.Errorf("run = %+v %+v", r, r.Error)
			}
			if diff := cmp.Diff(append([]string{"prompt", "system/init"}, tt.kinds...), w.kinds()); diff != "" {
				t.Errorf("timeline (-want +got):\n%s", diff)
			}
			all := w.api.Requests()
			body := string(all[len(all)-1].Body)
			if tt.name == "pause_turn" {
				if last := all[len(all)-1].Messages; last[len(last)-1].Role != "assistant" {
					t.Errorf("after a pause the conversation ends with %s", last[len(last)-1].Role)
				}
			} else if !strings.Contains(body, tt.sent) {
				t.Errorf("last request = %s", body)
			}
			if w.file("effects.log") != "" {
				t.Error("a cut call ran")
			}
			w.sound()
		})
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	endless := func(r modeltest.Request) modeltest.Answer {
		return modeltest.Call("", "Bash", object{"command": "sleep 0.05; echo " + strings.Repeat("x", r.Turn)})
	}
	t.Run("model calls", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, settings{script: endless, limits: agent.Limits{Steps: 3}})
		w.ask("go")
		r := w.ended(1)[0]
		if r.Status != agent.Failed || r.Step != 3 || w.results()[0]["subtype"] != "error_max_turns" {
			t.Errorf("run = %+v %+v", r, r.Error)
		}
		w.sound()
	})
	t.Run("time", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, settings{script: endless, limits: agent.Limits{Duration: 300 * time.Millisecond}})
		w.ask("go")
		if r := w.ended(1)[0]; r.Status != agent.Failed || w.results()[0]["subtype"] != "error_max_duration" {
			t.Errorf("run = %+v %+v", r, r.Error)
		}
		w.sound()
	})
}

func TestCacheIsReadInLongRuns(t *testing.T) {
	t.Parallel()
	turns := []modeltest.Answer{}
	for i := range 12 {
		turns = append(turns, modeltest.Call("", "Bash", object{"command": "seq 1 " + strings.Repeat("9", 1+i%3)}))
	}
	w := newWorld(t, settings{script: modeltest.Turns(turns...)})
	w.ask("count")
	r := w.ended(1)[0]
	s := r.Spent
	if share := float64(s.CacheReadInputTokens) / float64(s.InputTokens+s.CacheReadInputTokens+s.CacheCreationInputTokens); share < 0.7 {
		t.Errorf("read from the cache: %.2f of %+v", share, s)
	}
	w.sound()
}

func TestThinkingIsKeptAndTimed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{script: func(r modeltest.Request) modeltest.Answer {
		if r.Turn == 0 && strings.HasSuffix(r.Prompt, "go") {
			return modeltest.Answer{Blocks: []modeltest.Block{{Thinking: "let me see"}, {Tool: "Bash", Input: object{"command": "true"}}}}
		}
		return modeltest.Text("ok")
	}})
	w.ask("go")
	w.ended(1)
	w.ask("more")
	w.ended(2)
	raw, _ := w.rows()[2].Raw.(object)
	msg, _ := raw["message"].(object)
	content, _ := msg["content"].([]any)
	block, _ := content[0].(object)
	if _, timed := block["duration_ms"].(float64); block["thinking"] != "let me see" || !timed || block["signature"] != nil {
		t.Errorf("thinking in the row = %v", block)
	}
	// The server checks each signature that it gets back.
	if got := strings.Count(string(w.api.Requests()[2].Body), `"signature"`); got != 1 {
		t.Errorf("signatures sent back = %d", got)
	}
	if res := w.results()[0]; res["steps"] != 1.0 || res["num_turns"] != 2.0 {
		t.Errorf("result = %v", res)
	}
	w.sound()
}

// TestThinkingStaysWithItsModel: another model does not get it.
func TestThinkingStaysWithItsModel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{script: func(r modeltest.Request) modeltest.Answer {
		return modeltest.Answer{Blocks: []modeltest.Block{{Thinking: "hm"}, {Text: "by " + r.Model}}}
	}})
	for i, name := range []string{"model-a", "model-b", "model-a"} {
		args := object{"projectId": w.project, "sessionId": w.session, "prompt": "go", "model": name}
		if err := w.rt.As(w.user).RunMutation(t.Context(), "sessions:createMessageAndRunAgent", args, nil); err != nil {
			t.Fatal(err)
		}
		w.ended(i + 1)
	}
	var got []int
	for _, r := range w.api.Requests() {
		got = append(got, strings.Count(string(r.Body), `"type":"thinking"`))
	}
	if diff := cmp.Diff([]int{0, 0, 1}, got); diff != "" {
		t.Errorf("thinking blocks sent (-want +got):\n%s", diff)
	}
	w.sound()
}
