package app

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
)

func TestStagesStopInReverse(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var ended []string
	var up sync.WaitGroup
	up.Add(3)
	make1 := func(name string) stage {
		return stage{name, func(ctx context.Context) error {
			up.Done()
			<-ctx.Done()
			mu.Lock()
			defer mu.Unlock()
			ended = append(ended, name)
			return ctx.Err()
		}}
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { up.Wait(); cancel() }()
	if err := supervise(ctx, []stage{make1("engine"), make1("runtime"), make1("doors")}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(ended, " "); got != "doors runtime engine" {
		t.Errorf("ended in the order %s", got)
	}
}

func TestAFailedStageEndsAll(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	err := supervise(t.Context(), []stage{
		{"below", func(ctx context.Context) error { <-ctx.Done(); return nil }},
		{"broken", func(context.Context) error { return boom }},
	})
	if !errors.Is(err, boom) || !strings.HasPrefix(err.Error(), "broken: ") {
		t.Errorf("got %v", err)
	}
}
