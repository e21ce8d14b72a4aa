package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"surgent.dev/surgent/convex/stream"
)

// A failure was published as if it were a step that is under way.
func TestTheBoardTellsStepsFromFailures(t *testing.T) {
	t.Parallel()
	streams, now := stream.New(), time.UnixMilli(1000)
	b := NewBoard(streams, func() time.Time { return now })
	wants := func(what string, want any) {
		t.Helper()
		if diff := cmp.Diff(want, streams.Get(preparingStream)); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	b.Step("Installing")
	now = time.UnixMilli(2000)
	b.Step("Installing")
	wants("the same step", Preparing{"Installing", 1000})
	b.Failed("No disk.", "Make room.")
	wants("failed", Failure{"No disk.", "Make room."})
	b.Step("Installing")
	wants("tried again", Preparing{"Installing", 2000})
	b.Step("")
	wants("ready", nil)
}
