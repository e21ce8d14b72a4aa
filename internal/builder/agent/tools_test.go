package agent_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"surgent.dev/surgent/internal/builder/agent"
	"surgent.dev/surgent/model/modeltest"
)

// call is a scripted tool call with what its result must hold.
type want struct {
	tool    string
	input   any
	raw     string // input that is no JSON
	isError bool
	text    string
}

// play runs one call per answer and checks each result.
func play(t *testing.T, set settings, mode string, before func(w *world), wants ...want) *world {
	t.Helper()
	var turns []modeltest.Answer
	for _, c := range wants {
		turns = append(turns, modeltest.Answer{Blocks: []modeltest.Block{{Tool: c.tool, Input: c.input, RawInput: c.raw}}})
	}
	set.script = modeltest.Turns(turns...)
	w := newWorld(t, set)
	if before != nil {
		before(w)
	}
	w.askIn(w.session, "go", mode)
	if r := w.ended(1)[0]; r.Status != agent.Succeeded {
		t.Fatalf("run = %+v", r)
	}
	i := 0
	for _, r := range w.rows() {
		m, ok := r.Raw.(object)
		if !ok || m["type"] != "user" {
			continue
		}
		got := w.resultText(i)
		if kind(r) == "user error" != wants[i].isError || !strings.Contains(got, wants[i].text) {
			t.Errorf("%s %v%s:\n%s %q\nwant error=%v with %q", wants[i].tool, wants[i].input, wants[i].raw, kind(r), got, wants[i].isError, wants[i].text)
		}
		i++
	}
	w.sound()
	return w
}

func TestToolsTellTheModelWhatIsWrong(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	play(t, settings{limits: agent.Limits{Steps: 60}}, "code", func(w *world) {
		if err := os.Symlink(outside, filepath.Join(w.work, "away")); err != nil {
			t.Fatal(err)
		}
		sh(t, w.work, "mkfifo pipe")
		write(t, filepath.Join(w.work, "line.txt"), strings.Repeat("y", 200_000))
		write(t, filepath.Join(w.work, "twice.txt"), "a\na\n")
		write(t, filepath.Join(w.work, "data.bin"), "a\x00b")
		write(t, filepath.Join(w.work, "big.txt"), strings.Repeat("x", 5<<20))
		write(t, filepath.Join(w.work, "odd.txt"), "nul \x00 line \u2028 bad \xff")
	},
		want{tool: "Edit", input: object{"file_path": "index.html", "old_string": "Hello", "new_string": "x"}, isError: true, text: "has not been read yet"},
		want{tool: "Read", input: object{"file_path": "twice.txt"}, text: "     1\ta\n     2\ta"},
		want{tool: "Edit", input: object{"file_path": "twice.txt", "old_string": "b", "new_string": "x"}, isError: true, text: "was not found"},
		want{tool: "Edit", input: object{"file_path": "twice.txt", "old_string": "a", "new_string": "b"}, isError: true, text: "found 2 times"},
		want{tool: "Edit", input: object{"file_path": "twice.txt", "old_string": "a", "new_string": "b", "replace_all": true}, text: "Edited"},
		want{tool: "Edit", input: object{"file_path": "twice.txt", "old_string": "b", "new_string": "b"}, isError: true, text: "the same"},
		want{tool: "Write", input: object{"file_path": "index.html", "content": "new"}, text: "had not been read"},
		want{tool: "Fly", input: object{"to": "moon"}, isError: true, text: "The tools are Read, Write, Edit, Bash, Glob, Grep, TodoWrite"},
		want{tool: "Read", input: object{}, isError: true, text: "file_path is missing"},
		want{tool: "Read", input: object{"file_path": 3}, isError: true, text: "file_path must be a string"},
		want{tool: "Read", input: object{"file_path": "a", "colour": "red"}, isError: true, text: "colour is not an argument"},
		want{tool: "Read", raw: `{"file_path": "ind`, isError: true, text: "not a complete JSON object"},
		want{tool: "Read", raw: `[]`, isError: true, text: "not a complete JSON object"},
		want{tool: "TodoWrite", input: object{"todos": []any{object{"content": "x", "status": "maybe", "activeForm": "x"}}}, isError: true, text: "todos[0].status must be one of"},
		want{tool: "Read", input: object{"file_path": "nope.txt"}, isError: true, text: "There is no file"},
		want{tool: "Read", input: object{"file_path": "."}, isError: true, text: "is a folder"},
		want{tool: "Read", input: object{"file_path": "data.bin"}, isError: true, text: "binary file"},
		want{tool: "Read", input: object{"file_path": "big.txt"}, isError: true, text: "too large"},
		want{tool: "Read", input: object{"file_path": "/proc/self/environ"}, isError: true, text: "/proc cannot be read"},
		want{tool: "Write", input: object{"file_path": ".git/hooks/pre-commit", "content": "x"}, isError: true, text: "belongs to git"},
		want{tool: "Write", input: object{"file_path": "../../../../../../outside.txt", "content": "x"}, isError: true, text: "outside of the project's folder"},
		want{tool: "Write", input: object{"file_path": "/etc/passwd", "content": "x"}, isError: true, text: "outside of the project's folder"},
		want{tool: "Write", input: object{"file_path": "away/x.txt", "content": "x"}, isError: true, text: "cannot be written"},
		want{tool: "Read", input: object{"file_path": "pipe"}, isError: true, text: "no ordinary file"},
		want{tool: "Read", input: object{"file_path": "line.txt"}, text: "y… (198000 bytes more)"},
		want{tool: "Write", input: object{"file_path": "sub/dir/new.txt", "content": "x"}, text: "Created"},
		want{tool: "Glob", input: object{"pattern": "[", "path": "."}, isError: true, text: "not a valid pattern"},
		want{tool: "Grep", input: object{"pattern": "("}, isError: true, text: "The search failed"},
		want{tool: "Bash", input: object{"command": "sleep 60", "timeout": 200}, isError: true, text: "longer than 200ms"},
		want{tool: "Bash", input: object{"command": "true"}, text: "(no output)"},
		want{tool: "Bash", input: object{"command": "cat odd.txt; read x; echo \"[$x]\""}, text: "nul  line \u2028 bad \uFFFD[]"},
		want{tool: "Bash", input: object{"command": "if then"}, isError: true, text: "syntax error"},
		want{tool: "Bash", input: object{"command": "printf '\\033[31mred\\033[0m'; echo err >&2"}, text: "red"},
	)
	if left, err := os.ReadDir(outside); err != nil || len(left) != 0 {
		t.Errorf("a link led out of the project: %v, %v", left, err)
	}
}

