package assets

import "strings"

// htmlRules says at which address a page is seen. For an address it lists, in
// order, what to try; the first step that holds is the answer.
type htmlRules func(path string) []step

// step tries one file for an address. With at == "" the file is shown there;
// else the address is another name of the page, which is really seen at at.
type step struct{ file, at string }

// find returns the file that path shows, or the address it should redirect to,
// or neither.
func (rules htmlRules) find(path string, has func(string) bool) (file, at string) {
	for _, s := range rules(path) {
		switch {
		case s.at == "" && has(s.file):
			return s.file, ""
		// Redirect only to where this very file is then shown.
		case s.at != "" && has(s.file) && !has(s.at) && rules.shown(s.at, has) == s.file:
			return "", s.at
		}
	}
	return "", ""
}

// shown returns the file that path shows without a redirect.
func (rules htmlRules) shown(path string, has func(string) bool) string {
	for _, s := range rules(path) {
		if s.at == "" && has(s.file) {
			return s.file
		}
	}
	return ""
}

func htmlRulesFor(handling string) htmlRules {
	switch handling {
	case "none":
		return func(path string) []step { return []step{{file: path}} }
	case "drop-trailing-slash":
		return dropSlash
	case "force-trailing-slash":
		return forceSlash
	}
	return autoSlash
}

// autoSlash: /docs.html is seen at /docs, /docs/index.html at /docs/.
func autoSlash(path string) []step {
	var steps []step
	if dir, ok := strings.CutSuffix(path, "/index"); ok {
		steps = []step{{file: path}, {path + ".html", dir + "/"}, {dir + ".html", dir}}
	} else if dir, ok := strings.CutSuffix(path, "/index.html"); ok {
		steps = []step{{path, dir + "/"}, {dir + ".html", dir}}
	} else if stem, ok := strings.CutSuffix(path, "/"); ok {
		steps = []step{{file: path + "index.html"}, {stem + ".html", stem}}
	} else if stem, ok := strings.CutSuffix(path, ".html"); ok {
		steps = []step{{path, stem}, {stem + "/index.html", stem + "/"}}
	}
	return append(steps, step{file: path}, step{file: path + ".html"}, step{path + "/index.html", path + "/"})
}

// dropSlash: both /docs.html and /docs/index.html are seen at /docs.
func dropSlash(path string) []step {
	var steps []step
	switch {
	case path == "/":
		return []step{{file: "/index.html"}}
	case path == "/index" || path == "/index.html":
		steps = []step{{"/index.html", "/"}}
		if path == "/index" {
			steps = append([]step{{file: path}}, steps...)
		}
	case strings.HasSuffix(path, "/index"):
		dir := strings.TrimSuffix(path, "/index")
		steps = []step{{file: path}, {dir + ".html", dir}, {path + ".html", dir}}
	case strings.HasSuffix(path, "/index.html"):
		dir := strings.TrimSuffix(path, "/index.html")
		steps = []step{{path, dir}, {file: path}, {dir + ".html", dir}}
	case strings.HasSuffix(path, "/"):
		stem := strings.TrimSuffix(path, "/")
		steps = []step{{stem + ".html", stem}, {stem + "/index.html", stem}}
	case strings.HasSuffix(path, ".html"):
		stem := strings.TrimSuffix(path, ".html")
		steps = []step{{path, stem}, {stem + "/index.html", stem}}
	}
	return append(steps, step{file: path}, step{file: path + ".html"}, step{file: path + "/index.html"})
}

// forceSlash: both /docs.html and /docs/index.html are seen at /docs/.
func forceSlash(path string) []step {
	var steps []step
	if dir, ok := strings.CutSuffix(path, "/index"); ok {
		steps = []step{{file: path}, {path + ".html", dir + "/"}, {dir + ".html", dir + "/"}}
	} else if dir, ok := strings.CutSuffix(path, "/index.html"); ok {
		steps = []step{{path, dir + "/"}, {dir + ".html", dir + "/"}}
	} else if stem, ok := strings.CutSuffix(path, "/"); ok {
		steps = []step{{file: path + "index.html"}, {file: stem + ".html"}}
	} else if stem, ok := strings.CutSuffix(path, ".html"); ok {
		steps = []step{{path, stem + "/"}, {file: path}, {stem + "/index.html", stem + "/"}}
	}
	return append(steps, step{file: path}, step{path + ".html", path + "/"}, step{path + "/index.html", path + "/"})
}
