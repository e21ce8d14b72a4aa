package workerd

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"surgent.dev/surgent/deploy"
	"surgent.dev/surgent/deploy/assets"
)

// runner serves one release of one app and keeps its process, of which there
// is at most one:
//
//	none ── first request ──▶ starting ── answers ──▶ running
//	  ▲                           │                      │
//	  └──── did not start, ended, stood still, idle ◀────┘
//
// A process that failed is started again by the next request, after a pause
// that grows with each failure.
type runner struct {
	t       *Target
	name    string
	m       *manifest
	site    *assets.Site
	journal *journal // the app's, over all releases

	mu        sync.Mutex
	current   *instance
	starting  *startCall // nil when nobody starts it
	inFlight  int        // requests that use current or wait for it
	lastUsed  time.Time
	failures  int // in a row
	notBefore time.Time
	lastErr   error
	closed    bool
}

// startCall is one start that any number of requests wait for.
type startCall struct {
	done chan struct{} // closed by the starter once i and err are set
	i    *instance
	err  error
}

// serve answers a visitor's request; errMoved means that nothing was written
// and another release is live.
func (r *runner) serve(w http.ResponseWriter, req *http.Request) error {
	if !r.site.ToWorker(req) {
		r.site.ServeVisitor(w, req)
		return nil
	}
	i, err := r.acquire(req.Context())
	if err != nil {
		return err
	}
	defer r.release()
	if req.Body != nil && req.Body != http.NoBody {
		steady := &steadyBody{ReadCloser: req.Body, conn: http.NewResponseController(w), now: r.t.now, limit: r.t.c.Body}
		req.Body = http.MaxBytesReader(w, steady, maxRequestBytes)
	}
	i.proxy.ServeHTTP(w, req)
	return nil
}

// acquire returns the running instance, starting one when there is none. The
// caller calls release when it is done with it.
func (r *runner) acquire(ctx context.Context) (*instance, error) {
	r.mu.Lock()
	if r.current != nil && r.current.ended() {
		r.endedLocked(r.current)
	}
	switch {
	case r.closed:
		r.mu.Unlock()
		return nil, errMoved
	case r.current != nil:
		r.inFlight++
		i := r.current
		r.mu.Unlock()
		return i, nil
	case r.starting == nil && r.t.now().Before(r.notBefore):
		err := r.lastErr
		r.mu.Unlock()
		return nil, err
	}
	call := r.starting
	if call == nil {
		call = &startCall{done: make(chan struct{})}
		r.starting = call
		r.t.background.Add(1)
		// Visitors may leave; the start goes on for the next one, within its
		// own deadline.
		go r.begin(context.WithoutCancel(ctx), call)
	}
	r.inFlight++
	r.mu.Unlock()
	select {
	case <-call.done:
		if call.err != nil {
			r.release()
			return nil, call.err
		}
		return call.i, nil
	case <-ctx.Done():
		r.release()
		return nil, context.Cause(ctx)
	}
}

func (r *runner) begin(ctx context.Context, call *startCall) {
	defer r.t.background.Done()
	defer close(call.done)
	limited, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	i, err := r.t.start(limited, r)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.starting = nil
	if call.err = err; err != nil {
		r.failedLocked(err)
		r.t.c.Logger.Warn("app did not start", "app", r.name, "error", err)
		r.journal.note(r.t.now(), err.Error())
		return
	}
	if r.closed {
		call.err = errMoved
		i.close("")
		return
	}
	call.i = i
	r.adoptLocked(ctx, i)
}

// adopt makes an instance that was started to be verified the runner's own.
func (r *runner) adopt(ctx context.Context, i *instance) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.adoptLocked(ctx, i)
}

func (r *runner) adoptLocked(ctx context.Context, i *instance) {
	r.current, r.lastUsed = i, r.t.now()
	i.journal.Store(r.journal)
	r.t.background.Add(1)
	go r.watch(ctx, i)
}

