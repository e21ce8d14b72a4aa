package socket

import "sync"

// queue passes calls from the reader to those who run them, in order. A channel
// with room for as many would take that room on every idle connection.
type queue struct {
	most int

	mu     sync.Mutex
	more   sync.Cond // calls or closed changed
	calls  []call
	bytes  int64 // of their arguments
	closed bool
}

func newQueue(most int) *queue {
	q := &queue{most: most}
	q.more.L = &q.mu
	return q
}

// push adds a call; false means that the queue is full, or that the arguments
// in it would be more than room bytes.
func (q *queue) push(c call, room int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.calls) >= q.most || q.bytes+c.bytes > room {
		return false
	}
	q.calls = append(q.calls, c)
	q.bytes += c.bytes
	q.more.Signal()
	return true
}

// close lets next end once it has returned what is there.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Broadcast()
}

// next waits for a call and takes it; false means that there will be none.
func (q *queue) next() (call, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.calls) == 0 {
		if q.closed {
			return call{}, false
		}
		q.more.Wait()
	}
	c := q.calls[0]
	q.calls[0] = call{} // frees the arguments
	q.calls = q.calls[1:]
	q.bytes -= c.bytes
	if len(q.calls) == 0 {
		q.calls = nil
	}
	return c, true
}