func TestSearchTools(t *testing.T) {
	t.Parallel()
	play(t, settings{}, "ask", func(w *world) {
		write(t, filepath.Join(w.work, "src/app.ts"), "const one = 1\nlet two = 2\nconst three = 3\n")
		write(t, filepath.Join(w.work, "src/app.css"), ".one {}\n")
		write(t, filepath.Join(w.work, "node_modules/x/index.ts"), "const one = 1\n")
	},
		want{tool: "Glob", input: object{"pattern": "**/*.ts"}, text: "/src/app.ts"},
		want{tool: "Glob", input: object{"pattern": "*.{css,html}"}, text: "/index.html"},
		want{tool: "Glob", input: object{"pattern": "*.go"}, text: "No files found."},
		want{tool: "Glob", input: object{"pattern": "*", "path": "nowhere"}, isError: true, text: "There is no folder"},
		want{tool: "Grep", input: object{"pattern": `const \w+`}, text: "src/app.ts"},
		want{tool: "Grep", input: object{"pattern": "const", "output_mode": "content"}, text: "src/app.ts:1:const one = 1\nsrc/app.ts:3:const three = 3"},
		want{tool: "Grep", input: object{"pattern": "LET", "-i": true, "output_mode": "content", "-C": 1, "path": "src/app.ts"}, text: "app.ts-1-const one = 1\napp.ts:2:let two = 2\napp.ts-3-const three"},
		want{tool: "Grep", input: object{"pattern": "one", "glob": "*.{css,scss}", "output_mode": "count"}, text: "src/app.css:1"},
		want{tool: "Grep", input: object{"pattern": "four"}, text: "No matches found."},
		want{tool: "Grep", input: object{"pattern": "x", "path": "nowhere"}, isError: true, text: "There is no"},
		want{tool: "Read", input: object{"file_path": "src/app.ts", "offset": 2, "limit": 1}, text: "     2\tlet two = 2\n(1 more lines"},
	)
}

