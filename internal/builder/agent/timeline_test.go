package agent_test

import (
	"fmt"
	"strings"

	"surgent.dev/surgent/internal/builder/commits"
)

// row is a timeline row.
type row struct {
	ID    string `json:"_id"`
	Role  string `json:"role"`
	RunID string `json:"runId"`
	Raw   any    `json:"raw"`
}

func (w *world) rows() []row {
	w.t.Helper()
	var out []row
	args := object{"sessionId": w.session, "limit": 1000.0}
	if err := w.rt.As(w.user).RunQuery(w.t.Context(), "sessions:listMessagesBySession", args, &out); err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) commits() []commits.Commit {
	w.t.Helper()
	var out []commits.Commit
	if err := w.rt.As(w.user).RunQuery(w.t.Context(), "commits:listByProject", object{"projectId": w.project}, &out); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// results returns the result rows.
func (w *world) results() []object {
	w.t.Helper()
	var out []object
	for _, r := range w.rows() {
		if m, ok := r.Raw.(object); ok && m["type"] == "result" {
			m["_id"] = r.ID
			out = append(out, m)
		}
	}
	return out
}

// kinds tells the timeline in short: "prompt", "system/init", "assistant
// text+Write", "user ok", "user error", "result success".
func (w *world) kinds() []string {
	w.t.Helper()
	var out []string
	for _, r := range w.rows() {
		out = append(out, kind(r))
	}
	return out
}

func kind(r row) string {
	m, ok := r.Raw.(object)
	if !ok {
		return "prompt"
	}
	msg, _ := m["message"].(object)
	content, _ := msg["content"].([]any)
	switch m["type"] {
	case "system":
		return fmt.Sprintf("system/%v", m["subtype"])
	case "result":
		return fmt.Sprintf("result %v", m["subtype"])
	case "assistant":
		var parts []string
		for _, c := range content {
			b, _ := c.(object)
			if b["type"] == "tool_use" {
				parts = append(parts, fmt.Sprint(b["name"]))
			} else {
				parts = append(parts, fmt.Sprint(b["type"]))
			}
		}
		return "assistant " + strings.Join(parts, "+")
	case "user":
		b, _ := content[0].(object)
		if b["is_error"] == true {
			return "user error"
		}
		return "user ok"
	}
	return fmt.Sprint(m["type"])
}

// resultText returns the text of the n-th tool result row.
func (w *world) resultText(n int) string {
	w.t.Helper()
	for _, r := range w.rows() {
		m, ok := r.Raw.(object)
		if !ok || m["type"] != "user" {
			continue
		}
		if n > 0 {
			n--
			continue
		}
		msg, _ := m["message"].(object)
		content, _ := msg["content"].([]any)
		b, _ := content[0].(object)
		s, _ := b["content"].(string)
		return s
	}
	w.t.Fatal("no such tool result")
	return ""
}
