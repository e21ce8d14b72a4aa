// Package keylock is a mutex for each key, whose wait a context can end.
package keylock

import (
	"context"
	"sync"
)

// Keys holds locks by key. The zero value has none held. Waiters are served in
// no particular order.
type Keys struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed by unlock
}

// Lock waits until nobody else holds key, and holds it until unlock is called,
// once. It returns why ctx ended if that is first.
func (k *Keys) Lock(ctx context.Context, key string) (unlock func(), err error) {
	for {
		unlock, other := k.take(key)
		if other == nil {
			return unlock, nil
		}
		select {
		case <-other:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// TryLock holds key as Lock does if nobody else holds it; otherwise it returns
// false.
func (k *Keys) TryLock(key string) (unlock func(), ok bool) {
	unlock, other := k.take(key)
	return unlock, other == nil
}

// take holds key, or returns what is closed when its holder lets go.
func (k *Keys) take(key string) (unlock func(), other <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if other, taken := k.held[key]; taken {
		return nil, other
	}
	if k.held == nil {
		k.held = map[string]chan struct{}{}
	}
	mine := make(chan struct{})
	k.held[key] = mine
	return func() {
		k.mu.Lock()
		delete(k.held, key)
		k.mu.Unlock()
		close(mine)
	}, nil
}
