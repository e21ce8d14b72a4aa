//go:build linux

package engine_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestKillAtAnyMoment kills the engine while it stops, starts, saves, freezes
// and creates, at moments that differ from run to run. Whatever the moment, the
// next engine must bring the sandbox back with the files of its last save.
func TestKillAtAnyMoment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startChild(t, dir)
	c := &client{t: t, base: p.url}
	var box info
	c.call("POST", "/api/sandbox", map[string]any{"name": "target"}, &box)
	for round, action := range []string{"stop", "start", "backup", "snapshot", "create", "stop", "start", "stop", "start"} {
		if c.get(box.ID).State == "stopped" && action != "start" {
			c.call("POST", "/api/sandbox/target/start", nil, nil)
		}
		if action == "start" && c.get(box.ID).State == "started" {
			c.call("POST", "/api/sandbox/target/stop", nil, nil)
		}
		if action != "start" {
			c.must(box.ID, fmt.Sprintf("echo %d >/workspace/round", round))
			c.call("POST", "/api/sandbox/target/backup", nil, nil)
		}
		want := strings.TrimSpace(fmt.Sprint(round))
		if action == "start" {
			want = fmt.Sprint(round - 1)
		}
		delay := time.Duration(rand.IntN(250)) * time.Millisecond
		started := make(chan struct{})
		go func() {
			close(started)
			disturb(p.url, action)
		}()
		<-started
		time.Sleep(delay)
		p.kill(t)

		p = startChild(t, dir)
		c.base = p.url
		after := c.get(box.ID)
		if after.State != "started" && after.State != "stopped" {
			t.Fatalf("%s, killed after %v: the sandbox is %s", action, delay, after.State)
		}
		c.call("POST", "/api/sandbox/target/start", nil, nil)
		if got := c.must(box.ID, "cat /workspace/round"); got != want {
			t.Fatalf("%s, killed after %v, then %s: round %s, want %s", action, delay, after.State, got, want)
		}
	}
	// No create that nobody was told of has left a sandbox.
	var page struct{ Items []info }
	c.call("GET", "/api/sandbox", nil, &page)
	for _, i := range page.Items {
		if i.State != "started" && i.State != "stopped" {
			t.Errorf("a sandbox is left %s", i.State)
		}
		c.call("DELETE", "/api/sandbox/"+i.ID, nil, nil)
	}
	c.send("DELETE", "/api/snapshots/test-kill", nil) // it may not have come to be
	p.kill(t)
	cfg, _ := config(dir)
	last, err := startServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := last.stop(); err != nil {
		t.Error(err)
	}
	if left := traces(t, instanceName(t, dir)); len(left) > 0 {
		t.Errorf("at the end there is still %v", left)
	}
}

// disturb makes a request whose answer nobody will get.
func disturb(base, action string) {
	path, body := "/api/sandbox/target/"+action, ""
	switch action {
	case "create":
		path = "/api/sandbox"
	case "snapshot":
		body = `{"name":"test-kill","live":true}`
	}
	req, err := http.NewRequest(http.MethodPost, base+path, strings.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	if resp, err := http.DefaultClient.Do(req); err == nil {
		_ = resp.Body.Close()
	}
}
