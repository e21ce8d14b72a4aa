package keylock_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"surgent.dev/surgent/internal/kit/keylock"
)

func TestOneAtATimeHoldsAKey(t *testing.T) {
	t.Parallel()
	var keys keylock.Keys
	var crowd sync.WaitGroup
	n := 0 // guarded by the key
	for range 50 {
		crowd.Go(func() {
			unlock, err := keys.Lock(t.Context(), "a")
			if err != nil {
				t.Error(err)
				return
			}
			n++
			unlock()
		})
	}
	crowd.Wait()
	if n != 50 {
		t.Errorf("%d of 50 were counted", n)
	}
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	var keys keylock.Keys
	unlock, err := keys.Lock(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := keys.Lock(ctx, "a"); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	if _, ok := keys.TryLock("a"); ok {
		t.Error("two hold one key")
	}
	other, ok := keys.TryLock("b")
	if !ok {
		t.Fatal("another key is held too")
	}
	other()
	unlock()
	again, ok := keys.TryLock("a")
	if !ok {
		t.Fatal("it is held after the unlock")
	}
	again()
}
