package defaultenv_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	defaultenv "surgent.dev/surgent/snapshots/default-env"
)

// The embedded engine builds recipe.json, Daytona's cloud the Dockerfile: an
// app must find the same things in both.
func TestDockerfileHasWhatTheRecipeNames(t *testing.T) {
	t.Parallel()
	raw, err := defaultenv.Files.ReadFile("recipe.json")
	if err != nil {
		t.Fatal(err)
	}
	var recipe struct {
		Suite, Node, NPM, Bun string
		Packages              []string
	}
	if err := json.Unmarshal(raw, &recipe); err != nil {
		t.Fatal(err)
	}
	text, err := defaultenv.Files.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	file := string(text)
	_, list, _ := strings.Cut(file, "--no-install-recommends")
	list, _, ok := strings.Cut(list, "&&")
	if !ok {
		t.Fatal("the Dockerfile installs no packages")
	}
	packages := strings.Fields(strings.ReplaceAll(list, "\\", " "))
	slices.Sort(packages)
	slices.Sort(recipe.Packages)
	if !slices.Equal(packages, recipe.Packages) {
		t.Errorf("the Dockerfile installs %v, the recipe %v", packages, recipe.Packages)
	}
	for _, want := range []string{
		"FROM node:" + recipe.Node + "-" + recipe.Suite, "npm@" + recipe.NPM + " ", `"$bun@` + recipe.Bun + `"`,
		"-u 1000 -m -s /bin/bash daytona",
	} {
		if !strings.Contains(file, want) {
			t.Errorf("the Dockerfile does not say %q", want)
		}
	}
}
