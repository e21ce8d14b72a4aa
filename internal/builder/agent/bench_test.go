package agent_test

import (
	"sort"
	"testing"
	"time"

	"surgent.dev/surgent/internal/builder/agent"
	"surgent.dev/surgent/model/modeltest"
)

// BenchmarkRun measures what a run takes beside its model: the model answers
// at once, the toolbox is on this machine. It reports the time from the prompt
// to the first streamed token and the time per step, a step being one model
// answer with one call.
func BenchmarkRun(b *testing.B) {
	for _, tool := range []struct {
		name  string
		input any
	}{
		{"Read", object{"file_path": "index.html"}},
		{"Write", object{"file_path": "a.txt", "content": "a"}},
		{"Bash", object{"command": "true"}},
	} {
		b.Run(tool.name, func(b *testing.B) {
			const steps = 20
			var turns []modeltest.Answer
			for range steps {
				turns = append(turns, modeltest.Call("", tool.name, tool.input))
			}
			w := newWorld(b, settings{script: modeltest.Turns(turns...)})
			var first, each []time.Duration
			n := 0
			for b.Loop() {
				start := time.Now()
				w.ask("go")
				n++
				var token time.Duration
				var r agent.Run
				w.until("the end", func() bool {
					r = w.runs()[n-1]
					if token == 0 && r.Step > 0 {
						token = time.Since(start)
					}
					return !r.Open()
				})
				first = append(first, token)
				each = append(each, time.Duration((r.EndedAt-r.StartedAt)/steps*float64(time.Millisecond)))
			}
			b.ReportMetric(p50(first), "ms-to-model/op")
			b.ReportMetric(p50(each), "ms/step")
		})
	}
}

func p50(all []time.Duration) float64 {
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	return float64(all[len(all)/2].Microseconds()) / 1000
}
