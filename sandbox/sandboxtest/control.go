package sandboxtest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"surgent.dev/surgent/sandbox"
)

func runControl(t *testing.T, client sandbox.Client) {
	t.Helper()
	t.Run("what is not there", func(t *testing.T) {
		t.Parallel()
		ctx := caseContext(t)
		const id = "00000000-0000-4000-8000-000000000000"
		_, err := client.Get(ctx, id)
		wantError(t, "get", err, sandbox.ErrNotFound)
		_, err = client.Start(ctx, id)
		wantError(t, "start", err, sandbox.ErrNotFound)
		if err := client.Delete(ctx, id); err != nil {
			t.Errorf("delete: %v", err)
		}
		_, err = client.Toolbox(id).ListFiles(ctx, "/")
		wantError(t, "list files", err, sandbox.ErrNotFound)
		_, err = client.Create(ctx, sandbox.CreateRequest{Snapshot: "no-such-snapshot:1"})
		wantError(t, "create from an unknown snapshot", err, sandbox.ErrInvalid)
		if err != nil && !strings.Contains(err.Error(), "no-such-snapshot:1") {
			t.Errorf("the error does not name the snapshot: %v", err)
		}
	})
	t.Run("life", func(t *testing.T) {
		t.Parallel()
		ctx := caseContext(t)
		name := "suite-" + slug(time.Now().UTC().Format(time.RFC3339Nano))
		off := 0
		info := create(t, client, sandbox.CreateRequest{
			Name: name, Env: map[string]string{"GIVEN": "at create"}, Labels: map[string]string{"suite": name}, AutoStopInterval: &off,
		})
		if info.State != sandbox.Started || info.ID == "" || info.Name != name || info.AutoStopInterval != 0 {
			t.Errorf("created: %+v", info)
		}
		_, err := client.Create(ctx, sandbox.CreateRequest{Name: name})
		wantError(t, "create the same name", err, sandbox.ErrConflict)
		byName, err := client.Get(ctx, name)
		if err != nil || byName.ID != info.ID {
			t.Errorf("get by name: %+v, %v", byName, err)
		}
		list, err := client.List(ctx, map[string]string{"suite": name})
		if err != nil || len(list) != 1 || list[0].ID != info.ID {
			t.Errorf("list: %+v, %v", list, err)
		}
		none, err := client.List(ctx, map[string]string{"suite": name, "other": "x"})
		if err != nil || len(none) != 0 {
			t.Errorf("list what does not match: %+v, %v", none, err)
		}
		if err := client.SetAutoStop(ctx, info.ID, 7); err != nil {
			t.Errorf("set auto stop: %v", err)
		}
		if got, err := client.Get(ctx, info.ID); err != nil || got.AutoStopInterval != 7 {
			t.Errorf("auto stop: %+v, %v", got, err)
		}
		if err := client.Touch(ctx, info.ID); err != nil {
			t.Errorf("touch: %v", err)
		}
		if again, err := client.Start(ctx, info.ID); err != nil || again.State != sandbox.Started {
			t.Errorf("start what is started: %+v, %v", again, err)
		}
	})
	t.Run("stop and start keep files and environment", func(t *testing.T) {
		t.Parallel()
		ctx := caseContext(t)
		info := create(t, client, sandbox.CreateRequest{Env: map[string]string{"GIVEN": "at create"}})
		tb := client.Toolbox(info.ID)
		work, err := tb.WorkDir(ctx)
		if err != nil {
			t.Fatal(err)
		}
		upload(t, tb, work+"/kept.txt", "kept")
		res := execute(t, tb, sandbox.ExecRequest{Command: "chmod 0640 kept.txt; rm -f /tmp/gone; mkdir -p deep; ln -s ../kept.txt deep/link"})
		if res.ExitCode != 0 {
			t.Fatalf("prepare: %s", res.Output)
		}
		if err := client.Stop(ctx, info.ID); err != nil {
			t.Fatalf("stop: %v", err)
		}
		if err := client.Stop(ctx, info.ID); err != nil {
			t.Errorf("stop what is stopped: %v", err)
		}
		if got, err := client.Get(ctx, info.ID); err != nil || got.State != sandbox.Stopped {
			t.Errorf("stopped: %+v, %v", got, err)
		}
		begun := time.Now()
		_, err = tb.Execute(ctx, sandbox.ExecRequest{Command: "true"})
		wantError(t, "execute while stopped", err, sandbox.ErrNotRunning)
		if d := time.Since(begun); d > 20*time.Second {
			t.Errorf("the error took %s", d)
		}
		if _, err := client.Start(ctx, info.ID); err != nil {
			t.Fatalf("start: %v", err)
		}
		if got := download(t, tb, work+"/deep/link"); string(got) != "kept" {
			t.Errorf("got %q", got)
		}
		if fi, err := tb.FileInfo(ctx, work+"/kept.txt"); err != nil || fi.Permissions != "0640" {
			t.Errorf("mode: %+v, %v", fi, err)
		}
		if res := execute(t, tb, sandbox.ExecRequest{Command: "echo $GIVEN"}); res.Output != "at create\n" {
			t.Errorf("environment: %q", res.Output)
		}
	})
	t.Run("sessions over stop and start", func(t *testing.T) {
		t.Parallel()
		ctx := caseContext(t)
		info := create(t, client, sandbox.CreateRequest{})
		tb := client.Toolbox(info.ID)
		if err := tb.CreateSession(ctx, "kept"); err != nil {
			t.Fatal(err)
		}
		cmd, err := tb.StartCommand(ctx, "kept", "echo before; read x; echo got $x; (exit 5)")
		if err != nil {
			t.Fatal(err)
		}
		wait(t, "output", func(ctx context.Context) bool {
			out, _, err := tb.Logs(ctx, "kept", cmd)
			return err == nil && out == "before\n"
		})
		if err := client.Stop(ctx, info.ID); err != nil {
			t.Fatalf("stop: %v", err)
		}
		if _, err := client.Start(ctx, info.ID); err != nil {
			t.Fatalf("start: %v", err)
		}
		afterStart(t, tb, "kept", cmd)
	})
	t.Run("live snapshot", func(t *testing.T) {
		t.Parallel()
		ctx := caseContext(t)
		live, ok := client.(sandbox.LiveSnapshots)
		if !ok {
			t.Skip("the server does not freeze running sandboxes")
		}
		snapshots, ok := client.(sandbox.Snapshots)
		if !ok {
			t.Fatal("a server that freezes sandboxes has no snapshots")
		}
		info := create(t, client, sandbox.CreateRequest{Env: map[string]string{"GIVEN": "template"}})
		tb := client.Toolbox(info.ID)
		work, err := tb.WorkDir(ctx)
		if err != nil {
			t.Fatal(err)
		}
		upload(t, tb, work+"/f", "of the template")
		if err := tb.CreateSession(ctx, "kept"); err != nil {
			t.Fatal(err)
		}
		cmd, err := tb.StartCommand(ctx, "kept", "echo before; read x; echo got $x; (exit 5)")
		if err != nil {
			t.Fatal(err)
		}
		name := "suite:" + slug(time.Now().UTC().Format(time.RFC3339Nano))
		if err := live.SnapshotLive(ctx, info.ID, name); err != nil {
			t.Fatalf("freeze: %v", err)
		}
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			if err := snapshots.DeleteSnapshot(ctx, name); err != nil {
				t.Errorf("delete snapshot: %v", err)
			}
		})
		if s, err := snapshots.GetSnapshot(ctx, name); err != nil || s.State != sandbox.SnapshotActive {
			t.Errorf("snapshot: %+v, %v", s, err)
		}
		for range 2 {
			fork := create(t, client, sandbox.CreateRequest{Snapshot: name, Env: map[string]string{"GIVEN": "fork"}})
			ftb := client.Toolbox(fork.ID)
			if got := download(t, ftb, work+"/f"); string(got) != "of the template" {
				t.Errorf("got %q", got)
			}
			if res := execute(t, ftb, sandbox.ExecRequest{Command: "echo $GIVEN; echo fork >f"}); res.Output != "fork\n" {
				t.Errorf("environment: %q", res.Output)
			}
			if got := afterStart(t, ftb, "kept", cmd); got != 5 {
				t.Errorf("the process of the template ended with %d", got)
			}
		}
		// The sandbox that was frozen goes on, and saw nothing of the forks.
		if got := download(t, tb, work+"/f"); string(got) != "of the template" {
			t.Errorf("got %q", got)
		}
		if got := afterStart(t, tb, "kept", cmd); got != 5 {
			t.Errorf("the frozen process ended with %d", got)
		}
	})
	t.Run("environment and user", func(t *testing.T) {
		t.Parallel()
		info := create(t, client, sandbox.CreateRequest{Env: map[string]string{"GIVEN": "a b'c"}})
		tb := client.Toolbox(info.ID)
		const show = `id -un; echo "$HOME"; echo "$GIVEN"; env | grep -ci token`
		want := "daytona\n/home/daytona\na b'c\n0\n"
		if res := execute(t, tb, sandbox.ExecRequest{Command: show}); res.Output != want {
			t.Errorf("execute: %q", res.Output)
		}
		if out, _ := run(t, tb, session(t, tb), show); out != want {
			t.Errorf("session: %q", out)
		}
		// The processes that serve the toolbox keep their memory to themselves.
		res := execute(t, tb, sandbox.ExecRequest{Command: `for p in /proc/[0-9]*; do grep -qa '[t]oolbox' $p/cmdline &&
			(cat $p/environ || head -c 1 $p/maps || readlink $p/fd/0) 2>/dev/null && echo "read $p"; done; true`})
		if strings.Contains(res.Output, "read") {
			t.Errorf("the toolbox can be looked into: %q", res.Output)
		}
		res = execute(t, tb, sandbox.ExecRequest{Command: `cat /proc/1/environ; for p in /proc/[0-9]*; do tr '\0' '\n' <$p/environ; done 2>/dev/null | grep -c SURGENT_TOOLBOX`})
		if !strings.HasSuffix(res.Output, "0\n") {
			t.Errorf("somebody's environment can be read: %q", res.Output)
		}
	})
	t.Run("a toolbox that its user tries to kill", func(t *testing.T) {
		t.Parallel()
		ctx := caseContext(t)
		tb := client.Toolbox(create(t, client, sandbox.CreateRequest{Env: map[string]string{"GIVEN": "kept"}}).ID)
		id := session(t, tb)
		cmd, err := tb.StartCommand(ctx, id, "echo before; pkill -9 -f 'toolbox serve -supervised'; echo after; sleep 0.2; (exit 3)")
		if err != nil {
			t.Fatal(err)
		}
		wait(t, "exit code", func(ctx context.Context) bool {
			c, err := tb.GetCommand(ctx, id, cmd)
			return err == nil && c.ExitCode != nil && *c.ExitCode == 3
		})
		if out, _, err := tb.Logs(ctx, id, cmd); err != nil || out != "before\nafter\n" {
			t.Errorf("log: %q, %v", out, err)
		}
		if res := execute(t, tb, sandbox.ExecRequest{Command: "echo $GIVEN"}); res.Output != "kept\n" {
			t.Errorf("environment: %q", res.Output)
		}
	})
	t.Run("preview", func(t *testing.T) {
		t.Parallel()
		ctx := caseContext(t)
		info := create(t, client, sandbox.CreateRequest{})
		tb, id := client.Toolbox(info.ID), session(t, client.Toolbox(info.ID))
		_, err := tb.StartCommand(ctx, id, `node -e 'require("http").createServer((q,r)=>{r.setHeader("x-token",String(q.headers["x-daytona-preview-token"]));r.end("path "+q.url)}).listen(3000,"0.0.0.0")'`)
		if err != nil {
			t.Fatal(err)
		}
		target, err := client.Preview(ctx, info.ID, 3000)
		if err != nil || target.Token == "" {
			t.Fatalf("preview: %+v, %v", target, err)
		}
		transport := &http.Transport{DialContext: target.Dial}
		defer transport.CloseIdleConnections()
		get := func(token string) (int, string, string) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.URL+"/a%20b?c=d%2Fe", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("X-Daytona-Skip-Preview-Warning", "true")
			if token != "" {
				req.Header.Set("X-Daytona-Preview-Token", token)
			}
			resp, err := transport.RoundTrip(req)
			if err != nil {
				return 0, err.Error(), ""
			}
			defer func() { _ = resp.Body.Close() }()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				return 0, err.Error(), ""
			}
			return resp.StatusCode, string(body), resp.Header.Get("x-token")
		}
		var status int
		var body, seen string
		wait(t, "the app answers", func(context.Context) bool {
			status, body, seen = get(target.Token)
			return status == http.StatusOK
		})
		if status != http.StatusOK || body != "path /a%20b?c=d%2Fe" || seen != "undefined" {
			t.Errorf("with the token: %d %q, token seen by the app: %s", status, body, seen)
		}
		for _, token := range []string{"", "wrong"} {
			if status, _, _ := get(token); !slices.Contains([]int{401, 403, 307}, status) {
				t.Errorf("with token %q: %d", token, status)
			}
		}
		for _, port := range []int{0, 70000} {
			_, err := client.Preview(ctx, info.ID, port)
			wantError(t, "preview a port that is none", err, sandbox.ErrInvalid)
		}
	})
	t.Run("delete", func(t *testing.T) {
		t.Parallel()
		ctx := caseContext(t)
		info, err := client.Create(ctx, sandbox.CreateRequest{})
		if err != nil {
			t.Fatal(err)
		}
		results := make(chan error, 2)
		for range 2 {
			go func() { results <- client.Delete(ctx, info.ID) }()
		}
		for range 2 {
			if err := <-results; err != nil {
				t.Errorf("delete: %v", err)
			}
		}
		_, err = client.Get(ctx, info.ID)
		wantError(t, "get", err, sandbox.ErrNotFound)
		if _, err := client.Toolbox(info.ID).WorkDir(ctx); !errors.Is(err, sandbox.ErrNotFound) && !errors.Is(err, sandbox.ErrNotRunning) {
			t.Errorf("toolbox: %v", err)
		}
		list, err := client.List(ctx, nil)
		if err != nil || slices.ContainsFunc(list, func(i *sandbox.Info) bool { return i.ID == info.ID }) {
			t.Errorf("still listed, %v", err)
		}
	})
}

