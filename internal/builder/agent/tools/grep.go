package tools

import (
	"context"
	_ "embed"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"surgent.dev/surgent/sandbox"
)

//go:embed grep.md
var grepPrompt string

const (
	maxGrepLine  = 500
	grepHeadDef  = 250
	maxGrepBytes = maxOutput
)

func grepTool() tool {
	return tool{
		name: "Grep", prompt: grepPrompt, class: Read, inAsk: true, prepare: prepareGrep,
		schema: `{"type": "object", "additionalProperties": false, "required": ["pattern"], "properties": {
			"pattern": {"type": "string", "minLength": 1, "description": "The regular expression (Perl syntax)"},
			"path": {"type": "string", "description": "The file or folder to search in; the project's folder by default"},
			"glob": {"type": "string", "description": "Only files with this name pattern, such as *.{ts,tsx}"},
			"output_mode": {"type": "string", "enum": ["content", "files_with_matches", "count"], "description": "files_with_matches by default"},
			"-i": {"type": "boolean", "description": "Ignore case"},
			"-n": {"type": "boolean", "description": "Show line numbers, with output_mode content; true by default"},
			"-A": {"type": "integer", "minimum": 0, "maximum": 50, "description": "Lines after each match, with output_mode content"},
			"-B": {"type": "integer", "minimum": 0, "maximum": 50, "description": "Lines before each match, with output_mode content"},
			"-C": {"type": "integer", "minimum": 0, "maximum": 50, "description": "Lines around each match, with output_mode content"},
			"head_limit": {"type": "integer", "minimum": 1, "description": "How many lines of output to return; 250 by default"}}}`,
	}
}

type grepInput struct {
	Pattern    string `json:"pattern"`
	Path       string `json:"path"`
	Glob       string `json:"glob"`
	OutputMode string `json:"output_mode"`
	IgnoreCase bool   `json:"-i"`
	Numbers    *bool  `json:"-n"`
	After      int    `json:"-A"`
	Before     int    `json:"-B"`
	Around     int    `json:"-C"`
	HeadLimit  int    `json:"head_limit"`
}

func (in grepInput) numbered() bool { return in.Numbers == nil || *in.Numbers }

func prepareGrep(ctx context.Context, env *Env, call Call) (*Plan, *Result, error) {
	in, err := decode[grepInput](call)
	if err != nil {
		return nil, nil, err
	}
	at := env.abs(in.Path)
	if why := env.readable(at); why != "" {
		return nil, failed("%s", why), nil
	}
	info, err := env.Toolbox.FileInfo(ctx, at)
	if gone(err) {
		return nil, failed("There is no %s.", at), nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("look at %s: %w", at, err)
	}
	dir, specs := at, []string{}
	if !info.IsDir {
		dir, specs = path.Dir(at), []string{":(literal)" + path.Base(at)}
	} else {
		for _, g := range braces(in.Glob) {
			specs = append(specs, globSpec(g))
		}
	}
	return &Plan{run: func(ctx context.Context) (Result, error) { return grep(ctx, env, dir, specs, in) }}, nil, nil
}

// globSpec is a name pattern as git writes it.
func globSpec(g string) string {
	if !strings.Contains(g, "/") {
		g = "**/" + g
	}
	return ":(glob)" + strings.TrimPrefix(g, "/")
}

// braces expands the first {a,b} of a pattern, and so on; "" is no pattern.
func braces(g string) []string {
	if g == "" {
		return nil
	}
	open := strings.IndexByte(g, '{')
	if open < 0 {
		return []string{g}
	}
	end := strings.IndexByte(g[open:], '}')
	if end < 0 {
		return []string{g}
	}
	var out []string
	for _, alt := range strings.Split(g[open+1:open+end], ",") {
		out = append(out, braces(g[:open]+alt+g[open+end+1:])...)
	}
	return out
}

// grep searches with git's own grep: it is wherever checkpoints are made,
// knows what the project ignores, and works outside of a repository too.
func grep(ctx context.Context, env *Env, dir string, specs []string, in grepInput) (Result, error) {
	args := []string{"git", "-c", "core.fsmonitor=", "grep", "--no-index", "--exclude-standard", "-I", "--no-color", "-P"}
	if in.IgnoreCase {
		args = append(args, "-i")
	}
	mode := in.OutputMode
	switch mode {
	case "content":
		if in.numbered() {
			args = append(args, "-n")
		}
		after, before := max(in.After, in.Around), max(in.Before, in.Around)
		args = append(args, fmt.Sprintf("-A%d", after), fmt.Sprintf("-B%d", before))
	case "count":
		args = append(args, "-c")
	default:
		mode = "files_with_matches"
		args = append(args, "-l")
	}
	args = append(args, "-e", in.Pattern, "--")
	var command strings.Builder
	for _, a := range append(args, specs...) {
		command.WriteString(quote(a) + " ")
	}
	res, err := env.Toolbox.Execute(ctx, sandbox.ExecRequest{Command: command.String(), Dir: dir, Timeout: searchTimeout})
	if r, err := searchFailed(err, dir); r != nil || err != nil {
		return deref(r), err
	}
	switch res.ExitCode {
	case 0:
		return grepResult(res.Output, mode, in.numbered(), in.HeadLimit), nil
	case 1:
		return Result{Text: "No matches found.", Detail: map[string]any{
			"mode": mode, "numFiles": 0.0, "numMatches": 0.0, "filenames": []string{}, "content": "", "truncated": false,
		}}, nil
	}
	return *failed("The search failed: %s", strings.TrimSpace(clean(res.Output))), nil
}

var matchLine = regexp.MustCompile(`^(.+?):(\d+:)?`)

// count returns the files and the number of matches in git's output. Lines
// around a match are no matches: git writes "-" for ":" in them.
func count(lines []string, mode string, numbered bool) (files []string, matches int) {
	files = []string{}
	add := func(name string) {
		if len(files) == 0 || files[len(files)-1] != name {
			files = append(files, name)
		}
	}
	for _, l := range lines {
		if mode == "files_with_matches" {
			add(l)
			continue
		}
		m := matchLine.FindStringSubmatch(l)
		if m == nil || (mode == "content" && numbered && m[2] == "") {
			continue
		}
		add(m[1])
		if mode == "content" {
			matches++
		} else if n, err := strconv.Atoi(l[strings.LastIndexByte(l, ':')+1:]); err == nil {
			matches += n
		}
	}
	return files, matches
}

func grepResult(out, mode string, numbered bool, head int) Result {
	if head <= 0 {
		head = grepHeadDef
	}
	lines := splitLines(clean(out))
	files, matches := count(lines, mode, numbered)
	var b strings.Builder
	n := 0
	for _, l := range lines {
		if n == head || b.Len() > maxGrepBytes {
			break
		}
		if len(l) > maxGrepLine {
			l = strings.ToValidUTF8(l[:maxGrepLine], "") + "…"
		}
		b.WriteString(l + "\n")
		n++
	}
	text := strings.TrimSuffix(b.String(), "\n")
	if rest := len(lines) - n; rest > 0 {
		text += fmt.Sprintf("\n(%d more lines; narrow the search or raise head_limit)", rest)
	}
	detail := map[string]any{
		"mode": mode, "numFiles": float64(len(files)), "filenames": files[:min(len(files), maxGlob)], "truncated": n < len(lines),
	}
	if mode != "files_with_matches" {
		detail["numMatches"] = float64(matches)
	}
	if mode == "content" {
		detail["content"] = b.String()
	}
	return Result{Text: text, Detail: detail}
}
