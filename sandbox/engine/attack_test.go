//go:build linux

package engine_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
)

// The user's code is hostile to its own toolbox here: what it wins by that, the
// server would take for the sandbox's word.

// attack runs a program of the user's. What it prints is what it reached.
func attack(t *testing.T, c *client, id, name, program string) {
	t.Helper()
	code, out := c.exec(id, "cat >/tmp/attack.py <<'END'\n"+prelude+program+"\nEND\npython3 /tmp/attack.py")
	if code != 0 || !strings.HasSuffix(out, "tried\n") {
		t.Errorf("%s: the attack itself failed: %d %s", name, code, out)
	}
	if won := strings.TrimSuffix(out, "tried\n"); won != "" {
		t.Errorf("%s: reached: %s", name, won)
	}
}

const prelude = `
import atexit, ctypes, os, signal, socket, time
libc = ctypes.CDLL(None, use_errno=True)
atexit.register(lambda: print("tried"))
def pids():
    return [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]
def name(pid):
    try: return open("/proc/%d/cmdline" % pid).read()
    except OSError: return ""
def toolbox():
    found = [p for p in pids() if "surgent-toolbox" in name(p)]
    assert len(found) == 2, found
    return found
def tasks(pid): return [int(t) for t in os.listdir("/proc/%d/task" % pid)]
def won(*what): print(*what)
`

func TestUserCannotTouchItsToolbox(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	box := c.create(nil)
	const processes = "pgrep -x surgent-toolbox | tr '\\n' ' '; ps -o uid= -p $(pgrep -d, -x surgent-toolbox) | tr -d ' \\n'"
	before := c.must(box.ID, processes)
	if !strings.HasSuffix(before, "00") {
		t.Errorf("the toolbox is the user: %s", before)
	}
	for name, program := range map[string]string{
		"signals": `
for p in toolbox():
    for target in tasks(p) + [p]:
        for sig in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM):
            try: os.kill(target, sig); won("kill", target, sig)
            except PermissionError: pass
`,
		"tracing": `
ATTACH, SEIZE = 16, 0x4206
for p in toolbox():
    for target in tasks(p):
        for request in (ATTACH, SEIZE):
            if libc.ptrace(request, target, 0, 0) == 0: won("ptrace", target)
    buf = ctypes.create_string_buffer(64)
    class iovec(ctypes.Structure): _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
    local = iovec(ctypes.addressof(buf), 64)
    for base in (0x400000, 0xc000000000):
        remote = iovec(base, 64)
        for call in (libc.process_vm_readv, libc.process_vm_writev):
            if call(p, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0) > 0: won("memory of", p)
    fd = os.pidfd_open(p)
    for n in range(12):
        if libc.syscall(438, fd, n, 0) >= 0: won("descriptor", n, "of", p)
`,
		"what /proc tells": `
for p in toolbox():
    for target in ["/proc/%d" % p] + ["/proc/%d/task/%d" % (p, t) for t in tasks(p)]:
        for f in ("environ", "mem", "maps", "auxv"):
            try:
                if open(target + "/" + f, "rb").read(1): won(target, f)
            except OSError: pass
        for d in ("fd", "cwd", "root"):
            try: won(target, d, os.listdir(target + "/" + d))
            except OSError: pass
`,
		"its port": `
for family in (socket.AF_INET, socket.AF_INET6):
    hosts = {socket.AF_INET: ["", "127.0.0.1", "127.0.0.2", socket.gethostbyname(socket.gethostname())], socket.AF_INET6: ["::", "::1"]}[family]
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try: probe.connect(("192.0.2.1", 9)); own = probe.getsockname()[0]
    except OSError: own = None
    if family == socket.AF_INET and own: hosts.append(own)
    for host in hosts:
        for options in ((), (socket.SO_REUSEADDR,), (socket.SO_REUSEPORT,), (socket.SO_REUSEADDR, socket.SO_REUSEPORT)):
            s = socket.socket(family, socket.SOCK_STREAM)
            for o in options: s.setsockopt(socket.SOL_SOCKET, o, 1)
            try: s.bind((host, 2280)); s.listen(); won("listens on", host, options)
            except OSError: pass
            s.close()
`,
		"its files": `
for top, dirs, files in os.walk("/var/lib/surgent-toolbox"):
    for f in files:
        p = os.path.join(top, f)
        for mode in "r", "a":
            try: open(p, mode); won(p, mode)
            except OSError: pass
for p in ("/var/lib/surgent-toolbox", "/var/lib/surgent-toolbox/sessions", "/var/lib/surgent-toolbox/run"):
    try: won(p, os.listdir(p))
    except PermissionError: pass
    for f in (lambda: os.rename(p, p + "x"), lambda: os.mkdir(p + "/x"), lambda: os.symlink("/", p + "/y"), lambda: os.chmod(p, 0o777)):
        try: f(); won("changed", p)
        except OSError: pass
for p in ("/usr/local/bin/surgent-toolbox", "/etc/passwd", "/etc/gitconfig"):
    try: open(p, "a"); won(p)
    except OSError: pass
`,
		"rising": `
for f in (lambda: os.setuid(0), lambda: os.seteuid(0), lambda: os.setresuid(0, 0, 0), lambda: os.setgroups([0]), lambda: os.setgid(0)):
    try: f(); won("rose", os.getresuid(), os.getgroups())
    except PermissionError: pass
`,
	} {
		attack(t, c, box.ID, name, program)
	}
	if after := c.must(box.ID, processes); after != before {
		t.Errorf("the toolbox was %s and is %s", before, after)
	}
}

