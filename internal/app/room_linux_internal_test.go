package app

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"testing"
	"time"

	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/internal/builder/agent"
	"surgent.dev/surgent/internal/builder/deployments"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/builder/sessions"
)

// A hundred open projects drove the machine out of memory. Now one more waits,
// says so, and goes on when there is room: here after the operator gave some.
func TestAFullMachineLetsProjectsWait(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: starts real sandboxes")
	}
	binary := builtBinary(t)
	dir, addr := t.TempDir(), fmt.Sprintf("127.0.0.1:%d", freePort(t))
	with := func(reserve string) *bench {
		env := map[string]string{"SURGENT_ADDR": addr, "SURGENT_MEMORY_RESERVE": reserve}
		if cache := os.Getenv("SURGENT_CACHE"); cache != "" {
			env["SURGENT_CACHE"] = cache
		}
		return start(t, dir, binary, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})), env)
	}
	full := with("999999999")
	p := full.guest(t)
	id, _ := p.project(t, "Waits")
	var now struct {
		Sandbox struct{ Status, WaitsFor, Error string }
	}
	look := func() {
		now.Sandbox.WaitsFor = ""
		p.must(t, "query", "projects:getProject", obj{"projectId": id}, &now)
	}
	eventually(t, "it waits", func() bool { look(); return now.Sandbox.WaitsFor == "room" })
	if now.Sandbox.Status != "starting" || now.Sandbox.Error != "" {
		t.Errorf("it waits as %+v", now.Sandbox)
	}
	full.down()

	p.b = with("")
	eventually(t, "it starts", func() bool { look(); return now.Sandbox.Status == "started" })
	if now.Sandbox.WaitsFor != "" {
		t.Errorf("started as %+v", now.Sandbox)
	}
	v := newVisitor(p.b)
	v.open(t, p, id)
	if status, _ := v.get(t, "3000-"+p.box(t, id).SandboxID, "/"); status != http.StatusOK {
		t.Errorf("its preview answers %d", status)
	}
	p.must(t, "mutation", "projects:deleteProject", obj{"projectId": id}, nil)
	eventually(t, "its sandbox is gone", func() bool {
		all, err := p.b.sandboxes.client.List(t.Context(), map[string]string{"surgent-project": id})
		if err != nil {
			t.Fatal(err)
		}
		return len(all) == 0
	})
}

func TestWhoGivesWay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	write := func(change func(w store.Writer) error) {
		t.Helper()
		if _, err := b.store.Update(t.Context(), func(tx store.Transaction) error {
			return change(store.NewWriter(b.store, tx))
		}); err != nil {
			t.Fatal(err)
		}
	}
	up := func(name string) (projects.ID, sessions.ID) {
		id, session := b.guest(t).project(t, name)
		write(func(w store.Writer) error {
			return projects.Projects.Patch(t.Context(), w, projects.ID(id), value.Object{
				"sandboxId": name, "sandbox": projects.Sandbox{Status: projects.Started}, "attempt": 100,
			})
		})
		return projects.ID(id), sessions.ID(session)
	}
	up("rests")
	up("kept")
	deploys, _ := up("deploys")
	works, session := up("works")
	write(func(w store.Writer) error {
		prompt, err := sessions.Rows.Insert(t.Context(), w, sessions.Row{SessionID: session, Role: "user", Raw: "build"})
		if err != nil {
			return err
		}
		if _, err := agent.Runs.Insert(t.Context(), w, agent.Run{ProjectID: works, SessionID: session, PromptID: prompt, Status: agent.Running}); err != nil {
			return err
		}
		_, err = deployments.Deployments.Insert(t.Context(), w, deployments.Deployment{
			ProjectID: deploys, Name: "x", Status: deployments.Building, Steps: []projects.Step{}, Owner: "other", Until: 1e15,
		})
		return err
	})
	asleep, _ := up("asleep")
	write(func(w store.Writer) error {
		return projects.Projects.Patch(t.Context(), w, asleep, value.Object{"sandbox": projects.Sandbox{Status: projects.Stopped}})
	})
	type box struct {
		SandboxID string  `json:"sandboxId"`
		UsedAt    float64 `json:"usedAt"`
		Kept      bool    `json:"kept"`
	}
	ago := func(name string, d time.Duration, kept bool) box {
		return box{name, float64(time.Now().Add(-d).UnixMilli()), kept}
	}
	for name, tc := range map[string]struct {
		resting []box
		want    string
	}{
		"nobody rests":           {nil, ""},
		"used a moment ago":      {[]box{ago("rests", time.Minute, false)}, ""},
		"rested":                 {[]box{ago("rests", 6*time.Minute, false)}, "rests"},
		"kept awake":             {[]box{ago("kept", 59*time.Minute, true)}, ""},
		"kept awake for nobody":  {[]box{ago("kept", 61*time.Minute, true)}, "kept"},
		"a deployment goes on":   {[]box{ago("deploys", time.Hour, false), ago("rests", 6*time.Minute, false)}, "rests"},
		"the agent works":        {[]box{ago("works", time.Hour, false)}, ""},
		"no project's":           {[]box{ago("warm-web-app", time.Hour, false)}, ""},
		"asleep by the document": {[]box{ago("asleep", time.Hour, false)}, ""},
	} {
		var got string
		if err := b.runtime.RunMutation(t.Context(), "projects:giveWay", obj{"resting": append([]box{}, tc.resting...)}, &got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got != tc.want {
			t.Errorf("%s: %q gives way, want %q", name, got, tc.want)
		}
	}
}
