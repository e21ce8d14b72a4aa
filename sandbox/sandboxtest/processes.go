package sandboxtest

import (
	"context"
	"strings"
	"testing"
	"time"

	"surgent.dev/surgent/sandbox"
)

func runExecute(t *testing.T, tb sandbox.Toolbox) {
	t.Helper()
	t.Run("exit code and merged output", func(t *testing.T) {
		t.Parallel()
		res := execute(t, tb, sandbox.ExecRequest{Command: "echo out; echo err >&2; echo more; exit 3"})
		if res.ExitCode != 3 || res.Output != "out\nerr\nmore\n" {
			t.Errorf("got %+v", res)
		}
	})
	t.Run("folder and environment", func(t *testing.T) {
		t.Parallel()
		dir := folder(t, tb)
		value := "spaces 'quotes' \"$HOME\" \\ and\nlines"
		res := execute(t, tb, sandbox.ExecRequest{
			Command: `pwd; printf %s "$VALUE"`, Dir: dir, Env: map[string]string{"VALUE": value},
		})
		if want := dir + "\n" + value; res.Output != want {
			t.Errorf("got %q, want %q", res.Output, want)
		}
		_, err := tb.Execute(caseContext(t), sandbox.ExecRequest{Command: "true", Env: map[string]string{"A B": "x"}})
		wantError(t, "a name that is none", err, sandbox.ErrInvalid)
	})
	t.Run("long commands and long output", func(t *testing.T) {
		t.Parallel()
		res := execute(t, tb, sandbox.ExecRequest{Command: "printf %s " + strings.Repeat("x", 1<<20)})
		if res.ExitCode != 0 || len(res.Output) != 1<<20 {
			t.Errorf("exit code %d, %d bytes", res.ExitCode, len(res.Output))
		}
	})
	t.Run("nothing waits on standard input", func(t *testing.T) {
		t.Parallel()
		if res := execute(t, tb, sandbox.ExecRequest{Command: "cat; echo end"}); res.Output != "end\n" {
			t.Errorf("got %+v", res)
		}
	})
	t.Run("a folder that is missing", func(t *testing.T) {
		t.Parallel()
		res := execute(t, tb, sandbox.ExecRequest{Command: "true", Dir: "/no/such/folder"})
		if res.ExitCode != -1 {
			t.Errorf("got %+v", res)
		}
	})
	t.Run("an empty command", func(t *testing.T) {
		t.Parallel()
		_, err := tb.Execute(caseContext(t), sandbox.ExecRequest{})
		wantError(t, "execute nothing", err, sandbox.ErrInvalid)
	})
	t.Run("timeout kills the whole tree", func(t *testing.T) {
		t.Parallel()
		dir := folder(t, tb)
		begun := time.Now()
		_, err := tb.Execute(caseContext(t), sandbox.ExecRequest{
			Command: `trap '' TERM; setsid sh -c 'echo $$ >a; sleep 61' & (sh -c 'echo $$ >b; sleep 61' &); sleep 61`,
			Dir:     dir, Timeout: time.Second,
		})
		wantError(t, "execute", err, sandbox.ErrTimeout)
		if d := time.Since(begun); d > 30*time.Second { // the command takes 61
			t.Errorf("took %s", d)
		}
		if left := living(t, tb, dir, "a", "b"); left != "" {
			t.Errorf("left: %q", left)
		}
	})
	t.Run("does not wait for the background", func(t *testing.T) {
		t.Parallel()
		begun := time.Now()
		res := execute(t, tb, sandbox.ExecRequest{Command: "sleep 60 & echo $!"})
		if d := time.Since(begun); d > 30*time.Second {
			t.Errorf("took %s", d)
		}
		execute(t, tb, sandbox.ExecRequest{Command: "kill " + strings.TrimSpace(res.Output)})
	})
}

