package modeltest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// refusal is an answer of the API to a bad request.
type refusal struct {
	status  int
	message string
}

func refuse(format string, args ...any) *refusal {
	return &refusal{status: 400, message: fmt.Sprintf(format, args...)}
}

var (
	idPattern   = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
	namePattern = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`)
)

// maxBody is the API's limit for one request.
const maxBody = 32 << 20

// decode checks a body by the API's rules and returns it as scripts see it.
func (s *Server) decode(body []byte) (Request, *wireRequest, *refusal) {
	var w wireRequest
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&w); err != nil {
		if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return Request{}, nil, refuse("%s: Extra inputs are not permitted", strings.Trim(field, `"`))
		}
		return Request{}, nil, refuse("The request body is not valid JSON: %v", err)
	}
	if w.Model == nil {
		return Request{}, nil, refuse("model: Field required")
	}
	if len(s.models) > 0 && !s.models[*w.Model] {
		return Request{}, nil, &refusal{status: 404, message: "model: " + *w.Model}
	}
	if r := checkLimits(&w); r != nil {
		return Request{}, nil, r
	}
	req := Request{Model: *w.Model, MaxTokens: *w.MaxTokens}
	marks := 0
	var r *refusal
	if req.System, r = checkSystem(w.System, &marks); r != nil {
		return Request{}, nil, r
	}
	if req.Tools, r = checkTools(w.Tools, &marks); r != nil {
		return Request{}, nil, r
	}
	if req.Messages, r = checkMessages(w.Messages, &marks); r != nil {
		return Request{}, nil, r
	}
	if marks > 4 {
		return Request{}, nil, refuse("A maximum of 4 blocks with cache_control may be provided. Found %d.", marks)
	}
	if r := s.checkTurns(&w, req); r != nil {
		return Request{}, nil, r
	}
	if tokens := len(body) / bytesPerToken; s.window > 0 && tokens > s.window {
		return Request{}, nil, refuse("prompt is too long: %d tokens > %d maximum", tokens, s.window)
	}
	req.describe()
	return req, &w, nil
}

func checkLimits(w *wireRequest) *refusal {
	switch {
	case w.MaxTokens == nil:
		return refuse("max_tokens: Field required")
	case *w.MaxTokens < 1:
		return refuse("max_tokens: Input should be greater than or equal to 1")
	case *w.MaxTokens > 128_000:
		return refuse("max_tokens: %d > 128000, which is the maximum allowed number of output tokens for %s", *w.MaxTokens, *w.Model)
	case w.Temperature != nil && (*w.Temperature < 0 || *w.Temperature > 1):
		return refuse("temperature: range: 0..1")
	case len(w.Messages) == 0:
		return refuse("messages: at least one message is required")
	}
	if t := w.Thinking; t != nil && t.Type == "enabled" {
		switch {
		case t.BudgetTokens < 1024:
			return refuse("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
		case t.BudgetTokens >= *w.MaxTokens:
			return refuse("`max_tokens` must be greater than `thinking.budget_tokens`")
		case w.Temperature != nil && *w.Temperature != 1:
			return refuse("`temperature` may only be set to 1 when thinking is enabled")
		case forcesTool(w.ToolChoice):
			return refuse("Thinking may not be enabled when tool_choice forces tool use.")
		}
	}
	return nil
}

func forcesTool(choice json.RawMessage) bool {
	var c struct {
		Type string `json:"type"`
	}
	return len(choice) > 0 && json.Unmarshal(choice, &c) == nil && (c.Type == "any" || c.Type == "tool")
}

func checkSystem(raw json.RawMessage, marks *int) (string, *refusal) {
	if len(raw) == 0 {
		return "", nil
	}
	blocks, ok := decodeContent(raw)
	if !ok {
		return "", refuse("system: Input should be a valid list")
	}
	var text strings.Builder
	for i, b := range blocks {
		if b.Type != "text" {
			return "", refuse("system.%d.type: Input should be 'text'", i)
		}
		if b.Text == "" {
			return "", refuse("system: text content blocks must be non-empty")
		}
		if r := countMark(b.Raw, fmt.Sprintf("system.%d", i), marks); r != nil {
			return "", r
		}
		text.WriteString(b.Text)
	}
	return text.String(), nil
}

func checkTools(raws []json.RawMessage, marks *int) ([]string, *refusal) {
	var names []string
	seen := map[string]bool{}
	for i, raw := range raws {
		var t wireTool
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&t); err != nil {
			return nil, refuse("tools.%d.custom: Extra inputs are not permitted", i)
		}
		if !namePattern.MatchString(t.Name) {
			return nil, refuse("tools.%d.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'", i)
		}
		if seen[t.Name] {
			return nil, refuse("tools: Tool names must be unique.")
		}
		seen[t.Name] = true
		var schema struct {
			Type string `json:"type"`
		}
		if json.Unmarshal(t.InputSchema, &schema) != nil || schema.Type != "object" {
			return nil, refuse("tools.%d.custom.input_schema.type: Input should be 'object'", i)
		}
		if r := countMark(raw, fmt.Sprintf("tools.%d", i), marks); r != nil {
			return nil, r
		}
		names = append(names, t.Name)
	}
	return names, nil
}

