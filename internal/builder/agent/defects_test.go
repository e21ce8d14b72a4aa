package agent_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"surgent.dev/surgent/internal/builder/agent"
	"surgent.dev/surgent/internal/builder/sessions"
	"surgent.dev/surgent/model/modeltest"
)

// The tests of this file each hold off a mistake that builders of this kind
// have shipped with; the comment before a test says what went wrong there.

// Sessions of one project continued whatever conversation was the newest in
// its folder, so they read one another's prompts.
func TestSessionsShareNoMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{script: modeltest.Turns(modeltest.Text("ok"))})
	var other sessions.ID
	if err := w.rt.As(w.user).RunMutation(t.Context(), "sessions:createSession", object{"projectId": w.project}, &other); err != nil {
		t.Fatal(err)
	}
	w.ask("the first secret is zebra")
	w.askIn(other, "the second secret is okapi", "code")
	w.ask("what was it?")
	w.ended(3)
	all := w.api.Requests()
	second, third := string(all[1].Body), string(all[2].Body)
	if strings.Contains(second, "zebra") || strings.Contains(third, "okapi") || !strings.Contains(third, "zebra") {
		t.Errorf("second request: %s\nthird request: %s", second, third)
	}
	w.sound()
}

// Prompts went through echo in a shell line: line breaks came out as \n, an
// exclamation mark as \!, and past 128 kB nothing came out at all.
func TestPromptsArriveWordForWord(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{script: modeltest.Turns(modeltest.Text("ok"))})
	prompts := []string{
		"two\nlines\tand a tab, \"quotes\", 'more', `ticks`, $HOME, $(id), !history, \\n, %s, ü 日本 🦓 \u2028 end",
		"-p --model x; rm -rf /",
		strings.Repeat("A long text that somebody pasted. ", 8_000), // 270 kB
	}
	for i, p := range prompts {
		w.ask(p)
		w.ended(i + 1)
		all := w.api.Requests()
		messages := all[len(all)-1].Messages
		content := messages[len(messages)-1].Content
		if got := content[len(content)-1].Text; got != p {
			t.Errorf("the model got %.200q, want %.200q", got, p)
		}
		rows := w.rows()
		if got := rows[len(rows)-4].Raw; got != p {
			t.Errorf("the timeline has %.200v, want %.200q", got, p)
		}
	}
	w.sound()
}

// Exit codes of git were ignored: what it said about its own failure was
// stored as the name of a checkpoint.
func TestAFailureOfGitIsNoCheckpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{script: modeltest.Turns(
		modeltest.Call("", "Bash", object{"command": "echo new > a.txt; rm -rf .git; echo broken > .git"}), modeltest.Text("ok"),
	)})
	w.ask("go")
	if r := w.ended(1)[0]; r.Status != agent.Succeeded || r.Error == nil || r.Error.Code != "checkpoint" {
		t.Errorf("run = %+v %+v", r, r.Error)
	}
	if c := w.commits(); len(c) != 0 {
		t.Errorf("commits = %+v", c)
	}
	if got := fmt.Sprint(w.results()[0]["errors"]); !strings.Contains(got, "could not be saved. The files are in the sandbox.") {
		t.Errorf("errors = %s", got)
	}
	w.sound()
}

// All commands ran in one shell: what one of them set or left behind was there
// in the next, and in those of other parts of the product.
func TestCommandsShareNoShell(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{script: modeltest.Turns(
		modeltest.Call("", "Bash", object{"command": "export LEFT=here; alias ls=false; set -e; umask 077; mkdir -p sub; cd sub; exec 2>/dev/null"}),
		modeltest.Call("", "Bash", object{"command": "echo \"[$LEFT]\"; alias ls 2>/dev/null || echo none; umask; false; basename \"$PWD\""}),
	)})
	w.ask("go")
	w.ended(1)
	// Only the folder is kept, within one run.
	if got := w.resultText(1); !strings.Contains(got, "[]\n") || !strings.HasSuffix(got, "\nsub") || strings.Contains(got, "0077") {
		t.Errorf("second command: %q", got)
	}
	w.ask("where am I?")
	w.ended(2)
	if fileExists(filepath.Join(w.work, "sub/sub")) {
		t.Error("the next run starts where the last one ended")
	}
	w.sound()
}

// The numbers of all runs were kept in the session's one document, which grew
// until it could not be written any more.
func TestASessionKeepsTheNumbersOfItsNewestRuns(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: works on 53 runs one after the other")
	}
	const runs = 53
	w := newWorld(t, settings{script: modeltest.Turns(modeltest.Text("ok"))})
	for range runs {
		w.askIn(w.session, "hi", "ask")
	}
	w.ended(runs)
	var s sessions.Session
	if err := w.rt.As(w.user).RunQuery(t.Context(), "sessions:getSession", object{"sessionId": w.session}, &s); err != nil {
		t.Fatal(err)
	}
	list, _ := s.Stats.([]any)
	if len(list) != 50 {
		t.Fatalf("%d results are kept", len(list))
	}
	first, _ := list[0].(object)
	last, _ := list[49].(object)
	if first["createdAt"].(float64) >= last["createdAt"].(float64) || last["cacheReadInputTokens"].(float64) == 0 || last["durationApiMs"] == nil {
		t.Errorf("first %v, last %v", first, last)
	}
}
