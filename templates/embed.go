// Package templates holds the project templates that are built into the
// binary. Each folder beside this file is one: template.json says how people
// see it, project/ is what a new project's working folder begins with. Its
// dependencies are part of the sandbox's base, so package.json here and the
// base's must name the same versions.
package templates

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
)

// The patterns name what a template consists of, so that node_modules or dist,
// left behind by somebody who tried one in place, never become part of it.
//
//go:embed */template.json
//go:embed */project/*.json */project/*.jsonc */project/*.js */project/*.md */project/*.html */project/*.css */project/bun.lock
//go:embed */project/.gitignore */project/.oxlintrc.json
//go:embed all:*/project/public all:web-app/project/src all:web-app/project/worker
var files embed.FS

// Template is one project template.
type Template struct {
	Slug         string // the folder's name, unique
	Name         string
	Description  string
	StartCommand string // starts the dev server on port 3000
	// Files are the project's files, rooted at its working folder.
	Files fs.FS
	// ContentHash is the lower-case hex SHA-256 over all paths and contents.
	// It changes when, and only when, a new project would.
	ContentHash string

	order int
}

// All returns the templates in the order in which people should see them. It
// panics when an embedded template is malformed, which no released binary is.
func All() []Template {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		panic(fmt.Sprintf("templates: %v", err))
	}
	all := make([]Template, 0, len(entries))
	for _, entry := range entries {
		t, err := load(entry.Name())
		if err != nil {
			panic(fmt.Sprintf("templates: load %s: %v", entry.Name(), err))
		}
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b Template) int { return cmp.Compare(a.order, b.order) })
	return all
}

func load(slug string) (Template, error) {
	text, err := files.ReadFile(slug + "/template.json")
	if err != nil {
		return Template{}, err
	}
	var about struct {
		Name         string `json:"name"`
		Description  string `json:"description"`
		StartCommand string `json:"startCommand"`
		Order        int    `json:"order"`
	}
	if err := json.Unmarshal(text, &about); err != nil {
		return Template{}, err
	}
	project, err := fs.Sub(files, slug+"/project")
	if err != nil {
		return Template{}, err
	}
	hash, err := contentHash(project)
	if err != nil {
		return Template{}, err
	}
	return Template{
		Slug: slug, Name: about.Name, Description: about.Description,
		StartCommand: about.StartCommand, Files: project, ContentHash: hash, order: about.Order,
	}, nil
}

// contentHash hashes every file as path, length and content, in the order in
// which WalkDir promises to visit them.
func contentHash(project fs.FS) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(project, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(project, path)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(sum, "%s\x00%d\x00", path, len(content)); err != nil {
			return err
		}
		_, err = sum.Write(content)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}
