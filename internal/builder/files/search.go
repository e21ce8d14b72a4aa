package files

import (
	"path"
	"strings"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/kit/errs"
)

type patternArgs struct {
	ProjectID projects.ID `json:"projectId"`
	Path      *string     `json:"path,omitempty"`
	Pattern   string      `json:"pattern"`
}

type found struct {
	Files []string `json:"files"`
}

// searchFiles returns the paths whose name matches a glob.
func (m *module) searchFiles(ctx *function.ActionCtx, a patternArgs) (*found, error) {
	b, full, err := m.within(ctx, a)
	if err != nil {
		return nil, err
	}
	paths, err := b.SearchFiles(ctx, full, a.Pattern)
	if err != nil {
		return nil, problem(err, a.Pattern)
	}
	out := &found{Files: []string{}}
	for _, p := range paths {
		if rel, ok := b.show(p); ok && len(out.Files) < maxHits {
			out.Files = append(out.Files, rel)
		}
	}
	return out, nil
}

type hit struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Content string `json:"content"`
}

// findFiles returns the lines that hold a text.
func (m *module) findFiles(ctx *function.ActionCtx, a patternArgs) ([]hit, error) {
	b, full, err := m.within(ctx, a)
	if err != nil {
		return nil, err
	}
	matches, err := b.FindInFiles(ctx, full, a.Pattern)
	if err != nil {
		return nil, problem(err, a.Pattern)
	}
	out := []hit{}
	for _, h := range matches {
		if rel, ok := b.show(h.File); ok && len(out) < maxHits {
			out = append(out, hit{rel, h.Line, h.Content})
		}
	}
	return out, nil
}

func (m *module) within(ctx *function.ActionCtx, a patternArgs) (b *box, full string, err error) {
	if a.Pattern == "" {
		return nil, "", errs.New(errs.Invalid, "A search needs a text")
	}
	if b, err = m.open(ctx, a.ProjectID); err != nil {
		return nil, "", err
	}
	full, _, err = b.path(orDot(a.Path))
	return b, full, err
}

// show brings a server's path into the relative form, and tells whether it is
// one that people see.
func (b *box) show(p string) (string, bool) {
	rel, err := clean(b.root, p)
	if err != nil || rel == "." {
		return "", false
	}
	for _, part := range strings.Split(rel, "/") {
		if part == "node_modules" {
			return "", false
		}
	}
	return path.Clean(rel), true
}
