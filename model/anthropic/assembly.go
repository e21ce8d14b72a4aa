package anthropic

import (
	"encoding/json"
	"fmt"
	"strings"

	sdk "github.com/anthropics/anthropic-sdk-go"

	"surgent.dev/surgent/model"
)

// assembly puts a message together from its events, keeping what it does not
// know.
type assembly struct {
	id, name string
	usage    model.Usage
	reason   model.StopReason
	blocks   []*block
	started  bool
	done     bool
}

// block is one content block while it is written.
type block struct {
	kind      string
	fields    map[string]json.RawMessage // of content_block_start
	raw       json.RawMessage            // the same, byte for byte
	text      strings.Builder            // text, thinking or partial JSON
	signature strings.Builder
	citations []json.RawMessage
	closed    bool
}

func newAssembly() *assembly { return &assembly{} }

// wireEvent is the part of an event that is read from its raw JSON.
type wireEvent struct {
	Index   int `json:"index"`
	Message struct {
		ID    string    `json:"id"`
		Model string    `json:"model"`
		Usage wireUsage `json:"usage"`
	} `json:"message"`
	ContentBlock json.RawMessage `json:"content_block"`
	Delta        struct {
		Type        string          `json:"type"`
		Text        string          `json:"text"`
		PartialJSON string          `json:"partial_json"`
		Thinking    string          `json:"thinking"`
		Signature   string          `json:"signature"`
		Citation    json.RawMessage `json:"citation"`
		StopReason  string          `json:"stop_reason"`
	} `json:"delta"`
	Usage wireUsage `json:"usage"`
}

// wireUsage tells absent counts from zero: message_delta repeats only some.
type wireUsage struct {
	Input      *int64 `json:"input_tokens"`
	Output     *int64 `json:"output_tokens"`
	CacheWrite *int64 `json:"cache_creation_input_tokens"`
	CacheRead  *int64 `json:"cache_read_input_tokens"`
}

// replace takes over the counts that are present: they are totals.
func (a *assembly) replace(u wireUsage) {
	for _, c := range []struct {
		to   *int64
		from *int64
	}{
		{&a.usage.InputTokens, u.Input},
		{&a.usage.OutputTokens, u.Output},
		{&a.usage.CacheCreationInputTokens, u.CacheWrite},
		{&a.usage.CacheReadInputTokens, u.CacheRead},
	} {
		if c.from != nil {
			*c.to = *c.from
		}
	}
}

// take adds one event and returns what the caller sees of it. An error means
// that the stream makes no sense.
func (a *assembly) take(ev sdk.MessageStreamEventUnion) ([]model.Event, error) {
	var w wireEvent
	if err := json.Unmarshal([]byte(ev.RawJSON()), &w); err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	if !a.started && ev.Type != "message_start" && knownEvents[ev.Type] {
		return nil, fmt.Errorf("%s before message_start", ev.Type)
	}
	switch ev.Type {
	case "message_start":
		if a.started {
			return nil, fmt.Errorf("message_start twice")
		}
		a.started = true
		a.id, a.name = w.Message.ID, w.Message.Model
		a.replace(w.Message.Usage)
		return []model.Event{model.Start{MessageID: a.id, Model: a.name, Usage: a.usage}}, nil
	case "content_block_start":
		return a.open(w)
	case "content_block_delta":
		return a.grow(w)
	case "content_block_stop":
		b, err := a.current(w.Index)
		if err != nil {
			return nil, err
		}
		b.closed = true
		return []model.Event{model.BlockStop{Index: w.Index}}, nil
	case "message_delta":
		a.replace(w.Usage)
		if w.Delta.StopReason != "" {
			a.reason = model.StopReason(w.Delta.StopReason)
		}
		return nil, nil
	case "message_stop":
		return a.finish()
	}
	return nil, nil // the API may add events
}

var knownEvents = map[string]bool{
	"content_block_start": true, "content_block_delta": true, "content_block_stop": true,
	"message_delta": true, "message_stop": true,
}

