package projects

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/internal/kit/clock"
	"surgent.dev/surgent/sandbox"
)

// waitsForRoom is what a project's page reads while the machine is full.
const waitsForRoom = "room"

const (
	// roomEvery is how often a boot that waits for room tries again.
	roomEvery = 3 * time.Second
	// How long nobody must have used a sandbox for it to give way to one that
	// waits: one that sleeps by itself soon anyway, and one that is kept awake.
	restOrdinary = 5 * time.Minute
	restKept     = time.Hour
)

// withRoom tries until the server has room. Meanwhile the project says that
// it waits, and a sandbox that nobody uses is put to sleep in its favour:
// without this a few people who leave their projects open could keep a small
// machine for themselves. It waits as long as the attempt is wanted.
func (b *booting) withRoom(try func() error) error {
	for {
		err := try()
		if !errors.Is(err, sandbox.ErrNoRoom) {
			return err
		}
		if err := b.note(stepArgs{Begin: stepCreate, SandboxID: b.id, WaitsFor: waitsForRoom}); err != nil {
			return err
		}
		if err := b.makeRoom(b.ctx); err != nil {
			b.Logger.WarnContext(b.ctx, "no sandbox gave way", "project", b.args.ProjectID, "error", err)
		}
		if err := clock.Sleep(b.ctx, roomEvery); err != nil {
			return err
		}
	}
}

// makeRoom puts the sandbox to sleep that was not used for longest, if one may
// give way.
func (l *Life) makeRoom(ctx *function.ActionCtx) error {
	all, err := l.Sandboxes.List(ctx, nil)
	if err != nil {
		return fmt.Errorf("list sandboxes: %w", err)
	}
	slices.SortFunc(all, func(a, b *sandbox.Info) int {
		return cmp.Compare(a.LastActivityAt.UnixMilli(), b.LastActivityAt.UnixMilli())
	})
	var resting []restingBox
	for _, box := range all {
		if box.State == sandbox.Started && !box.LastActivityAt.IsZero() {
			resting = append(resting, restingBox{box.ID, float64(box.LastActivityAt.UnixMilli()), box.AutoStopInterval == 0})
		}
	}
	var chosen string
	if err := ctx.RunMutation("projects:giveWay", giveWayArgs{resting}, &chosen); err != nil || chosen == "" {
		return err
	}
	l.Logger.InfoContext(ctx, "a resting sandbox gives way", "sandbox", chosen)
	if err := l.Sandboxes.Stop(ctx, chosen); err != nil {
		return fmt.Errorf("put sandbox to sleep: %w", err)
	}
	return nil
}

// restingBox is a running sandbox as the server knows it.
type restingBox struct {
	SandboxID string  `json:"sandboxId"`
	UsedAt    float64 `json:"usedAt"` // ms
	Kept      bool    `json:"kept"`   // its owner turned the auto stop off
}

type giveWayArgs struct {
	Resting []restingBox `json:"resting"` // least recently used first
}

// giveWay chooses the sandbox that is to sleep, "" for none: the first one of
// a project that has rested long enough and where nothing is going on.
func (m *module) giveWay(ctx *function.MutationCtx, a giveWayArgs) (string, error) {
	now := ctx.Now()
	for _, box := range a.Resting {
		rest := restOrdinary
		if box.Kept {
			rest = restKept
		}
		if now.Sub(time.UnixMilli(int64(box.UsedAt))) < rest {
			continue
		}
		p, err := Projects.Query(ctx.DB, "by_sandbox", box.SandboxID).First(ctx)
		if err != nil {
			return "", err
		}
		if p == nil || p.Sandbox == nil || p.Sandbox.Status != Started {
			continue // not a project's, or on its way
		}
		busy, err := m.busy(ctx, p.ID)
		if err != nil {
			return "", err
		}
		if !busy {
			return box.SandboxID, nil
		}
	}
	return "", nil
}

func (m *module) busy(ctx *function.MutationCtx, id ID) (bool, error) {
	for _, busy := range m.parts.Busy {
		if yes, err := busy(ctx, id); yes || err != nil {
			return yes, err
		}
	}
	return false, nil
}
