//go:build linux

package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The benchmarks measure through the API, as a client sees it:
//
//	go test -run '^$' -bench . ./sandbox/engine
//
// They need what the tests need.

// BenchmarkCreate makes a sandbox from the base; it is ready when its toolbox
// answers.
func BenchmarkCreate(b *testing.B) {
	c := benchClient(b)
	for b.Loop() {
		box := c.create(nil)
		b.StopTimer()
		c.call("DELETE", "/api/sandbox/"+box.ID, nil, nil)
		b.StartTimer()
	}
}

// BenchmarkFork makes a sandbox from a live snapshot with a running server,
// until that server has answered.
func BenchmarkFork(b *testing.B) {
	c := benchClient(b)
	const name = "bench-fork"
	c.send("DELETE", "/api/snapshots/"+name, nil)
	parent := c.create(nil)
	c.must(parent.ID, serveNumber)
	freeze(c, parent.ID, name)
	b.Cleanup(func() { c.send("DELETE", "/api/snapshots/"+name, nil) })
	var ready time.Duration
	n := 0
	for b.Loop() {
		began := time.Now()
		box := c.create(map[string]any{"snapshot": name})
		ready += time.Since(began)
		n++
		ask(c, box.ID)
		b.StopTimer()
		c.call("DELETE", "/api/sandbox/"+box.ID, nil, nil)
		b.StartTimer()
	}
	b.ReportMetric(float64(ready.Milliseconds())/float64(n), "ms-until-created")
}

// BenchmarkStopStart saves a sandbox with a running server and brings it back,
// until the server has answered.
func BenchmarkStopStart(b *testing.B) {
	c := benchClient(b)
	box := c.create(nil)
	c.must(box.ID, serveNumber)
	var stopping time.Duration
	n := 0
	for b.Loop() {
		began := time.Now()
		c.call("POST", "/api/sandbox/"+box.ID+"/stop", nil, nil)
		stopping += time.Since(began)
		n++
		c.call("POST", "/api/sandbox/"+box.ID+"/start", nil, nil)
		ask(c, box.ID)
	}
	b.ReportMetric(float64(stopping.Milliseconds())/float64(n), "ms-until-stopped")
}

// BenchmarkExec runs the shortest command.
func BenchmarkExec(b *testing.B) {
	c := benchClient(b)
	box := c.create(nil)
	for b.Loop() {
		c.must(box.ID, "true")
	}
}

// BenchmarkSession runs the shortest command as the agent does: in a session of
// its own, until its exit code is told.
func BenchmarkSession(b *testing.B) {
	c := benchClient(b)
	box := c.create(nil)
	api := "/toolbox/" + box.ID + "/process/session"
	n := 0
	for b.Loop() {
		n++
		id := fmt.Sprint("s", n)
		c.call("POST", api, map[string]any{"sessionId": id}, nil)
		c.call("POST", api+"/"+id+"/exec", map[string]any{"command": "true"}, nil)
	}
}

// BenchmarkBackup saves the files of a sandbox with a small project.
func BenchmarkBackup(b *testing.B) {
	c := benchClient(b)
	box := c.create(nil)
	c.must(box.ID, "git init -q p && for i in $(seq 200); do echo $i >p/$i; done && cd p && git add -A && git -c user.name=a -c user.email=a@b commit -qm x")
	for b.Loop() {
		c.call("POST", "/api/sandbox/"+box.ID+"/backup", nil, nil)
	}
}

// BenchmarkPreview gets a page through the preview.
func BenchmarkPreview(b *testing.B) {
	c := benchClient(b)
	box := c.create(nil)
	c.must(box.ID, serveNumber)
	p := previewOf(c, box.ID)
	host := strings.TrimPrefix(p.URL, "http://")
	for b.Loop() {
		if status, text := c.send("GET", "/", nil, "Host", host, "X-Daytona-Preview-Token", p.Token); status != 200 {
			b.Fatalf("%d %s", status, text)
		}
	}
}

func benchClient(b *testing.B) *client {
	b.Helper()
	return sharedEngine(b)
}
