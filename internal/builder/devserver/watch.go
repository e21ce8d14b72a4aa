package devserver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"surgent.dev/surgent/internal/kit/clock"
	"surgent.dev/surgent/sandbox"
)

// Status is what the dev server is known to do.
type Status string

// The statuses. Running says nothing about errors in the app: see Report.
const (
	Starting Status = "starting"
	Running  Status = "running"
	Exited   Status = "exited"
)

// Report is what a person needs to know of a dev server.
type Report struct {
	Status   Status
	ExitCode *int
	Lines    []string // the newest lines of its log, never nil
	Error    string   // the error that stands now, "" for none
}

// settle is how long the log must rest before a report goes out. Vite says
// that it updated before it says that the update fails.
const settle = 250 * time.Millisecond

// Watch follows a dev server's log and reports each change, at most about
// four times a second, until the command ends or ctx does. The last report
// tells the exit code. It returns nil when the command has ended.
func Watch(ctx context.Context, tb sandbox.Processes, commandID string, report func(Report) error) error {
	var (
		mu   sync.Mutex // guards log
		log  devLog
		kick = make(chan struct{}, 1) // the log sends without waiting, the loop receives
		done = make(chan struct{})    // closed by the follower
		end  error                    // of the log; readable after done
	)
	followCtx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		defer close(done)
		end = tb.FollowLogs(followCtx, Session, commandID, func(_ sandbox.Stream, p []byte) error {
			mu.Lock()
			changed := log.write(p)
			mu.Unlock()
			if changed {
				select {
				case kick <- struct{}{}:
				default: // one is waiting: it will see this too
				}
			}
			return nil
		})
	}()
	send := func(status Status, code *int) error {
		mu.Lock()
		r := Report{Status: status, ExitCode: code, Lines: log.tail(), Error: log.failed()}
		mu.Unlock()
		return report(r)
	}
	for {
		select {
		case <-kick:
			if err := clock.Sleep(ctx, settle); err != nil {
				stop()
				<-done
				return err
			}
			if err := send(Running, nil); err != nil {
				stop()
				<-done
				return err
			}
		case <-done:
			if end != nil {
				return fmt.Errorf("follow dev server: %w", end)
			}
			cmd, err := tb.GetCommand(ctx, Session, commandID)
			if err != nil {
				return fmt.Errorf("ask how the dev server ended: %w", err)
			}
			if cmd.ExitCode == nil {
				return errors.New("follow dev server: the log ended before the command")
			}
			return send(Exited, cmd.ExitCode)
		}
	}
}
