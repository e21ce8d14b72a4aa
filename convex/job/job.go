package job

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river/riverdriver/riversqlite"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
)

// Config is what the jobs need.
type Config struct {
	// Store is a store that a River driver exists for; see Open.
	Store    store.Store
	Registry *function.Registry
	Runner   *function.Runner
	// Workers is how many jobs run at once, 0 for 100, and LongWorkers how many
	// actions that are registered as long, 0 for 1000: most of them wait.
	Workers, LongWorkers int
	// ActionTimeout ends actions that are not registered as long, 0 for 10
	// minutes.
	ActionTimeout time.Duration
	// StopTimeout is how long a stop waits for running jobs, whose contexts end
	// at its beginning; 0 for 10 seconds.
	StopTimeout time.Duration
	Logger      *slog.Logger
	Now         func() time.Time
}

// Jobs implements function.Jobs.
type Jobs struct{ queue }

// queue hides the type of the database's transactions.
type queue interface {
	function.Jobs
	Run(ctx context.Context) error
}

// sqlStore is a store on SQLite, whose writer River shares.
type sqlStore interface{ Writer() *sql.DB }

// sqlTx is one of its transactions.
type sqlTx interface{ SQL() *sql.Tx }

// Open prepares the job tables of the store's database. Jobs run while Run
// runs.
func Open(ctx context.Context, c Config) (*Jobs, error) {
	if c.Store == nil || c.Registry == nil || c.Runner == nil {
		return nil, errors.New("open jobs: a store, a registry and a runner are needed")
	}
	if c.Workers == 0 {
		c.Workers = 100
	}
	if c.LongWorkers == 0 {
		c.LongWorkers = 1000
	}
	if c.ActionTimeout == 0 {
		c.ActionTimeout = 10 * time.Minute
	}
	if c.StopTimeout == 0 {
		c.StopTimeout = 10 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s, ok := c.Store.(sqlStore)
	if !ok {
		return nil, fmt.Errorf("open jobs: %T has no database that jobs can share", c.Store)
	}
	q, err := openRiver(ctx, c, riversqlite.New(s.Writer()), func(tx store.Transaction) (*sql.Tx, error) {
		t, ok := tx.(sqlTx)
		if !ok {
			return nil, fmt.Errorf("%T is no transaction of the jobs' database", tx)
		}
		return t.SQL(), nil
	})
	if err != nil {
		return nil, fmt.Errorf("open jobs: %w", err)
	}
	return &Jobs{q}, nil
}
