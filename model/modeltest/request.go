package modeltest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
)

// Request is a valid request as the script sees it.
type Request struct {
	// N counts the server's requests from 1, refused ones too.
	N         int
	Header    http.Header
	Body      []byte
	Model     string
	MaxTokens int
	System    string // its text blocks, joined
	Messages  []Message
	Tools     []string // their names, in order
	// Prompt is the text of the newest user message that holds text, without
	// its tool results; Turn is how many model answers follow it.
	Prompt string
	Turn   int
}

// Message is one turn, neighbours of one role merged.
type Message struct {
	Role    string
	Content []Content
}

// Content is one block of a message.
type Content struct {
	Type      string          `json:"type"`
	Text      string          `json:"text"`
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Input     json.RawMessage `json:"input"`
	ToolUseID string          `json:"tool_use_id"`
	Content   json.RawMessage `json:"content"`
	IsError   bool            `json:"is_error"`
	Thinking  string          `json:"thinking"`
	Signature string          `json:"signature"`
	Raw       json.RawMessage `json:"-"`
}

// ResultText returns the text of a tool_result block.
func (c Content) ResultText() string {
	var s string
	if json.Unmarshal(c.Content, &s) == nil {
		return s
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(c.Content, &parts) != nil {
		return ""
	}
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.Text)
	}
	return b.String()
}

// Results returns the tool results of the newest message, in order.
func (r Request) Results() []Content {
	if len(r.Messages) == 0 {
		return nil
	}
	var out []Content
	for _, c := range r.Messages[len(r.Messages)-1].Content {
		if c.Type == "tool_result" {
			out = append(out, c)
		}
	}
	return out
}

// wireRequest is the body as it comes, every known field and no other.
type wireRequest struct {
	Model         *string           `json:"model"`
	MaxTokens     *int              `json:"max_tokens"`
	Messages      []wireMessage     `json:"messages"`
	System        json.RawMessage   `json:"system"`
	Tools         []json.RawMessage `json:"tools"`
	ToolChoice    json.RawMessage   `json:"tool_choice"`
	Stream        bool              `json:"stream"`
	Temperature   *float64          `json:"temperature"`
	TopP          *float64          `json:"top_p"`
	TopK          *int              `json:"top_k"`
	StopSequences []string          `json:"stop_sequences"`
	Metadata      json.RawMessage   `json:"metadata"`
	Thinking      *wireThinking     `json:"thinking"`
	ServiceTier   string            `json:"service_tier"`
	OutputConfig  json.RawMessage   `json:"output_config"`
	ContextEdits  json.RawMessage   `json:"context_management"`
}

type wireMessage struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
}

type wireThinking struct {
	Type         string `json:"type"`
	BudgetTokens int    `json:"budget_tokens"`
}

type wireTool struct {
	Type         string          `json:"type"`
	Name         string          `json:"name"`
	Description  string          `json:"description"`
	InputSchema  json.RawMessage `json:"input_schema"`
	CacheControl json.RawMessage `json:"cache_control"`
}

// decodeContent reads a string or a list of blocks.
func decodeContent(raw json.RawMessage) (blocks []Content, ok bool) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return nil, false
	}
	if raw[0] == '"' {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return nil, false
		}
		block, err := json.Marshal(map[string]string{"type": "text", "text": s})
		if err != nil {
			return nil, false
		}
		return []Content{{Type: "text", Text: s, Raw: block}}, true
	}
	var raws []json.RawMessage
	if json.Unmarshal(raw, &raws) != nil {
		return nil, false
	}
	for _, r := range raws {
		c := Content{Raw: r}
		if json.Unmarshal(r, &c) != nil {
			return nil, false
		}
		blocks = append(blocks, c)
	}
	return blocks, true
}

// describe fills in what scripts ask about.
func (r *Request) describe() {
	for i := len(r.Messages) - 1; i >= 0; i-- {
		m := r.Messages[i]
		if m.Role == "assistant" {
			r.Turn++
			continue
		}
		var text strings.Builder
		for _, c := range m.Content {
			if c.Type == "text" {
				if text.Len() > 0 {
					text.WriteString("\n")
				}
				text.WriteString(c.Text)
			}
		}
		if text.Len() > 0 {
			r.Prompt = text.String()
			return
		}
	}
}
