package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTellMemory(t *testing.T) {
	t.Parallel()
	bundle := t.TempDir()
	for _, c := range []struct{ file, args, want string }{
		{"1000\n", "runsc-sandbox --root=r boot --bundle=B --total-memory 5000 id", "1000"},
		{"9000", "runsc-sandbox boot --bundle=B --total-memory 5000 id", "5000"},
		{"0", "runsc-sandbox boot --bundle=B --total-memory 5000 id", "5000"},
		{"much", "runsc-sandbox boot --bundle=B --total-memory 5000 id", "5000"},
		{"", "runsc-sandbox boot --bundle=B/none --total-memory 5000 id", "5000"},
		{"1000", "runsc-gofer gofer --bundle=B --total-memory 5000", "5000"},
	} {
		if err := os.WriteFile(filepath.Join(bundle, memoryFile), []byte(c.file), 0o600); err != nil {
			t.Fatal(err)
		}
		args := strings.Fields(strings.ReplaceAll(c.args, "B", bundle))
		before := slices.Clone(args)
		got := tellMemory(args)
		if at := slices.Index(got, "--total-memory"); got[at+1] != c.want {
			t.Errorf("%s with %q: %v", c.args, c.file, got)
		}
		if !slices.Equal(args, before) {
			t.Errorf("%s: the arguments given were changed", c.args)
		}
	}
	for _, args := range [][]string{nil, {"runsc"}, {"runsc-sandbox", "boot", "--bundle=" + bundle, "--total-memory"}} {
		if got := tellMemory(args); !slices.Equal(got, args) {
			t.Errorf("%v became %v", args, got)
		}
	}
}