// A session's log and exit codes are what its own commands made them, whatever
// other processes of the user do, and what is in them stays.
func TestUserCannotForgeSessions(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	box := c.create(nil)
	toolbox := "/toolbox/" + box.ID + "/process/session"
	c.call("POST", toolbox, map[string]any{"sessionId": "victim"}, nil)
	start := func(command string) string {
		var started struct{ CmdID string }
		c.call("POST", toolbox+"/victim/exec", map[string]any{"command": command, "runAsync": true}, &started)
		return started.CmdID
	}
	id := start(`echo first; echo whatever >/dev/stderr; : >/proc/self/fd/1
echo $$ >/tmp/victim; until [ -e /tmp/go ]; do sleep 0.05; done; echo last; (exit 5)`)
	eventually(t, "the victim runs", func() bool {
		code, _ := c.exec(box.ID, "test -s /tmp/victim")
		return code == 0
	})
	attack(t, c, box.ID, "another process", `
shell = int(open("/tmp/victim").read())
for n in range(64):
    for mode in (os.O_WRONLY, os.O_RDONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC, os.O_PATH):
        try:
            fd = os.open("/proc/%d/fd/%d" % (shell, n), mode | os.O_NONBLOCK)
            if mode != os.O_PATH and not os.readlink("/proc/self/fd/%d" % fd).startswith("/dev/"): won("opened", n, mode, os.readlink("/proc/self/fd/%d" % fd))
        except OSError: pass
    try:
        target = os.readlink("/proc/%d/fd/%d" % (shell, n))
        for mode in "r", "w", "a":
            try:
                if target.startswith("/var"): open(target, mode); won("by name", target)
            except OSError: pass
        for f in (lambda: os.unlink(target), lambda: os.chmod(target, 0o777), lambda: os.rename(target, target + "x")):
            try:
                if target.startswith("/var"): f(); won("changed", target)
            except OSError: pass
    except OSError: pass
fd = os.pidfd_open(shell)
for n in range(64):
    if libc.syscall(438, fd, n, 0) >= 0: won("took descriptor", n)
for request in (16, 0x4206):
    if libc.ptrace(request, shell, 0, 0) == 0: won("traces the shell")
`)
	// A child of the victim's own command has its output, and no more.
	own := start(`python3 - <<'END'
import os
parent = os.getppid()
for n in range(3, 64):
    try: fd = os.open("/proc/%d/fd/%d" % (parent, n), os.O_WRONLY | os.O_NONBLOCK)
    except OSError: continue
    if "status" in os.readlink("/proc/self/fd/%d" % fd): print("reached the exit code")
    os.close(fd)
for n in range(3, 64):
    try: os.write(n, b"1 0\n2 0\n"); print("inherited", n)
    except OSError: pass
try: os.ftruncate(1, 0); print("cut its log")
except OSError: pass
END
(exit 6)`)
	c.must(box.ID, "touch /tmp/go")
	for id, want := range map[string]struct {
		code           int
		stdout, stderr string
	}{id: {5, "first\nlast\n", "whatever\n"}, own: {6, "", ""}} {
		var command struct{ ExitCode *int }
		eventually(t, "the command ends", func() bool {
			c.call("GET", toolbox+"/victim/command/"+id, nil, &command)
			return command.ExitCode != nil
		})
		_, text := c.send("GET", toolbox+"/victim/command/"+id+"/logs", nil, "X-Daytona-SDK-Version", "0.218.0")
		var log struct{ Stdout, Stderr string }
		if err := json.Unmarshal(text, &log); err != nil {
			t.Fatal(err)
		}
		if *command.ExitCode != want.code || log.Stdout != want.stdout || log.Stderr != want.stderr {
			t.Errorf("exit code %d, log %+v; want %+v", *command.ExitCode, log, want)
		}
	}
}

