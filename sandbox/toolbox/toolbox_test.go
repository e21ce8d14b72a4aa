//go:build linux

package toolbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"surgent.dev/surgent/sandbox/toolbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// box is a server on a folder of its own.
type box struct {
	t      *testing.T
	dir    string
	server *toolbox.Server
	web    *httptest.Server
	token  string
	sdk    string // X-Daytona-SDK-Version
}

const newSDK, oldSDK = "0.218.0", "0.25.5"

func open(t *testing.T, change ...func(*toolbox.Config)) *box {
	t.Helper()
	b := &box{t: t, dir: t.TempDir(), token: "key", sdk: newSDK}
	for _, d := range []string{"home", "work"} {
		if err := os.Mkdir(filepath.Join(b.dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	b.start(change...)
	t.Cleanup(func() {
		b.web.Close()
		b.server.Shutdown(context.WithoutCancel(t.Context()))
	})
	return b
}

func (b *box) start(change ...func(*toolbox.Config)) {
	b.t.Helper()
	cfg := toolbox.Config{Token: b.token, Home: b.dir + "/home", WorkDir: b.dir + "/work", StateDir: b.dir + "/state"}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	if b.server, err = toolbox.Open(context.WithoutCancel(b.t.Context()), cfg); err != nil {
		b.t.Fatal(err)
	}
	b.web = httptest.NewServer(b.server.Handler())
}

// restart ends the server as a crash would, sessions running on, and opens
// another one.
func (b *box) restart() {
	b.t.Helper()
	b.web.CloseClientConnections()
	b.web.Close()
	b.server.Close()
	b.start()
}

func (b *box) request(method, path, kind string, body io.Reader) *http.Response {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.web.URL+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+b.token)
	if b.sdk != "" {
		req.Header.Set("X-Daytona-SDK-Version", b.sdk)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := b.web.Client().Do(req)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp
}

// do makes a request with a JSON body and returns the answer's text.
func (b *box) do(method, path string, body any, status int) string {
	b.t.Helper()
	var in io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			b.t.Fatal(err)
		}
		in = bytes.NewReader(data)
	}
	resp := b.request(method, path, "application/json", in)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if resp.StatusCode != status {
		b.t.Errorf("%s %s: status %d, want %d: %s", method, path, resp.StatusCode, status, text)
	}
	return string(text)
}

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return v
}

type (
	obj = map[string]any
	cmd = struct {
		ID       string `json:"id"`
		CmdID    string `json:"cmdId"`
		ExitCode *int   `json:"exitCode"`
		Output   string `json:"output"`
		Stdout   string `json:"stdout"`
		Stderr   string `json:"stderr"`
		Result   string `json:"result"`
	}
)

func (b *box) execute(command string) string {
	b.t.Helper()
	return decode[cmd](b.t, b.do("POST", "/process/execute", obj{"command": command}, 200)).Result
}

// async starts a command in session s, which is made when it is new.
func (b *box) async(session, command string) string {
	b.t.Helper()
	resp := b.request("POST", "/process/session", "application/json", strings.NewReader(`{"sessionId":"`+session+`"}`))
	_ = resp.Body.Close()
	text := b.do("POST", "/process/session/"+session+"/exec", obj{"command": command, "runAsync": true}, 202)
	return decode[cmd](b.t, text).CmdID
}

func (b *box) command(session, id string) cmd {
	b.t.Helper()
	return decode[cmd](b.t, b.do("GET", "/process/session/"+session+"/command/"+id, nil, 200))
}

// ended waits for a command's exit code.
func (b *box) ended(session, id string) int {
	b.t.Helper()
	var code int
	b.until("command ends", func() bool {
		c := b.command(session, id)
		if c.ExitCode != nil {
			code = *c.ExitCode
		}
		return c.ExitCode != nil
	})
	return code
}

func (b *box) until(what string, cond func() bool) {
	b.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			b.t.Fatalf("waited in vain: %s", what)
		}
	}
}

