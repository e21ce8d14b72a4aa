package files

import (
	"cmp"
	"encoding/base64"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/kit/errs"
	"surgent.dev/surgent/sandbox"
)

// Bounds of what one call answers.
const (
	defaultBytes   = 2 << 20
	maxBytes       = 8 << 20
	defaultDepth   = 4
	maxDepth       = 16
	defaultEntries = 2000
	maxEntries     = 5000
	maxHits        = 500
)

type pathArgs struct {
	ProjectID projects.ID `json:"projectId"`
	Path      *string     `json:"path,omitempty"`
}

func (m *module) listFiles(ctx *function.ActionCtx, a pathArgs) ([]Entry, error) {
	b, err := m.open(ctx, a.ProjectID)
	if err != nil {
		return nil, err
	}
	full, rel, err := b.path(orDot(a.Path))
	if err != nil {
		return nil, err
	}
	infos, err := b.ListFiles(ctx, full)
	if err != nil {
		return nil, problem(err, rel)
	}
	return entries(rel, infos), nil
}

// entries sorts folders first, then by name, and leaves out the repository.
func entries(dir string, infos []sandbox.FileInfo) []Entry {
	out := make([]Entry, 0, len(infos))
	for _, f := range infos {
		if rel := path.Join(dir, f.Name); !hidden(rel) {
			out = append(out, entry(rel, f))
		}
	}
	slices.SortFunc(out, func(a, b Entry) int {
		if a.IsDir != b.IsDir {
			if a.IsDir {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return out
}

func (m *module) getFileDetails(ctx *function.ActionCtx, a struct {
	ProjectID projects.ID `json:"projectId"`
	Path      string      `json:"path"`
},
) (*Entry, error) {
	b, err := m.open(ctx, a.ProjectID)
	if err != nil {
		return nil, err
	}
	full, rel, err := b.path(a.Path)
	if err != nil {
		return nil, err
	}
	info, err := b.FileInfo(ctx, full)
	if err != nil {
		return nil, problem(err, rel)
	}
	e := entry(rel, *info)
	return &e, nil
}

type treeArgs struct {
	ProjectID  projects.ID `json:"projectId"`
	Path       *string     `json:"path,omitempty"`
	Depth      *float64    `json:"depth,omitempty"`
	MaxEntries *float64    `json:"maxEntries,omitempty"`
}

// getFileTree returns a folder's tree, breadth first until the depth or the
// number of entries is reached. Installed packages are named and not opened.
// A missing folder is an error.
func (m *module) getFileTree(ctx *function.ActionCtx, a treeArgs) ([]*Node, error) {
	b, err := m.open(ctx, a.ProjectID)
	if err != nil {
		return nil, err
	}
	full, rel, err := b.path(orDot(a.Path))
	if err != nil {
		return nil, err
	}
	depth, left := clamp(a.Depth, defaultDepth, maxDepth), clamp(a.MaxEntries, defaultEntries, maxEntries)
	type folder struct {
		full, rel string
		depth     int
		into      *[]*Node
	}
	top := []*Node{}
	queue := []folder{{full, rel, 1, &top}}
	for len(queue) > 0 && left > 0 {
		f := queue[0]
		queue = queue[1:]
		infos, err := b.ListFiles(ctx, f.full)
		if err != nil {
			if f.depth == 1 {
				return nil, problem(err, rel)
			}
			continue // removed since its parent was listed
		}
		for _, e := range entries(f.rel, infos) {
			if left--; left < 0 {
				break
			}
			n := &Node{Name: e.Name, Path: e.Path, IsDir: e.IsDir}
			*f.into = append(*f.into, n)
			if e.IsDir && f.depth < depth && e.Name != "node_modules" {
				queue = append(queue, folder{path.Join(f.full, e.Name), e.Path, f.depth + 1, &n.Children})
			}
		}
	}
	return top, nil
}

type readArgs struct {
	ProjectID projects.ID `json:"projectId"`
	Path      string      `json:"path"`
	As        *encoding   `json:"as,omitempty"`
	MaxBytes  *float64    `json:"maxBytes,omitempty"`
}

type encoding string

// ConvexLiterals lists the encodings for validators.
func (encoding) ConvexLiterals() []string { return []string{"text", "base64"} }

// readFile returns a file's content. What isn't text comes as base64 whatever
// was asked for. A file above maxBytes is an error that says how big it is.
func (m *module) readFile(ctx *function.ActionCtx, a readArgs) (*Content, error) {
	b, err := m.open(ctx, a.ProjectID)
	if err != nil {
		return nil, err
	}
	full, rel, err := b.path(a.Path)
	if err != nil {
		return nil, err
	}
	limit := int64(clamp(a.MaxBytes, defaultBytes, maxBytes))
	info, err := b.FileInfo(ctx, full)
	if err != nil {
		return nil, problem(err, rel)
	}
	if info.IsDir {
		return nil, errs.New(errs.Invalid, "%s is a folder", rel)
	}
	if info.Size > limit {
		return nil, errs.New(errs.Invalid, "%s is too big to show (%d bytes)", rel, info.Size)
	}
	body, err := b.Download(ctx, full)
	if err != nil {
		return nil, problem(err, rel)
	}
	defer func() { _ = body.Close() }() // only read from
	raw, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, problem(err, rel)
	}
	if int64(len(raw)) > limit {
		return nil, errs.New(errs.Invalid, "%s is too big to show", rel)
	}
	if a.As != nil && *a.As == "base64" || !utf8.Valid(raw) || strings.ContainsRune(string(raw), 0) {
		return &Content{base64.StdEncoding.EncodeToString(raw), "base64"}, nil
	}
	return &Content{string(raw), "utf8"}, nil
}

func orDot(p *string) string {
	if p == nil || *p == "" {
		return "."
	}
	return *p
}

func clamp(v *float64, def, most int) int {
	if v == nil {
		return def
	}
	return int(min(max(*v, 1), float64(most)))
}

// problem gives the sandbox's errors words for people.
func problem(err error, rel string) error {
	switch {
	case errors.Is(err, sandbox.ErrNotFound) && rel != "":
		return errs.Wrap(errs.NotFound, err, "There is no %s", rel)
	case errors.Is(err, sandbox.ErrNotRunning), errors.Is(err, sandbox.ErrNotFound):
		return errs.Wrap(errs.Unavailable, err, "The sandbox isn't running")
	case errors.Is(err, sandbox.ErrConflict):
		return errs.Wrap(errs.Conflict, err, "There is something of that name already")
	case errors.Is(err, sandbox.ErrInvalid):
		return errs.Wrap(errs.Invalid, err, "The sandbox refused %s", orElse(rel, "this"))
	case errors.Is(err, sandbox.ErrTimeout):
		return errs.Wrap(errs.Unavailable, err, "The sandbox took too long")
	}
	return err
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
