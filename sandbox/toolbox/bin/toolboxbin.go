// Package toolboxbin holds the binary that runs inside sandboxes, as
// "make toolbox" builds it into this folder. It is a package of its own so
// that the binary does not contain itself.
package toolboxbin

import (
	"embed"
	"errors"
	"io/fs"
)

// The pattern matches this file too, so that the package compiles before the
// binary was built.
//
//go:embed *
var files embed.FS

// Binary returns the executable for linux on this machine's architecture, or
// an error that says how to build it.
func Binary() ([]byte, error) {
	b, err := files.ReadFile("surgent-toolbox")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("surgent-toolbox is not built in: run `make toolbox`, then build again")
	}
	return b, err
}
