package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"surgent.dev/surgent/model"
)

// paced is a model that costs next to nothing itself: it reads a file a few
// times and then says a text, at the pace of a real one.
type paced struct {
	turns  int           // answers with a call before the last one
	deltas int           // of each answer
	pause  time.Duration // before each delta
}

func (paced) Info() model.Info {
	return model.Info{Provider: "paced", ID: "paced", Name: "Paced", ContextWindow: 1_000_000, MaxOutput: 32_000}
}

func (p paced) Stream(ctx context.Context, req model.Request) iter.Seq2[model.Event, error] {
	return func(yield func(model.Event, error) bool) {
		turn := 0
		for _, m := range req.Messages {
			if m.Role == model.Assistant {
				turn++
			}
		}
		id := "msg_" + strconv.Itoa(turn)
		if !yield(model.Start{MessageID: id, Model: "paced"}, nil) || !yield(model.BlockStart{Type: "text"}, nil) {
			return
		}
		var said strings.Builder
		for i := range p.deltas {
			select {
			case <-ctx.Done():
				yield(nil, context.Cause(ctx))
				return
			case <-time.After(p.pause):
			}
			piece := fmt.Sprintf("word %d and ", i)
			said.WriteString(piece)
			if !yield(model.Delta{Text: piece}, nil) {
				return
			}
		}
		if !yield(model.BlockStop{}, nil) {
			return
		}
		text, err := json.Marshal(map[string]string{"type": "text", "text": said.String()})
		if err != nil {
			yield(nil, err)
			return
		}
		done := model.Done{
			Message: model.Message{Role: model.Assistant, Content: []json.RawMessage{text}}, MessageID: id, Model: "paced",
			StopReason: model.EndTurn, Usage: model.Usage{InputTokens: 1000, OutputTokens: int64(p.deltas)},
		}
		if turn < p.turns {
			done.StopReason = model.ToolUse
			call := fmt.Sprintf(`{"type":"tool_use","id":"call_%d","name":"Read","input":{"file_path":"index.html"}}`, turn)
			done.Message.Content = append(done.Message.Content, json.RawMessage(call))
		}
		yield(done, nil)
	}
}

// BenchmarkManyRuns works on as many runs at once as RUNS says (100 when it is
// not set), each in a project of its own. It reports what a run costs this
// process in CPU time, memory and goroutines, and how much longer the runs
// take than their model.
func BenchmarkManyRuns(b *testing.B) {
	n, err := strconv.Atoi(os.Getenv("RUNS"))
	if err != nil {
		n = 100
	}
	m := paced{turns: 3, deltas: 40, pause: 50 * time.Millisecond}
	w := newWorld(b, settings{model: m})
	for b.Loop() {
		var all [][]string
		for range n {
			var ids []string
			if err := w.rt.RunMutation(b.Context(), "test:project", object{"userId": w.userID()}, &ids); err != nil {
				b.Fatal(err)
			}
			all = append(all, ids)
		}
		before, start := cpu(b), time.Now()
		for _, ids := range all {
			args := object{"projectId": ids[0], "sessionId": ids[1], "prompt": "go", "mode": "ask"}
			if err := w.rt.As(w.user).RunMutation(b.Context(), "sessions:createMessageAndRunAgent", args, nil); err != nil {
				b.Fatal(err)
			}
		}
		sent := time.Since(start)
		var peak runtime.MemStats
		goroutines, heap := 0, uint64(0)
		for open := n; open > 0; time.Sleep(200 * time.Millisecond) {
			runtime.ReadMemStats(&peak)
			goroutines, heap = max(goroutines, runtime.NumGoroutine()), max(heap, peak.HeapInuse)
			if err := w.rt.RunQuery(b.Context(), "test:open", struct{}{}, &open); err != nil {
				b.Fatal(err)
			}
		}
		took := time.Since(start)
		model := time.Duration(m.turns+1) * time.Duration(m.deltas) * m.pause
		b.ReportMetric(float64((cpu(b)-before).Milliseconds())/float64(n), "cpu-ms/run")
		b.ReportMetric(float64(goroutines)/float64(n), "goroutines/run")
		b.ReportMetric(float64(heap)/float64(n)/(1<<10), "kB/run")
		b.ReportMetric(float64(sent.Milliseconds()), "ms-to-send")
		b.ReportMetric(float64((took - model).Milliseconds()), "ms-beside-model")
	}
}

func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
