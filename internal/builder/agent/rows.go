package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"surgent.dev/surgent/internal/builder/agent/tools"
	"surgent.dev/surgent/model"
)

// Timeline rows have the shapes of Claude Code's stream-json messages, so
// that clients which know those can draw them.

// maxRow is the size in bytes that a row is cut down to: clients ask for
// hundreds of rows at once.
const maxRow = 256 << 10

func initRow(r *Run, cwd string, names []string) map[string]any {
	list := make([]any, len(names))
	for i, n := range names {
		list[i] = n
	}
	return map[string]any{
		"type": "system", "subtype": "init", "session_id": string(r.SessionID), "run_id": string(r.ID),
		"agent": "native", "cwd": cwd, "model": r.Model, "tools": list, "permissionMode": "default", "mode": r.Mode,
		"mcp_servers": []any{}, "uuid": string(r.ID) + "-init",
	}
}

// assistantRow is a model message with all its blocks in order. Signatures of
// thinking stay in the journal: nobody reads them. took is how long each block
// was written.
func assistantRow(r *Run, d *model.Done, took []time.Duration, cut bool) (map[string]any, error) {
	content := []any{}
	for i, raw := range d.Message.Content {
		block, err := decodeJSON(raw)
		if err != nil {
			return nil, fmt.Errorf("decode block: %w", err)
		}
		if m, ok := block.(map[string]any); ok {
			delete(m, "signature")
			if m["type"] == "thinking" && i < len(took) {
				m["duration_ms"] = float64(took[i].Milliseconds())
			}
		}
		content = append(content, block)
	}
	row := map[string]any{
		"type": "assistant", "session_id": string(r.SessionID), "run_id": string(r.ID), "parent_tool_use_id": nil,
		"uuid": d.MessageID,
		"message": map[string]any{
			"id": d.MessageID, "type": "message", "role": "assistant", "model": d.Model, "content": content,
			"stop_reason": string(d.StopReason), "usage": usageMap(d.Usage),
		},
	}
	if cut {
		row["interrupted"] = true
	}
	return row, nil
}

func usageMap(u model.Usage) map[string]any {
	return map[string]any{
		"input_tokens": float64(u.InputTokens), "output_tokens": float64(u.OutputTokens),
		"cache_creation_input_tokens": float64(u.CacheCreationInputTokens), "cache_read_input_tokens": float64(u.CacheReadInputTokens),
	}
}

func toolRow(r *Run, c *Call, res tools.Result, at string) (map[string]any, error) {
	detail := any(res.Text)
	if res.Detail != nil {
		raw, err := json.Marshal(res.Detail)
		if err != nil {
			return nil, fmt.Errorf("encode detail of %s: %w", c.Name, err)
		}
		if detail, err = decodeJSON(raw); err != nil {
			return nil, fmt.Errorf("decode detail of %s: %w", c.Name, err)
		}
	}
	return map[string]any{
		"type": "user", "session_id": string(r.SessionID), "run_id": string(r.ID), "parent_tool_use_id": nil,
		"uuid": c.ToolUseID, "timestamp": at,
		"message": map[string]any{"role": "user", "content": []any{map[string]any{
			"type": "tool_result", "tool_use_id": c.ToolUseID, "content": res.Text, "is_error": res.IsError,
		}}},
		"tool_use_result": detail,
	}, nil
}

func resultRow(r *Run, o outcome) map[string]any {
	started := r.StartedAt
	if started == 0 {
		started = r.EndedAt // a queued run that was taken back took no time
	}
	row := map[string]any{
		"type": "result", "subtype": o.Subtype, "is_error": o.Status != Succeeded,
		"session_id": string(r.SessionID), "run_id": string(r.ID), "uuid": string(r.ID) + "-result",
		"duration_ms": r.EndedAt - started, "duration_api_ms": r.ModelTime, "num_turns": float64(r.Step), "steps": float64(r.Calls), "model": r.Model,
		"usage":              usageMap(r.Spent.usage()),
		"permission_denials": []any{},
	}
	if r.Spent.CostUSD != nil {
		row["total_cost_usd"] = *r.Spent.CostUSD
	} else if r.Step == 0 {
		row["total_cost_usd"] = 0.0
	}
	if o.Text != "" {
		row["result"] = o.Text
	}
	if o.StopReason != "" {
		row["stop_reason"] = o.StopReason
	}
	if o.Error != nil {
		row["errors"] = []any{o.Error.Message}
		row["error_code"] = o.Error.Code
	}
	if o.Checkpoint != nil {
		row["files_changed"] = float64(o.Checkpoint.Stats.FilesChanged)
	} else {
		row["files_changed"] = 0.0
	}
	return row
}

// decodeJSON decodes numbers as float64, the only numbers that rows have.
func decodeJSON(raw []byte) (any, error) {
	var v any
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&v); err != nil {
		return nil, err
	}
	return v, nil
}

// storable makes a row fit for a document: names that documents can hold,
// texts without NUL and secrets, and a size below the limit.
func (s *Service) storable(row map[string]any) map[string]any {
	v := s.redact.json(row)
	for _, limit := range []int{64 << 10, 16 << 10, 4 << 10, 512} {
		v = tidy(v, limit, 0)
		if size(v) <= maxRow {
			break
		}
	}
	out, _ := v.(map[string]any) // tidy keeps kinds
	return out
}

// maxDepth is how deep a row may be; documents hold 16 levels.
const maxDepth = 13

func tidy(v any, limit, depth int) any {
	switch x := v.(type) {
	case string:
		return cutText(strings.ReplaceAll(strings.ToValidUTF8(x, "\uFFFD"), "\x00", ""), limit)
	case []any:
		if depth >= maxDepth {
			return compactJSON(x, limit)
		}
		if len(x) > 8000 {
			x = x[:8000]
		}
		for i := range x {
			x[i] = tidy(x[i], limit, depth+1)
		}
		return x
	case map[string]any:
		if depth >= maxDepth {
			return compactJSON(x, limit)
		}
		out := make(map[string]any, len(x))
		for k, e := range x {
			if len(out) == 1000 {
				break
			}
			out[fieldName(k)] = tidy(e, limit, depth+1)
		}
		return out
	}
	return v
}

func compactJSON(v any, limit int) any {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil // it came from JSON
	}
	return cutText(string(raw), limit)
}

// fieldName is a name that a document can hold: a model chooses the names of
// its arguments freely.
func fieldName(k string) string {
	k = strings.Map(func(r rune) rune {
		if r < 32 || r > 126 {
			return '?'
		}
		return r
	}, strings.TrimLeft(k, "$"))
	if k == "" {
		return "?"
	}
	return k[:min(len(k), 1000)]
}

func cutText(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return fmt.Sprintf("%s… (%d bytes left out)", s[:cut], len(s)-cut)
}

func size(v any) int {
	raw, err := json.Marshal(v)
	if err != nil {
		return 0 // it came from JSON
	}
	return len(raw)
}
