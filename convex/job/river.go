package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivermigrate"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/value"
)

// call is the one kind of River job: a function and its encoded arguments.
type call struct {
	Function string          `json:"function"`
	Args     json.RawMessage `json:"args"`
}

// Kind names the kind in River's tables.
func (call) Kind() string { return "convex_function" }

// attempts is above what crashes will ever use up: only a crash and a failed
// mutation count as an attempt.
const attempts = 1000

// Actions that may take hours have a queue of their own, so that they cannot
// keep short work waiting.
const (
	shortQueue = river.QueueDefault
	longQueue  = "long"
)

func queueOf(f *function.Function) string {
	if f.Long {
		return longQueue
	}
	return shortQueue
}

// riverQueue runs jobs on a River client; T is the database's transaction.
type riverQueue[T any] struct {
	config Config
	client *river.Client[T]
	driver riverdriver.Driver[T]
	unwrap func(store.Transaction) (T, error)
	wake   *listener
	timer  *timer
}

func openRiver[T any](ctx context.Context, c Config, driver riverdriver.Driver[T], unwrap func(store.Transaction) (T, error)) (*riverQueue[T], error) {
	logger := slog.New(quiet{c.Logger.Handler()})
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: logger})
	if err != nil {
		return nil, fmt.Errorf("prepare job tables: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, fmt.Errorf("migrate job tables: %w", err)
	}
	q := &riverQueue[T]{config: c, driver: driver, unwrap: unwrap, wake: newListener()}
	q.timer = newTimer(c.Now, q.promote)
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &worker[T]{queue: q}); err != nil {
		return nil, fmt.Errorf("register worker: %w", err)
	}
	q.client, err = river.NewClient(localDriver[T]{driver, q.wake}, &river.Config{
		Logger: logger,
		Queues: map[string]river.QueueConfig{
			shortQueue: {MaxWorkers: c.Workers},
			longQueue:  {MaxWorkers: c.LongWorkers},
		},
		Workers:           workers,
		MaxAttempts:       attempts,
		FetchCooldown:     2 * time.Millisecond,
		FetchPollInterval: 500 * time.Millisecond,
		// A long action is not stuck: what died with its process is handed back
		// by rescue when the next process starts.
		JobTimeout:           -1,
		JobStuckThreshold:    24 * time.Hour,
		RescueStuckJobsAfter: 10 * 365 * 24 * time.Hour,
	})
	if err != nil {
		return nil, fmt.Errorf("make job client: %w", err)
	}
	return q, nil
}

// Enqueue inserts a job in a transaction.
func (q *riverQueue[T]) Enqueue(ctx context.Context, tx store.Transaction, j function.Job) (string, error) {
	args, err := value.Encode(j.Args)
	if err != nil {
		return "", fmt.Errorf("encode job arguments: %w", err)
	}
	t, err := q.unwrap(tx)
	if err != nil {
		return "", err
	}
	opts := &river.InsertOpts{Queue: queueOf(j.Function)}
	if !j.RunAt.IsZero() && j.RunAt.After(q.config.Now()) {
		opts.ScheduledAt = j.RunAt
	}
	res, err := q.client.InsertTx(ctx, t, call{Function: j.Function.Path.String(), Args: args}, opts)
	if err != nil {
		return "", fmt.Errorf("insert job: %w", err)
	}
	tx.AtCommit(func(store.Timestamp) {
		if opts.ScheduledAt.IsZero() {
			q.wake.wake(opts.Queue)
		} else {
			q.timer.add(opts.ScheduledAt)
		}
	})
	return strconv.FormatInt(res.Job.ID, 10), nil
}

// Run runs jobs until ctx ends. Then running actions are told to stop, and
// those that did not finish are handed back for the next start.
func (q *riverQueue[T]) Run(ctx context.Context) error {
	if err := q.rescue(ctx); err != nil {
		return fmt.Errorf("rescue jobs: %w", err)
	}
	work := context.WithoutCancel(ctx) // ends by Stop, which lets jobs finish in order
	if err := q.client.Start(work); err != nil {
		return fmt.Errorf("start jobs: %w", err)
	}
	q.timer.run(ctx)
	stop, cancel := context.WithTimeout(work, q.config.StopTimeout)
	defer cancel()
	if err := q.client.StopAndCancel(stop); err != nil {
		return fmt.Errorf("stop jobs: %w", err)
	}
	return nil
}

