package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"surgent.dev/surgent/convex/feed"
	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/stream"
)

// Config is what a Hub needs.
type Config struct {
	Store   store.Store
	Streams *stream.Hub
	Runner  *function.Runner
	// Parallel is how many queries of a batch run at once, 0 for 4.
	Parallel int
	// Interval is the least time between two batches, 0 for 5 ms: commits that
	// follow closely share a batch.
	Interval time.Duration
	// QueryTimeout ends a run that takes too long, 0 for 10 s: every client
	// waits for the slowest query of a batch.
	QueryTimeout time.Duration
	Logger       *slog.Logger
}

// Hub holds all subscriptions. It is safe for concurrent use.
type Hub struct {
	config Config
	waker  *feed.Waker
	cursor feed.Cursor // used by the loop only

	mu        sync.Mutex
	clients   map[*Client]struct{}
	inbox     map[*Client]struct{} // clients with requests for the next batch
	waiting   map[*Client]struct{} // clients that need a Transition at a later timestamp
	queries   map[string]*query
	readers   map[store.Key]map[*query]struct{} // who read a key
	dirty     map[*query]struct{}
	published store.Timestamp // all clean queries are up to date at this
}

// query is one shared run. Its fields are guarded by Hub.mu, except that the
// loop reads call and journal while it runs it.
type query struct {
	key     string
	call    function.Call
	journal []string
	reads   []store.Key
	result  *Result
	subs    map[*subscription]struct{}
	retry   *time.Timer // nil unless the last run failed for a passing reason
	retries int         // in a row
}

// Result is what a run of a query gave. It is immutable and shared.
type Result struct {
	Value   []byte
	Failure *function.Failure
	Journal []string
}

func (r *Result) equal(o *Result) bool {
	if r == o {
		return true
	}
	if r == nil || o == nil || (r.Failure == nil) != (o.Failure == nil) {
		return false
	}
	if r.Failure != nil {
		return r.Failure.Stable == o.Failure.Stable && string(r.Failure.Data) == string(o.Failure.Data)
	}
	return string(r.Value) == string(o.Value)
}

// New returns a hub. Nothing moves until Run runs.
func New(c Config) (*Hub, error) {
	if c.Store == nil || c.Streams == nil || c.Runner == nil {
		return nil, errors.New("live queries need a store, streams and a runner")
	}
	if c.Parallel <= 0 {
		c.Parallel = 4
	}
	if c.Interval <= 0 {
		c.Interval = 5 * time.Millisecond
	}
	if c.QueryTimeout <= 0 {
		c.QueryTimeout = 10 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Hub{
		config:  c,
		waker:   feed.NewWaker(c.Store.OnCommit, c.Streams.OnChange),
		clients: map[*Client]struct{}{},
		inbox:   map[*Client]struct{}{},
		waiting: map[*Client]struct{}{},
		queries: map[string]*query{},
		readers: map[store.Key]map[*query]struct{}{},
		dirty:   map[*query]struct{}{},
	}, nil
}

// Run works until ctx ends; a hub runs once. A batch that fails is tried again: the database
// may be busy, and no client may miss a change.
func (h *Hub) Run(ctx context.Context) error {
	defer h.waker.Close()
	defer h.stopRetries()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-h.waker.C():
		}
		wait := h.config.Interval
		if err := h.batch(ctx); err != nil && ctx.Err() == nil {
			h.config.Logger.ErrorContext(ctx, "update live queries", "error", err)
			wait = 200 * time.Millisecond
			h.waker.Wake()
		}
		pause.Reset(wait)
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		}
	}
}

// batch brings every query to the newest commit.
func (h *Hub) batch(ctx context.Context) error {
	var streams stream.View
	var changed []string
	snaps, release, err := h.config.Store.Pin(ctx, h.parallel(), func() { streams, changed = h.config.Streams.Take() })
	if err != nil {
		return fmt.Errorf("pin snapshot: %w", err)
	}
	defer release()
	keys, lost, err := h.cursor.Advance(ctx, snaps[0])
	if err != nil {
		lost = true // the stream changes are taken already: run everything
		h.config.Logger.WarnContext(ctx, "read change log", "error", err)
	}
	work, moved := h.collect(keys, changed, lost)
	results := h.run(ctx, work, snaps, streams)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	h.publish(snaps[0].Timestamp(), work, results, moved)
	return nil
}

