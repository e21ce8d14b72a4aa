package projects

// Step is one true step of something long that a page shows: the preparation
// of a sandbox, a deployment. A step that has not begun has no times.
type Step struct {
	ID        string  `json:"id"`
	Label     string  `json:"label"`
	StartedAt float64 `json:"startedAt,omitempty"` // ms
	EndedAt   float64 `json:"endedAt,omitempty"`   // ms
	Failed    bool    `json:"failed,omitempty"`
}

// BeginStep returns the steps with one of them under way since now (ms) at the
// latest: those before it have ended, those after it have not begun, whatever
// an attempt before a restart left.
func BeginStep(steps []Step, id string, now float64) []Step {
	out := append([]Step(nil), steps...)
	for i := range out {
		s := &out[i]
		if s.ID == id {
			if s.StartedAt == 0 || s.EndedAt != 0 {
				s.StartedAt = now
			}
			s.EndedAt, s.Failed = 0, false
			for later := i + 1; later < len(out); later++ {
				out[later].StartedAt, out[later].EndedAt, out[later].Failed = 0, 0, false
			}
			break
		}
		if s.StartedAt == 0 {
			s.StartedAt = now
		}
		if s.EndedAt == 0 {
			s.EndedAt = now
		}
	}
	return out
}
