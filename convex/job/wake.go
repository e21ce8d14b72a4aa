package job

import (
	"context"
	"sync"

	"github.com/riverqueue/river"
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
	listen bool // River wants to hear of new jobs
}

func newListener() *listener { return &listener{ch: make(chan struct{}, 1)} }

func (l *listener) wake() {
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

func (l *listener) listening() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.listen
}

// WaitForNotification blocks until jobs were inserted or ctx ends.
func (l *listener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-l.ch:
			if l.listening() {
				return &riverdriver.Notification{Topic: insertTopic, Payload: `{"queue":"` + river.QueueDefault + `"}`}, nil
			}
		}
	}
}