func countMark(raw json.RawMessage, at string, marks *int) *refusal {
	var c struct {
		CacheControl *struct {
			Type string `json:"type"`
			TTL  string `json:"ttl"`
		} `json:"cache_control"`
	}
	if json.Unmarshal(raw, &c) != nil || c.CacheControl == nil {
		return nil
	}
	if c.CacheControl.Type != "ephemeral" {
		return refuse("%s.cache_control.type: Input should be 'ephemeral'", at)
	}
	if t := c.CacheControl.TTL; t != "" && t != "5m" && t != "1h" {
		return refuse("%s.cache_control.ephemeral.ttl: Input should be '5m' or '1h'", at)
	}
	*marks++
	return nil
}

// checkMessages checks each message by itself and merges neighbours.
func checkMessages(in []wireMessage, marks *int) ([]Message, *refusal) {
	var out []Message
	for i, m := range in {
		if m.Role != "user" && m.Role != "assistant" {
			return nil, refuse("messages.%d.role: Input should be 'user' or 'assistant'", i)
		}
		blocks, ok := decodeContent(m.Content)
		if !ok {
			return nil, refuse("messages.%d.content: Input should be a valid list", i)
		}
		last := i == len(in)-1
		if len(blocks) == 0 && (!last || m.Role != "assistant") {
			return nil, refuse("messages.%d: all messages must have non-empty content except for the optional final assistant message", i)
		}
		for j, b := range blocks {
			at := fmt.Sprintf("messages.%d.content.%d", i, j)
			if r := checkBlock(m.Role, at, b); r != nil {
				return nil, r
			}
			if r := countMark(b.Raw, at, marks); r != nil {
				return nil, r
			}
		}
		if n := len(out); n > 0 && out[n-1].Role == m.Role {
			out[n-1].Content = append(out[n-1].Content, blocks...)
		} else {
			out = append(out, Message{Role: m.Role, Content: blocks})
		}
	}
	return out, nil
}

var blockTypes = map[string]bool{
	"text": true, "image": true, "document": true, "thinking": true, "redacted_thinking": true,
	"tool_use": true, "tool_result": true, "server_tool_use": true, "web_search_tool_result": true,
}

