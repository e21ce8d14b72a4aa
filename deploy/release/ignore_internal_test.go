package release

import (
	"strings"
	"testing"
)

func TestIgnore(t *testing.T) {
	t.Parallel()
	ig := parseIgnore("# comment\n*.map\n!keep.map\n/top.txt\nsecret/\na/b\n**/deep/*.js\n{x}\n\\!bang\n  \n")
	for path, want := range map[string]bool{
		"x.map": true, "in/x.map": true, "keep.map": false, "in/keep.map": false,
		"top.txt": true, "in/top.txt": false,
		"secret/a": true, "in/secret/a/b": true, "secret": false,
		"a/b": true, "a/b/c": true, "c/a/b": false,
		"p/deep/x.js": true, "deep/x.js": true, "deep/q/x.js": false,
		"{x}": true, "x": false, "!bang": true,
	} {
		if got := ig.matches(path); got != want {
			t.Errorf("%s: ignored = %v", path, got)
		}
	}
	if n := len(parseIgnore(strings.Repeat("a*\n", 1000))); n != maxIgnoreRules {
		t.Errorf("%d rules", n)
	}
}
