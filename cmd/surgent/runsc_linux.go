//go:build linux && (amd64 || arm64) && !no_runsc

package main

import (
	"os"
	"path/filepath"
	"strings"

	"gvisor.dev/gvisor/runsc/cli/maincli"
)

// maybeRunsc takes the process over when it was started as gVisor's runsc:
// by the sandbox engine as `surgent runsc …`, or by runsc itself, which
// re-executes /proc/self/exe under the names runsc-sandbox, runsc-gofer and so
// on. It must be the first thing that main does, and it returns only when the
// process is an ordinary surgent.
func maybeRunsc() {
	name := os.Args[0]
	switch {
	case len(os.Args) > 1 && os.Args[1] == "runsc":
		os.Args = append([]string{"runsc"}, os.Args[2:]...)
	case name == "/proc/self/exe", strings.HasPrefix(filepath.Base(name), "runsc"):
		os.Args = tellMemory(os.Args)
	default:
		return
	}
	maincli.Main()
	os.Exit(0)
}

// hasRunsc tells whether this binary carries the sandbox's isolation engine.
const hasRunsc = true
