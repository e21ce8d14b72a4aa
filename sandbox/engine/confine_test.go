//go:build linux

package engine_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// hostSecret puts a file and a variable on the host that no sandbox may see.
func hostSecret(t *testing.T) (file, value string) {
	t.Helper()
	value = fmt.Sprintf("host-secret-%d", time.Now().UnixNano())
	file = filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(value), 0o644); err != nil {
		t.Fatal(err)
	}
	return file, value
}

func TestSandboxSeesNothingOfTheHost(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	file, value := hostSecret(t)
	box, other := c.create(nil), c.create(nil)
	c.must(other.ID, "echo theirs >/workspace/theirs; echo theirs >/tmp/theirs; (sleep 12321 >/dev/null 2>&1 &)")

	for name, command := range map[string]string{
		"a file of the host":             "cat " + file,
		"the host's folders":             "ls " + shared.srv.dir,
		"through /proc":                  "cat /proc/1/root" + file,
		"another sandbox's files":        "cat /workspace/theirs || cat /tmp/theirs",
		"another sandbox's processes":    "pgrep -fx 'sleep 12321'",
		"the init's environment":         "cat /proc/1/environ | tr '\\0' '\\n' | grep TOKEN",
		"the token in the environment":   "env | grep -i toolbox_token",
		"a block device":                 "ls /dev/vda || ls /dev/sda",
		"a new mount":                    "mount -t tmpfs none /mnt",
		"root's files":                   "cat /etc/shadow",
		"changing the system":            "echo x >/usr/bin/git",
		"raw sockets":                    "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)'",
		"the limit of its own processes": "echo max >/sys/fs/cgroup/pids/pids.max",
	} {
		if code, out := c.exec(box.ID, command); code == 0 {
			t.Errorf("%s: reached: %s", name, out)
		}
	}
	if out := c.must(box.ID, "env; mount; ps aux"); strings.Contains(out, value) || strings.Contains(out, apiKey) ||
		strings.Contains(out, shared.srv.dir) {
		t.Errorf("the sandbox tells of the host: %s", out)
	}
}

func TestSandboxReachesNoNetwork(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	box, other := c.create(nil), c.create(nil)
	c.must(other.ID, serveNumber)
	otherIP := c.must(other.ID, "hostname -I 2>/dev/null || python3 -c 'import socket;print(socket.gethostbyname(socket.gethostname()))'")
	otherIP = sandboxIP(t, other.ID, otherIP)

	// A service on every address of the host, as a careless one would be.
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "host service")
	})}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]string{
		"another sandbox":        otherIP + ":3000",
		"the toolbox of another": otherIP + ":2280",
		"the gateway":            gatewayOf(t) + ":" + port,
		"the metadata service":   "169.254.169.254:80",
		"a public address":       "1.1.1.1:443",
		"its own loopback only":  "127.0.0.1:" + port,
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if len(targets) > 12 {
			break // gateways of other sandboxes: some are enough
		}
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			targets["the host at "+n.IP.String()] = n.IP.String() + ":" + port
		}
	}
	// All at once, directly and through the proxy: each would take its time.
	var script strings.Builder
	for name, addr := range targets {
		fmt.Fprintf(&script, "(curl -sS --noproxy '*' -m 3 http://%[2]s/ >/dev/null 2>&1 && echo 'direct: %[1]s') &\n", name, addr)
		fmt.Fprintf(&script, "(curl -fsS -m 5 http://%[2]s/ --noproxy none >/dev/null 2>&1 && echo 'by proxy: %[1]s') &\n", name, addr)
		fmt.Fprintf(&script, "(curl -fsS -m 5 -p http://%[2]s/ --noproxy none >/dev/null 2>&1 && echo 'by tunnel: %[1]s') &\n", name, addr)
	}
	script.WriteString("wait")
	if out := c.must(box.ID, script.String()); out != "" {
		t.Errorf("reached:\n%s", out)
	}
	// The names of the host are none for the proxy either.
	for _, name := range []string{"localhost", "metadata.google.internal", "example.com"} {
		if code, out := c.exec(box.ID, "curl -fsS -m 5 --noproxy none https://"+name+"/ 2>&1"); code == 0 {
			t.Errorf("%s: reached: %s", name, out)
		}
	}
}

// gatewayOf returns where sandboxes find the engine.
func gatewayOf(t *testing.T) string {
	t.Helper()
	var in struct{ Gateway string }
	readJSON(t, filepath.Join(shared.srv.dir, "engine.json"), &in)
	return in.Gateway
}