// afterStart: a session of before either is gone, or its command has ended and
// says so, or it runs on; then it takes input and ends as it would have. It
// returns the exit code, -1 for a session that is gone.
func afterStart(t *testing.T, tb sandbox.Toolbox, session, cmd string) int {
	t.Helper()
	ctx := caseContext(t)
	c, err := tb.GetCommand(ctx, session, cmd)
	if errors.Is(err, sandbox.ErrNotFound) {
		if err := tb.CreateSession(ctx, session); err != nil {
			t.Errorf("create the session that is gone: %v", err)
		}
		return -1
	}
	if err != nil {
		t.Errorf("get command: %v", err)
		return -1
	}
	if c.ExitCode == nil {
		rec := newRecorder()
		done := make(chan error, 1)
		go func() { done <- tb.FollowLogs(ctx, session, cmd, rec.write) }()
		wait(t, "input or end", func(ctx context.Context) bool {
			err := tb.SendInput(ctx, session, cmd, "hello")
			return err == nil || errors.Is(err, sandbox.ErrEnded)
		})
		if err := <-done; err != nil {
			t.Errorf("follow: %v", err)
		}
		if c, err = tb.GetCommand(ctx, session, cmd); err != nil || c.ExitCode == nil {
			t.Errorf("after its log: %+v, %v", c, err)
			return -1
		}
		if out, _ := rec.texts(); *c.ExitCode == 5 && out != "before\nhello\ngot hello\n" {
			t.Errorf("log: %q", out)
		}
	}
	if err := tb.DeleteSession(ctx, session); err != nil {
		t.Errorf("delete: %v", err)
	}
	return *c.ExitCode
}
