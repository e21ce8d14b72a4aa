package function

import (
	"fmt"
	"strings"
)

// Path is a function's public name, taken apart.
type Path struct {
	Module   string // "projects", "admin/users"
	Function string // "createProject"
}

// ParsePath parses "module:function", where a missing function means
// "default" and the module may end in ".js".
func ParsePath(s string) (Path, error) {
	module, fn, ok := strings.Cut(s, ":")
	if !ok {
		fn = "default"
	}
	module = strings.TrimSuffix(module, ".js")
	if !isPathPart(fn) || strings.Contains(fn, ".") {
		return Path{}, badPath(s)
	}
	for part := range strings.SplitSeq(module, "/") {
		if !isPathPart(part) {
			return Path{}, badPath(s)
		}
	}
	return Path{Module: module, Function: fn}, nil
}

func badPath(s string) error {
	return &BadPathError{Path: s}
}

// BadPathError is returned for a string that cannot name a function.
type BadPathError struct{ Path string }

// Error returns a text that says how a path looks.
func (e *BadPathError) Error() string {
	return fmt.Sprintf("%s is not a valid path to a Convex function. Use a path like \"messages:list\".", e.Path)
}

func isPathPart(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// String returns the name that functions are registered under.
func (p Path) String() string { return p.Module + ":" + p.Function }

// short is the name in "Could not find" texts: without ":default".
func (p Path) short() string {
	if p.Function == "default" {
		return p.Module
	}
	return p.String()
}

// source is the name in texts about kinds and arguments.
func (p Path) source() string { return p.Module + ".js:" + p.Function }
