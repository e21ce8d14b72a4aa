package release

import (
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// ignore is an .assetsignore: the patterns of .gitignore, read from one file
// at the root of the assets.
type ignore []ignoreRule

// maxIgnoreRules bounds the work of matching: rules times files.
const maxIgnoreRules = 200

type ignoreRule struct {
	pattern string // for doublestar, matched against the whole path
	negated bool
	folder  bool
}

func parseIgnore(text string) ignore {
	var rules ignore
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if !strings.HasSuffix(line, `\ `) {
			line = strings.TrimRight(line, " \t")
		}
		if line == "" || line[0] == '#' {
			continue
		}
		if len(rules) == maxIgnoreRules {
			break
		}
		// Braces are plain characters in a .gitignore.
		line = strings.NewReplacer("{", `\{`, "}", `\}`).Replace(line)
		var rule ignoreRule
		if line[0] == '!' {
			rule.negated, line = true, line[1:]
		}
		if strings.HasSuffix(line, "/") {
			rule.folder, line = true, strings.TrimRight(line, "/")
		}
		// A slash that is not at the end ties the pattern to the root.
		anchored := strings.Contains(line, "/")
		line = strings.TrimPrefix(line, "/")
		if !anchored {
			line = "**/" + line
		}
		if line != "" && doublestar.ValidatePattern(line) {
			rule.pattern = line
			rules = append(rules, rule)
		}
	}
	return rules
}

// matches tells whether the file at path is ignored. As in git, what lies in
// an ignored folder cannot be taken back.
func (ig ignore) matches(path string) bool {
	for i := range path {
		if path[i] == '/' && ig.decides(path[:i], true) {
			return true
		}
	}
	return ig.decides(path, false)
}

func (ig ignore) decides(path string, folder bool) bool {
	ignored := false
	for _, rule := range ig {
		if rule.folder && !folder {
			continue
		}
		if ok, err := doublestar.Match(rule.pattern, path); err == nil && ok {
			ignored = !rule.negated
		}
	}
	return ignored
}