// rescue hands back what a process that died had been running. This process
// is the only one that runs jobs of this database, and runs none yet.
func (q *riverQueue[T]) rescue(ctx context.Context) error {
	exec := q.driver.GetExecutor()
	if err := exec.Exec(ctx, "UPDATE river_job SET state = 'available' WHERE state = 'running'"); err != nil {
		return err
	}
	// The dead process may still count as the leader, which moves jobs on.
	return exec.Exec(ctx, "DELETE FROM river_leader")
}

// promote makes jobs available whose time has come. River does the same every
// few seconds; this is what makes a short delay precise.
func (q *riverQueue[T]) promote(ctx context.Context, now time.Time) {
	err := q.driver.GetExecutor().Exec(ctx, "UPDATE river_job SET state = 'available' WHERE state = 'scheduled' AND scheduled_at <= "+q.driver.ArgPlaceholder(), sqlTime(now))
	if err != nil && ctx.Err() == nil {
		q.config.Logger.WarnContext(ctx, "promote scheduled jobs", "error", err)
	}
	q.wake.wake(shortQueue, longQueue)
}

// sqlTime is a time as River writes it in SQLite.
func sqlTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000") }

// worker runs one job.
type worker[T any] struct {
	river.WorkerDefaults[call]
	queue *riverQueue[T]
}

// Timeout ends ordinary actions only.
func (w *worker[T]) Timeout(j *river.Job[call]) time.Duration {
	f, err := w.lookup(j.Args)
	if err != nil || f.Long || f.Kind != function.KindAction {
		return -1
	}
	return w.queue.config.ActionTimeout
}

// NextRetry spaces the repeats of a mutation that failed by no fault of its
// own: a second, then longer.
func (w *worker[T]) NextRetry(j *river.Job[call]) time.Time {
	return w.queue.config.Now().Add(min(time.Duration(j.Attempt)*time.Second, time.Minute))
}

func (w *worker[T]) lookup(c call) (*function.Function, error) {
	p, err := function.ParsePath(c.Function)
	if err != nil {
		return nil, err
	}
	f, ok := w.queue.config.Registry.Lookup(p)
	if !ok {
		return nil, fmt.Errorf("no function %s", c.Function)
	}
	return f, nil
}

// Work runs the function. Errors that it returns are River's way to move a
// job: cancelled for good, snoozed for the next start, or tried again.
func (w *worker[T]) Work(ctx context.Context, j *river.Job[call]) error {
	f, err := w.lookup(j.Args)
	if err != nil {
		return river.JobCancel(err)
	}
	args, err := value.Decode(j.Args.Args)
	if err != nil {
		return river.JobCancel(fmt.Errorf("decode job arguments: %w", err))
	}
	c := function.Call{Path: f.Path, Args: args, Internal: true, RequestID: "job-" + strconv.FormatInt(j.ID, 10)}
	var res function.Result
	if f.Kind == function.KindMutation {
		res = w.mutate(ctx, j, c)
	} else {
		res = w.queue.config.Runner.Action(ctx, c)
	}
	switch {
	case res.Failure == nil:
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		return river.JobSnooze(0)
	case f.Kind == function.KindMutation && res.Failure.Code == "internal":
		return errors.New(res.Failure.Message)
	default:
		w.queue.config.Logger.WarnContext(ctx, "scheduled function failed", "function", f.Path.String(), "job", j.ID, "error", res.Failure.Message)
		return river.JobCancel(errors.New(res.Failure.Message))
	}
}

// mutate runs a mutation and completes its job in the same transaction.
func (w *worker[T]) mutate(ctx context.Context, j *river.Job[call], c function.Call) function.Result {
	return w.queue.config.Runner.Mutation(ctx, c, function.MutationOptions{
		Within: func(ctx context.Context, tx store.Transaction) error {
			t, err := w.queue.unwrap(tx)
			if err != nil {
				return err
			}
			if _, err := river.JobCompleteTx[riverdriver.Driver[T]](ctx, t, j); err != nil {
				return fmt.Errorf("complete job: %w", err)
			}
			return nil
		},
	})
}

// quiet passes warnings and errors on: River reports its daily life as info.
type quiet struct{ slog.Handler }

// Enabled reports whether a record of this level is wanted.
func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && q.Handler.Enabled(ctx, l)
}

// WithAttrs keeps the limit.
func (q quiet) WithAttrs(a []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(a)} }

// WithGroup keeps the limit.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