func (b *box) logs(session, id string) string {
	b.t.Helper()
	return b.do("GET", "/process/session/"+session+"/command/"+id+"/logs", nil, 200)
}

func TestErrors(t *testing.T) {
	t.Parallel()
	b := open(t)
	type body struct {
		StatusCode                          int
		Message, Code, Source, Path, Method string
		Timestamp                           time.Time
	}
	for _, c := range []struct {
		method, path string
		body         any
		status       int
		code         string
	}{
		{"GET", "/no/such/route", nil, 404, "NOT_FOUND"},
		{"PATCH", "/files", nil, 404, "NOT_FOUND"},
		{"GET", "/files/info?path=missing", nil, 404, "FILE_NOT_FOUND"},
		{"GET", "/files/info?path=a%00b", nil, 400, "INVALID_FILE_PATH"},
		{"GET", "/files/info", nil, 400, "BAD_REQUEST"},
		{"GET", "/files/info?path=x&within=/no/such/folder", nil, 404, "FILE_NOT_FOUND"},
		{"GET", "/files/info?path=x&within=relative", nil, 400, "INVALID_FILE_PATH"},
		{"GET", "/files/info?path=../x&within=" + b.dir + "/work", nil, 403, "FILE_ACCESS_DENIED"},
		{"POST", "/process/execute", "no object", 400, "INVALID_REQUEST_BODY"},
		{"POST", "/process/execute", obj{"command": strings.Repeat("x", 17<<20)}, 413, "BAD_REQUEST"},
		{"POST", "/process/execute", obj{"command": "true", "envs": obj{"1A": "x"}}, 400, "BAD_REQUEST"},
		{"POST", "/process/execute", obj{"command": "sleep 10", "timeout": 0.2}, 408, "PROCESS_EXECUTION_TIMEOUT"},
		{"POST", "/process/session/none/exec", obj{"command": "true"}, 404, "NOT_FOUND"},
		{"GET", "/git/status?path=" + b.dir + "/work", nil, 404, "GIT_REPO_NOT_FOUND"},
	} {
		got := decode[body](t, b.do(c.method, c.path, c.body, c.status))
		path, _, _ := strings.Cut(c.path, "?")
		if got.StatusCode != c.status || got.Code != c.code || got.Source != "DAYTONA_DAEMON" || got.Message == "" ||
			got.Path != path || got.Method != c.method || got.Timestamp.IsZero() {
			t.Errorf("%s %s: %+v", c.method, c.path, got)
		}
	}
	for _, token := range []string{"", "wrong", "key2", "ke"} {
		b.token = token
		if got := decode[body](t, b.do("GET", "/version", nil, 401)); got.StatusCode != 401 {
			t.Errorf("token %q: %+v", token, got)
		}
	}
}

func TestInit(t *testing.T) {
	t.Parallel()
	var kept toolbox.State
	b := open(t, func(c *toolbox.Config) {
		c.Env = map[string]string{"A": "of the snapshot", "B": "b"}
		c.OnInit = func(s toolbox.State) error { kept = s; return nil }
	})
	if got := b.execute("echo $A$B"); got != "of the snapshotb\n" {
		t.Errorf("got %q", got)
	}
	b.do("POST", "/init", obj{"token": ""}, 400)
	b.do("POST", "/init", obj{"token": "x", "env": obj{"A=": "x"}}, 400)
	b.do("POST", "/init", obj{"token": "second", "env": obj{"A": "of the fork"}}, 200)
	b.do("POST", "/init", obj{"token": "third"}, 401)
	b.token = "second"
	if got := b.execute("echo $A$B"); got != "of the fork\n" {
		t.Errorf("got %q", got)
	}
	b.do("POST", "/env", obj{"set": obj{"C": "c"}, "unset": []string{"A"}}, 200)
	if got := b.execute("echo $A$C"); got != "c\n" {
		t.Errorf("got %q", got)
	}
	if kept.Token != "second" || len(kept.Env) != 1 || kept.Env["C"] != "c" {
		t.Errorf("kept %+v", kept)
	}
}

