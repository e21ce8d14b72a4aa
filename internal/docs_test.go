package internal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// inCode is a span in backticks, inLink the target of a link or picture.
	inCode = regexp.MustCompile("`([^`\n]+)`")
	inLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	fenced = regexp.MustCompile("(?s)```.*?```")
	// pathForm is what a path of this repository looks like when it stands by
	// itself: no spaces, no placeholders, no leading "/", "." or "@".
	pathForm = regexp.MustCompile(`^[A-Za-z0-9_.-][A-Za-z0-9_./-]*$`)
)

// documents are the pages whose paths must lead somewhere.
func documents(t *testing.T) []string {
	t.Helper()
	decisions, err := filepath.Glob("../docs/decisions/*.md")
	if err != nil || len(decisions) == 0 {
		t.Fatalf("no decisions: %v", err)
	}
	docs := append([]string{}, decisions...)
	for _, name := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "bench/README.md", "convex/README.md", "e2e/README.md"} {
		docs = append(docs, "../"+name)
	}
	return docs
}

// namedPaths returns what a page says to be a path of this repository: every
// relative link, and every span of code whose first part is a folder at the
// root, or that is a file at the root by its ending.
func namedPaths(text string, atRoot map[string]bool) []string {
	text = fenced.ReplaceAllString(text, "")
	var paths []string
	for _, m := range inLink.FindAllStringSubmatch(text, -1) {
		if !strings.Contains(m[1], "://") && !strings.HasPrefix(m[1], "#") {
			link, _, _ := strings.Cut(m[1], "#")
			paths = append(paths, link)
		}
	}
	for _, m := range inCode.FindAllStringSubmatch(text, -1) {
		if !pathForm.MatchString(m[1]) || strings.HasPrefix(m[1], "SURGENT_") {
			continue
		}
		first, _, deeper := strings.Cut(m[1], "/")
		if (deeper && atRoot[first]) || atRoot[m[1]] || strings.HasSuffix(m[1], ".md") && !strings.HasPrefix(m[1], ".") {
			paths = append(paths, m[1])
		}
	}
	return paths
}

func rootNames(t *testing.T) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, e := range entries {
		names[e.Name()] = true
	}
	return names
}

func TestDocumentsNamePathsThatExist(t *testing.T) {
	t.Parallel()
	atRoot := rootNames(t)
	found := 0
	for _, doc := range documents(t) {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range namedPaths(string(text), atRoot) {
			found++
			if _, err := os.Stat(filepath.Join("..", path)); err == nil {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(doc), path)); err == nil {
				continue
			}
			t.Errorf("%s names %s, which does not exist", strings.TrimPrefix(doc, "../"), path)
		}
	}
	if found < 60 {
		t.Errorf("only %d paths were found in the documents: does this test still read them?", found)
	}
}

func TestDecisionsAreNumberedWithoutGaps(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../docs/decisions/[0-9]*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("no decisions: %v", err)
	}
	index, err := os.ReadFile("../docs/decisions/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range files { // Glob sorts
		name := filepath.Base(file)
		if want := fmt.Sprintf("%04d-", i+1); !strings.HasPrefix(name, want) {
			t.Fatalf("%s stands where a decision %s… should", name, want)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("# %d. ", i+1)
		if !strings.HasPrefix(string(text), want) {
			t.Errorf("%s does not begin with %q", name, want)
		}
		title, _, _ := strings.Cut(strings.TrimPrefix(string(text), want), "\n")
		if row := fmt.Sprintf("| %d | [%s](%s) |", i+1, title, name); !strings.Contains(string(index), row) {
			t.Errorf("docs/decisions/README.md has no row that begins with %q", row)
		}
		for _, part := range []string{"**At stake.**", "**Chosen.**", "**Rejected.**", "**Consequence.**"} {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s has no part %s", name, part)
			}
		}
	}
}
