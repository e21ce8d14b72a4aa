//go:build !no_web

// Package web holds the built workspace, the page that people work in. The
// bundler writes it to dist, which is embedded here and served by the folder
// internal/server/workspace; without Node only a placeholder page is there.
package web

import (
	"embed"
	"io/fs"
)

// all: because the bundler's manifest lives in a folder whose name begins with
// a dot, and nothing that the build wrote may be left out silently.
//
//go:embed all:dist
var dist embed.FS

// Dist returns the built workspace with index.html at its root, and true.
// When the workspace was not built it returns a file system that holds only
// placeholder.html, and false.
func Dist() (fs.FS, bool) {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		// The name above is a valid path, so Sub cannot refuse it.
		panic("web: " + err.Error())
	}
	_, err = fs.Stat(sub, "index.html")
	return sub, err == nil
}
