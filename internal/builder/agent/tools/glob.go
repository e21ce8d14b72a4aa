package tools

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"path"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"surgent.dev/surgent/sandbox"
)

//go:embed glob.md
var globPrompt string

const (
	maxGlob       = 200
	searchTimeout = 30 * time.Second
)

// listFiles prints time and name of every file below the folder that git does
// not ignore; outside of a repository, of all but node_modules.
const listFiles = `{ git -c core.fsmonitor= ls-files -co --exclude-standard -z 2>/dev/null ||
find . \( -name node_modules -o -name .git \) -prune -o -type f -print0; } | xargs -0 -r stat -c '%Y %n' -- 2>/dev/null; true`

func globTool() tool {
	return tool{
		name: "Glob", prompt: globPrompt, class: Read, inAsk: true, prepare: prepareGlob,
		schema: `{"type": "object", "additionalProperties": false, "required": ["pattern"], "properties": {
			"pattern": {"type": "string", "minLength": 1, "description": "The pattern, such as **/*.tsx"},
			"path": {"type": "string", "description": "The folder to look in; the project's folder by default"}}}`,
	}
}

type globInput struct {
	Pattern string `json:"pattern"`
	Path    string `json:"path"`
}

func prepareGlob(ctx context.Context, env *Env, call Call) (*Plan, *Result, error) {
	in, err := decode[globInput](call)
	if err != nil {
		return nil, nil, err
	}
	dir, pattern := env.abs(in.Path), in.Pattern
	if rest, ok := strings.CutPrefix(pattern, dir+"/"); ok {
		pattern = rest
	}
	switch why := env.readable(dir); {
	case why != "":
		return nil, failed("%s", why), nil
	case !doublestar.ValidatePattern(pattern):
		return nil, failed("%q is not a valid pattern.", in.Pattern), nil
	}
	info, err := env.Toolbox.FileInfo(ctx, dir)
	if gone(err) || (err == nil && !info.IsDir) {
		return nil, failed("There is no folder %s.", dir), nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("look at %s: %w", dir, err)
	}
	return &Plan{run: func(ctx context.Context) (Result, error) { return glob(ctx, env, dir, pattern) }}, nil, nil
}

// found is one file of a listing.
type found struct {
	name string
	at   int64
}

func glob(ctx context.Context, env *Env, dir, pattern string) (Result, error) {
	res, err := env.Toolbox.Execute(ctx, sandbox.ExecRequest{Command: listFiles, Dir: dir, Timeout: searchTimeout})
	if r, err := searchFailed(err, dir); r != nil || err != nil {
		return deref(r), err
	}
	var hits []found
	for line := range strings.Lines(res.Output) {
		at, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		t, err := strconv.ParseInt(at, 10, 64)
		if !ok || err != nil {
			continue // a name with a line break
		}
		name = strings.TrimPrefix(name, "./")
		if matches(pattern, name) {
			hits = append(hits, found{name, t})
		}
	}
	sort.Slice(hits, func(i, j int) bool {
		if hits[i].at != hits[j].at {
			return hits[i].at > hits[j].at
		}
		return hits[i].name < hits[j].name
	})
	names := []string{}
	for _, h := range hits[:min(len(hits), maxGlob)] {
		names = append(names, path.Join(dir, clean(h.name)))
	}
	text := strings.Join(names, "\n")
	switch {
	case len(hits) == 0:
		text = "No files found."
	case len(hits) > maxGlob:
		text += fmt.Sprintf("\n(%d more; use a narrower pattern)", len(hits)-maxGlob)
	}
	return Result{Text: text, Detail: map[string]any{
		"filenames": names, "numFiles": float64(len(hits)), "truncated": len(hits) > maxGlob,
	}}, nil
}

// matches applies a pattern; one without a slash is for the base name.
func matches(pattern, name string) bool {
	if !strings.Contains(pattern, "/") {
		name = path.Base(name)
	}
	return doublestar.MatchUnvalidated(pattern, name)
}

// searchFailed tells a folder that does not exist and a search that took too
// long from a sandbox that does not answer.
func searchFailed(err error, dir string) (*Result, error) {
	switch {
	case err == nil:
		return nil, nil
	case errors.Is(err, sandbox.ErrTimeout):
		return failed("The search took longer than %s. Look in a smaller folder.", searchTimeout), nil
	case gone(err), errors.Is(err, sandbox.ErrInvalid):
		return failed("There is no folder %s.", dir), nil
	}
	return nil, fmt.Errorf("search %s: %w", dir, err)
}

func deref(r *Result) Result {
	if r == nil {
		return Result{}
	}
	return *r
}
