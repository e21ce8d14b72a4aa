package agent

import (
	"slices"

	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/internal/builder/agent/tools"
	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/builder/sessions"
)

// RunID is the id of a run.
type RunID string

// ConvexTable names the table that the id belongs to.
func (RunID) ConvexTable() string { return "runs" }

// StepID is the id of a model step.
type StepID string

// ConvexTable names the table that the id belongs to.
func (StepID) ConvexTable() string { return "runSteps" }

// CallID is the id of a tool call's document.
type CallID string

// ConvexTable names the table that the id belongs to.
func (CallID) ConvexTable() string { return "toolCalls" }

// LeaseID is the id of a lease.
type LeaseID string

// ConvexTable names the table that the id belongs to.
func (LeaseID) ConvexTable() string { return "runLeases" }

// Status is where a run is in its life.
type Status string

// The statuses; see the package comment for how they follow.
const (
	Queued      Status = "queued"
	Running     Status = "running"
	Waiting     Status = "waiting" // for the model, until a time
	Succeeded   Status = "succeeded"
	Failed      Status = "failed"
	Cancelled   Status = "cancelled"
	Interrupted Status = "interrupted"
)

// ConvexLiterals lists the statuses for validators.
func (Status) ConvexLiterals() []string {
	return []string{
		string(Queued), string(Running), string(Waiting), string(Succeeded),
		string(Failed), string(Cancelled), string(Interrupted),
	}
}

// open are the statuses of runs that still have work.
var open = []Status{Queued, Running, Waiting}

// Run is the work on one prompt.
type Run struct {
	ID           RunID          `json:"_id"`
	CreationTime float64        `json:"_creationTime"` // ms; the order of runs
	SessionID    sessions.ID    `json:"sessionId"`
	ProjectID    projects.ID    `json:"projectId"`
	PromptID     sessions.RowID `json:"promptId"`
	Subject      string         `json:"subject"` // the prompt in one line
	Mode         string         `json:"mode"`    // code, ask
	Model        string         `json:"model"`
	Status       Status         `json:"status"`
	QueuedAt     float64        `json:"queuedAt"` // ms, as all times here
	StartedAt    float64        `json:"startedAt,omitempty"`
	EndedAt      float64        `json:"endedAt,omitempty"`
	Step         int            `json:"step"` // model calls so far
	// Calls counts the tool calls that people see as steps.
	Calls int   `json:"calls,omitempty"`
	Spent Spent `json:"spent"`
	// Reason says what a queued run waits for, beside earlier runs.
	Reason          string    `json:"reason,omitempty"`
	Waiting         *Pause    `json:"waiting,omitempty"`
	Resumes         int       `json:"resumes,omitempty"`   // times that it was taken up again
	Stalls          int       `json:"stalls,omitempty"`    // the same, since the last step that was journaled
	ResumedAt       float64   `json:"resumedAt,omitempty"` // the last time
	Away            float64   `json:"away,omitempty"`      // ms in which nobody worked on it
	ModelTime       float64   `json:"modelTime,omitempty"` // ms of all model attempts
	StopRequestedAt float64   `json:"stopRequestedAt,omitempty"`
	Error           *RunError `json:"error,omitempty"`
	Activity        *Activity `json:"activity,omitempty"`
	// Base is the commit that the run started from, Dir where its next shell
	// command starts.
	Base string `json:"base,omitempty"`
	Dir  string `json:"dir,omitempty"`
}

// Open tells whether the run still has work.
func (r *Run) Open() bool { return slices.Contains(open, r.Status) }

// Spent is what a run has used. CostUSD is absent when the price is unknown.
type Spent struct {
	InputTokens              int64    `json:"inputTokens"`
	OutputTokens             int64    `json:"outputTokens"`
	CacheReadInputTokens     int64    `json:"cacheReadInputTokens"`
	CacheCreationInputTokens int64    `json:"cacheCreationInputTokens"`
	CostUSD                  *float64 `json:"costUsd,omitempty"`
}

// Pause is a wait before the next attempt of a model step.
type Pause struct {
	Until   float64 `json:"until"`
	Attempt int     `json:"attempt"` // the one that comes next
	Of      int     `json:"of"`
	Reason  string  `json:"reason"`
}

// RunError says why a run failed. Message is for people and says what to do;
// Code is for programs:
//
//	key_refused, not_allowed, no_model   the configuration is to be mended
//	too_long                             the session is: a new one goes on
//	prompt_too_long, bad_request         the prompt or the request is at fault
//	unavailable                          the provider: later it works again
//	refusal                              the model does not want to
//	output_limit, limit, stuck           the run was ended by a bound
//	cancelled, interrupted               by a person, or by crash after crash
//	checkpoint                           the run is fine, its checkpoint is not
type RunError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Activity is what a run does now.
type Activity struct {
	Kind      string  `json:"kind"` // thinking, text, tool
	ToolUseID string  `json:"toolUseId,omitempty"`
	Name      string  `json:"name,omitempty"`
	StartedAt float64 `json:"startedAt"`
}

// StepStatus is where a model step is.
type StepStatus string

// The statuses of steps.
const (
	StepStarted StepStatus = "started"
	StepDone    StepStatus = "done"
	StepFailed  StepStatus = "failed"
	StepStopped StepStatus = "stopped" // cut off by the person; its text stands
)