func checkBlock(role, at string, b Content) *refusal {
	if !blockTypes[b.Type] {
		return refuse("%s: Input tag '%s' found using 'type' does not match any of the expected tags", at, b.Type)
	}
	marked := bytes.Contains(b.Raw, []byte(`"cache_control"`))
	switch b.Type {
	case "text":
		if b.Text == "" {
			return refuse("messages: text content blocks must be non-empty")
		}
		if strings.TrimSpace(b.Text) == "" {
			return refuse("messages: text content blocks must contain non-whitespace text")
		}
	case "thinking", "redacted_thinking":
		if role != "assistant" {
			return refuse("%s: `thinking` blocks can only be in `assistant` messages", at)
		}
		if marked {
			return refuse("%s.%s.cache_control: Extra inputs are not permitted", at, b.Type)
		}
		if b.Type == "thinking" && b.Signature != sign(b.Thinking) {
			return refuse("%s: Invalid `signature` in `thinking` block", at)
		}
	case "tool_use":
		if role != "assistant" {
			return refuse("%s: `tool_use` blocks can only be in `assistant` messages", at)
		}
		if !idPattern.MatchString(b.ID) {
			return refuse("%s.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'", at)
		}
		if !namePattern.MatchString(b.Name) {
			return refuse("%s.tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'", at)
		}
		if raw := bytes.TrimSpace(b.Input); len(raw) == 0 || raw[0] != '{' {
			return refuse("%s.tool_use.input: Input should be a valid dictionary", at)
		}
	case "tool_result":
		if role != "user" {
			return refuse("%s: `tool_result` blocks can only be in `user` messages", at)
		}
		if inner := bytes.TrimSpace(b.Content); len(inner) > 0 && inner[0] == '[' {
			blocks, ok := decodeContent(inner)
			if !ok {
				return refuse("%s.tool_result.content: Input should be a valid list", at)
			}
			for _, c := range blocks {
				if c.Type == "text" && c.Text == "" {
					return refuse("messages: text content blocks must be non-empty")
				}
			}
		}
	}
	return nil
}

// checkTurns checks what holds between messages: roles, and calls with their
// results.
func (s *Server) checkTurns(w *wireRequest, req Request) *refusal {
	if req.Messages[0].Role != "user" {
		return refuse("messages: first message must use the \"user\" role")
	}
	ids := map[string]bool{}
	usesTools := false
	var open []string // calls of the message before
	for i, m := range req.Messages {
		if m.Role == "assistant" {
			open = nil
			for _, c := range m.Content {
				if c.Type != "tool_use" {
					continue
				}
				usesTools = true
				if ids[c.ID] {
					return refuse("messages.%d.content: `tool_use` ids must be unique", i)
				}
				ids[c.ID] = true
				open = append(open, c.ID)
			}
			if len(open) > 0 && i == len(req.Messages)-1 {
				return missingResults(i, open)
			}
			if w.Thinking != nil && w.Thinking.Type == "enabled" && len(open) > 0 && !startsThinking(m) {
				return refuse("messages.%d.content.0.type: Expected `thinking` or `redacted_thinking`, but found `%s`", i, m.Content[0].Type)
			}
			continue
		}
		if r := checkResults(i, m, open); r != nil {
			return r
		}
		open = nil
	}
	if usesTools && len(req.Tools) == 0 {
		return refuse("Requests which include `tool_use` or `tool_result` blocks must define tools.")
	}
	last := req.Messages[len(req.Messages)-1]
	if n := len(last.Content); last.Role == "assistant" && n > 0 && last.Content[n-1].Type == "text" {
		if t := last.Content[n-1].Text; t != strings.TrimRightFunc(t, unicode.IsSpace) {
			return refuse("messages: final assistant content cannot end with trailing whitespace")
		}
	}
	return nil
}

func startsThinking(m Message) bool {
	t := m.Content[0].Type
	return t == "thinking" || t == "redacted_thinking"
}

func missingResults(i int, ids []string) *refusal {
	return refuse("messages.%d: `tool_use` ids were found without `tool_result` blocks immediately after: %s. Each `tool_use` block must have a corresponding `tool_result` block in the next message.", i, strings.Join(ids, ", "))
}

func checkResults(i int, m Message, open []string) *refusal {
	want := map[string]bool{}
	for _, id := range open {
		want[id] = true
	}
	got := map[string]bool{}
	text := false
	for j, c := range m.Content {
		if c.Type != "tool_result" {
			text = true
			continue
		}
		if text {
			// Results after text are not seen as "immediately after".
			return missingResults(i-1, open)
		}
		if got[c.ToolUseID] {
			return refuse("messages.%d.content.%d: each tool_use must have a single result. Found multiple `tool_result` blocks with id: %s", i, j, c.ToolUseID)
		}
		if !want[c.ToolUseID] {
			return refuse("messages.%d.content.%d: unexpected `tool_use_id` found in `tool_result` blocks: %s. Each `tool_result` block must have a corresponding `tool_use` block in the previous message.", i, j, c.ToolUseID)
		}
		got[c.ToolUseID] = true
	}
	var missing []string
	for _, id := range open {
		if !got[id] {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		return missingResults(i-1, missing)
	}
	return nil
}
