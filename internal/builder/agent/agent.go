package agent

import (
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/stream"
	"surgent.dev/surgent/internal/builder/projects"
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
	redact *redactor
	owner  string // of leases: this process

	workers ends[projects.ID] // the projects that are worked on here
	runs    ends[RunID]       // the runs
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
		Config: c, repos: NewRepos(c.DataDir), redact: newRedactor(c.Secrets), owner: uuid.NewString(),
	}, nil
}

// Register adds the agent's functions.
func (s *Service) Register(r *function.Registry) {
	function.Query(r, "runs:listBySession", listBySession)
	function.Query(r, "runs:streamHead", streamHead)
	function.Query(r, "runs:streamChunk", streamChunk)
	function.Query(r, "runs:toolOutput", toolOutput)

	function.LongInternalAction(r, "agent:work", s.work)
	function.InternalQuery(r, "agent:watch", watch)
	function.InternalMutation(r, "agent:inherit", s.inherit)
	function.InternalMutation(r, "agent:adopt", adopt)
	function.InternalQuery(r, "agent:load", load)
	function.InternalQuery(r, "agent:place", place)
	function.InternalMutation(r, "agent:rouse", rouse)
	function.InternalMutation(r, "agent:claim", s.claim)
	function.InternalMutation(r, "agent:beat", s.beat)
	function.InternalMutation(r, "agent:release", release)
	function.InternalMutation(r, "agent:next", next)
	function.InternalMutation(r, "agent:note", note)
	function.InternalMutation(r, "agent:begin", begin)
	function.InternalMutation(r, "agent:stepStarted", stepStarted)
	function.InternalMutation(r, "agent:stepFailed", stepFailed)
	function.InternalMutation(r, "agent:stepDone", stepDone)
	function.InternalMutation(r, "agent:callStarted", callStarted)
	function.InternalMutation(r, "agent:callDone", callDone)
	function.InternalMutation(r, "agent:finish", finish)
	function.InternalMutation(r, "agent:forget", s.forget)
}

func millis(t time.Time) float64 { return float64(t.UnixMilli()) }