func TestInfo(t *testing.T) {
	t.Parallel()
	b := open(t)
	for path, want := range map[string]string{
		"/work-dir": b.dir + "/work", "/project-dir": b.dir + "/work", "/user-home-dir": b.dir + "/home", "/work-dir/": b.dir + "/work",
	} {
		if got := decode[map[string]string](t, b.do("GET", path, nil, 200))["dir"]; got != want {
			t.Errorf("%s: %q", path, got)
		}
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	b := open(t)
	first := b.async("s", "echo out; echo err >&2; echo out again; (exit 4)")
	if code := b.ended("s", first); code != 4 {
		t.Errorf("exit code %d", code)
	}
	whole := b.logs("s", first)
	running := b.async("s", "echo before; read x; echo got $x; (exit 6)")
	waiting := b.async("s", "echo third; pwd")
	bare := b.async("dead", "exit 3")
	b.ended("dead", bare)
	b.until("output", func() bool { return strings.Contains(b.logs("s", running), "before") })

	b.restart()

	if got := b.logs("s", first); got != whole {
		t.Errorf("log was %q, is %q", whole, got)
	}
	if c := b.command("s", first); c.ExitCode == nil || *c.ExitCode != 4 {
		t.Errorf("got %+v", c)
	}
	if c := b.command("dead", bare); c.ExitCode == nil || *c.ExitCode != 3 {
		t.Errorf("got %+v", c)
	}
	b.do("POST", "/process/session/dead/exec", obj{"command": "true"}, 410)
	if c := b.command("s", running); c.ExitCode != nil {
		t.Errorf("got %+v", c)
	}
	b.do("POST", "/process/session", obj{"sessionId": "s"}, 409)
	b.do("POST", "/process/session/s/command/"+running+"/input", obj{"data": "hello"}, 204)
	if code := b.ended("s", running); code != 6 {
		t.Errorf("exit code %d", code)
	}
	if got := decode[cmd](t, b.logs("s", running)); got.Stdout != "before\nhello\ngot hello\n" {
		t.Errorf("got %+v", got)
	}
	if code := b.ended("s", waiting); code != 0 {
		t.Errorf("exit code %d", code)
	}
	// The shell is the same one, and so are its children.
	last := b.async("s", "sleep 60 & echo $!; wait")
	b.until("output", func() bool { return strings.Contains(b.logs("s", last), "\\n") })
	b.do("DELETE", "/process/session/s", nil, 204)
	b.do("GET", "/process/session/s", nil, 404)
	if entries, err := os.ReadDir(b.dir + "/state/sessions"); err != nil || len(entries) != 1 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

func TestShellThatEndsWithoutAServer(t *testing.T) {
	t.Parallel()
	b := open(t)
	id := b.async("s", "echo $$; exec sleep 60")
	var pid string
	b.until("output", func() bool {
		pid = strings.TrimSpace(decode[cmd](t, b.logs("s", id)).Stdout)
		return pid != ""
	})
	polite := b.async("polite", "read x; exit 3")
	b.restart()
	b.execute("kill -9 " + pid)
	if code := b.ended("s", id); code != 137 {
		t.Errorf("exit code %d", code)
	}
	b.until("input is taken", func() bool {
		resp := b.request("POST", "/process/session/polite/command/"+polite+"/input", "application/json", strings.NewReader(`{"data":""}`))
		return resp.Body.Close() == nil && resp.StatusCode == 204
	})
	if code := b.ended("polite", polite); code != 3 {
		t.Errorf("exit code %d", code)
	}
}

func TestInputAfterTheEnd(t *testing.T) {
	t.Parallel()
	b := open(t)
	id := b.async("s", "true")
	b.ended("s", id)
	path := "/process/session/s/command/"
	if text := b.do("POST", path+id+"/input", obj{"data": "x"}, 410); !strings.Contains(text, "COMMAND_ALREADY_COMPLETED") {
		t.Errorf("got %s", text)
	}
	b.do("POST", path+"none/input", obj{"data": "x"}, 404)
}

// What a command leaves in the background writes on into its own log.
func TestBackgroundOutput(t *testing.T) {
	t.Parallel()
	b := open(t)
	id := b.async("s", `(until [ -e go ]; do sleep 0.02; done; echo late; echo late too >&2) & echo early; (exit 2)`)
	if code := b.ended("s", id); code != 2 {
		t.Errorf("exit code %d", code)
	}
	next := b.async("s", "touch go; wait; echo next")
	if code := b.ended("s", next); code != 0 {
		t.Errorf("exit code %d", code)
	}
	b.until("the late output is in the log", func() bool {
		got := decode[cmd](t, b.logs("s", id))
		return got.Stdout == "early\nlate\n" && got.Stderr == "late too\n"
	})
	if got := decode[cmd](t, b.logs("s", next)); got.Stdout != "next\n" {
		t.Errorf("the next command's log: %+v", got)
	}
}

func TestLogLimit(t *testing.T) {
	t.Parallel()
	b := open(t, func(c *toolbox.Config) { c.LogLimit = 1000 })
	id := b.async("s", "for i in $(seq 500); do echo line $i; done; echo last >&2; (exit 2)")
	if code := b.ended("s", id); code != 2 {
		t.Errorf("exit code %d", code)
	}
	got := decode[cmd](t, b.logs("s", id))
	if len(got.Stdout) > 1000 || !strings.HasPrefix(got.Stdout, "line 1\nline 2\n") || got.Stderr != "last\n" {
		t.Errorf("%d bytes: %q, %q", len(got.Stdout), got.Stdout, got.Stderr)
	}
}

func TestShapesBySDK(t *testing.T) {
	t.Parallel()
	b := open(t)
	id := b.async("s", "echo out; sleep 0.1; echo err >&2")
	b.ended("s", id)
	const marked = "\x01\x01\x01out\n\x02\x02\x02err\n"
	for sdk, want := range map[string]string{"": "out\nerr\n", oldSDK: "out\nerr\n", "0.27.0": marked, "0.166.9": marked} {
		b.sdk = sdk
		if got := b.logs("s", id); got != want {
			t.Errorf("SDK %q: %q", sdk, got)
		}
	}
	for _, sdk := range []string{"0.167.0", "0.218.0", "1.0.0"} {
		b.sdk = sdk
		if got := decode[cmd](t, b.logs("s", id)); got.Output != marked || got.Stdout != "out\n" || got.Stderr != "err\n" {
			t.Errorf("SDK %q: %+v", sdk, got)
		}
	}
	sync := obj{"command": "echo out; sleep 0.1; echo err >&2; (exit 9)"}
	b.sdk = newSDK
	got := decode[cmd](t, b.do("POST", "/process/session/s/exec", sync, 200))
	if got.Stdout != "out\n" || got.Stderr != "err\n" || *got.ExitCode != 9 || got.CmdID == "" {
		t.Errorf("new: %+v", got)
	}
	b.sdk = oldSDK
	text := b.do("POST", "/process/session/s/exec", sync, 200)
	if got := decode[cmd](t, text); got.Output != "out\nerr\n" || strings.Contains(text, "stdout") {
		t.Errorf("old: %s", text)
	}
	// The old SDK's sessions begin at home.
	b.do("POST", "/process/session", obj{"sessionId": "old"}, 201)
	text = b.do("POST", "/process/session/old/exec", obj{"command": "pwd"}, 200)
	if got := decode[cmd](t, text); got.Output != b.dir+"/home\n" {
		t.Errorf("old: %s", text)
	}
}

func TestCodeRun(t *testing.T) {
	t.Parallel()
	b := open(t)
	got := decode[cmd](t, b.do("POST", "/process/code-run", obj{
		"code": "console.log(process.env.A, process.argv.at(-1))", "language": "javascript", "envs": obj{"A": "a"}, "argv": []string{"arg"},
	}, 200))
	if got.Result != "a arg\n" || *got.ExitCode != 0 {
		t.Errorf("got %+v", got)
	}
	b.do("POST", "/process/code-run", obj{"code": "x", "language": "cobol"}, 400)
}
