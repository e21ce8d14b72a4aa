package projects_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"surgent.dev/surgent/internal/builder/projects"
)

func TestStepsFollowEachOther(t *testing.T) {
	t.Parallel()
	type step = projects.Step
	steps := []step{{ID: "a", StartedAt: 1}, {ID: "b"}, {ID: "c"}, {ID: "d"}}
	steps = projects.BeginStep(steps, "b", 5)
	if diff := cmp.Diff([]step{{ID: "a", StartedAt: 1, EndedAt: 5}, {ID: "b", StartedAt: 5}, {ID: "c"}, {ID: "d"}}, steps); diff != "" {
		t.Error(diff)
	}
	// One that is passed over took no time.
	steps = projects.BeginStep(steps, "d", 9)
	want := []step{
		{ID: "a", StartedAt: 1, EndedAt: 5},
		{ID: "b", StartedAt: 5, EndedAt: 9},
		{ID: "c", StartedAt: 9, EndedAt: 9},
		{ID: "d", StartedAt: 9},
	}
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Error(diff)
	}
	// Begun again, a step that was under way goes on.
	if diff := cmp.Diff(want, projects.BeginStep(steps, "d", 12)); diff != "" {
		t.Error(diff)
	}
	// After a restart the work begins again, and what had begun later has not.
	again := projects.BeginStep(steps, "b", 20)
	if diff := cmp.Diff([]step{{ID: "a", StartedAt: 1, EndedAt: 5}, {ID: "b", StartedAt: 20}, {ID: "c"}, {ID: "d"}}, again); diff != "" {
		t.Error(diff)
	}
	if steps[3].StartedAt != 9 {
		t.Error("the steps that it was given have changed")
	}
}