func TestAskModeWritesNothing(t *testing.T) {
	t.Parallel()
	w := play(t, settings{}, "ask", nil,
		want{tool: "Write", input: object{"file_path": "a", "content": "x"}, isError: true, text: "not allowed in Ask mode"},
		want{tool: "Edit", input: object{"file_path": "index.html", "old_string": "Hello", "new_string": "x"}, isError: true, text: "not allowed in Ask mode"},
		want{tool: "Bash", input: object{"command": "echo x > a"}, isError: true, text: "not allowed in Ask mode"},
		want{tool: "Read", input: object{"file_path": "index.html"}, text: "Hello"},
	)
	if diff := cmp.Diff([]string{"Read", "Glob", "Grep", "TodoWrite"}, w.api.Requests()[0].Tools); diff != "" {
		t.Errorf("offered tools (-want +got):\n%s", diff)
	}
	if w.file("a") != "" || w.file("index.html") != "<h1>Hello</h1>\n" || len(w.commits()) != 0 {
		t.Error("ask mode changed something")
	}
	if got := w.results()[0]["files_changed"]; got != 0.0 {
		t.Errorf("files_changed = %v", got)
	}
}

func TestSomebodyElseChangesAFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{script: func(r modeltest.Request) modeltest.Answer {
		if r.Turn == 0 && strings.HasSuffix(r.Prompt, "one") {
			return modeltest.Call("", "Read", object{"file_path": "index.html"})
		}
		if r.Turn == 0 {
			return modeltest.Answer{Blocks: []modeltest.Block{
				{Tool: "Edit", Input: object{"file_path": "index.html", "old_string": "Hello", "new_string": "x"}},
				{Tool: "Write", Input: object{"file_path": "index.html", "content": "mine"}},
			}}
		}
		return modeltest.Text("ok")
	}})
	w.ask("one")
	w.ended(1)
	write(t, filepath.Join(w.work, "index.html"), "<h1>Hello from a person</h1>\n")
	w.ask("two")
	w.ended(2)
	for i := 1; i <= 2; i++ {
		if got := w.resultText(i); !strings.Contains(got, "changed by somebody else") {
			t.Errorf("result %d = %q", i, got)
		}
	}
	if got := w.file("index.html"); !strings.Contains(got, "from a person") {
		t.Errorf("index.html = %q", got)
	}
	w.sound()
}

func TestParallelReadsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{script: modeltest.Turns(
		modeltest.Answer{Blocks: []modeltest.Block{
			{Tool: "Read", Input: object{"file_path": "a.txt"}},
			{Tool: "Read", Input: object{"file_path": "missing.txt"}},
			{Tool: "Grep", Input: object{"pattern": "bee"}},
		}},
		modeltest.Text("ok"),
	)})
	write(t, filepath.Join(w.work, "a.txt"), "ay")
	write(t, filepath.Join(w.work, "b.txt"), "bee")
	w.ask("read all")
	w.ended(1)
	if diff := cmp.Diff([]string{"prompt", "system/init", "assistant Read+Read+Grep", "user ok", "user error", "user ok", "assistant text", "result success"}, w.kinds()); diff != "" {
		t.Errorf("timeline (-want +got):\n%s", diff)
	}
	res := w.api.Requests()[1].Results()
	if len(res) != 3 || !strings.Contains(res[0].ResultText(), "ay") || !res[1].IsError || res[2].ResultText() != "b.txt" {
		t.Errorf("results = %+v", res)
	}
	w.sound()
}

