package live

import "time"

// A query whose runs fail for a passing reason waits this long before the
// first repeat, and twice as long before each further one, up to the most.
const (
	firstRetry = time.Second
	maxRetry   = 30 * time.Second
)

// retryPause returns how long a query waits that was repeated n times.
func retryPause(n int) time.Duration {
	pause := firstRetry
	for range n {
		if pause *= 2; pause >= maxRetry {
			return maxRetry
		}
	}
	return pause
}

// retryLater lets a query run again although nothing that it read changes.
func (h *Hub) retryLater(q *query) {
	q.stopRetry()
	q.retry = time.AfterFunc(retryPause(q.retries), func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.queries[q.key] != q {
			return // dropped while this waited for the lock
		}
		h.dirty[q] = struct{}{}
		h.waker.Wake()
	})
	q.retries++
}

func (q *query) stopRetry() {
	if q.retry != nil {
		q.retry.Stop()
		q.retry = nil
	}
}

// stopRetries ends what waits when nothing will run any more.
func (h *Hub) stopRetries() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, q := range h.queries {
		q.stopRetry()
	}
}