// ConvexLiterals lists the statuses for validators.
func (StepStatus) ConvexLiterals() []string {
	return []string{string(StepStarted), string(StepDone), string(StepFailed), string(StepStopped)}
}

// Step is one call of the model.
type Step struct {
	ID           StepID     `json:"_id"`
	CreationTime float64    `json:"_creationTime"`
	RunID        RunID      `json:"runId"`
	N            int        `json:"n"` // from 1
	Status       StepStatus `json:"status"`
	Attempt      int        `json:"attempt"` // from 1
	MessageID    string     `json:"messageId,omitempty"`
	Model        string     `json:"model,omitempty"`
	// Raw is the answer's content blocks as JSON text, byte for byte; Blob
	// names the file that holds it where it is too long for a document.
	Raw        string `json:"raw,omitempty"`
	Blob       string `json:"blob,omitempty"`
	StopReason string `json:"stopReason,omitempty"`
	Usage      *Spent `json:"usage,omitempty"`
	// Assumed is what counts as used when a crash cuts the attempt off.
	Assumed   *Spent  `json:"assumed,omitempty"`
	Error     string  `json:"error,omitempty"`
	StartedAt float64 `json:"startedAt"`
	EndedAt   float64 `json:"endedAt,omitempty"`
}

// CallStatus is where a tool call is.
type CallStatus string

// The statuses of calls.
const (
	CallPlanned CallStatus = "planned"
	CallStarted CallStatus = "started"
	CallDone    CallStatus = "done"
)

// ConvexLiterals lists the statuses for validators.
func (CallStatus) ConvexLiterals() []string {
	return []string{string(CallPlanned), string(CallStarted), string(CallDone)}
}

// Call is one tool call of a step.
type Call struct {
	ID           CallID      `json:"_id"`
	CreationTime float64     `json:"_creationTime"`
	RunID        RunID       `json:"runId"`
	SessionID    sessions.ID `json:"sessionId"`
	Step         int         `json:"step"`
	Index        int         `json:"index"` // its place among the step's calls
	ToolUseID    string      `json:"toolUseId"`
	Name         string      `json:"name"`
	Input        string      `json:"input,omitempty"` // JSON text; in the step's blob when that is one
	Class        string      `json:"class"`
	Status       CallStatus  `json:"status"`
	// Before and After are the hashes of the file that the call changes; Path
	// and Hash are of the file as it was when the call had ended.
	Before    string  `json:"before,omitempty"`
	After     string  `json:"after,omitempty"`
	Path      string  `json:"path,omitempty"`
	Hash      string  `json:"hash,omitempty"`
	Text      string  `json:"text,omitempty"` // the result, as the model gets it
	IsError   bool    `json:"isError,omitempty"`
	StartedAt float64 `json:"startedAt,omitempty"`
	EndedAt   float64 `json:"endedAt,omitempty"`
}

func (c *Call) call() tools.Call {
	return tools.Call{ID: c.ToolUseID, Name: c.Name, Input: []byte(c.Input)}
}

// Lease says who works in a project. It holds as long as its owner is alive,
// so that many leases cost no more to keep than one.
type Lease struct {
	ID           LeaseID     `json:"_id"`
	CreationTime float64     `json:"_creationTime"`
	ProjectID    projects.ID `json:"projectId"`
	Owner        string      `json:"owner"` // "" when it was given back
	Fence        int         `json:"fence"` // grows with each owner
}

// ServerID is the id of a server's document.
type ServerID string

// ConvexTable names the table that the id belongs to.
func (ServerID) ConvexTable() string { return "runServers" }

// Server is a process that works on runs.
type Server struct {
	ID           ServerID `json:"_id"`
	CreationTime float64  `json:"_creationTime"`
	Owner        string   `json:"owner"` // as in its leases
	Until        float64  `json:"until"` // ms; past it the server counts as dead
}

// Typed access to the tables.
var (
	Runs    = store.TypedTable[Run, RunID]("runs")
	steps   = store.TypedTable[Step, StepID]("runSteps")
	calls   = store.TypedTable[Call, CallID]("toolCalls")
	leases  = store.TypedTable[Lease, LeaseID]("runLeases")
	servers = store.TypedTable[Server, ServerID]("runServers")
)

// Tables declares what this module stores.
func Tables() []schema.Table {
	return []schema.Table{
		schema.Define[Run]("runs",
			schema.Index{Name: "by_session", Fields: []string{"sessionId"}},
			schema.Index{Name: "by_status", Fields: []string{"status", "projectId"}},
			schema.Index{Name: "by_project", Fields: []string{"projectId"}},
		),
		schema.Define[Step]("runSteps", schema.Index{Name: "by_run", Fields: []string{"runId", "n"}}),
		schema.Define[Call]("toolCalls", schema.Index{Name: "by_run", Fields: []string{"runId", "step", "index"}}),
		schema.Define[Lease]("runLeases", schema.Index{Name: "by_project", Fields: []string{"projectId"}}),
		schema.Define[Server]("runServers", schema.Index{Name: "by_owner", Fields: []string{"owner"}}),
	}
}
