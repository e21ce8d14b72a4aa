//go:build no_web

// Package web holds the built workspace, the page that people work in. This
// build carries none of it.
package web

import (
	"embed"
	"io/fs"
)

var none embed.FS

// Dist returns an empty file system and false: the workspace was left out of
// this build.
func Dist() (fs.FS, bool) { return none, false }
