package agent

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"surgent.dev/surgent/model"
)

// Texts that stand in for what a person or a tool did not say.
const (
	cutNudge         = "Your answer was cut off by the output limit. Go on exactly where it ended."
	emptyNudge       = "Your answer was empty. Go on with the task, or say that it is done."
	stoppedNote      = "[The person stopped this run before it was done.]"
	interruptedText  = "This call was interrupted and has no result. It may have been executed partly: look at the state of the files before you go on."
	droppedText      = "[This result was long and is left out now. Call the tool again if you need it.]"
	keepResults      = 8       // newest tool results that are never left out
	longResult       = 2 << 10 // bytes from which an old one may be
	bytesPerToken    = 3.5
	trimAtWindowPart = 0.6
)

// history is the conversation of a session as the model gets it, built from
// the journal. The same journal gives the same bytes, so that the provider's
// cache holds.
type history struct {
	messages []model.Message
	results  []resultAt // of tools, oldest first
}

type resultAt struct{ message, block int }

func (h *history) add(role model.Role, blocks ...json.RawMessage) {
	if len(blocks) == 0 {
		return
	}
	if n := len(h.messages); n > 0 && h.messages[n-1].Role == role {
		h.messages[n-1].Content = append(h.messages[n-1].Content, blocks...)
		return
	}
	h.messages = append(h.messages, model.Message{Role: role, Content: blocks})
}

func textBlock(s string) json.RawMessage {
	return mustJSON(map[string]string{"type": "text", "text": s})
}

func resultBlock(id, text string, isError bool) json.RawMessage {
	return mustJSON(struct {
		Type      string `json:"type"`
		ToolUseID string `json:"tool_use_id"`
		Content   string `json:"content"`
		IsError   bool   `json:"is_error"`
	}{"tool_result", id, text, isError})
}

// mustJSON encodes texts and flags, which cannot fail.
func mustJSON(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("agent: encode %T: %v", v, err))
	}
	return raw
}

// build makes the conversation of a session from its runs. content returns
// the blocks of a step, from the document or its file.
func build(entries []entry, name string, content func(*Step) ([]json.RawMessage, error)) (*history, error) {
	h := &history{}
	for i, e := range entries {
		if dropped(e) || e.Prompt == "" { // a row that was removed
			continue
		}
		if len(h.messages) == 0 {
			// The date stands here alone: in the system text it would break
			// the cache each day.
			day := time.UnixMilli(int64(entries[0].Run.QueuedAt)).UTC().Format("Monday, 2 January 2006")
			h.add(model.User, textBlock("<context>This session began on "+day+".</context>"))
		}
		h.add(model.User, textBlock(e.Prompt))
		if err := h.addRun(e, name, content, i == len(entries)-1); err != nil {
			return nil, err
		}
	}
	h.endClean()
	return h, nil
}

// endClean takes white space from the end of a final answer, which is there
// when the model is to go on with it: the API refuses it.
func (h *history) endClean() {
	if len(h.messages) == 0 || h.messages[len(h.messages)-1].Role != model.Assistant {
		return
	}
	blocks := h.messages[len(h.messages)-1].Content
	var b struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	last := len(blocks) - 1
	if json.Unmarshal(blocks[last], &b) != nil || b.Type != "text" {
		return // another kind of block ends as it is
	}
	if text := strings.TrimRightFunc(b.Text, unicode.IsSpace); text != b.Text {
		blocks[last] = textBlock(text)
	}
}

// dropped tells whether a run leaves nothing in the conversation: it was taken
// back before it began, or the model could not take its prompt or refused it.
func dropped(e entry) bool {
	if e.Run.Status == Cancelled && e.Run.StartedAt == 0 {
		return true
	}
	if e.Run.Error == nil || e.Run.Step > 1 {
		return false
	}
	return e.Run.Error.Code == "refusal" || e.Run.Error.Code == errPromptTooLong.Code
}

