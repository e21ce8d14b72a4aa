package agent_test

import (
	"strings"
	"testing"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/value"
	"surgent.dev/surgent/internal/builder/agent"
	"surgent.dev/surgent/model/modeltest"
)

func (w *world) head(id agent.RunID) agent.StreamHead {
	w.t.Helper()
	var h *agent.StreamHead
	if err := w.rt.As(w.user).RunQuery(w.t.Context(), "runs:streamHead", object{"runId": id}, &h); err != nil {
		w.t.Fatal(err)
	}
	if h == nil {
		return agent.StreamHead{}
	}
	return *h
}

func (w *world) chunk(id agent.RunID, block, n int) *string {
	w.t.Helper()
	var s *string
	args := object{"runId": id, "blockIndex": float64(block), "n": float64(n)}
	if err := w.rt.As(w.user).RunQuery(w.t.Context(), "runs:streamChunk", args, &s); err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) output(id agent.RunID, call string) string {
	w.t.Helper()
	var o *agent.ToolOutput
	if err := w.rt.As(w.user).RunQuery(w.t.Context(), "runs:toolOutput", object{"runId": id, "toolUseId": call}, &o); err != nil {
		w.t.Fatal(err)
	}
	if o == nil {
		return ""
	}
	return o.Tail
}

// TestLiveText reads an unfinished answer as a client does: pieces once, the
// tail with each update.
func TestLiveText(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("Wörter über Wörter, ", 600) // 13 kB
	hold := make(chan struct{})
	w := newWorld(t, settings{script: func(modeltest.Request) modeltest.Answer {
		a := modeltest.Answer{Blocks: []modeltest.Block{{Text: "First."}, {Text: text}}, ChunkBytes: 100, DelayMS: 1}
		a.Wait, a.WaitAfter = hold, 131
		return a
	}})
	w.ask("go")
	id := w.runs()[0].ID
	wire, updates := 0, 0
	pieces := map[int]string{}
	var h agent.StreamHead
	w.until("most of the text", func() bool {
		next := w.head(id)
		if next.MessageID == "" || next.BlockIndex != 1 || (next.Closed == h.Closed && next.Tail == h.Tail) {
			return false
		}
		h = next
		v, err := value.FromGo(h)
		if err != nil {
			t.Fatal(err)
		}
		wire += value.Size(v)
		updates++
		if len(h.Tail) > 256 || len(h.Blocks) != 2 || h.Blocks[0].Closed != 1 || h.Kind != "text" {
			t.Fatalf("head = %+v", h)
		}
		total := len(h.Tail)
		for n := range h.Closed {
			if _, ok := pieces[n]; !ok {
				p := w.chunk(id, 1, n)
				if p == nil || len(*p) > 2048 {
					t.Fatalf("piece %d = %v", n, p)
				}
				pieces[n] = *p
				wire += len(*p)
			}
			total += len(pieces[n])
		}
		return total >= 13_000
	})
	joined := ""
	for n := range h.Closed {
		joined += pieces[n]
	}
	if joined += h.Tail; !strings.HasPrefix(text, joined) {
		t.Errorf("the pieces do not join to the text")
	}
	if max := len(joined) + updates*600; wire > max {
		t.Errorf("%d bytes for %d bytes of text in %d updates, want at most %d", wire, len(joined), updates, max)
	}
	stranger := &function.Identity{Subject: "nobody|x", Issuer: "test"}
	var none *agent.StreamHead
	if err := w.rt.As(stranger).RunQuery(t.Context(), "runs:streamHead", object{"runId": id}, &none); err != nil || none != nil {
		t.Errorf("a stranger reads the stream: %v, %v", none, err)
	}
	close(hold)
	w.ended(1)
	if h := w.head(id); h.MessageID != "" {
		t.Errorf("the stream is not empty at the end: %+v", h)
	}
	if w.chunk(id, 1, 0) != nil {
		t.Error("a piece is left at the end")
	}
	w.sound()
}

// TestDiscardedText: a broken attempt takes its text with it.
func TestDiscardedText(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	bad := modeltest.Broken(modeltest.Text("This text will be thrown away, all of it."), modeltest.Fault{Kind: modeltest.FaultCut})
	good := modeltest.Text("This one stays.")
	good.Wait, good.WaitAfter = hold, 0
	w := newWorld(t, settings{script: modeltest.FirstThen([]modeltest.Answer{bad}, modeltest.Turns(good))})
	w.ask("go")
	id := w.runs()[0].ID
	w.until("the second attempt", func() bool { return len(w.api.Requests()) == 2 })
	w.until("an empty stream", func() bool { return w.head(id).Tail == "" })
	close(hold)
	w.ended(1)
	if all := dump(t, w.rt); strings.Contains(all, "thrown away") || !strings.Contains(all, "This one stays.") {
		t.Error("the documents hold the discarded text")
	}
	if s := w.runs()[0].Spent; s.OutputTokens < 10 {
		t.Errorf("the broken attempt is not counted: %+v", s)
	}
}

// TestRunsListIsShort: what is sent with each step does not grow with the
// session, nor with its prompts.
func TestRunsListIsShort(t *testing.T) {
	t.Parallel()
	const n = 18
	w := newWorld(t, settings{script: modeltest.Turns(modeltest.Text("ok"))})
	for i := range n {
		w.askIn(w.session, strings.Repeat("long ", 10_000), "ask")
		w.ended(i + 1)
	}
	views := w.views()
	if len(views) != 15 || views[14].CreationTime < views[0].CreationTime {
		t.Errorf("%d runs listed", len(views))
	}
	v, err := value.FromGo(views)
	if err != nil {
		t.Fatal(err)
	}
	if size := value.Size(v); size > 12_000 {
		t.Errorf("the list has %d bytes", size)
	}
}
