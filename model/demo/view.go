package demo

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"surgent.dev/surgent/model"
)

// view is what the demo reads from a request.
type view struct {
	prompt  string // the newest
	turn    int    // answers since
	writes  bool   // the tools can change files
	dir     string // the project's folder, with a slash at its end
	results []result
}

// result is one tool call since the prompt, with what came of it.
type result struct {
	turn    int
	tool    string
	path    string
	text    string
	isError bool
}

var folder = regexp.MustCompile(`(?m)folder is (/[^\s.]*)`)

func look(req model.Request) view {
	v := view{writes: slices.ContainsFunc(req.Tools, func(t model.Tool) bool { return t.Name == "Write" })}
	if m := folder.FindStringSubmatch(req.System); m != nil {
		v.dir = strings.TrimSuffix(m[1], "/") + "/"
	}
	start := 0
	for i := len(req.Messages) - 1; i >= 0; i-- {
		if text := newestText(req.Messages[i]); text != "" && req.Messages[i].Role == model.User {
			v.prompt, start = text, i
			break
		}
	}
	calls := map[string]*result{}
	var order []string
	for _, m := range req.Messages[start:] {
		for _, raw := range m.Content {
			var b struct {
				Type  string `json:"type"`
				ID    string `json:"id"`
				Name  string `json:"name"`
				Input struct {
					Path string `json:"file_path"`
				} `json:"input"`
				ToolUseID string          `json:"tool_use_id"`
				Content   json.RawMessage `json:"content"`
				IsError   bool            `json:"is_error"`
			}
			if json.Unmarshal(raw, &b) != nil {
				continue // a block that the demo did not write
			}
			switch {
			case b.Type == "tool_use":
				calls[b.ID] = &result{turn: v.turn, tool: b.Name, path: b.Input.Path}
				order = append(order, b.ID)
			case b.Type == "tool_result" && calls[b.ToolUseID] != nil:
				c := calls[b.ToolUseID]
				c.isError = b.IsError
				_ = json.Unmarshal(b.Content, &c.text) // a list of blocks has no text for the demo
			}
		}
		if m.Role == model.Assistant {
			v.turn++
		}
	}
	for _, id := range order {
		v.results = append(v.results, *calls[id])
	}
	return v
}

// newestText returns the last text block of a message.
func newestText(m model.Message) string {
	text := ""
	for _, raw := range m.Content {
		var b struct {
			Type string `json:"type"`
			Text string `json:"text"`
		}
		if json.Unmarshal(raw, &b) == nil && b.Type == "text" {
			text = b.Text
		}
	}
	return text
}

// result returns what came of the newest call of a tool, on a path that ends
// like this.
func (v view) result(tool, suffix string) (result, bool) {
	for i := len(v.results) - 1; i >= 0; i-- {
		if r := v.results[i]; r.tool == tool && strings.HasSuffix(r.path, suffix) {
			return r, true
		}
	}
	return result{}, false
}

// trouble returns the first call of the last turn that failed. A failing
// linter is no trouble: the demo says what it found.
func (v view) trouble() (result, bool) {
	for _, r := range v.results {
		if r.turn == v.turn-1 && r.isError && r.tool != "Bash" {
			return r, true
		}
	}
	return result{}, false
}
