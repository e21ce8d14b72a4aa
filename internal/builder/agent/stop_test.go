package agent_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"surgent.dev/surgent/internal/builder/agent"
	"surgent.dev/surgent/internal/builder/sessions"
	"surgent.dev/surgent/model/modeltest"
)

// stopLimit is far more than a stop takes, for busy machines, and far less than
// what it cuts short.
const stopLimit = 30 * time.Second

// stopped stops the run and checks that it ends at once, that nothing is left
// running, and that the next prompt works.
func stopped(t *testing.T, w *world) {
	t.Helper()
	start := time.Now()
	w.stopAgent()
	r := w.ended(1)[0]
	if took := time.Since(start); took > stopLimit {
		t.Errorf("the stop took %s", took)
	}
	if r.Status != agent.Cancelled || w.results()[0]["subtype"] != "error_cancelled" {
		t.Errorf("run = %+v %+v", r, r.Error)
	}
	w.ask("next")
	if r := w.ended(2)[1]; r.Status != agent.Succeeded {
		t.Errorf("the next run = %+v %+v", r, r.Error)
	}
	w.sound()
}

// unlessNext answers "next" with a text, all else by script.
func unlessNext(script modeltest.Script) modeltest.Script {
	return func(r modeltest.Request) modeltest.Answer {
		if strings.HasSuffix(r.Prompt, "next") {
			return modeltest.Text("ok")
		}
		return script(r)
	}
}

func TestStopInTheStream(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	w := newWorld(t, settings{script: unlessNext(func(modeltest.Request) modeltest.Answer {
		a := modeltest.Text("These words were said and no more than them.")
		a.ChunkBytes, a.Wait, a.WaitAfter = 10, hold, 3
		return a
	})})
	w.ask("go")
	id := w.runs()[0].ID
	w.until("streamed text", func() bool { return strings.HasPrefix(w.head(id).Tail, "These words") })
	stopped(t, w)
	if diff := cmp.Diff([]string{"prompt", "system/init", "assistant text", "result error_cancelled", "prompt", "system/init", "assistant text", "result success"}, w.kinds()); diff != "" {
		t.Errorf("timeline (-want +got):\n%s", diff)
	}
	raw, _ := w.rows()[2].Raw.(object)
	if raw["interrupted"] != true {
		t.Errorf("the cut text is not marked: %v", raw)
	}
	all := w.api.Requests()
	body := string(all[len(all)-1].Body)
	if !strings.Contains(body, "These words") || !strings.Contains(body, "stopped this run") {
		t.Errorf("the model does not learn of the stop: %s", body)
	}
}

func TestStopInACommand(t *testing.T) {
	t.Parallel()
	mark := fmt.Sprintf("300.%d", time.Now().UnixNano()%1e9)
	w := newWorld(t, settings{script: unlessNext(modeltest.Turns(modeltest.Answer{Blocks: []modeltest.Block{
		{Tool: "Bash", Input: object{"command": "echo x >> effects.log; echo begun; sleep " + mark}},
		{Tool: "Bash", Input: object{"command": "echo y >> effects.log"}},
	}}))})
	w.ask("go")
	id := w.runs()[0].ID
	w.until("live output", func() bool {
		act := w.runs()[0].Activity
		return act != nil && act.ToolUseID != "" && w.output(id, act.ToolUseID) == "begun\n"
	})
	stopped(t, w)
	if got := w.file("effects.log"); got != "x\n" {
		t.Errorf("effects.log = %q", got)
	}
	if got := w.resultText(0); !strings.Contains(got, "begun\n(Stopped by the person before it ended.)") {
		t.Errorf("first result = %q", got)
	}
	if got := w.resultText(1); got != "Stopped by the person before it ran." {
		t.Errorf("second result = %q", got)
	}
	if out, err := exec.CommandContext(t.Context(), "pgrep", "-f", "sleep "+mark).Output(); err == nil {
		t.Errorf("the command lives on: %s", out)
	}
	if c := w.commits(); len(c) != 1 {
		t.Errorf("commits = %+v, want what the stopped run did", c)
	}
}

func TestStopWhileWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{limits: agent.Limits{Backoff: time.Minute}, script: unlessNext(func(modeltest.Request) modeltest.Answer {
		return modeltest.Status(529)
	})})
	w.ask("go")
	w.until("a waiting run", func() bool { return w.runs()[0].Status == agent.Waiting })
	stopped(t, w)
}

func TestStopInTheQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{asleep: true, script: modeltest.Turns(modeltest.Text("ok"))})
	w.ask("go")
	w.until("a reason", func() bool { return w.runs()[0].Reason == "Starts when the sandbox is ready" })
	w.stopAgent()
	if r := w.ended(1)[0]; r.Status != agent.Cancelled || r.StartedAt != 0 {
		t.Errorf("run = %+v", r)
	}
	w.ask("next")
	if err := w.rt.RunMutation(t.Context(), "test:wake", object{"projectId": w.project}, nil); err != nil {
		t.Fatal(err)
	}
	if r := w.ended(2)[1]; r.Status != agent.Succeeded {
		t.Errorf("the next run = %+v %+v", r, r.Error)
	}
	if diff := cmp.Diff([]string{"prompt", "result error_cancelled", "prompt", "system/init", "assistant text", "result success"}, w.kinds()); diff != "" {
		t.Errorf("timeline (-want +got):\n%s", diff)
	}
	if strings.Contains(string(w.api.Requests()[0].Body), `"go"`) {
		t.Error("a prompt that was taken back is in the conversation")
	}
}

func TestTheQueueHasAnEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{asleep: true, script: modeltest.Turns(modeltest.Text("ok"))})
	for range 100 {
		w.ask("again")
	}
	args := object{"projectId": w.project, "sessionId": w.session, "prompt": "one more"}
	err := w.rt.As(w.user).RunMutation(t.Context(), "sessions:createMessageAndRunAgent", args, nil)
	if err == nil || !strings.Contains(err.Error(), "100 prompts wait in this project already") {
		t.Errorf("the 101st prompt: %v", err)
	}
	w.stopAgent() // takes all of them back
	w.ended(100)
	if rows := w.rows(); len(rows) != 200 {
		t.Errorf("%d rows, want a prompt and a result for each", len(rows))
	}
	w.sound()
}

// Prompts that are taken back leave rows, without end if one only goes on.
func TestPromptsOfAnHourEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{asleep: true, script: modeltest.Turns(modeltest.Text("ok"))})
	for range 3 {
		for range 100 {
			w.ask("again")
		}
		w.stopAgent()
	}
	args := object{"projectId": w.project, "sessionId": w.session, "prompt": "one more"}
	err := w.rt.As(w.user).RunMutation(t.Context(), "sessions:createMessageAndRunAgent", args, nil)
	if err == nil || !strings.Contains(err.Error(), "300 prompts within an hour") {
		t.Errorf("the 301st prompt: %v", err)
	}
}

func TestOneRunAtATimeInOrder(t *testing.T) {
	t.Parallel()
	const n = 20
	w := newWorld(t, settings{script: func(r modeltest.Request) modeltest.Answer {
		if r.Turn == 0 {
			prompt := r.Prompt[strings.LastIndexByte(r.Prompt, '\n')+1:]
			return modeltest.Call("", "Bash", object{"command": "test ! -e busy && touch busy && echo " + prompt + " >> order.log && sleep 0.02 && rm busy"})
		}
		return modeltest.Text("ok")
	}})
	var other sessions.ID
	if err := w.rt.RunMutation(t.Context(), "sessions:createSession", object{"projectId": w.project}, &other); err == nil {
		t.Fatal("a stranger may create a session")
	}
	if err := w.rt.As(w.user).RunMutation(t.Context(), "sessions:createSession", object{"projectId": w.project}, &other); err != nil {
		t.Fatal(err)
	}
	want := ""
	for i := range n {
		in := w.session
		if i%3 == 2 {
			in = other
		}
		w.askIn(in, fmt.Sprintf("p%d", i), "code")
		want += fmt.Sprintf("p%d\n", i)
	}
	queued := 0
	for _, v := range w.views() {
		if v.Position != nil {
			queued++
		}
	}
	if queued == 0 {
		t.Error("no run has a place in the queue")
	}
	runs := w.ended(n)
	if got := w.file("order.log"); got != want {
		t.Errorf("order = %q", got)
	}
	for _, r := range runs {
		if r.Status != agent.Succeeded {
			t.Errorf("run = %+v %+v", r, r.Error)
		}
	}
	// Each session remembers its own prompts only.
	for _, r := range w.api.Requests() {
		body := string(r.Body)
		if strings.Contains(body, `"p0"`) && strings.Contains(body, `"p2"`) {
			t.Error("a session sees another one's prompts")
		}
	}
	w.sound()
}