func TestLongOutputsAndOddArguments(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 700_000) // 1.4 MB
	w := newWorld(t, settings{script: modeltest.Turns(
		modeltest.Call("", "Bash", object{"command": "yes long-line | head -c 3000000"}),
		modeltest.Answer{Blocks: []modeltest.Block{{Tool: "Write", Input: object{"file_path": "long.txt", "content": long}}}, ChunkBytes: 1 << 16},
		modeltest.Call("", "Odd", object{"$ref": "x", "naïve": object{"_id": 1}, "": 2, "deep": nested(30)}),
		modeltest.Call("", "Read", object{"file_path": "long.txt"}),
		modeltest.Text("ok"),
	)})
	w.ask("go")
	if r := w.ended(1)[0]; r.Status != agent.Succeeded {
		t.Fatalf("run = %+v", r)
	}
	got := w.resultText(0)
	if len(got) > 31_000 || !strings.Contains(got, "bytes left out (more of it is in /tmp/output-") {
		t.Errorf("output of %d bytes", len(got))
	}
	spilled := regexp.MustCompile(`/tmp/output-[\w-]+\.txt`).FindString(got)
	all, err := os.ReadFile(spilled)
	if err != nil || len(all) < 1<<20 || !strings.HasPrefix(string(all), "long-line\n") {
		t.Errorf("%s has %d bytes, %v", spilled, len(all), err)
	}
	_ = os.Remove(spilled) // the toolbox's /tmp is this machine's
	if w.file("long.txt") != long {
		t.Error("the long file is not whole")
	}
	answers := filepath.Join(w.data, "answers", string(w.runs()[0].ID))
	files, err := os.ReadDir(answers)
	if err != nil || len(files) != 1 {
		t.Fatalf("answers = %v, %v", files, err)
	}
	raw, err := os.ReadFile(filepath.Join(answers, files[0].Name()))
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(raw); files[0].Name() != hex.EncodeToString(sum[:])+".json" || !strings.Contains(dump(t, w.rt), hex.EncodeToString(sum[:])) {
		t.Errorf("the answer's file is not named by its hash, or its step does not name it: %s", files[0].Name())
	}
	// The model gets its own words back whole, from the file.
	if body := string(w.api.Requests()[2].Body); !strings.Contains(body, long) {
		t.Error("the long call was not sent back whole")
	}
	w.sound()
	// A session goes on without a file that was lost, and takes its files along
	// when it is deleted.
	if err := os.Remove(filepath.Join(answers, files[0].Name())); err != nil {
		t.Fatal(err)
	}
	w.ask("more")
	if r := w.ended(2)[1]; r.Status != agent.Succeeded {
		t.Errorf("the next run = %+v %+v", r, r.Error)
	}
	w.sound()
	if err := w.rt.As(w.user).RunMutation(t.Context(), "sessions:deleteSession", object{"sessionId": w.session}, nil); err != nil {
		t.Fatal(err)
	}
	w.until("the answers to be removed", func() bool { return !fileExists(answers) })
}

func nested(n int) any {
	if n == 0 {
		return "end"
	}
	return object{"in": nested(n - 1)}
}

func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	const secret = "sk-live-0123456789"
	w := newWorld(t, settings{secrets: []string{secret}, script: modeltest.Turns(
		modeltest.Call("", "Bash", object{"command": "cat keys.txt"}),
		modeltest.Call("", "Read", object{"file_path": "keys.txt"}),
		modeltest.Text("The key is "+secret+"."),
	)})
	write(t, filepath.Join(w.work, "keys.txt"), "KEY="+secret+"\n")
	w.ask("find keys")
	w.ended(1)
	for i, r := range w.api.Requests() {
		if strings.Contains(string(r.Body), secret) {
			t.Errorf("request %d holds the secret", i)
		}
	}
	if all := dump(t, w.rt); strings.Contains(all, secret) || !strings.Contains(all, "[redacted]") {
		t.Error("the documents hold the secret")
	}
}

func TestRepeatedFailureStopsTheRun(t *testing.T) {
	t.Parallel()
	var turns []modeltest.Answer
	for range 9 {
		turns = append(turns, modeltest.Call("", "Read", object{"file_path": "nope"}))
	}
	w := newWorld(t, settings{script: modeltest.Turns(turns...)})
	w.ask("go")
	r := w.ended(1)[0]
	if r.Status != agent.Failed || r.Error.Code != "stuck" || r.Step != 5 {
		t.Errorf("run = %+v %+v", r, r.Error)
	}
	if got := w.resultText(2); !strings.Contains(got, "failed 3 times in a row") {
		t.Errorf("third result = %q", got)
	}
	w.sound()
}

func TestManyFilesInAGlob(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{script: modeltest.Turns(modeltest.Call("", "Glob", object{"pattern": "**/*.txt"}))})
	for i := range 250 {
		write(t, filepath.Join(w.work, fmt.Sprintf("many/%03d.txt", i)), "x")
	}
	w.ask("go")
	w.ended(1)
	if got := w.resultText(0); strings.Count(got, "\n") != 200 || !strings.Contains(got, "(50 more") {
		t.Errorf("glob gave %d lines", strings.Count(got, "\n")+1)
	}
}
