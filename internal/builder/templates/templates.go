// Package templates holds what a project may start from: the table templates,
// seeded at start from the ones built into the binary, and the warm snapshots
// made of them, from which a new project is a restore instead of an install.
// Before it in the flow is users, next is projects.
package templates

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"time"

	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/internal/kit/errs"
	"surgent.dev/surgent/sandbox"
	"surgent.dev/surgent/templates"
)

// Base is the snapshot that every sandbox starts from, directly or through a
// warm one.
const Base = "default-env:1.0.0"

// embedded marks the repoUrl of a template that is part of the binary.
const embedded = "embedded:"

// ID is the id of a template.
type ID string

// ConvexTable names the table that the id belongs to.
func (ID) ConvexTable() string { return "templates" }

// Template is one row. RepoURL is "embedded:<slug>" or a git address.
type Template struct {
	ID           ID      `json:"_id"`
	CreationTime float64 `json:"_creationTime"` // ms
	Slug         string  `json:"slug"`
	Name         string  `json:"name"`
	Description  *string `json:"description,omitempty"`
	RepoURL      string  `json:"repoUrl"`
	Branch       *string `json:"branch,omitempty"`
	InitScript   *string `json:"initScript,omitempty"`
	StartCommand *string `json:"startCommand,omitempty"`
	Metadata     any     `json:"metadata,omitempty"`
}

// Templates is the table's typed access.
var Templates = store.TypedTable[Template, ID]("templates")

// Tables declares what this module stores.
func Tables() []schema.Table {
	return []schema.Table{
		schema.Define[Template]("templates", schema.Index{Name: "by_slug", Fields: []string{"slug"}}),
	}
}

// Embedded returns the template of this binary that the row stands for.
func (t *Template) Embedded() (templates.Template, bool) {
	slug, ok := strings.CutPrefix(t.RepoURL, embedded)
	if !ok {
		return templates.Template{}, false
	}
	return find(slug)
}

// Start returns the command of the dev server.
func (t *Template) Start() string {
	if t.StartCommand != nil && *t.StartCommand != "" {
		return *t.StartCommand
	}
	return "bun run dev"
}

func find(slug string) (templates.Template, bool) {
	for _, t := range templates.All() {
		if t.Slug == slug {
			return t, true
		}
	}
	return templates.Template{}, false
}

// snapshotName names the warm snapshot of a template. The content is in it,
// so that another version of the binary makes another snapshot.
func snapshotName(t templates.Template) string { return t.Slug + ":" + t.ContentHash[:12] }

// Upload puts a template's files into the working folder of a sandbox.
func Upload(ctx context.Context, tb sandbox.Files, workDir string, t templates.Template) error {
	var files []sandbox.Upload
	err := fs.WalkDir(t.Files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(t.Files, name)
		if err != nil {
			return err
		}
		files = append(files, sandbox.Upload{Path: path.Join(workDir, name), Content: strings.NewReader(string(content))})
		return nil
	})
	if err != nil {
		return fmt.Errorf("read template %s: %w", t.Slug, err)
	}
	if err := tb.UploadFiles(ctx, files); err != nil {
		return fmt.Errorf("upload template %s: %w", t.Slug, err)
	}
	return nil
}

// firstCommit makes the working folder a repository whose first commit is the
// template, unless it is one already. Runs add their checkpoints to it.
const firstCommit = `set -e
git rev-parse --verify -q HEAD >/dev/null && exit 0
git init -q -b main
git add -A
git -c user.name=Surgent -c user.email=agent@surgent.invalid commit -q -m "Start from the template"`

// Commit makes the first commit of a new project's files. It is idempotent.
func Commit(ctx context.Context, tb sandbox.Processes, workDir string) error {
	res, err := tb.Execute(ctx, sandbox.ExecRequest{Command: firstCommit, Dir: workDir})
	if err != nil {
		return fmt.Errorf("commit template: %w", err)
	}
	if res.ExitCode != 0 {
		return fmt.Errorf("commit template: git ended with %d: %s", res.ExitCode, strings.TrimSpace(res.Output))
	}
	return nil
}

// Clone puts a template that lives in a git repository into the working
// folder, which may hold installed packages, and runs its init script. A
// failed clone or script is an error that says what git or the script said.
func Clone(ctx context.Context, tb sandbox.Toolbox, workDir string, t *Template) error {
	const temporary = "/tmp/template-clone"
	if u, err := url.Parse(t.RepoURL); err != nil || u.User != nil {
		return errs.New(errs.Unavailable, "The template's address is none, or holds credentials, which no sandbox may have")
	}
	run := func(what, dir, command string) error {
		res, err := tb.Execute(ctx, sandbox.ExecRequest{Command: command, Dir: dir, Timeout: 10 * time.Minute})
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if res.ExitCode != 0 {
			return errs.New(errs.Unavailable, "The template's %s failed: %s", what, lastLine(res.Output))
		}
		return nil
	}
	if err := run("clean-up", "/tmp", "rm -rf "+temporary); err != nil {
		return err
	}
	branch := ""
	if t.Branch != nil {
		branch = *t.Branch
	}
	if err := tb.GitClone(ctx, sandbox.CloneRequest{URL: t.RepoURL, Path: temporary, Branch: branch}); err != nil {
		return errs.Wrap(errs.Unavailable, err, "The template couldn't be cloned from %s: %s", t.RepoURL, why(err))
	}
	if err := run("copy", temporary, "rm -rf .git && cp -a . '"+workDir+"'/"); err != nil {
		return err
	}
	if t.InitScript != nil && *t.InitScript != "" {
		return run("init script", workDir, *t.InitScript)
	}
	return nil
}

// why returns the server's words for a failure, where there are any.
func why(err error) string {
	var told interface{ Reason() string }
	if errors.As(err, &told) {
		return lastLine(told.Reason())
	}
	return "the sandbox doesn't answer"
}

func lastLine(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[len(lines)-1]
}