// parallel is how many snapshots a batch needs at most.
func (h *Hub) parallel() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return max(1, min(h.config.Parallel, len(h.queries)+len(h.inbox)))
}

// collect marks what was written, lets the clients' requests take effect, and
// returns the queries to run and the clients that moved.
func (h *Hub) collect(keys map[store.Key]struct{}, streams []string, everything bool) (work []*query, moved []*Client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for k := range keys {
		for q := range h.readers[k] {
			h.dirty[q] = struct{}{}
		}
	}
	for _, s := range streams {
		for q := range h.readers[store.StreamKey(s)] {
			h.dirty[q] = struct{}{}
		}
	}
	if everything {
		for _, q := range h.queries {
			h.dirty[q] = struct{}{}
		}
	}
	for c := range h.inbox {
		c.apply()
		moved = append(moved, c)
	}
	clear(h.inbox)
	for q := range h.dirty {
		work = append(work, q)
	}
	clear(h.dirty)
	return work, moved
}

// run runs queries, each on one of the snapshots, which are all the same.
func (h *Hub) run(ctx context.Context, work []*query, snaps []store.Snapshot, streams stream.View) []function.QueryResult {
	results := make([]function.QueryResult, len(work))
	next := make(chan int, len(work))
	for i := range work {
		next <- i
	}
	close(next)
	var wg sync.WaitGroup
	for _, snap := range snaps[:min(len(snaps), len(work))] {
		wg.Go(func() {
			for i := range next {
				results[i] = h.runOne(ctx, work[i], snap, streams)
			}
		})
	}
	wg.Wait()
	return results
}

func (h *Hub) runOne(ctx context.Context, q *query, snap store.Snapshot, streams stream.View) function.QueryResult {
	ctx, cancel := context.WithTimeout(ctx, h.config.QueryTimeout)
	defer cancel()
	return h.config.Runner.Query(ctx, snap, streams, q.call, q.journal)
}

// publish makes the results of a batch visible to clients, all at once.
func (h *Hub) publish(ts store.Timestamp, work []*query, results []function.QueryResult, moved []*Client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.published = max(h.published, ts)
	for i, q := range work {
		h.settle(q, results[i])
	}
	for _, c := range moved {
		c.deliverAll()
		c.need(0)
	}
	for c := range h.waiting {
		c.signal()
	}
}

// settle stores the result of a run and passes it on where it is new.
func (h *Hub) settle(q *query, res function.QueryResult) {
	if len(q.subs) == 0 {
		return // dropped while it ran
	}
	h.unread(q)
	q.reads = res.Reads
	for _, k := range q.reads {
		set := h.readers[k]
		if set == nil {
			set = map[*query]struct{}{}
			h.readers[k] = set
		}
		set[q] = struct{}{}
	}
	if res.Passing {
		h.retryLater(q)
	} else {
		q.stopRetry()
		q.retries = 0
	}
	r := &Result{Value: res.Value, Failure: res.Failure, Journal: res.Journal}
	if res.Journal != nil {
		q.journal = res.Journal
	}
	if r.equal(q.result) {
		return
	}
	q.result = r
	for s := range q.subs {
		s.deliver()
	}
}

func (h *Hub) unread(q *query) {
	for _, k := range q.reads {
		set := h.readers[k]
		delete(set, q)
		if len(set) == 0 {
			delete(h.readers, k)
		}
	}
	q.reads = nil
}

// drop forgets a query that nobody watches.
func (h *Hub) drop(q *query) {
	h.unread(q)
	q.stopRetry()
	delete(h.queries, q.key)
	delete(h.dirty, q)
}

// Stats says how much a hub holds.
type Stats struct{ Clients, Queries, Subscriptions int }

// Stats returns the present numbers.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := Stats{Clients: len(h.clients), Queries: len(h.queries)}
	for _, q := range h.queries {
		s.Subscriptions += len(q.subs)
	}
	return s
}
