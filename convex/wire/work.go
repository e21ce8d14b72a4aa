package wire

import (
	"context"
	"sync"
)

// Work is what runs for clients of a door. It outlives the connection that
// asked for it, since a mutation is not undone by a dropped line, and a stop
// waits for it. The zero value is ready.
type Work struct {
	mu       sync.Mutex
	draining bool
	cancels  map[*context.CancelFunc]struct{}
	running  sync.WaitGroup
}

// Begin returns a context that ends when the work is told to stop, not when ctx
// ends, and what to call when the work has ended. It is false when the door
// stops already.
func (w *Work) Begin(ctx context.Context) (work context.Context, end func(), ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.draining {
		return nil, nil, false
	}
	if w.cancels == nil {
		w.cancels = map[*context.CancelFunc]struct{}{}
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w.cancels[&cancel] = struct{}{}
	w.running.Add(1)
	return work, func() {
		cancel()
		w.mu.Lock()
		delete(w.cancels, &cancel)
		w.mu.Unlock()
		w.running.Done()
	}, true
}

// Stop lets no work begin any more.
func (w *Work) Stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.draining = true
}

// Drain stops and waits for the work that runs. When ctx ends it cancels it,
// waits for its end, and returns the error of ctx.
func (w *Work) Drain(ctx context.Context) error {
	w.Stop()
	done := make(chan struct{})
	go func() {
		w.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		w.cancel()
		<-done
		return ctx.Err()
	}
}

func (w *Work) cancel() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for cancel := range w.cancels {
		(*cancel)()
	}
}
