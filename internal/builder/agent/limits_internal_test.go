package agent

import (
	"testing"
	"time"
)

// TestTimeAwayDoesNotCount: a run that a server left behind in the evening has
// its time left in the morning.
func TestTimeAwayDoesNotCount(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 2, 9, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) float64 { return millis(now.Add(-d)) }
	e := entry{
		Run:   Run{StartedAt: ago(12 * time.Hour), ResumedAt: ago(11 * time.Hour)},
		Steps: []Step{{StartedAt: ago(12 * time.Hour), EndedAt: ago(10 * time.Hour)}, {StartedAt: ago(9 * time.Hour)}},
		Calls: []Call{{StartedAt: ago(10 * time.Hour), EndedAt: ago(10 * time.Hour)}},
	}
	if got := e.lastSign(); got != ago(9*time.Hour) {
		t.Errorf("last sign %v h ago, want 9", (millis(now)-got)/3.6e6)
	}
	w := &task{worker: &worker{Service: &Service{Config: Config{
		Limits: Limits{}.orDefaults(), Now: func() time.Time { return now },
	}}}, cur: &e}
	if end, err := w.decide(); err != nil || end == nil || end.Error.Message != "This run reached its limit of 2 hours." {
		t.Errorf("twelve hours of work: %+v, %v", end, err)
	}
	e.Run.Away = float64((11 * time.Hour).Milliseconds())
	if end, err := w.decide(); err != nil || end != nil {
		t.Errorf("one hour of work: %+v, %v", end, err)
	}
}

func TestSpell(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		300 * time.Millisecond: "1 second", 45 * time.Second: "45 seconds", time.Minute: "1 minute",
		61 * time.Second: "2 minutes", 2 * time.Hour: "2 hours",
	} {
		if got := spell(d); got != want {
			t.Errorf("spell(%s) = %q, want %q", d, got, want)
		}
	}
}
