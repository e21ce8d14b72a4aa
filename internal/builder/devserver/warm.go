package devserver

import (
	"context"
	"net/http"
	"path"
	"regexp"
	"strings"

	"surgent.dev/surgent/sandbox"
)

var (
	scripts = regexp.MustCompile(`<(?:script|link)[^>]+(?:src|href)="(/[^"]+)"`)
	imports = regexp.MustCompile(`(?:from|import)\s*\(?\s*"(\.{0,2}/[^"]+)"`)
)

// maxWarm bounds how many modules of a page are loaded.
const maxWarm = 80

// Warm loads a page and the modules that it imports, as a browser would, so
// that the dev server has transformed and bundled them before it is frozen.
// Modules that don't load are the app's own matter and left out.
func Warm(ctx context.Context, target sandbox.PreviewTarget) error {
	_, page, err := fetch(ctx, target, "/")
	if err != nil {
		return err
	}
	seen := map[string]bool{"/": true}
	var queue []string
	add := func(from, ref string) {
		if strings.HasPrefix(ref, ".") {
			ref = path.Join(path.Dir(from), ref)
		}
		if !seen[ref] && len(seen) < maxWarm && !strings.HasPrefix(ref, "//") {
			seen[ref] = true
			queue = append(queue, ref)
		}
	}
	for _, m := range scripts.FindAllStringSubmatch(page, -1) {
		add("/", m[1])
	}
	for _, m := range imports.FindAllStringSubmatch(page, -1) {
		add("/", m[1])
	}
	for len(queue) > 0 {
		next := queue[0]
		queue = queue[1:]
		status, body, err := fetch(ctx, target, next)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil || status != http.StatusOK {
			continue
		}
		file, _, _ := strings.Cut(next, "?")
		for _, m := range imports.FindAllStringSubmatch(body, -1) {
			add(file, m[1])
		}
	}
	return nil
}
