// Package sandboxtest is the conformance suite of the sandbox port: what
// package sandbox promises, as tests that a server of the Daytona API passes
// through its client. Where a case stands in the wording of the API's own
// behaviour it is named after what a caller sees, not after a route.
//
// The suite makes sandboxes of its own and removes them. It reads and writes
// only folders and sessions that it made.
package sandboxtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"surgent.dev/surgent/sandbox"
)

// Run tests a server through client: its control plane, then the toolbox of a
// sandbox made from the server's default snapshot.
func Run(t *testing.T, open func(t *testing.T) sandbox.Client) {
	t.Helper()
	client := open(t)
	t.Run("control", func(t *testing.T) { runControl(t, client) })
	t.Run("toolbox", func(t *testing.T) {
		info := create(t, client, sandbox.CreateRequest{})
		RunToolbox(t, client.Toolbox(info.ID))
	})
}

// RunToolbox tests the tools of one sandbox. The cases run at the same time.
func RunToolbox(t *testing.T, tb sandbox.Toolbox) {
	t.Helper()
	t.Run("files", func(t *testing.T) { runFiles(t, tb) })
	t.Run("within", func(t *testing.T) { runWithin(t, tb) })
	t.Run("execute", func(t *testing.T) { runExecute(t, tb) })
	t.Run("sessions", func(t *testing.T) { runSessions(t, tb) })
	t.Run("logs", func(t *testing.T) { runLogs(t, tb) })
	t.Run("git", func(t *testing.T) { runGit(t, tb) })
}

// limit bounds one case: a hang is a failure with a name.
const limit = 2 * time.Minute

func caseContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// create makes a sandbox that is deleted when the test ends.
func create(t *testing.T, client sandbox.Client, req sandbox.CreateRequest) *sandbox.Info {
	t.Helper()
	info, err := client.Create(caseContext(t), req)
	if err != nil {
		t.Fatalf("create sandbox: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		if err := client.Delete(ctx, info.ID); err != nil {
			t.Errorf("delete sandbox: %v", err)
		}
	})
	return info
}

// folder makes a new folder for one case and returns its path.
func folder(t *testing.T, tb sandbox.Toolbox) string {
	t.Helper()
	ctx := caseContext(t)
	work, err := tb.WorkDir(ctx)
	if err != nil {
		t.Fatalf("work dir: %v", err)
	}
	dir := work + "/case-" + slug(t.Name())
	if err := tb.CreateFolder(ctx, dir, "0755"); err != nil {
		t.Fatalf("create folder: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		if err := tb.DeleteFile(ctx, dir, true); err != nil {
			t.Errorf("delete folder: %v", err)
		}
	})
	return dir
}

// session makes a session for one case and returns its id.
func session(t *testing.T, tb sandbox.Toolbox) string {
	t.Helper()
	id := "case-" + slug(t.Name())
	if err := tb.CreateSession(caseContext(t), id); err != nil {
		t.Fatalf("create session: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		if err := tb.DeleteSession(ctx, id); err != nil && !errors.Is(err, sandbox.ErrNotFound) {
			t.Errorf("delete session: %v", err)
		}
	})
	return id
}

func slug(name string) string {
	name = name[strings.LastIndexByte(name, '/')+1:]
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
}

func upload(t *testing.T, f sandbox.Files, path, content string) {
	t.Helper()
	err := f.UploadFiles(caseContext(t), []sandbox.Upload{{Path: path, Content: strings.NewReader(content)}})
	if err != nil {
		t.Fatalf("upload %s: %v", path, err)
	}
}

func download(t *testing.T, f sandbox.Files, path string) []byte {
	t.Helper()
	r, err := f.Download(caseContext(t), path)
	if err != nil {
		t.Fatalf("download %s: %v", path, err)
	}
	data, err := io.ReadAll(r)
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		t.Fatalf("download %s: %v", path, err)
	}
	return data
}

func execute(t *testing.T, tb sandbox.Toolbox, req sandbox.ExecRequest) *sandbox.ExecResult {
	t.Helper()
	res, err := tb.Execute(caseContext(t), req)
	if err != nil {
		t.Fatalf("execute %q: %v", req.Command, err)
	}
	return res
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want %v", what, err, want)
	}
}

// wait asks until cond holds; the case's own limit ends it.
func wait(t *testing.T, what string, cond func(ctx context.Context) bool) {
	t.Helper()
	ctx := caseContext(t)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !cond(ctx) {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}

// everyByte is content that no text handling survives.
func everyByte(n int) []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return bytes.Repeat(b, n/256+1)[:n]
}
