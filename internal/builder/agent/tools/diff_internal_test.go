package tools

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// apply applies hunks to a text's lines, checking each line that stays or
// goes.
func applyHunks(t *rapid.T, before []string, hunks []Hunk) []string {
	var out []string
	at := 0
	for _, h := range hunks {
		start := h.OldStart - 1
		if h.OldLines == 0 {
			start = h.OldStart
		}
		out = append(out, before[at:start]...)
		at = start
		for _, l := range h.Lines {
			switch l[0] {
			case '+':
				out = append(out, l[1:])
				continue
			case ' ':
				out = append(out, l[1:])
			}
			if before[at] != l[1:] {
				t.Fatalf("line %d is %q, the patch says %q", at, before[at], l)
			}
			at++
		}
	}
	return append(out, before[at:]...)
}

func TestPatchTurnsBeforeIntoAfter(t *testing.T) {
	t.Parallel()
	line := rapid.SampledFrom([]string{"a", "b", "c", "", "long line"})
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.SliceOfN(line, 0, 40).Draw(t, "before")
		after := slices.Clone(before)
		for range rapid.IntRange(0, 5).Draw(t, "edits") {
			i := rapid.IntRange(0, len(after)).Draw(t, "at")
			n := rapid.IntRange(0, min(3, len(after)-i)).Draw(t, "gone")
			after = slices.Replace(after, i, i+n, rapid.SliceOfN(line, 0, 3).Draw(t, "new")...)
		}
		join := func(l []string) string {
			if len(l) == 0 {
				return ""
			}
			return strings.Join(l, "\n") + "\n"
		}
		hunks := patch(join(before), join(after))
		if got := applyHunks(t, before, hunks); !slices.Equal(got, after) {
			t.Fatalf("patched = %q, want %q; hunks %+v", got, after, hunks)
		}
		for i, h := range hunks {
			if i > 0 && hunks[i-1].OldStart+hunks[i-1].OldLines > h.OldStart+1 {
				t.Fatalf("hunks overlap: %+v", hunks)
			}
		}
		if slices.Equal(before, after) != (len(hunks) == 0) {
			t.Fatalf("%d hunks for %q and %q", len(hunks), before, after)
		}
	})
}

func TestPatchShape(t *testing.T) {
	t.Parallel()
	got := patch("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n")
	want := []Hunk{{OldStart: 2, OldLines: 7, NewStart: 2, NewLines: 7, Lines: []string{" 2", " 3", " 4", "-5", "+five", " 6", " 7", " 8"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// Texts with nothing in common and too long to compare are replaced whole.
	var a, b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&a, "a%d\n", i)
		fmt.Fprintf(&b, "b%d\n", i)
	}
	if got := patch(a.String(), b.String()); len(got) != 1 || got[0].OldLines != 3000 || got[0].NewLines != 3000 {
		t.Errorf("%d hunks", len(got))
	}
}

// TestQuote: whatever the text, bash reads it back as one word.
func TestQuote(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"plain", "it's", `a"b$c\d`, "two\nlines", "", "$(touch x)", "`x`", "-n"} {
		out, err := exec.CommandContext(t.Context(), "bash", "-c", "printf %s "+quote(s)).Output()
		if err != nil || string(out) != s {
			t.Errorf("quote(%q) reads as %q, %v", s, out, err)
		}
	}
}

func TestBraces(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		"": nil, "*.ts": {"*.ts"}, "*.{ts,tsx}": {"*.ts", "*.tsx"},
		"{a,b}/{c,d}": {"a/c", "a/d", "b/c", "b/d"}, "{open": {"{open"},
	} {
		if diff := cmp.Diff(want, braces(in)); diff != "" {
			t.Errorf("braces(%q): %s", in, diff)
		}
	}
}

func TestGrepCounts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		out, mode string
		files     []string
		matches   float64
	}{
		{"a.ts:1:x\na.ts-2-y: z\na.ts:3:x\n--\nb.ts:9:x: y\n", "content", []string{"a.ts", "b.ts"}, 3},
		{"a.ts:2\nb.ts:5\n", "count", []string{"a.ts", "b.ts"}, 7},
		{"a.ts\nb:c.ts\n", "files_with_matches", []string{"a.ts", "b:c.ts"}, 0},
	} {
		d, _ := grepResult(tt.out, tt.mode, true, 0).Detail.(map[string]any)
		if diff := cmp.Diff(tt.files, d["filenames"]); diff != "" {
			t.Errorf("%s: files (-want +got):\n%s", tt.mode, diff)
		}
		if n, _ := d["numMatches"].(float64); n != tt.matches || d["numFiles"] != float64(len(tt.files)) {
			t.Errorf("%s: %v", tt.mode, d)
		}
	}
}

func TestHeadTailKeepsBothEnds(t *testing.T) {
	t.Parallel()
	h := headTail{limit: maxOutput}
	for i := range 10_000 {
		h.Write(fmt.Appendf(nil, "line %d\n", i))
	}
	got := h.String()
	if !strings.HasPrefix(got, "line 0\n") || !strings.HasSuffix(got, "line 9999\n") || len(got) > maxOutput+100 || !strings.Contains(got, "bytes left out") {
		t.Errorf("kept %d bytes: %.40q … %q", len(got), got, got[len(got)-20:])
	}
	short := headTail{limit: maxOutput}
	short.Write([]byte("all of it"))
	if short.String() != "all of it" {
		t.Errorf("short = %q", short.String())
	}
}

// TestDescriptionsAreForBothModes: each tool has a description and a schema
// that its own checker takes.
func TestDescriptionsAreForBothModes(t *testing.T) {
	t.Parallel()
	for mode, n := range map[Mode]int{Code: 7, Ask: 4} {
		s, err := For(mode)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Specs()) != n || len(s.Names()) != n {
			t.Errorf("%s has %d tools", mode, len(s.Specs()))
		}
		for _, spec := range s.Specs() {
			if len(spec.Description) < 40 || s.shape[spec.Name].Type != "object" {
				t.Errorf("%s: %q", spec.Name, spec.Description)
			}
		}
	}
}

func FuzzShape(f *testing.F) {
	f.Add(`{"file_path": "a"}`)
	f.Add(`{"file_path": null, "offset": 1e99}`)
	f.Add(`[[[`)
	s, err := For(Code)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(`{"file_path": "a", "offset": 3.0, "limit": 1e3}`)
	f.Add(`{"command": "x", "timeout": 1.5}`)
	f.Add(`{"todos": [{"content": "a", "status": "pending", "activeForm": "b", "id": null}]}`)
	f.Fuzz(func(t *testing.T, input string) {
		for _, name := range []string{"Read", "Bash", "TodoWrite"} {
			call := Call{ID: "c", Name: name, Input: []byte(input)}
			// What passes must be readable by the tool: an error is none that a
			// model could cause.
			if _, _, err := s.Prepare(t.Context(), &Env{Root: "/w", Dir: "/w"}, call); err != nil {
				t.Fatalf("%s of %q: %v", name, input, err)
			}
		}
	})
}