func (r *runner) release() {
	r.mu.Lock()
	r.inFlight--
	r.lastUsed = r.t.now()
	r.mu.Unlock()
}

// watch looks after an instance until it is gone: it kills one whose event
// loop stands still and stops one that nobody needs.
func (r *runner) watch(ctx context.Context, i *instance) {
	defer r.t.background.Done()
	why := "" // somebody else ended it and says why
	defer func() { i.close(why) }()
	tick := time.NewTicker(r.t.c.Probe)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-i.box.Done():
			r.ended(i)
			why = "The process ended by itself. Did it run out of memory?"
			return
		case <-tick.C:
		}
		if gone, idle := r.stopIfIdle(i); gone {
			if idle {
				why = "The process was stopped, since nobody used it. The next request starts it."
			}
			return
		}
		// At rest only now and then: work may go on behind an answer.
		if !r.busy() && n%restProbes != 0 {
			continue
		}
		if err := i.probe(ctx); err != nil && !i.ended() {
			r.t.c.Logger.Warn("app does not answer the watchdog; it is killed", "app", r.name, "error", err)
			r.ended(i)
			why = "The code stood still for " + r.t.c.Stall.String() + "; its process was killed."
			return
		}
	}
}

// ended records that an instance is gone, or about to be, without being asked.
func (r *runner) ended(i *instance) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current == i {
		r.endedLocked(i)
	}
}

func (r *runner) endedLocked(i *instance) {
	r.current = nil
	if r.t.now().Sub(i.began) > forgiveAfter {
		r.failures = 0
	}
	r.failedLocked(errCrashed)
}

var errCrashed = errors.New("the app's process ended")

// forgiveAfter is how long a process has to live to make up for the ones
// before; maxPause bounds the pause between two starts.
//
// startLimit bounds a start from the first request on, with the waits for a
// place, a box and the runtime in it.
const (
	startLimit   = 2 * time.Minute
	forgiveAfter = time.Minute
	maxPause     = 30 * time.Second
	restProbes   = 10
)

func (r *runner) failedLocked(err error) {
	r.lastErr = err
	// A busy or full machine is not the app's failure.
	if errors.Is(err, deploy.ErrUnavailable) {
		r.notBefore = r.t.now().Add(time.Second)
		return
	}
	if r.failures++; r.failures > 1 {
		pause := time.Second << min(r.failures-2, 5)
		r.notBefore = r.t.now().Add(min(pause, maxPause))
	}
}

// stopIfIdle takes an instance that nobody used for long out of service. It
// tells whether it is out of service, and whether for that reason.
func (r *runner) stopIfIdle(i *instance) (gone, idle bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current != i {
		return true, false // closed or evicted
	}
	if r.inFlight > 0 || r.t.now().Sub(r.lastUsed) < r.t.c.Idle {
		return false, false
	}
	r.current = nil
	return true, true
}

// evict stops the instance when no request uses it.
func (r *runner) evict() bool {
	r.mu.Lock()
	i := r.current
	if i == nil || r.inFlight > 0 {
		r.mu.Unlock()
		return false
	}
	r.current = nil
	r.mu.Unlock()
	i.close("The process was stopped to make room for another app. The next request starts it.")
	return true
}

// close takes the release out of service: requests that come now get errMoved,
// those in progress have grace to end.
func (r *runner) close(grace time.Duration) {
	r.mu.Lock()
	r.closed = true
	i := r.current
	r.mu.Unlock()
	deadline := time.NewTimer(grace)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for i != nil && grace > 0 && r.busy() {
		select {
		case <-tick.C:
			continue
		case <-deadline.C:
		case <-r.t.closing:
		case <-i.box.Done():
		}
		break
	}
	r.mu.Lock()
	r.current = nil
	r.mu.Unlock()
	if i != nil {
		i.close("The process was stopped, since its release is no longer live.")
	}
}

func (r *runner) busy() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.inFlight > 0
}

func (r *runner) used() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lastUsed
}
