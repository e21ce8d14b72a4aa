package tools

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"unicode/utf8"
)

//go:embed read.md
var readPrompt string

// Limits of one Read.
const (
	maxReadLines = 2000
	maxReadBytes = 100 << 10
	maxLineBytes = 2000
)

func readTool() tool {
	return tool{
		name: "Read", prompt: readPrompt, class: Read, inAsk: true, prepare: prepareRead,
		schema: `{"type": "object", "additionalProperties": false, "required": ["file_path"], "properties": {
			"file_path": {"type": "string", "minLength": 1, "description": "The absolute path of the file"},
			"offset": {"type": "integer", "minimum": 0, "description": "The line to start from, counted from 1"},
			"limit": {"type": "integer", "minimum": 1, "description": "How many lines to read"}}}`,
	}
}

type readInput struct {
	FilePath string `json:"file_path"`
	Offset   int    `json:"offset"`
	Limit    int    `json:"limit"`
}

func prepareRead(_ context.Context, env *Env, call Call) (*Plan, *Result, error) {
	in, err := decode[readInput](call)
	if err != nil {
		return nil, nil, err
	}
	p := env.abs(in.FilePath)
	if why := env.readable(p); why != "" {
		return nil, failed("%s", why), nil
	}
	return &Plan{Path: p, run: func(ctx context.Context) (Result, error) {
		content, refused, err := env.load(ctx, p)
		switch {
		case err != nil:
			return Result{}, err
		case refused != nil:
			return *refused, nil
		case content == nil:
			return *failed("There is no file %s.", p), nil
		case binary(content):
			return *failed("%s is a binary file of %d bytes.", p, len(content)), nil
		}
		return show(p, content, in), nil
	}}, nil, nil
}

func show(p string, content []byte, in readInput) Result {
	r := Result{Path: p, Hash: Hash(content)}
	lines := splitLines(string(content))
	first := max(in.Offset, 1)
	limit := maxReadLines
	if in.Limit > 0 {
		limit = min(in.Limit, maxReadLines)
	}
	switch {
	case len(lines) == 0:
		r.Text = "(the file is empty)"
	case first > len(lines):
		r.Text = fmt.Sprintf("(the file has only %d lines)", len(lines))
	}
	var numbered, plain strings.Builder
	n := 0
	for i := first - 1; i < len(lines) && n < limit && numbered.Len() < maxReadBytes; i++ {
		line := cutLine(clean(lines[i]))
		fmt.Fprintf(&numbered, "%6d\t%s\n", i+1, line)
		plain.WriteString(line + "\n")
		n++
	}
	if n > 0 {
		r.Text = numbered.String()
	}
	if rest := len(lines) - (first - 1) - n; n > 0 && rest > 0 {
		r.Text += fmt.Sprintf("(%d more lines; go on with offset %d)\n", rest, first+n)
	}
	r.Detail = map[string]any{"type": "text", "file": map[string]any{
		"filePath": p, "content": strings.TrimSuffix(plain.String(), "\n"), "numLines": n, "startLine": first, "totalLines": len(lines),
	}}
	return r
}

// cutLine shortens a line that nobody wants to read whole.
func cutLine(line string) string {
	if len(line) <= maxLineBytes {
		return line
	}
	cut := maxLineBytes
	for cut > 0 && !utf8.RuneStart(line[cut]) {
		cut--
	}
	return fmt.Sprintf("%s… (%d bytes more)", line[:cut], len(line)-cut)
}
