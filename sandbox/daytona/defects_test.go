package daytona_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"surgent.dev/surgent/sandbox"
	"surgent.dev/surgent/sandbox/daytona"
)

// The shapes here are those that Daytona's servers were seen to answer with,
// by their issue tracker (daytonaio/daytona, numbers in the comments) and the
// servers' own source up to v0.190.

const (
	getBox    = "GET /api/sandbox/sb"
	notFound  = `{"path":"/x","timestamp":"2026-08-01T10:00:00Z","statusCode":404,"error":"Not Found","message":"Sandbox with ID or name sb not found"}`
	changing  = `{"statusCode":400,"error":"Bad Request","message":"Sandbox state change in progress"}`
	changing2 = `{"statusCode":409,"error":"Conflict","message":"Sandbox state change in progress"}`
	execute   = "POST /toolbox/sb/process/execute"
	probe     = "GET /toolbox/sb/project-dir" // before the first request that changes something
)

func TestToolboxRefusesAValidKeyForAMoment(t *testing.T) { // #5136
	t.Parallel()
	c := serve(t,
		exchange{want: getBox, status: 200, body: box("started")},
		exchange{want: probe, status: 200, body: `{"dir":"/workspace"}`},
		exchange{want: execute, status: 401, body: `{"statusCode":401,"message":"Bearer token is invalid"}`},
		exchange{want: execute, status: 401, body: `{"statusCode":401,"message":"Bearer token is invalid"}`},
		exchange{want: execute, status: 200, body: `{"exitCode":5,"result":"out"}`, check: contains(`"command":"x"`, `"timeout":2`, `"cwd":"/d"`)},
	)
	res, err := c.Toolbox("sb").Execute(t.Context(), sandbox.ExecRequest{Command: "x", Dir: "/d", Timeout: 1_500_000_000})
	if err != nil || res.ExitCode != 5 || res.Output != "out" {
		t.Errorf("got %+v, %v", res, err)
	}
}

func TestToolboxKeyThatStaysWrong(t *testing.T) {
	t.Parallel()
	denied := exchange{want: execute, status: 401, body: `{"statusCode":401,"message":"Bearer token is invalid"}`}
	c := serve(t, exchange{want: getBox, status: 200, body: box("started")}, exchange{want: probe, status: 200, body: `{}`}, denied, denied, denied, denied)
	_, err := c.Toolbox("sb").Execute(t.Context(), sandbox.ExecRequest{Command: "x"})
	var api *daytona.Error
	if !errors.As(err, &api) || api.Status != 401 {
		t.Errorf("got %v", err)
	}
}

