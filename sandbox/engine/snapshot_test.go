//go:build linux

package engine_test

import (
	"strings"
	"testing"
)

// preview is the answer of preview-url.
type preview struct{ SandboxID, URL, Token string }

func previewOf(c *client, id string) preview {
	c.t.Helper()
	var p preview
	c.call("GET", "/api/sandbox/"+id+"/ports/3000/preview-url", nil, &p)
	return p
}

// serveNumber starts a server on port 3000 of a sandbox that counts requests
// in its memory.
const serveNumber = `cat >/tmp/server.mjs <<'END'
import http from 'node:http'
let n = 0
http.createServer((req, res) => res.end(String(++n))).listen(3000, '0.0.0.0')
END
(node /tmp/server.mjs >/dev/null 2>&1 &)
until curl --noproxy '*' -sf localhost:3000; do sleep 0.05; done`

func TestForksWakeWithProcesses(t *testing.T) {
	t.Parallel()
	c := sharedEngine(t)
	parent := c.create(nil)
	c.must(parent.ID, serveNumber)
	c.must(parent.ID, "echo template >/workspace/origin")
	const name = "test/fork:1"
	t.Cleanup(func() { c.send("DELETE", "/api/snapshots/test%2Ffork:1", nil) })
	c.send("DELETE", "/api/snapshots/test%2Ffork:1", nil) // left by a test that was killed
	freeze(c, parent.ID, name)
	if status, _ := c.send("POST", "/api/sandbox/"+parent.ID+"/snapshot", map[string]any{"name": name, "live": true}); status != 409 {
		t.Errorf("a second snapshot of one name: %d", status)
	}
	// The parent goes on, with the count in its memory.
	if got := ask(c, parent.ID); got != "2" {
		t.Errorf("the parent answers %s, want 2", got)
	}
	one := c.create(map[string]any{"snapshot": name, "env": map[string]string{"WHO": "one"}})
	two := c.create(map[string]any{"snapshot": name})
	if a, b := ask(c, one.ID), ask(c, two.ID); a != "2" || b != "2" {
		t.Errorf("forks answer %s and %s, want 2 and 2", a, b)
	}
	c.must(one.ID, "echo changed >/workspace/origin")
	if got := c.must(two.ID, "cat /workspace/origin; echo \"$WHO\""); got != "template" {
		t.Errorf("a fork sees the other's change: %q", got)
	}
	if got := c.must(one.ID, "echo $WHO; cat /sys/fs/cgroup/pids/pids.max"); got != "one\n1024" {
		t.Errorf("environment and limit of a fork: %q", got)
	}

	// Sleep and wake of a fork, whole; then a fork of the fork, asleep and
	// awake from its files alone.
	c.call("POST", "/api/sandbox/"+one.ID+"/stop", nil, nil)
	c.call("POST", "/api/sandbox/"+one.ID+"/start", nil, nil)
	if got := ask(c, one.ID); got != "3" {
		t.Errorf("the fork that woke answers %s, want 3", got)
	}
	const second = "test-fork-2"
	c.send("DELETE", "/api/snapshots/"+second, nil)
	t.Cleanup(func() { c.send("DELETE", "/api/snapshots/"+second, nil) })
	freeze(c, one.ID, second)
	grandchild := c.create(map[string]any{"snapshot": second})
	if got := ask(c, grandchild.ID) + c.must(grandchild.ID, "cat origin"); got != "4changed" {
		t.Errorf("the fork of a fork answers %q", got)
	}

	if status, text := c.send("POST", "/api/sandbox", map[string]any{"snapshot": "test-unknown"}); status != 400 || !strings.Contains(string(text), "test-unknown") {
		t.Errorf("create from an unknown snapshot: %d %s", status, text)
	}
}

func freeze(c *client, id, name string) {
	c.t.Helper()
	c.call("POST", "/api/sandbox/"+id+"/snapshot", map[string]any{"name": name, "live": true}, nil)
}

// ask gets the page of port 3000 through the preview.
func ask(c *client, id string) string {
	c.t.Helper()
	p := previewOf(c, id)
	var body string
	eventually(c.t, "the preview answers", func() bool {
		status, text := c.send("GET", "/", nil, "Host", strings.TrimPrefix(p.URL, "http://"), "X-Daytona-Preview-Token", p.Token)
		body = string(text)
		return status == 200
	})
	return body
}
