package agent

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/stream"
	"surgent.dev/surgent/internal/kit/clock"
	"surgent.dev/surgent/model"
	"surgent.dev/surgent/sandbox"
)

// Limits bound a run and its repeats. Zero fields have defaults.
type Limits struct {
	Steps    int           // model calls of one run; 200
	Duration time.Duration // of one run, waits for the model included; 2 h
	Attempts int           // of one model step; 6
	Backoff  time.Duration // before the second attempt, doubling; 1 s
	// MaxWait is the longest wait that a provider may ask for; 10 min. A run
	// that waits shows until when, and can be stopped.
	MaxWait time.Duration
	Lease   time.Duration // how long a silent worker keeps its project; 10 s
}

func (l Limits) orDefaults() Limits {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	if l.Steps == 0 {
		l.Steps = 200
	}
	if l.Attempts == 0 {
		l.Attempts = 6
	}
	set(&l.Duration, 2*time.Hour)
	set(&l.Backoff, time.Second)
	set(&l.MaxWait, 10*time.Minute)
	set(&l.Lease, 10*time.Second)
	return l
}

// Config joins the agent to its parts. Sandboxes, Model, Streams, DataDir and
// Logger are required.
type Config struct {
	Sandboxes sandbox.Client
	Model     model.Model
	// Streams is where unfinished text is shown; the runtime has the same hub.
	Streams *stream.Hub
	// DataDir holds the bare repositories (repos/) and answers that are too
	// long for a document (answers/).
	DataDir string
	Limits  Limits
	// Secrets are values that must appear in no row, journal or log.
	Secrets []string
	Logger  *slog.Logger
	Now     func() time.Time
	// Moment, when set, is told the named moments of a run, for tests that
	// stop the world there.
	Moment func(name string)
}

// Service is the agent: it registers the functions, takes prompts from
// sessions, and works on them when the runtime's jobs call.
type Service struct {
	Config
	repos  *Repos
	redact func(string) string
	owner  string // of leases: this process

	mu    sync.Mutex
	stops map[RunID]context.CancelCauseFunc // the runs that work here now
}

// New checks the configuration; it does no I/O.
func New(c Config) (*Service, error) {
	if c.Sandboxes == nil || c.Model == nil || c.Streams == nil || c.DataDir == "" || c.Logger == nil {
		return nil, errors.New("new agent: sandboxes, model, streams, data directory and logger are required")
	}
	c.Limits = c.Limits.orDefaults()
	c.Now = clock.OrNow(c.Now)
	if c.Moment == nil {
		c.Moment = func(string) {}
	}
	return &Service{
		Config: c, repos: NewRepos(c.DataDir), redact: redactor(c.Secrets), owner: uuid.NewString(),
		stops: map[RunID]context.CancelCauseFunc{},
	}, nil
}

// Register adds the agent's functions.
func (s *Service) Register(r *function.Registry) {
	function.Query(r, "runs:listBySession", listBySession)
	function.Query(r, "runs:streamHead", streamHead)
	function.Query(r, "runs:streamChunk", streamChunk)
	function.Query(r, "runs:toolOutput", toolOutput)

	function.LongInternalAction(r, "agent:work", s.work)
	function.InternalQuery(r, "agent:orphans", s.orphans)
	function.InternalMutation(r, "agent:adopt", s.adopt)
	function.InternalQuery(r, "agent:load", load)
	function.InternalQuery(r, "agent:place", place)
	function.InternalMutation(r, "agent:rouse", rouse)
	function.InternalMutation(r, "agent:claim", s.claim)
	function.InternalMutation(r, "agent:renew", s.renew)
	function.InternalMutation(r, "agent:release", release)
	function.InternalMutation(r, "agent:next", next)
	function.InternalMutation(r, "agent:note", note)
	function.InternalMutation(r, "agent:begin", begin)
	function.InternalMutation(r, "agent:stepStarted", stepStarted)
	function.InternalMutation(r, "agent:stepFailed", stepFailed)
	function.InternalMutation(r, "agent:stepDone", stepDone)
	function.InternalMutation(r, "agent:callsStarted", callsStarted)
	function.InternalMutation(r, "agent:callDone", callDone)
	function.InternalMutation(r, "agent:finish", finish)
	function.InternalMutation(r, "agent:forget", forget)
}

// System is the runtime as the agent's watch over its runs sees it.
type System interface {
	RunQuery(ctx context.Context, name string, args, out any) error
	RunMutation(ctx context.Context, name string, args, out any) error
}

// sweepEvery is how often the watch looks for runs that nobody works on.
const sweepEvery = 5 * time.Second

// Run takes up the runs that an earlier process left, and then watches that
// each open run has a worker, until ctx is done. One process works on a
// database, so leases of others are of the dead and are taken over at once.
func (s *Service) Run(ctx context.Context, sys System) error {
	if err := s.repos.sweep(); err != nil {
		return err
	}
	if err := sys.RunMutation(ctx, "agent:adopt", adoptArgs{Owner: s.owner}, nil); err != nil {
		return err
	}
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var lost []string
		if err := sys.RunQuery(ctx, "agent:orphans", struct{}{}, &lost); err != nil {
			// The next look comes soon; a run late by seconds is not lost.
			s.Logger.WarnContext(ctx, "look for orphaned runs", "error", err)
			continue
		}
		if len(lost) == 0 {
			continue
		}
		if err := sys.RunMutation(ctx, "agent:adopt", adoptArgs{Owner: s.owner, Projects: lost}, nil); err != nil {
			s.Logger.WarnContext(ctx, "adopt orphaned runs", "error", err)
		}
	}
}

// stopHere ends a run that works in this process; others see the request when
// they renew their lease.
func (s *Service) stopHere(id RunID, cause error) {
	s.mu.Lock()
	cancel := s.stops[id]
	s.mu.Unlock()
	if cancel != nil {
		cancel(cause)
	}
}

func (s *Service) onStop(id RunID, cancel context.CancelCauseFunc) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stops[id] = cancel
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.stops, id)
	}
}

func millis(t time.Time) float64 { return float64(t.UnixMilli()) }
