package job

import (
	"context"
	"sync"

	"github.com/riverqueue/river/riverdriver"
)

// localDriver is a driver whose notifications stay in this process, the only
// one that uses the database: a commit that inserted jobs wakes River at once,
// where its own SQLite listener would look every 50 ms.
type localDriver[T any] struct {
	riverdriver.Driver[T]
	wake *listener
}

func (d localDriver[T]) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return d.wake
}

func (d localDriver[T]) SupportsListener() bool { return true }

// SupportsListenNotify is false so that nothing is written for listeners in
// other processes.
func (d localDriver[T]) SupportsListenNotify() bool { return false }

// insertTopic is where River listens for new jobs.
const insertTopic = "river_insert"

// listener implements riverdriver.Listener for new jobs.
type listener struct {
	ch chan struct{} // capacity 1: wake sends without blocking, River's notifier receives

	mu     sync.Mutex
	listen bool                // River wants to hear of new jobs
	queues map[string]struct{} // with jobs that it has not heard of
}

func newListener() *listener {
	return &listener{ch: make(chan struct{}, 1), queues: map[string]struct{}{}}
}

// wake says that queues have new jobs. It never blocks.
func (l *listener) wake(queues ...string) {
	l.mu.Lock()
	for _, q := range queues {
		l.queues[q] = struct{}{}
	}
	l.mu.Unlock()
	select {
	case l.ch <- struct{}{}:
	default:
	}
}

func (l *listener) Connect(context.Context) error { return nil }
func (l *listener) Close(context.Context) error   { return nil }
func (l *listener) Ping(context.Context) error    { return nil }
func (l *listener) Schema() string                { return "" }
func (l *listener) SetAfterConnectExec(string)    {}

func (l *listener) Listen(_ context.Context, topic string) error {
	l.set(topic, true)
	return nil
}

func (l *listener) Unlisten(_ context.Context, topic string) error {
	l.set(topic, false)
	return nil
}

func (l *listener) set(topic string, on bool) {
	if topic != insertTopic {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listen = on
}

// take returns the notification for one queue, and says whether there are more.
func (l *listener) take() (n *riverdriver.Notification, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for q := range l.queues {
		delete(l.queues, q)
		if l.listen {
			return &riverdriver.Notification{Topic: insertTopic, Payload: `{"queue":"` + q + `"}`}, len(l.queues) > 0
		}
	}
	return nil, false
}

// WaitForNotification blocks until jobs were inserted or ctx ends.
func (l *listener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-l.ch:
		}
		n, more := l.take()
		if more {
			l.wake()
		}
		if n != nil {
			return n, nil
		}
	}
}