// sandboxIP returns the address that a sandbox told, or the one that the
// engine keeps.
func sandboxIP(t *testing.T, id, told string) string {
	t.Helper()
	for _, field := range strings.Fields(told) {
		if ip := net.ParseIP(field); ip != nil && ip.To4() != nil && !ip.IsLoopback() {
			return field
		}
	}
	rec, err := os.ReadFile(filepath.Join(shared.srv.dir, id, "sandbox.json"))
	if err != nil {
		t.Fatal(err)
	}
	var slot int
	if _, err := fmt.Sscanf(string(rec[strings.Index(string(rec), `"slot":`):]), `"slot": %d`, &slot); err != nil {
		t.Fatal(err)
	}
	var block struct{ Block string }
	readJSON(t, filepath.Join(shared.srv.dir, "engine.json"), &block)
	ip, _, err := net.ParseCIDR(block.Block)
	if err != nil {
		t.Fatal(err)
	}
	v4 := ip.To4()
	n := 4*slot + 2
	return fmt.Sprintf("%d.%d.%d.%d", v4[0], v4[1], int(v4[2])+n/256, n%256)
}

func TestBlockedSandboxHasNoProxy(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	box := c.create(map[string]any{"networkBlockAll": true})
	if code, out := c.exec(box.ID, `curl -sS -m 5 "$NPM_CONFIG_REGISTRY" 2>&1`); code == 0 || strings.Contains(out, "403") {
		t.Errorf("a sandbox that is blocked reaches the proxy: %d %s", code, out)
	}
	c.call("POST", "/api/sandbox/"+box.ID+"/stop", nil, nil)
	c.call("POST", "/api/sandbox/"+box.ID+"/start", nil, nil)
	if code, _ := c.exec(box.ID, `curl -sS -m 5 "$NPM_CONFIG_REGISTRY"`); code == 0 {
		t.Error("after a start it is open")
	}
}

func TestSandboxesInstallPackages(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	box := c.create(nil)
	registry := c.must(box.ID, `echo "$NPM_CONFIG_REGISTRY"`)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, registry, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Skipf("the host itself does not reach its package registry: %v", err)
	}
	_ = resp.Body.Close()
	c.must(box.ID, "mkdir p && cd p && echo '{}' >package.json && bun add is-number 2>&1 && bun -e 'console.log(require(\"is-number\")(5))'")
	c.must(box.ID, "mkdir q && cd q && echo '{}' >package.json && npm install left-pad 2>&1 && test -d node_modules/left-pad")
}

// Programs size their heaps by the memory that they see.
func TestSandboxSeesItsOwnMemory(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	box := c.create(nil)
	const want = "1048576 1073741824 true" // the tests' sandboxes have 1 GiB
	const look = `echo $(awk '/MemTotal/ {print $2}' /proc/meminfo) $(node -p 'os.totalmem() + " " + (v8.getHeapStatistics().heap_size_limit < 1.2e9)')`
	if got := c.must(box.ID, look); got != want {
		t.Errorf("a new sandbox sees %s, want %s", got, want)
	}
	name := "memory-" + box.ID
	freeze(c, box.ID, name)
	t.Cleanup(func() { c.send("DELETE", "/api/snapshots/"+name, nil) })
	fork := c.create(map[string]any{"snapshot": name})
	c.call("POST", "/api/sandbox/"+box.ID+"/stop", nil, nil)
	c.call("POST", "/api/sandbox/"+box.ID+"/start", nil, nil)
	for what, id := range map[string]string{"a fork": fork.ID, "one that slept": box.ID} {
		if got := c.must(id, look); got != want {
			t.Errorf("%s sees %s, want %s", what, got, want)
		}
	}
}