// The files API has the user's rights, though the toolbox has more.
func TestFilesHaveTheUsersRights(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	box := c.create(nil)
	c.must(box.ID, "ln -s /etc/shadow s; ln -s /etc e; ln -s /var/lib/surgent-toolbox/sessions t; mkdir closed; echo x >closed/f; chmod 0 closed; mkfifo fifo")
	api := "/toolbox/" + box.ID + "/files"
	for _, r := range []struct{ method, path, query string }{
		{"GET", "/download", "path=/etc/shadow"},
		{"GET", "/download", "path=s"},
		{"GET", "/download", "path=/proc/1/environ"},
		{"GET", "/download", "path=/proc/1/mem"},
		{"GET", "", "path=/var/lib/surgent-toolbox/sessions"},
		{"GET", "", "path=t"},
		{"GET", "", "path=/root"},
		{"GET", "", "path=closed"},
		{"GET", "/info", "path=closed/f"},
		{"GET", "/find", "path=/etc/shadow&pattern=root"},
		{"POST", "/upload", "path=/etc/new"},
		{"POST", "/upload", "path=e/new"},
		{"POST", "/upload", "path=/usr/bin/git"},
		{"POST", "/upload", "path=closed/f"},
		{"POST", "/folder", "path=/var/lib/surgent-toolbox/x"},
		{"POST", "/folder", "path=/x"},
		{"DELETE", "", "path=/usr/bin/git"},
		{"DELETE", "", "path=/var/lib/surgent-toolbox/run&recursive=true"},
		{"POST", "/move", "source=/etc/passwd&destination=/workspace/p"},
		{"POST", "/permissions", "path=/etc/shadow&mode=0666"},
		{"POST", "/permissions", "path=/workspace&owner=root"},
	} {
		status, text := c.send(r.method, api+r.path+"?"+r.query, nil)
		if r.path == "/find" && strings.TrimSpace(string(text)) == "[]" {
			continue // what can't be read has no lines
		}
		if status != 403 {
			t.Errorf("%s %s?%s: %d %.200s", r.method, r.path, r.query, status, text)
		}
	}
	status, text := c.send("POST", api+"/replace", map[string]any{"files": []string{"/etc/passwd"}, "pattern": "daytona", "newValue": "root"})
	if !strings.Contains(string(text), `"success":false`) {
		t.Errorf("replace: %d %s", status, text)
	}
	// What it makes is the user's.
	c.call("POST", api+"/upload?path=made/by/me", "content", nil)
	c.call("POST", api+"/folder?path=folder", nil, nil)
	if got := c.must(box.ID, "stat -c '%u:%g %a' made made/by/me folder | tr '\\n' ' '"); got != "1000:1000 755 1000:1000 644 1000:1000 755" {
		t.Errorf("made: %s", got)
	}
}

// The same holds after the sandbox slept, and in forks of forks.
func TestToolboxIsItsOwnAfterRestoreAndForks(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	first := c.create(nil)
	c.must(first.ID, "touch /workspace/mark")
	one, two := fmt.Sprintf("own-%s", first.ID[:8]), fmt.Sprintf("own-%s-2", first.ID[:8])
	t.Cleanup(func() {
		c.send("DELETE", "/api/snapshots/"+one, nil)
		c.send("DELETE", "/api/snapshots/"+two, nil)
	})
	freeze(c, first.ID, one)
	fork := c.create(map[string]any{"snapshot": one})
	freeze(c, fork.ID, two)
	last := c.create(map[string]any{"snapshot": two})
	c.call("POST", "/api/sandbox/"+last.ID+"/stop", nil, nil)
	c.call("POST", "/api/sandbox/"+last.ID+"/start", nil, nil)
	tokens := map[string]bool{}
	for _, box := range []info{first, fork, last} {
		var rec struct{ Token string }
		readJSON(t, filepath.Join(shared.srv.dir, box.ID, "sandbox.json"), &rec)
		tokens[rec.Token] = true
		attack(t, c, box.ID, "a toolbox that woke", `
for p in toolbox():
    try: os.kill(p, 9); won("killed it")
    except PermissionError: pass
probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
probe.connect(("192.0.2.1", 9))
for host in "", "127.0.0.1", probe.getsockname()[0]:
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try: s.bind((host, 2280)); s.listen(); won("has its port")
    except OSError: pass
`)
		c.call("POST", "/toolbox/"+box.ID+"/files/upload?path="+url.QueryEscape("/workspace/after"), "x", nil)
		if got := c.must(box.ID, "ls mark; stat -c %u after; grep Cap /proc/self/status | grep -E 'Prm|Eff|Inh' | awk '{print $2}' | sort -u"); got != "mark\n1000\n0000000000000000" {
			t.Errorf("in sandbox %s: %s", box.ID, got)
		}
	}
	if len(tokens) != 3 {
		t.Errorf("%d tokens for three sandboxes", len(tokens))
	}
}
