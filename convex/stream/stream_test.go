package stream_test

import (
	"slices"
	"sync"
	"testing"

	"surgent.dev/surgent/convex/stream"
)

func TestViewsStandStill(t *testing.T) {
	t.Parallel()
	h := stream.New()
	h.Set("a", 1)
	before := h.View()
	h.Set("a", 2)
	h.Set("b", 3)
	h.Clear("a")
	if before.Get("a") != 1 || before.Get("b") != nil {
		t.Errorf("the view moved to %v and %v", before.Get("a"), before.Get("b"))
	}
	if h.Get("a") != nil || h.Get("b") != 3 {
		t.Errorf("the hub holds %v and %v", h.Get("a"), h.Get("b"))
	}
	if (stream.View{}).Get("a") != nil {
		t.Error("the zero view is not empty")
	}
}

func TestTakeTellsWhatChanged(t *testing.T) {
	t.Parallel()
	h := stream.New()
	woken := 0
	remove := h.OnChange(func() { woken++ })
	h.Set("a", 1)
	h.Clear("b")
	v, keys := h.Take()
	slices.Sort(keys)
	if v.Get("a") != 1 || !slices.Equal(keys, []string{"a", "b"}) || woken != 2 {
		t.Errorf("took %v with %v after %d wake-ups", v.Get("a"), keys, woken)
	}
	if _, keys := h.Take(); len(keys) != 0 {
		t.Errorf("took %v again", keys)
	}
	remove()
	h.Set("a", 2)
	if woken != 2 {
		t.Error("a removed watcher was called")
	}
}

// No change is lost between writers and the taker.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	h := stream.New()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 500 {
				h.Set("a", i)
				h.Get("a")
			}
			h.Set("end", true)
		})
	}
	var last stream.View
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		if v, keys := h.Take(); len(keys) > 0 {
			last = v
		}
	}
	if v, keys := h.Take(); len(keys) > 0 {
		last = v
	}
	if last.Get("a") != h.Get("a") || last.Get("end") != true {
		t.Errorf("the taker ended with %v, the hub with %v", last.Get("a"), h.Get("a"))
	}
}