func runSessions(t *testing.T, tb sandbox.Toolbox) {
	t.Helper()
	t.Run("ids", func(t *testing.T) {
		t.Parallel()
		ctx, id := caseContext(t), session(t, tb)
		wantError(t, "create again", tb.CreateSession(ctx, id), sandbox.ErrConflict)
		wantError(t, "a reserved id", tb.CreateSession(ctx, "entrypoint"), sandbox.ErrInvalid)
		got, err := tb.GetSession(ctx, id)
		if err != nil || got.ID != id || len(got.Commands) != 0 {
			t.Errorf("get: %+v, %v", got, err)
		}
		list, err := tb.ListSessions(ctx)
		found := false
		for _, s := range list {
			found = found || s.ID == id
		}
		if err != nil || !found {
			t.Errorf("list: %+v, %v", list, err)
		}
		if err := tb.DeleteSession(ctx, id); err != nil {
			t.Errorf("delete: %v", err)
		}
		wantError(t, "delete again", tb.DeleteSession(ctx, id), sandbox.ErrNotFound)
		_, err = tb.GetSession(ctx, id)
		wantError(t, "get", err, sandbox.ErrNotFound)
		_, err = tb.StartCommand(ctx, id, "true")
		wantError(t, "start a command", err, sandbox.ErrNotFound)
		if err := tb.CreateSession(ctx, id); err != nil {
			t.Errorf("use the id again: %v", err)
		}
	})
	t.Run("an odd id", func(t *testing.T) {
		t.Parallel()
		ctx, id := caseContext(t), "toolu_01 a/b%2F..é"
		if err := tb.CreateSession(ctx, id); err != nil {
			t.Fatalf("create: %v", err)
		}
		if out, code := run(t, tb, id, "echo ok"); out != "ok\n" || code != 0 {
			t.Errorf("got %q, %d", out, code)
		}
		if err := tb.DeleteSession(ctx, id); err != nil {
			t.Errorf("delete: %v", err)
		}
	})
	t.Run("commands share the shell and run in order", func(t *testing.T) {
		t.Parallel()
		ctx, id, dir, other := caseContext(t), session(t, tb), folder(t, tb), "case-other-shell"
		if err := tb.CreateSession(ctx, other); err != nil {
			t.Fatalf("create: %v", err)
		}
		defer func() {
			if err := tb.DeleteSession(ctx, other); err != nil {
				t.Errorf("delete: %v", err)
			}
		}()
		first, err := tb.StartCommand(ctx, id, "sleep 0.5; cd "+dir+"; export A=1; f() { echo in f; }")
		if err != nil {
			t.Fatalf("start: %v", err)
		}
		if out, code := run(t, tb, id, "pwd; echo $A; f"); out != dir+"\n1\nin f\n" || code != 0 {
			t.Errorf("got %q, %d", out, code)
		}
		c, err := tb.GetCommand(ctx, id, first)
		if err != nil || c.ExitCode == nil || *c.ExitCode != 0 || c.ID != first {
			t.Errorf("the first: %+v, %v", c, err)
		}
		if out, _ := run(t, tb, other, "pwd; echo [$A]"); strings.Contains(out, dir) || !strings.HasSuffix(out, "[]\n") {
			t.Errorf("another session has %q", out)
		}
	})
	t.Run("exit code while running and after", func(t *testing.T) {
		t.Parallel()
		ctx, id := caseContext(t), session(t, tb)
		cmd, err := tb.StartCommand(ctx, id, "read x; echo got $x; (exit 7)")
		if err != nil {
			t.Fatalf("start: %v", err)
		}
		c, err := tb.GetCommand(ctx, id, cmd)
		if err != nil || c.ExitCode != nil {
			t.Errorf("while it runs: %+v, %v", c, err)
		}
		wait(t, "input is taken", func(ctx context.Context) bool { return tb.SendInput(ctx, id, cmd, "hello") == nil })
		wait(t, "exit code", func(ctx context.Context) bool {
			c, err := tb.GetCommand(ctx, id, cmd)
			return err == nil && c.ExitCode != nil && *c.ExitCode == 7
		})
		stdout, _, err := tb.Logs(ctx, id, cmd)
		if err != nil || !strings.HasSuffix(stdout, "got hello\n") {
			t.Errorf("log: %q, %v", stdout, err)
		}
		wantError(t, "input after the end", tb.SendInput(ctx, id, cmd, "x"), sandbox.ErrEnded)
		_, err = tb.GetCommand(ctx, id, "no-such-command")
		wantError(t, "get an unknown command", err, sandbox.ErrNotFound)
	})
	t.Run("exit ends the session", func(t *testing.T) {
		t.Parallel()
		ctx, id := caseContext(t), session(t, tb)
		if out, code := run(t, tb, id, "echo bye; exit 3"); out != "bye\n" || code != 3 {
			t.Errorf("got %q, %d", out, code)
		}
		_, err := tb.StartCommand(ctx, id, "true")
		wantError(t, "start a command", err, sandbox.ErrEnded)
		got, err := tb.GetSession(ctx, id)
		if err != nil || len(got.Commands) != 1 || *got.Commands[0].ExitCode != 3 {
			t.Errorf("get: %+v, %v", got, err)
		}
	})
	t.Run("a command that is not shell", func(t *testing.T) {
		t.Parallel()
		_, code := run(t, tb, session(t, tb), "if then fi (")
		if code == 0 {
			t.Error("exit code 0")
		}
	})
	t.Run("a killed shell has its signal's code", func(t *testing.T) {
		t.Parallel()
		if _, code := run(t, tb, session(t, tb), "kill -9 $$"); code != 137 {
			t.Errorf("exit code %d", code)
		}
	})
	t.Run("delete kills the whole tree", func(t *testing.T) {
		t.Parallel()
		ctx, id, dir := caseContext(t), session(t, tb), folder(t, tb)
		cmd, err := tb.StartCommand(ctx, id, "cd "+dir+`; trap '' TERM
			setsid sh -c 'echo $$ >a; sleep 61' & (sh -c 'echo $$ >b; exec sleep 61' &)
			setsid sh -c '(setsid sh -c "echo \$\$ >c; exec sleep 61" &)'; sleep 61`)
		if err != nil {
			t.Fatalf("start: %v", err)
		}
		wait(t, "everything runs", func(ctx context.Context) bool {
			res, err := tb.Execute(ctx, sandbox.ExecRequest{Command: "test -s a -a -s b -a -s c", Dir: dir})
			return err == nil && res.ExitCode == 0
		})
		followed := make(chan error, 1)
		go func() {
			followed <- tb.FollowLogs(ctx, id, cmd, func(sandbox.Stream, []byte) error { return nil })
		}()
		if err := tb.DeleteSession(ctx, id); err != nil {
			t.Fatalf("delete: %v", err)
		}
		if left := living(t, tb, dir, "a", "b", "c"); left != "" {
			t.Errorf("left: %q", left)
		}
		select {
		case err := <-followed:
			t.Logf("followed until: %v", err) // which depends on who was first
		case <-ctx.Done():
			t.Error("the log is still followed")
		}
	})
}