func (a *assembly) open(w wireEvent) ([]model.Event, error) {
	if w.Index != len(a.blocks) {
		return nil, fmt.Errorf("block %d where %d was due", w.Index, len(a.blocks))
	}
	b := &block{raw: w.ContentBlock}
	if err := json.Unmarshal(w.ContentBlock, &b.fields); err != nil {
		return nil, fmt.Errorf("decode content block: %w", err)
	}
	str := func(key string) (s string) {
		_ = json.Unmarshal(b.fields[key], &s) // absent or of another kind: ""
		return s
	}
	b.kind = str("type")
	a.blocks = append(a.blocks, b)
	out := []model.Event{model.BlockStart{Index: w.Index, Type: b.kind, ID: str("id"), Name: str("name")}}
	// Some compatible servers send the first piece in the start event.
	if first := str(textKey(b.kind)); first != "" && b.kind != "tool_use" {
		b.text.WriteString(first)
		out = append(out, model.Delta{Index: w.Index, Text: first})
	}
	if s := str("signature"); s != "" {
		b.signature.WriteString(s)
	}
	return out, nil
}

func textKey(kind string) string {
	switch kind {
	case "thinking":
		return "thinking"
	case "text":
		return "text"
	}
	return ""
}

func (a *assembly) current(i int) (*block, error) {
	if i < 0 || i >= len(a.blocks) || a.blocks[i].closed {
		return nil, fmt.Errorf("block %d is not open", i)
	}
	return a.blocks[i], nil
}

func (a *assembly) grow(w wireEvent) ([]model.Event, error) {
	b, err := a.current(w.Index)
	if err != nil {
		return nil, err
	}
	text := ""
	switch w.Delta.Type {
	case "text_delta":
		text = w.Delta.Text
	case "input_json_delta":
		text = w.Delta.PartialJSON
	case "thinking_delta":
		text = w.Delta.Thinking
	case "signature_delta":
		b.signature.WriteString(w.Delta.Signature)
	case "citations_delta":
		b.citations = append(b.citations, w.Delta.Citation)
	}
	if text == "" {
		return nil, nil
	}
	b.text.WriteString(text)
	return []model.Event{model.Delta{Index: w.Index, Text: text}}, nil
}

func (a *assembly) finish() ([]model.Event, error) {
	if a.reason == "" {
		return nil, fmt.Errorf("%w: no stop reason", model.ErrIncomplete)
	}
	msg := model.Message{Role: model.Assistant, Content: []json.RawMessage{}}
	for i, b := range a.blocks {
		if !b.closed {
			return nil, fmt.Errorf("%w: block %d is open", model.ErrIncomplete, i)
		}
		raw, err := b.encode()
		if err != nil {
			return nil, err
		}
		// The API sends empty text blocks now and then but takes none back.
		if b.kind == "text" && strings.TrimSpace(b.text.String()) == "" {
			continue
		}
		msg.Content = append(msg.Content, raw)
	}
	a.done = true
	return []model.Event{model.Done{
		Message: msg, MessageID: a.id, Model: a.name, StopReason: a.reason, Usage: a.usage,
	}}, nil
}

// encode returns the block as it is sent back to the API. Blocks of kinds
// that this driver does not know stay byte for byte.
func (b *block) encode() (json.RawMessage, error) {
	set := map[string]any{}
	switch b.kind {
	case "text":
		set["text"] = b.text.String()
		if len(b.citations) > 0 {
			set["citations"] = b.citations
		}
	case "thinking":
		set["thinking"], set["signature"] = b.text.String(), b.signature.String()
	case "tool_use", "server_tool_use":
		set["input"] = input(b.text.String(), b.fields["input"])
	default:
		return b.raw, nil
	}
	for key, v := range set {
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("encode block: %w", err)
		}
		b.fields[key] = raw
	}
	raw, err := json.Marshal(b.fields)
	if err != nil {
		return nil, fmt.Errorf("encode block: %w", err)
	}
	return raw, nil
}

// input parses the joined pieces of a call's arguments. What is no JSON object
// is wrapped, because only objects can be sent back; the executor knows the
// key and tells the model.
func input(joined string, start json.RawMessage) any {
	if joined == "" {
		var m map[string]json.RawMessage
		if json.Unmarshal(start, &m) == nil && len(m) > 0 {
			return start
		}
		return struct{}{}
	}
	var m map[string]json.RawMessage
	if json.Unmarshal([]byte(joined), &m) == nil && m != nil {
		return json.RawMessage(joined)
	}
	return map[string]any{model.UnparsedInput: map[string]any{"raw": joined, "len": len(joined)}}
}