func (h *history) addRun(e entry, name string, content func(*Step) ([]json.RawMessage, error), last bool) error {
	results := map[callKey]*Call{}
	for i := range e.Calls {
		if c := &e.Calls[i]; c.Status == CallDone {
			results[callKey{c.Step, c.ToolUseID}] = c
		}
	}
	nudge := ""
	for i := range e.Steps {
		s := &e.Steps[i]
		if s.Status != StepDone && s.Status != StepStopped {
			continue
		}
		if nudge != "" {
			h.add(model.User, textBlock(nudge))
			nudge = ""
		}
		if model.StopReason(s.StopReason) == model.Refusal {
			continue
		}
		blocks, err := content(s)
		if err != nil {
			return err
		}
		if s.Model != name {
			blocks = withoutThinking(blocks)
		}
		h.add(model.Assistant, blocks...)
		h.addResults(results, s.N, blocks)
		nudge = nudgeFor(s, blocks)
	}
	if !last && e.Run.Status == Cancelled {
		h.add(model.User, textBlock(stoppedNote))
	}
	if last && nudge != "" {
		h.add(model.User, textBlock(nudge))
	}
	return nil
}

// nudgeFor returns what to say after an answer that does not end the run and
// calls nothing.
func nudgeFor(s *Step, blocks []json.RawMessage) string {
	if len(callsIn(blocks)) > 0 {
		return ""
	}
	switch model.StopReason(s.StopReason) {
	case model.MaxTokens, model.ContextWindowExceeded:
		return cutNudge
	case model.EndTurn, model.StopSequence:
		if len(blocks) == 0 {
			return emptyNudge
		}
	}
	return ""
}

// callKey finds a call in its run.
type callKey struct {
	step      int
	toolUseID string
}

// addResults adds the results of a step's calls, in the order of the calls. A
// call without one gets a note: the conversation must be whole.
func (h *history) addResults(results map[callKey]*Call, step int, blocks []json.RawMessage) {
	for _, c := range callsIn(blocks) {
		text, isError := interruptedText, true
		if done := results[callKey{step, c.ID}]; done != nil {
			text, isError = done.Text, done.IsError
		}
		h.add(model.User, resultBlock(c.ID, text, isError))
		n := len(h.messages) - 1
		h.results = append(h.results, resultAt{n, len(h.messages[n].Content) - 1})
	}
}

type callBlock struct {
	Type  string          `json:"type"`
	ID    string          `json:"id"`
	Name  string          `json:"name"`
	Input json.RawMessage `json:"input"`
}

// callsIn returns the tool_use blocks of a message.
func callsIn(blocks []json.RawMessage) []callBlock {
	var out []callBlock
	for _, raw := range blocks {
		var b callBlock
		if json.Unmarshal(raw, &b) == nil && b.Type == "tool_use" {
			out = append(out, b)
		}
	}
	return out
}

// withoutThinking drops the blocks that only the model which made them takes.
func withoutThinking(blocks []json.RawMessage) []json.RawMessage {
	var out []json.RawMessage
	for _, raw := range blocks {
		var b callBlock
		if json.Unmarshal(raw, &b) == nil && (b.Type == "thinking" || b.Type == "redacted_thinking") {
			continue
		}
		out = append(out, raw)
	}
	return out
}

// tokens estimates what the conversation takes of the window.
func (h *history) tokens(system string, tools []model.Tool) int64 {
	n := len(system)
	for _, t := range tools {
		n += len(t.Description) + len(t.Schema)
	}
	for _, m := range h.messages {
		for _, b := range m.Content {
			n += len(b)
		}
	}
	return int64(float64(n) / bytesPerToken)
}

// trim leaves out the long ones among the first n tool results, and tells
// whether it found any.
func (h *history) trim(n int) bool {
	trimmed := false
	for _, at := range h.results[:min(max(n, 0), len(h.results))] {
		block := &h.messages[at.message].Content[at.block]
		var r struct {
			ToolUseID string `json:"tool_use_id"`
			IsError   bool   `json:"is_error"`
		}
		if len(*block) < longResult || json.Unmarshal(*block, &r) != nil || r.IsError {
			continue
		}
		*block = resultBlock(r.ToolUseID, droppedText, false)
		trimmed = true
	}
	return trimmed
}

// lastText returns the text of a message's blocks.
func lastText(blocks []json.RawMessage) string {
	var b strings.Builder
	for _, raw := range blocks {
		var t struct {
			Type string `json:"type"`
			Text string `json:"text"`
		}
		if json.Unmarshal(raw, &t) == nil && t.Type == "text" {
			b.WriteString(t.Text)
		}
	}
	return b.String()
}