// living returns which of the files in dir name the process id of one that
// runs; one that ended and was not reaped yet has no command line.
func living(t *testing.T, tb sandbox.Toolbox, dir string, files ...string) string {
	t.Helper()
	return execute(t, tb, sandbox.ExecRequest{Dir: dir, Command: "for f in " + strings.Join(files, " ") +
		`; do test -n "$(tr -d '\0' 2>/dev/null </proc/$(cat $f)/cmdline)" && echo $f; done 2>/dev/null; true`}).Output
}

// run runs one command in a session and returns its standard output and exit
// code.
func run(t *testing.T, tb sandbox.Toolbox, session, command string) (string, int) {
	t.Helper()
	ctx := caseContext(t)
	id, err := tb.StartCommand(ctx, session, command)
	if err != nil {
		t.Fatalf("start %q: %v", command, err)
	}
	if err := tb.FollowLogs(ctx, session, id, func(sandbox.Stream, []byte) error { return nil }); err != nil {
		t.Fatalf("follow %q: %v", command, err)
	}
	c, err := tb.GetCommand(ctx, session, id)
	if err != nil || c.ExitCode == nil {
		t.Fatalf("%q has no exit code after its log: %+v, %v", command, c, err)
	}
	stdout, _, err := tb.Logs(ctx, session, id)
	if err != nil {
		t.Fatalf("logs of %q: %v", command, err)
	}
	return stdout, *c.ExitCode
}
