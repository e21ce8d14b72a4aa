package agent_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"surgent.dev/surgent/internal/builder/agent"
	"surgent.dev/surgent/model/modeltest"
)

// TestDrainHandsRunsBack: a server that is asked to stop ends soon, in the
// middle of a command and of an answer, and the next one goes on.
func TestDrainHandsRunsBack(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	slow := modeltest.Text("Some words, and then a pause.")
	slow.Wait, slow.WaitAfter = hold, 1
	for name, tt := range map[string]struct {
		script modeltest.Script
		begun  func(c *crashWorld) bool
		kinds  []string
	}{
		"in a command": {
			script: modeltest.Turns(
				modeltest.Call("", "Bash", object{"command": "echo x >> effects.log; until test -e gate; do sleep 0.02; done; echo through"}),
				modeltest.Text("ok"),
			),
			begun: func(c *crashWorld) bool { return c.file("effects.log") != "" },
			kinds: []string{"prompt", "system/init", "assistant Bash", "user ok", "assistant text", "result success"},
		},
		"in an answer": {
			script: modeltest.Turns(slow),
			begun:  func(c *crashWorld) bool { return len(c.api.Requests()) == 1 },
			kinds:  []string{"prompt", "system/init", "assistant text", "result success"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCrashWorld(t, tt.script)
			client, err := dial(c.orders.Box)
			if err != nil {
				t.Fatal(err)
			}
			rt, svc, closeStore, err := openRuntime(t.Context(), parts{
				db: c.orders.DB, data: c.data, client: client, model: claude(t, c.orders.Model, time.Minute, ""), logger: logger(t),
			})
			if err != nil {
				t.Fatal(err)
			}
			c.rt = rt
			stop := run(context.WithoutCancel(t.Context()), rt, svc)
			c.until("the work to begin", func() bool { return tt.begun(c) })
			start := time.Now()
			if err := stop(); err != nil {
				t.Error(err)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("the stop took %s", took)
			}
			closeStore()
			if name == "in an answer" {
				close(hold)
			}
			write(t, filepath.Join(c.work, "gate"), "")
			c.finish()
			c.open(func() {
				if diff := cmp.Diff(tt.kinds, c.kinds()); diff != "" {
					t.Errorf("timeline (-want +got):\n%s", diff)
				}
				if r := c.runs()[0]; r.Status != agent.Succeeded {
					t.Errorf("run = %+v %+v", r, r.Error)
				}
				if v := c.views()[0]; v.ResumedAt < v.StartedAt || v.ResumedAt > v.EndedAt {
					t.Errorf("resumed at %v in a run from %v to %v, want a time within it", v.ResumedAt, v.StartedAt, v.EndedAt)
				}
				if got := c.file("effects.log"); len(got) > len("x\n") {
					t.Errorf("effects.log = %q", got)
				}
				c.sound()
			})
		})
	}
}