func TestToolboxOfASandboxThatIsNotStarted(t *testing.T) { // #4142
	t.Parallel()
	for name, answer := range map[string]exchange{
		"502 without a body": {status: 502},
		"400 no address":     {status: 400, body: `{"statusCode":400,"message":"no IP address found. Is the Sandbox started?"}`},
		"404 from the proxy": {status: 404, body: `{"statusCode":404,"message":"sandbox container not found"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer.want = execute
			c := serve(t, exchange{want: getBox, status: 200, body: box("started")}, exchange{want: probe, status: 200, body: `{}`}, answer,
				exchange{want: getBox, status: 200, body: box("stopping")})
			_, err := c.Toolbox("sb").Execute(t.Context(), sandbox.ExecRequest{Command: "x"})
			if !errors.Is(err, sandbox.ErrNotRunning) || errors.Is(err, sandbox.ErrNotFound) || errors.Is(err, sandbox.ErrInvalid) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestToolboxOfASandboxThatStarts(t *testing.T) { // #3425, #4142
	t.Parallel()
	c := serve(t,
		exchange{want: getBox, status: 200, body: box("starting")},
		exchange{want: probe, status: 400, body: `{"statusCode":400,"message":"no IP address found"}`},
		exchange{want: getBox, status: 200, body: box("starting")},
		exchange{want: getBox, status: 200, body: box("started")},
		exchange{want: probe, status: 502}, // started, but the daemon is not up
		exchange{want: getBox, status: 200, body: box("started")},
		exchange{want: probe, status: 200, body: `{"dir":"/workspace"}`},
		// It was refused in front of the sandbox, so it may be sent again.
		exchange{want: execute, status: 400, body: `{"statusCode":400,"message":"no IP address found"}`},
		exchange{want: getBox, status: 200, body: box("started")},
		exchange{want: execute, status: 200, body: `{"code":3,"result":""}`}, // the exit code's name of 2025
	)
	res, err := c.Toolbox("sb").Execute(t.Context(), sandbox.ExecRequest{Command: "x"})
	if err != nil || res.ExitCode != 3 {
		t.Errorf("got %+v, %v", res, err)
	}
}

func TestAMissingFileIsNoStoppedSandbox(t *testing.T) {
	t.Parallel()
	const info = "GET /toolbox/sb/files/info?path=x"
	c := serve(t,
		exchange{want: getBox, status: 200, body: box("started")},
		// Today's daemon says that it is the one who speaks: no second look.
		exchange{want: info, status: 404, body: `{"statusCode":404,"message":"file not found","code":"FILE_NOT_FOUND","source":"DAYTONA_DAEMON"}`},
		// Last year's does not.
		exchange{want: info, status: 404, body: `{"statusCode":404,"message":"file not found"}`},
		exchange{want: getBox, status: 200, body: box("started")},
	)
	for range 2 {
		if _, err := c.Toolbox("sb").FileInfo(t.Context(), "x"); !errors.Is(err, sandbox.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	}
}

func TestToolboxBehindTheOldProxy(t *testing.T) {
	t.Parallel()
	old := strings.Replace(box("started"), `,"toolboxProxyUrl":"URL/toolbox"`, "", 1)
	c := serve(t,
		exchange{want: getBox, status: 200, body: old},
		exchange{want: "GET /api/toolbox/sb/toolbox/work-dir", status: 404, body: `{"statusCode":404,"message":"no route"}`},
		exchange{want: getBox, status: 200, body: old},
		exchange{want: getBox, status: 200, body: old},
		exchange{want: "GET /api/toolbox/sb/toolbox/project-dir", status: 200, body: `{"dir":"/home/daytona"}`},
	)
	dir, err := c.Toolbox("sb").WorkDir(t.Context())
	if err != nil || dir != "/home/daytona" {
		t.Errorf("got %q, %v", dir, err)
	}
}

func TestCreateWaitsThroughAStaleAnswer(t *testing.T) {
	t.Parallel()
	off := 0
	c := serve(t,
		exchange{
			want: "POST /api/sandbox", status: 200, body: box("creating"),
			check: contains(`"snapshot":"default-env:1.0.0"`, `"env":{}`, `"target":"eu"`, `"autoStopInterval":0`),
		},
		exchange{want: getBox, status: 404, body: notFound}, // reads lag
		exchange{want: getBox, status: 200, body: box("pulling_snapshot")},
		exchange{want: getBox, status: 200, body: box("some_state_of_next_year")},
		exchange{want: getBox, status: 200, body: box("started")},
	)
	info, err := c.Create(t.Context(), sandbox.CreateRequest{Snapshot: "default-env:1.0.0", AutoStopInterval: &off})
	if err != nil || info.State != sandbox.Started || info.Memory != 8 || info.CreatedAt.IsZero() {
		t.Errorf("got %+v, %v", info, err)
	}
}

func TestCreateThatFails(t *testing.T) {
	t.Parallel()
	c := serve(t,
		exchange{want: "POST /api/sandbox", status: 200, body: box("creating")},
		exchange{want: getBox, status: 200, body: box("build_failed")},
	)
	_, err := c.Create(t.Context(), sandbox.CreateRequest{})
	if err == nil || !strings.Contains(err.Error(), "out of luck") {
		t.Errorf("got %v", err)
	}
}

func TestCreateAnswersThatAreNoAnswer(t *testing.T) { // #2855
	t.Parallel()
	c := serve(t,
		exchange{want: "POST /api/sandbox", status: 400, body: `{"statusCode":400,"error":"Bad Request","message":"No available runners"}`},
		exchange{want: "POST /api/sandbox", status: 429, body: `{"statusCode":429,"message":"ThrottlerException: Too Many Requests"}`},
		exchange{want: "POST /api/sandbox", drop: true}, // it arrived; its answer did not
		exchange{want: "GET /api/sandbox/n", status: 200, body: box("started")},
	)
	info, err := c.Create(t.Context(), sandbox.CreateRequest{Name: "n"})
	if err != nil || info.ID != "sb" {
		t.Errorf("got %+v, %v", info, err)
	}
}

func TestQuotaIsNotRetried(t *testing.T) {
	t.Parallel()
	c := serve(t, exchange{want: "POST /api/sandbox", status: 400, body: `{"statusCode":400,"message":["Total CPU limit exceeded. Maximum allowed: 10"]}`})
	_, err := c.Create(t.Context(), sandbox.CreateRequest{})
	var api *daytona.Error
	if !errors.As(err, &api) || !api.Quota() || !errors.Is(err, sandbox.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

func TestBusyServer(t *testing.T) {
	t.Parallel()
	busy := func(after string) exchange {
		return exchange{want: getBox, handle: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", after)
			w.WriteHeader(http.StatusTooManyRequests)
		}}
	}
	c := serve(t, busy("1"), exchange{want: getBox, status: 503}, exchange{want: getBox, status: 200, body: box("started")}, busy("3600"))
	begun := time.Now()
	if _, err := c.Get(t.Context(), "sb"); err != nil {
		t.Error(err)
	}
	if d := time.Since(begun); d < time.Second {
		t.Errorf("asked again after %s", d)
	}
	if _, err := c.Get(t.Context(), "sb"); err == nil {
		t.Error("an hour's wait is no error")
	}
}

func TestStartDuringAnotherChange(t *testing.T) { // #4307: it was a 400, and is a 409
	t.Parallel()
	const start = "POST /api/sandbox/sb/start"
	c := serve(t,
		exchange{want: getBox, status: 200, body: box("stopping")},
		exchange{want: start, status: 400, body: changing},
		exchange{want: getBox, status: 200, body: box("stopping")},
		exchange{want: start, status: 409, body: changing2},
		exchange{want: getBox, status: 200, body: box("stopped")},
		exchange{want: start, status: 200, body: box("stopped")}, // stale
		exchange{want: getBox, status: 200, body: box("starting")},
		exchange{want: getBox, status: 200, body: box("started")},
	)
	info, err := c.Start(t.Context(), "sb")
	if err != nil || info.State != sandbox.Started {
		t.Errorf("got %+v, %v", info, err)
	}
}

func TestStartFromTheArchive(t *testing.T) { // #2204, #4810
	t.Parallel()
	c := serve(t,
		exchange{want: getBox, status: 200, body: box("archived")},
		exchange{want: "POST /api/sandbox/sb/start", status: 200, body: box("archived")},
		exchange{want: getBox, status: 200, body: box("archived")},
		exchange{want: getBox, status: 200, body: box("restoring")},
		exchange{want: getBox, status: 200, body: box("started")},
	)
	if _, err := c.Start(t.Context(), "sb"); err != nil {
		t.Error(err)
	}
}

func TestStartFromError(t *testing.T) { // #2490, #5149
	t.Parallel()
	broken := strings.Replace(box("error"), `"public":`, `"recoverable":true,"public":`, 1)
	c := serve(t,
		exchange{want: getBox, status: 200, body: broken},
		exchange{want: "POST /api/sandbox/sb/recover", status: 200, body: box("started")},
		exchange{want: getBox, status: 200, body: box("started")},
		exchange{want: getBox, status: 200, body: box("error")},
	)
	if _, err := c.Start(t.Context(), "sb"); err != nil {
		t.Errorf("recoverable: %v", err)
	}
	if _, err := c.Start(t.Context(), "sb"); err == nil || !strings.Contains(err.Error(), "out of luck") {
		t.Errorf("not recoverable: %v", err)
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	const stop = "POST /api/sandbox/sb/stop?force=false"
	c := serve(t,
		exchange{want: getBox, status: 200, body: box("started")},
		exchange{want: stop, status: 409, body: changing2},
		exchange{want: getBox, status: 200, body: box("started")},
		exchange{want: stop, status: 200, body: box("started")}, // stale
		exchange{want: getBox, status: 200, body: box("stopping")},
		exchange{want: getBox, status: 200, body: box("stopped")},
		// One that deletes itself at its stop.
		exchange{want: getBox, status: 200, body: box("started")},
		exchange{want: stop, status: 200, body: box("stopping")},
		exchange{want: getBox, status: 200, body: box("destroyed")},
	)
	for range 2 {
		if err := c.Stop(t.Context(), "sb"); err != nil {
			t.Error(err)
		}
	}
}

func TestDelete(t *testing.T) { // #3294, and a delete that races another
	t.Parallel()
	const del = "DELETE /api/sandbox/sb?force=true"
	c := serve(t,
		exchange{want: del, status: 409, body: changing2},
		exchange{want: getBox, status: 200, body: box("destroying")},
		exchange{want: del, status: 404, body: notFound},
		exchange{want: del, drop: true},
		exchange{want: del, status: 404, body: notFound},
		exchange{want: del, status: 403, body: `{"statusCode":403,"message":"Forbidden resource"}`},
	)
	for range 3 {
		if err := c.Delete(t.Context(), "sb"); err != nil {
			t.Error(err)
		}
	}
	if err := c.Delete(t.Context(), "sb"); err == nil {
		t.Error("a refused delete is no error")
	}
}

func TestListShapes(t *testing.T) { // #5138: lists lag behind
	t.Parallel()
	const list = "GET /api/sandbox?labels=%7B%22a%22%3A%22b%22%7D"
	labelled := func(id, state string) string {
		s := strings.Replace(box(state), `"id":"sb"`, `"id":"`+id+`"`, 1)
		return strings.Replace(s, `"labels":{`, `"labels":{"a":"b",`, 1)
	}
	c := serve(t,
		exchange{want: list, status: 200, body: "[" + labelled("1", "started") + "," + labelled("2", "destroyed") + "," + box("started") + "]"},
		exchange{want: list, status: 200, body: `{"items":[` + labelled("1", "started") + `],"nextCursor":"c 1"}`},
		exchange{want: "GET /api/sandbox?cursor=c+1&labels=%7B%22a%22%3A%22b%22%7D", status: 200, body: `{"items":[` + labelled("3", "stopped") + `],"nextCursor":null}`},
	)
	for _, want := range [][]string{{"1"}, {"1", "3"}} {
		infos, err := c.List(t.Context(), map[string]string{"a": "b"})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, i := range infos {
			ids = append(ids, i.ID)
		}
		if diff := cmp.Diff(want, ids); diff != "" {
			t.Error(diff)
		}
	}
}

func TestLostAnswerOfCreateSession(t *testing.T) {
	t.Parallel()
	const create = "POST /toolbox/sb/process/session"
	exists := `{"statusCode":409,"message":"session already exists"}`
	c := serve(t,
		exchange{want: getBox, status: 200, body: box("started")},
		exchange{want: probe, status: 200, body: `{"dir":"/workspace"}`},
		exchange{want: create, drop: true, check: contains(`"sessionId":"s"`)},
		exchange{want: create, status: 409, body: exists},
		exchange{want: getBox, status: 200, body: box("started")},
		// Without a lost answer it is somebody else's.
		exchange{want: probe, status: 200, body: `{"dir":"/workspace"}`},
		exchange{want: create, status: 409, body: exists},
		exchange{want: getBox, status: 200, body: box("started")},
	)
	tb := c.Toolbox("sb")
	if err := tb.CreateSession(t.Context(), "s"); err != nil {
		t.Error(err)
	}
	if err := tb.CreateSession(t.Context(), "s"); !errors.Is(err, sandbox.ErrConflict) {
		t.Errorf("got %v", err)
	}
}

func TestCommandsAreNotSentTwice(t *testing.T) {
	t.Parallel()
	c := serve(t,
		exchange{want: getBox, status: 200, body: box("started")},
		exchange{want: probe, status: 200, body: `{"dir":"/workspace"}`},
		exchange{want: "POST /toolbox/sb/process/session/s/exec", drop: true},
		exchange{want: execute, drop: true},
		exchange{want: execute, status: 502}, // perhaps from after it arrived
		exchange{want: getBox, status: 200, body: box("started")},
	)
	tb := c.Toolbox("sb")
	if _, err := tb.StartCommand(t.Context(), "s", "rm x"); err == nil {
		t.Error("a lost answer is no error")
	}
	for range 2 {
		if _, err := tb.Execute(t.Context(), sandbox.ExecRequest{Command: "rm x"}); err == nil {
			t.Error("a lost answer is no error")
		}
	}
}

func TestUploadIsRepeatedFromItsStart(t *testing.T) {
	t.Parallel()
	const upload = "POST /toolbox/sb/files/bulk-upload"
	whole := contains(`name="files[0].path"`, "/w/a", `name="files[0].file"`, "content of a", "/w/b", "content of b")
	c := serve(t,
		exchange{want: getBox, status: 200, body: box("started")},
		exchange{want: upload, status: 401, body: `{"statusCode":401,"message":"Bearer token is invalid"}`, check: whole},
		exchange{want: upload, status: 200, body: `{"files":[]}`, check: whole},
		exchange{want: upload, status: 400, body: `{"errors":["files[0]: no space left"],"files":[]}`},
		exchange{want: getBox, status: 200, body: box("started")},
	)
	files := func() []sandbox.Upload {
		return []sandbox.Upload{
			{Path: "/w/a", Content: strings.NewReader("content of a")},
			{Path: "/w/b", Content: strings.NewReader("content of b")},
		}
	}
	if err := c.Toolbox("sb").UploadFiles(t.Context(), files()); err != nil {
		t.Error(err)
	}
	err := c.Toolbox("sb").UploadFiles(t.Context(), files())
	if err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("got %v", err)
	}
}

// frames answers a follow with the frames given, then ends it as said.
func frames(t *testing.T, kind websocket.MessageType, abrupt bool, pieces ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		for _, p := range pieces {
			if err := conn.Write(r.Context(), kind, []byte(p)); err != nil {
				t.Error(err)
			}
		}
		if abrupt {
			_ = conn.CloseNow()
			return
		}
		_ = conn.Close(websocket.StatusNormalClosure, "")
	}
}

const (
	command = "GET /toolbox/sb/process/session/s/command/c"
	logs    = command + "/logs"
	follow  = logs + "?follow=true"
	out     = "\x01\x01\x01"
	errs    = "\x02\x02\x02"
)

func followed(t *testing.T, c *daytona.Client) (stdout, stderr string) {
	t.Helper()
	err := c.Toolbox("sb").FollowLogs(t.Context(), "s", "c", func(s sandbox.Stream, p []byte) error {
		if s == sandbox.Stderr {
			stderr += string(p)
		} else {
			stdout += string(p)
		}
		return nil
	})
	if err != nil {
		t.Errorf("follow: %v", err)
	}
	return stdout, stderr
}

func TestFollowThatClosesEarly(t *testing.T) { // seen with daemon 0.204: early closes, replays of uneven length
	t.Parallel()
	running := exchange{want: command, status: 200, body: `{"id":"c","command":"x"}`}
	c := serve(t,
		exchange{want: getBox, status: 200, body: box("started")},
		exchange{want: follow, handle: frames(t, websocket.MessageBinary, false, out+"one\n"+errs+"warn", "ing\n"+out+"tw")},
		running,
		exchange{want: follow, handle: frames(t, websocket.MessageBinary, true, out+"on", "e\n")},
		running,
		exchange{want: follow, handle: frames(t, websocket.MessageBinary, false, out+"one\ntwo\nthr\x01", "ee\n"+errs+"warning\n")},
		exchange{want: command, status: 200, body: `{"id":"c","command":"x","exitCode":0}`},
		exchange{want: logs, status: 200, body: `{"output":"","stdout":"one\ntwo\nthr\u0001ee\nfour\n","stderr":"warning\nlate\n"}`},
	)
	stdout, stderr := followed(t, c)
	if stdout != "one\ntwo\nthr\x01ee\nfour\n" || stderr != "warning\nlate\n" {
		t.Errorf("got %q and %q", stdout, stderr)
	}
}

func TestFollowWithoutMarkers(t *testing.T) { // #2606, #4558: text frames, no markers, old text logs
	t.Parallel()
	c := serve(t,
		exchange{want: getBox, status: 200, body: box("started")},
		exchange{want: follow, handle: frames(t, websocket.MessageText, false, "plain\n")},
		exchange{want: command, status: 200, body: `{"id":"c","command":"x","exitCode":0}`},
		exchange{want: logs, status: 200, body: "plain\nend\n"},
	)
	if stdout, stderr := followed(t, c); stdout != "plain\nend\n" || stderr != "" {
		t.Errorf("got %q and %q", stdout, stderr)
	}
}

func TestFollowWhereNoSocketGetsThrough(t *testing.T) {
	t.Parallel()
	refused := exchange{want: follow, status: 426, body: `{"message":"upgrade required"}`}
	running := exchange{want: command, status: 200, body: `{"id":"c","command":"x","exitCode":null}`}
	c := serve(t,
		exchange{want: getBox, status: 200, body: box("started")},
		refused, running,
		refused, running,
		// The log ends in the middle of a character, which JSON cannot say.
		exchange{want: logs, status: 200, body: `{"output":"x","stdout":"gr\ufffd","stderr":""}`},
		refused, running,
		exchange{want: logs, status: 200, body: out + "grün\n" + errs + "warning\n"},
		refused,
		exchange{want: command, status: 200, body: `{"id":"c","command":"x","exitCode":1}`},
		exchange{want: logs, status: 200, body: `{"output":"` + `\u0001\u0001\u0001grün\n\u0002\u0002\u0002warning\n","stdout":"","stderr":""}`},
	)
	if stdout, stderr := followed(t, c); stdout != "grün\n" || stderr != "warning\n" {
		t.Errorf("got %q and %q", stdout, stderr)
	}
}

func TestFollowInvalidUTF8(t *testing.T) {
	t.Parallel()
	c := serve(t,
		exchange{want: getBox, status: 200, body: box("started")},
		exchange{want: follow, handle: frames(t, websocket.MessageBinary, true, out+"a\xff\xc3")},
		exchange{want: command, status: 200, body: `{"id":"c","command":"x","exitCode":0}`},
		exchange{want: logs, status: 200, body: `{"output":"x","stdout":"a\ufffd\ufffdb","stderr":""}`},
	)
	if stdout, _ := followed(t, c); stdout != "a\xff\xc3b" {
		t.Errorf("got %q", stdout)
	}
}

func TestPreviewOnAHostThatDoesNotResolve(t *testing.T) {
	t.Parallel()
	c := serve(t,
		exchange{want: "GET /api/sandbox/sb/ports/3000/preview-url", status: 200, body: `{"sandboxId":"sb","url":"http://3000-sb.preview.localhost:PORT","token":"t"}`},
		exchange{want: "GET /api/sandbox/sb/ports/3001/preview-url", status: 200, body: `{"sandboxId":"sb","url":"https://3001-sb.proxy.example.com","token":"t"}`},
	)
	target, err := c.Preview(t.Context(), "sb", 3000)
	if err != nil || target.Token != "t" || target.Dial == nil {
		t.Fatalf("got %+v, %v", target, err)
	}
	conn, err := target.Dial(t.Context(), "tcp", strings.TrimPrefix(target.URL, "http://"))
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	target, err = c.Preview(t.Context(), "sb", 3001)
	if err != nil || target.Dial != nil {
		t.Errorf("a public host is dialled specially: %+v, %v", target, err)
	}
}

func TestWaitingEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := serve(t,
		exchange{want: "POST /api/sandbox", status: 200, body: box("creating")},
		exchange{want: getBox, handle: func(w http.ResponseWriter, _ *http.Request) {
			cancel()
			w.WriteHeader(http.StatusOK)
		}},
	)
	if _, err := c.Create(ctx, sandbox.CreateRequest{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, cfg := range []daytona.Config{{}, {APIKey: "k", ServerURL: "not an address"}, {APIKey: "k", ToolboxURL: "ftp://x"}} {
		if _, err := daytona.New(cfg); err == nil {
			t.Errorf("accepted %+v", cfg)
		}
	}
	if _, err := daytona.New(daytona.Config{APIKey: "k"}); err != nil {
		t.Error(err)
	}
}

func TestSnapshots(t *testing.T) {
	t.Parallel()
	const (
		get  = "GET /api/snapshots/default-env:1.0.0"
		snap = `{"id":"s1","general":false,"name":"default-env:1.0.0","state":"building","size":null,"entrypoint":null,
			"cpu":4,"gpu":0,"mem":8,"disk":10,"errorReason":null,"createdAt":"2026-08-01T10:00:00Z","lastUsedAt":null}`
	)
	c := serve(t,
		exchange{
			want: "POST /api/snapshots", status: 200, body: snap,
			check: contains(`"name":"default-env:1.0.0"`, `"buildInfo":{"dockerfileContent":"FROM debian:12.11\n"}`),
		},
		exchange{want: get, status: 200, body: strings.Replace(snap, "building", "active", 1)},
		exchange{want: "POST /api/snapshots", status: 409, body: `{"statusCode":409,"message":"Snapshot with name \"default-env:1.0.0\" already exists"}`},
		// Servers delete by id only.
		exchange{want: get, status: 200, body: snap},
		exchange{want: "DELETE /api/snapshots/s1", status: 200},
		exchange{want: get, status: 404, body: notFound},
	)
	s, err := c.CreateSnapshot(t.Context(), "default-env:1.0.0", "FROM debian:12.11\n")
	if err != nil || s.State != sandbox.SnapshotBuilding {
		t.Errorf("create: %+v, %v", s, err)
	}
	if s, err = c.GetSnapshot(t.Context(), "default-env:1.0.0"); err != nil || s.State != sandbox.SnapshotActive {
		t.Errorf("get: %+v, %v", s, err)
	}
	if _, err := c.CreateSnapshot(t.Context(), "default-env:1.0.0", "FROM x:1\n"); !errors.Is(err, sandbox.ErrConflict) {
		t.Errorf("create again: %v", err)
	}
	for range 2 {
		if err := c.DeleteSnapshot(t.Context(), "default-env:1.0.0"); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
}

// TestAnswersOfAnImpostor: whatever answers in a toolbox's place, on a server
// that lets a sandbox's code do that, must not lead the client, which holds the key of all
// sandboxes, anywhere, nor fill its memory.
func TestAnswersOfAnImpostor(t *testing.T) {
	t.Parallel()
	lead := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/toolbox/other/files/download?path=/secret", status)
		}
	}
	endless := func(w http.ResponseWriter, _ *http.Request) {
		blanks := []byte("[" + strings.Repeat(" ", 1<<20))
		for n := 0; n < 1<<10; n++ {
			if _, err := w.Write(blanks); err != nil {
				return
			}
			blanks[0] = ' '
		}
		t.Error("the client read a gigabyte")
	}
	const download = "GET /toolbox/sb/files/download?path=x"
	c := serve(t,
		exchange{want: getBox, status: 200, body: box("started")},
		exchange{want: download, handle: lead(http.StatusFound)},
		exchange{want: probe, status: 200, body: `{}`},
		exchange{want: execute, handle: lead(http.StatusTemporaryRedirect)},
		exchange{want: execute, handle: endless},
	)
	tb := c.Toolbox("sb")
	if body, err := tb.Download(t.Context(), "x"); err == nil {
		_ = body.Close()
		t.Error("download was led elsewhere")
	}
	for range 2 {
		if res, err := tb.Execute(t.Context(), sandbox.ExecRequest{Command: "x"}); err == nil {
			t.Errorf("got %+v", res)
		}
	}
}
