package workerd_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/deploytest"
	"surgent.dev/surgent/deploy/workerd"
)

// templateSized is an app of the size that the web-app template builds to.
func templateSized(id string) *deploy.Release {
	rel := deploytest.App(id, "some-app", deploytest.Hello("fine"), map[string]string{
		"/index.html":       "<!doctype html>" + id,
		"/assets/index.js":  strings.Repeat("export const x = 1;\n", 11_000),
		"/assets/index.css": strings.Repeat("p{color:red}\n", 700),
		"/favicon.svg":      "<svg/>",
	})
	rel.AssetsConfig = deploy.AssetsConfig{NotFoundHandling: "single-page-application", WorkerFirstGlobs: []string{"/api/*"}}
	return rel
}

// BenchmarkPublish publishes one release after another, verification included.
func BenchmarkPublish(b *testing.B) {
	s := setup(b, func(c *workerd.Config) { c.Grace = time.Millisecond })
	n := 0
	for b.Loop() {
		n++
		if _, err := s.target.Publish(b.Context(), templateSized(fmt.Sprint("r", n)), nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFile asks for one file over loopback.
func BenchmarkFile(b *testing.B) {
	s := setup(b)
	s.publish(templateSized("r1"))
	for _, path := range []string{"/", "/assets/index.js"} {
		b.Run(path, func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					s.ask(path)
				}
			})
		})
	}
}

// BenchmarkWorker asks a process that runs.
func BenchmarkWorker(b *testing.B) {
	s := setup(b)
	s.publish(templateSized("r1"))
	s.ask("/api/x")
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s.ask("/api/x")
		}
	})
}

// BenchmarkColdWorker asks an app whose process does not run.
func BenchmarkColdWorker(b *testing.B) {
	s := setup(b)
	s.publish(templateSized("r1"))
	for b.Loop() {
		b.StopTimer()
		s.target.Close()
		s.open()
		b.StartTimer()
		s.ask("/api/x")
	}
}

func (b *bench) ask(path string) {
	b.t.Helper()
	if status, _ := b.get("some-app", path); status != http.StatusOK {
		b.t.Errorf("%s: %d", path, status)
	}
}
