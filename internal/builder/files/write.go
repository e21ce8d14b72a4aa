package files

import (
	"bytes"
	"encoding/base64"
	"regexp"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/kit/errs"
	"surgent.dev/surgent/sandbox"
)

var octal = regexp.MustCompile(`^0?[0-7]{3}$`)

// change returns a project's files and a path in them that may be changed:
// any but the project's folder itself.
func (m *module) change(ctx *function.ActionCtx, id projects.ID, p string) (b *box, full, rel string, err error) {
	if b, err = m.open(ctx, id); err != nil {
		return nil, "", "", err
	}
	full, rel, err = b.changeable(p)
	return b, full, rel, err
}

func (b *box) changeable(p string) (full, rel string, err error) {
	if full, rel, err = b.path(p); err == nil && rel == "." {
		err = errs.New(errs.Invalid, "The project's folder itself stays as it is")
	}
	return full, rel, err
}

func (m *module) createFolder(ctx *function.ActionCtx, a struct {
	ProjectID   projects.ID `json:"projectId"`
	Path        string      `json:"path"`
	Permissions *string     `json:"permissions,omitempty"`
},
) (any, error) {
	mode := "0755"
	if a.Permissions != nil {
		if mode = *a.Permissions; !octal.MatchString(mode) {
			return nil, errs.New(errs.Invalid, "Permissions are three octal digits, such as 755")
		}
	}
	b, full, rel, err := m.change(ctx, a.ProjectID, a.Path)
	if err != nil {
		return nil, err
	}
	return nil, problem(b.CreateFolder(ctx, full, mode), rel)
}

func (m *module) deleteFile(ctx *function.ActionCtx, a struct {
	ProjectID projects.ID `json:"projectId"`
	Path      string      `json:"path"`
	Recursive *bool       `json:"recursive,omitempty"`
},
) (any, error) {
	b, full, rel, err := m.change(ctx, a.ProjectID, a.Path)
	if err != nil {
		return nil, err
	}
	return nil, problem(b.DeleteFile(ctx, full, a.Recursive != nil && *a.Recursive), rel)
}

func (m *module) moveFiles(ctx *function.ActionCtx, a struct {
	ProjectID   projects.ID `json:"projectId"`
	Source      string      `json:"source"`
	Destination string      `json:"destination"`
},
) (any, error) {
	b, from, rel, err := m.change(ctx, a.ProjectID, a.Source)
	if err != nil {
		return nil, err
	}
	to, _, err := b.changeable(a.Destination)
	if err != nil {
		return nil, err
	}
	return nil, problem(b.MoveFile(ctx, from, to), rel)
}

func (m *module) uploadFile(ctx *function.ActionCtx, a struct {
	ProjectID projects.ID `json:"projectId"`
	Path      string      `json:"path"`
	Content   string      `json:"content"`
	As        *encoding   `json:"as,omitempty"`
},
) (any, error) {
	raw := []byte(a.Content)
	if a.As != nil && *a.As == "base64" {
		var err error
		if raw, err = base64.StdEncoding.DecodeString(a.Content); err != nil {
			return nil, errs.New(errs.Invalid, "The content is no base64")
		}
	}
	b, full, rel, err := m.change(ctx, a.ProjectID, a.Path)
	if err != nil {
		return nil, err
	}
	return nil, problem(b.UploadFiles(ctx, []sandbox.Upload{{Path: full, Content: bytes.NewReader(raw)}}), rel)
}

type replaced struct {
	File    string `json:"file"`
	Success bool   `json:"success"`
	Error   string `json:"error,omitempty"`
}

func (m *module) replaceInFiles(ctx *function.ActionCtx, a struct {
	ProjectID projects.ID `json:"projectId"`
	Files     []string    `json:"files"`
	Pattern   string      `json:"pattern"`
	NewValue  string      `json:"newValue"`
},
) ([]replaced, error) {
	if a.Pattern == "" || len(a.Files) == 0 {
		return nil, errs.New(errs.Invalid, "A replacement needs files and a text to replace")
	}
	b, err := m.open(ctx, a.ProjectID)
	if err != nil {
		return nil, err
	}
	paths := make([]string, len(a.Files))
	for i, f := range a.Files {
		if paths[i], _, err = b.changeable(f); err != nil {
			return nil, err
		}
	}
	results, err := b.ReplaceInFiles(ctx, paths, a.Pattern, a.NewValue)
	if err != nil {
		return nil, problem(err, a.Files[0])
	}
	out := make([]replaced, 0, len(results))
	for _, r := range results {
		rel, ok := b.show(r.File)
		if !ok {
			rel = r.File
		}
		out = append(out, replaced{rel, r.Success, r.Error})
	}
	return out, nil
}