func TestHungrySandboxIsBounded(t *testing.T) {
	// Not parallel: it takes what the machine has, which would disturb others.
	c := sharedEngine(t)
	hungry, calm := c.create(nil), c.create(nil)

	t.Run("memory", func(t *testing.T) {
		c := &client{t: t, base: c.base}
		hog := `python3 -c '
x = []
while True:
    x.append(bytearray(32 << 20))
'; echo "ended with $?"`
		status, text := c.send("POST", "/toolbox/"+hungry.ID+"/process/execute", map[string]any{"command": hog})
		if strings.Contains(string(text), "ended with 0") {
			t.Errorf("memory without end: %d %s", status, text)
		}
		// The kernel ends the program as a rule, and may end the sandbox: then
		// that is told, and it starts again.
		eventually(t, "the sandbox works again", func() bool {
			if c.get(hungry.ID).State == "stopped" {
				t.Log("the sandbox itself was ended")
				c.call("POST", "/api/sandbox/"+hungry.ID+"/start", nil, nil)
			}
			status, _ := c.send("POST", "/toolbox/"+hungry.ID+"/process/execute", map[string]any{"command": "echo alive"})
			return status == 200
		})
		c.must(calm.ID, "echo calm")
	})
	t.Run("disk", func(t *testing.T) {
		c := &client{t: t, base: c.base}
		// The limit of the tests' sandboxes is 1 GiB.
		if code, out := c.exec(hungry.ID, "dd if=/dev/zero of=/workspace/big bs=1M count=1500 2>&1"); code == 0 {
			t.Errorf("wrote more than the limit: %s", out)
		}
		c.must(hungry.ID, "rm /workspace/big && echo ok >/workspace/small && cat /workspace/small")
		if code, out := c.exec(hungry.ID, "dd if=/dev/zero of=/tmp/big bs=1M count=1500 2>&1; rm -f /tmp/big; exit 1"); code != 1 {
			t.Errorf("fill /tmp: %s", out)
		}
	})
	t.Run("cpu", func(t *testing.T) {
		c := &client{t: t, base: c.base}
		var rec struct{ Run struct{ PID int } }
		readJSON(t, filepath.Join(shared.srv.dir, hungry.ID, "sandbox.json"), &rec)
		quota, inside := cpuQuota(t, hungry.ID, rec.Run.PID)
		if quota != "100000" || !inside { // of 100000 µs: the tests' sandboxes have one core
			t.Errorf("quota %q, the sandbox is in the group: %v", quota, inside)
		}
		c.must(hungry.ID, "for i in 1 2 3 4; do (timeout 2 sh -c 'while :; do :; done' &); done; sleep 2; echo done")
		began := time.Now()
		(&client{t: t, base: c.base}).must(calm.ID, "echo calm")
		if d := time.Since(began); d > 5*time.Second {
			t.Errorf("another sandbox answers after %v", d)
		}
	})
	t.Run("processes", func(t *testing.T) {
		c := &client{t: t, base: c.base}
		done := make(chan struct{})
		go func() {
			defer close(done)
			// Whether the sandbox survives it is its own business.
			c.send("POST", "/toolbox/"+hungry.ID+"/process/execute", map[string]any{"command": "bomb() { bomb | bomb & }; bomb; sleep 6", "timeout": 8})
		}()
		for range 10 {
			began := time.Now()
			(&client{t: t, base: c.base}).must(calm.ID, "echo calm")
			if d := time.Since(began); d > 5*time.Second {
				t.Errorf("another sandbox answers after %v", d)
			}
			time.Sleep(300 * time.Millisecond)
		}
		<-done
		// The engine still rules it.
		eventually(t, "the bombed sandbox is deleted", func() bool {
			status, _ := c.send("DELETE", "/api/sandbox/"+hungry.ID, nil)
			return status == 200 || status == 404
		})
		c.must(calm.ID, "echo calm")
	})
}

// cpuQuota returns how many microseconds of each 100000 a sandbox may run, and
// whether its process is in the group that says so.
func cpuQuota(t *testing.T, id string, pid int) (quota string, inside bool) {
	t.Helper()
	instance := instanceName(t, shared.srv.dir)
	for pattern, file := range map[string]string{
		"/sys/fs/cgroup/cpu/surgent-" + instance + "/" + id:       "cpu.cfs_quota_us",
		"/sys/fs/cgroup/cpu/*/surgent-" + instance + "/" + id:     "cpu.cfs_quota_us",
		"/sys/fs/cgroup/cpu/*/*/surgent-" + instance + "/" + id:   "cpu.cfs_quota_us",
		"/sys/fs/cgroup/cpu/*/*/*/surgent-" + instance + "/" + id: "cpu.cfs_quota_us",
		"/sys/fs/cgroup/surgent-" + instance + "/" + id:           "cpu.max",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 {
			continue
		}
		text, err := os.ReadFile(filepath.Join(found[0], file))
		if err != nil {
			t.Fatal(err)
		}
		procs, err := os.ReadFile(filepath.Join(found[0], "cgroup.procs"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(text))[0], slices.Contains(strings.Fields(string(procs)), fmt.Sprint(pid))
	}
	t.Skip("this host has no control group for processors")
	return "", false
}
