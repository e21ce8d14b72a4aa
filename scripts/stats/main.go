// Command stats prints the sizes of this module's Go code: lines of
// production and test code, and the median, 95th percentile and largest file
// and function. A guide for the eye at release time, never a limit.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"sort"
	"strings"
)

type sizes []int

func (s sizes) at(share float64) int {
	if len(s) == 0 {
		return 0
	}
	sort.Ints(s)
	return s[min(len(s)-1, int(share*float64(len(s))))]
}

func (s sizes) String() string { return fmt.Sprintf("%d / %d / %d", s.at(.5), s.at(.95), s.at(1)) }

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "stats:", err)
		os.Exit(1)
	}
}

func run() error {
	out, err := exec.Command("git", "ls-files", "*.go").Output()
	if err != nil {
		return fmt.Errorf("list files: %w", err)
	}
	var files, funcs sizes
	var prod, tests, exported, documented int
	packages := map[string]bool{}
	fset := token.NewFileSet()
	for _, name := range strings.Fields(string(out)) {
		parsed, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			return fmt.Errorf("parse %s: %w", name, err)
		}
		lines := fset.File(parsed.Pos()).LineCount()
		if strings.HasSuffix(name, "_test.go") {
			tests += lines
			continue
		}
		prod += lines
		files = append(files, lines)
		packages[name[:max(0, strings.LastIndex(name, "/"))]] = true
		for _, decl := range parsed.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			funcs = append(funcs, fset.Position(fn.End()).Line-fset.Position(fn.Pos()).Line+1)
			if fn.Name.IsExported() {
				exported++
				if fn.Doc != nil {
					documented++
				}
			}
		}
	}
	fmt.Printf("packages           %d\n", len(packages))
	fmt.Printf("lines, prod/test   %d / %d\n", prod, tests)
	fmt.Printf("file, p50/p95/max  %s\n", files)
	fmt.Printf("func, p50/p95/max  %s\n", funcs)
	if exported > 0 {
		fmt.Printf("documented         %d%% of %d exported functions\n", 100*documented/exported, exported)
	}
	return nil
}
