// Package files lets the owner of a project look at and change its files from
// the workspace: the actions files:*, all within the working folder of the
// project's sandbox. Paths come in relative to that folder or below it in
// absolute form and go out relative. The repository's own folder, .git, is not
// there. Before it in the flow is sessions.
package files

import (
	"errors"
	"path"
	"strings"
	"time"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/kit/errs"
	"surgent.dev/surgent/sandbox"
)

// Entry is a file or folder as clients know it.
type Entry struct {
	Name    string `json:"name"`
	Path    string `json:"path"` // relative to the project
	IsDir   bool   `json:"isDir"`
	Size    int64  `json:"size"`              // bytes
	ModTime string `json:"modTime,omitempty"` // RFC 3339
	Mode    string `json:"mode,omitempty"`    // "-rw-r--r--"
}

// Node is a file or folder of a tree.
type Node struct {
	Name     string  `json:"name"`
	Path     string  `json:"path"`
	IsDir    bool    `json:"isDir"`
	Children []*Node `json:"children,omitempty"`
}

// Content is what readFile answers.
type Content struct {
	Content  string `json:"content"`
	Encoding string `json:"encoding"` // utf8 or base64
}

// clean brings a client's path into the form relative to root, "." for root
// itself. Paths out of root and into the repository's folder are refused; that
// no link leads out is up to the sandbox.
func clean(root, p string) (string, error) {
	if strings.ContainsRune(p, 0) {
		return "", errs.New(errs.Invalid, "A path can't hold a NUL")
	}
	full := p
	if !path.IsAbs(full) {
		full = path.Join(root, full)
	}
	full = path.Clean(full)
	if full == root {
		return ".", nil
	}
	rel, inside := strings.CutPrefix(full, strings.TrimSuffix(root, "/")+"/")
	if !inside {
		return "", errs.New(errs.Invalid, "The path is outside of the project")
	}
	if hidden(rel) {
		return "", errs.New(errs.Invalid, "The folder .git belongs to the project's history")
	}
	return rel, nil
}

// hidden tells whether a relative path is the repository's or below it.
func hidden(rel string) bool {
	first, _, _ := strings.Cut(rel, "/")
	return strings.EqualFold(first, ".git")
}

// box is one project's files.
type box struct {
	sandbox.Files
	root string
}

// path is clean with the box's root, in absolute form, so that no server has
// to know where it is relative to.
func (b *box) path(p string) (full, rel string, err error) {
	if rel, err = clean(b.root, p); err != nil {
		return "", "", err
	}
	return path.Join(b.root, rel), rel, nil
}

// entry turns a server's answer into ours.
func entry(rel string, f sandbox.FileInfo) Entry {
	e := Entry{Name: f.Name, Path: rel, IsDir: f.IsDir, Size: f.Size, Mode: f.Mode}
	if e.Name == "" {
		e.Name = path.Base(rel)
	}
	if !f.ModifiedAt.IsZero() {
		e.ModTime = f.ModifiedAt.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	}
	return e
}

// Config joins the module to its parts. Sandboxes is required.
type Config struct {
	Sandboxes sandbox.Client
}

// wakeLimit is how long somebody who opens a file waits for a sleeping
// sandbox.
const wakeLimit = 45 * time.Second

type module struct{ sandboxes sandbox.Client }

// Register adds this module's functions.
func Register(r *function.Registry, c Config) {
	m := &module{c.Sandboxes}
	function.Action(r, "files:listFiles", m.listFiles)
	function.Action(r, "files:getFileDetails", m.getFileDetails)
	function.Action(r, "files:getFileTree", m.getFileTree)
	function.Action(r, "files:readFile", m.readFile)
	function.Action(r, "files:createFolder", m.createFolder)
	function.Action(r, "files:deleteFile", m.deleteFile)
	function.Action(r, "files:moveFiles", m.moveFiles)
	function.Action(r, "files:uploadFile", m.uploadFile)
	function.Action(r, "files:searchFiles", m.searchFiles)
	function.Action(r, "files:findFiles", m.findFiles)
	function.Action(r, "files:replaceInFiles", m.replaceInFiles)
}

// open returns the files of a project that the caller owns. A sleeping
// sandbox is woken and waited for.
func (m *module) open(ctx *function.ActionCtx, id projects.ID) (*box, error) {
	p, err := projects.OwnedIn(ctx, id)
	if err != nil {
		return nil, err
	}
	if p.SandboxID == nil {
		return nil, errs.New(errs.NotFound, "Sandbox not found")
	}
	b, err := m.reach(ctx, p)
	if errors.Is(err, sandbox.ErrNotRunning) || errors.Is(err, sandbox.ErrNotFound) {
		// It fell asleep a moment ago, and nobody has noticed yet.
		if p, err = projects.Recheck(ctx, id); err != nil {
			return nil, err
		}
		b, err = m.reach(ctx, p)
	}
	if err != nil {
		return nil, problem(err, "")
	}
	return b, nil
}

func (m *module) reach(ctx *function.ActionCtx, p *projects.Project) (*box, error) {
	p, err := projects.Await(ctx, p, wakeLimit)
	if err != nil {
		return nil, err
	}
	tb := m.sandboxes.Toolbox(*p.SandboxID)
	root, err := tb.WorkDir(ctx)
	if err != nil {
		return nil, err
	}
	return &box{Files: tb.Within(root, ".git"), root: path.Clean(root)}, nil
}
